//===- Panels.cpp - Matrices stored as panels of columns ------------------===//

#include "Panels.h"

using namespace mlir;
using namespace mlir::dyn;

std::optional<PanelAccess> mlir::dyn::matchPanels(AffineMap map) {
  if (map.getNumResults() < 4)
    return std::nullopt;
  auto lane = dyn_cast<AffineBinaryOpExpr>(map.getResults().back());
  if (!lane || lane.getKind() != AffineExprKind::Mod)
    return std::nullopt;
  auto column = dyn_cast<AffineDimExpr>(lane.getLHS());
  auto width = dyn_cast<AffineConstantExpr>(lane.getRHS());
  if (!column || !width)
    return std::nullopt;
  PanelAccess access{column.getPosition(), {}, width.getValue()};
  for (AffineExpr expr : map.getResults().drop_front(2).drop_back()) {
    auto row = dyn_cast<AffineDimExpr>(expr);
    if (!row)
      return std::nullopt;
    access.rows.push_back(row.getPosition());
  }
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

AffineMap mlir::dyn::getPanelMap(unsigned numLoops, const PanelAccess &access,
                                 MLIRContext *context) {
  AffineExpr column = getAffineDimExpr(access.column, context);
  SmallVector<AffineExpr> exprs{column.floorDiv(access.width) % kPanelStreams,
                                column.floorDiv(access.width * kPanelStreams)};
  for (unsigned row : access.rows)
    exprs.push_back(getAffineDimExpr(row, context));
  exprs.push_back(column % access.width);
  return AffineMap::get(numLoops, 0, exprs, context);
}

bool mlir::dyn::isContraction(linalg::LinalgOp op) {
  return linalg::isaContractionOpInterface(op) ||
         (op.getNumReductionLoops() != 0 && findPanels(op));
}

std::optional<unsigned> mlir::dyn::findSlidingRows(linalg::LinalgOp op,
                                                   unsigned column) {
  SmallVector<utils::IteratorType> types = op.getIteratorTypesArray();
  auto isReduction = [&](unsigned dim) {
    return types[dim] == utils::IteratorType::reduction;
  };
  auto loops = llvm::seq<unsigned>(0, op.getNumLoops());
  for (unsigned dim : llvm::reverse(loops)) {
    if (dim == column || isReduction(dim))
      continue;
    for (OpOperand *in : op.getDpsInputOperands())
      for (AffineExpr expr : op.getMatchingIndexingMap(in).getResults())
        if (expr.isFunctionOfDim(dim) &&
            llvm::any_of(loops, [&](unsigned other) {
              return isReduction(other) && expr.isFunctionOfDim(other);
            }))
          return dim;
  }
  return std::nullopt;
}
