//===- Panels.cpp - Matrices stored as panels of columns ------------------===//

#include "Panels.h"

using namespace mlir;
using namespace mlir::dyn;

std::optional<PanelAccess> mlir::dyn::matchPanels(AffineMap map) {
  if (map.getNumResults() != 4)
    return std::nullopt;
  auto row = dyn_cast<AffineDimExpr>(map.getResult(2));
  auto lane = dyn_cast<AffineBinaryOpExpr>(map.getResult(3));
  if (!row || !lane || lane.getKind() != AffineExprKind::Mod)
    return std::nullopt;
  auto column = dyn_cast<AffineDimExpr>(lane.getLHS());
  auto width = dyn_cast<AffineConstantExpr>(lane.getRHS());
  if (!column || !width)
    return std::nullopt;
  PanelAccess access{column.getPosition(), row.getPosition(), width.getValue()};
  if (map != getPanelMap(map.getNumDims(), access, map.getContext()))
    return std::nullopt;
  return access;
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
                        {column.floorDiv(access.width) % kPanelStreams,
                         column.floorDiv(access.width * kPanelStreams),
                         getAffineDimExpr(access.row, context),
                         column % access.width},
                        context);
}

bool mlir::dyn::isContraction(linalg::LinalgOp op) {
  return linalg::isaContractionOpInterface(op) ||
         (op.getNumReductionLoops() != 0 && findPanels(op));
}
