//===- Panels.cpp - Matrices stored as panels of columns ------------------===//

#include "Panels.h"

using namespace mlir;
using namespace mlir::dyn;

/// The dimension and the constant of `dim KIND constant`.
static std::optional<std::pair<unsigned, int64_t>>
matchByConstant(AffineExpr expr, AffineExprKind kind) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || binary.getKind() != kind)
    return std::nullopt;
  auto dim = dyn_cast<AffineDimExpr>(binary.getLHS());
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (!dim || !constant)
    return std::nullopt;
  return std::pair(dim.getPosition(), constant.getValue());
}

std::optional<PanelAccess> mlir::dyn::matchPanels(AffineMap map) {
  if (map.getNumResults() != 3)
    return std::nullopt;
  auto panel = matchByConstant(map.getResult(0), AffineExprKind::FloorDiv);
  auto row = dyn_cast<AffineDimExpr>(map.getResult(1));
  auto column = matchByConstant(map.getResult(2), AffineExprKind::Mod);
  if (!panel || !row || panel != column)
    return std::nullopt;
  return PanelAccess{panel->first, row.getPosition(), panel->second};
}

OpOperand *mlir::dyn::findPanels(linalg::LinalgOp op) {
  for (OpOperand *operand : op.getDpsInputOperands())
    if (matchPanels(op, *operand))
      return operand;
  return nullptr;
}

AffineMap mlir::dyn::getPanelMap(unsigned numLoops, PanelAccess access,
                                 MLIRContext *context) {
  AffineExpr column = getAffineDimExpr(access.column, context);
  return AffineMap::get(numLoops, 0,
                        {column.floorDiv(access.width),
                         getAffineDimExpr(access.row, context),
                         column % access.width},
                        context);
}

bool mlir::dyn::isContraction(linalg::LinalgOp op) {
  return linalg::isaContractionOpInterface(op) ||
         (op.getNumReductionLoops() != 0 && findPanels(op));
}
