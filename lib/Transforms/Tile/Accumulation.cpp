//===- Accumulation.cpp - What surrounds a reduction on its output --------===//

#include "Accumulation.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::dyn;

/// The buffer that `view` is a part of.
static Value getRoot(Value view) {
  while (auto op = view.getDefiningOp<ViewLikeOpInterface>())
    view = op.getViewSource();
  return view;
}

static bool touches(Operation &op, Value root) {
  return (op.getNumRegions() != 0 && !isa<linalg::LinalgOp>(op)) ||
         llvm::any_of(op.getOperands(), [&](Value operand) {
           return isa<BaseMemRefType>(operand.getType()) &&
                  getRoot(operand) == root;
         });
}

/// Whether the payload is worth repeating in each version of a tile: a few
/// operations without branches, of which masked lanes may be computed too.
static bool isCheap(linalg::LinalgOp op) {
  int64_t count = 0;
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (inner.hasTrait<OpTrait::ConstantLike>())
      continue;
    if (!isa<arith::ArithDialect>(inner.getDialect()) ||
        !OpTrait::hasElementwiseMappableTraits(&inner) ||
        isa<arith::DivFOp, arith::RemFOp, arith::DivSIOp, arith::DivUIOp,
            arith::RemSIOp, arith::RemUIOp, arith::CeilDivSIOp,
            arith::CeilDivUIOp, arith::FloorDivSIOp>(inner))
      return false;
    ++count;
  }
  return count <= 8;
}

/// Whether `op` does elementwise work on `buffer`, in place.
static bool isEpilogue(linalg::LinalgOp op, Value buffer) {
  if (op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 0 ||
      op.getDpsInits().front() != buffer || !isCheap(op))
    return false;
  OpOperand *out = op.getDpsInitOperand(0);
  AffineMap map = op.getMatchingIndexingMap(out);
  bool reads = op.payloadUsesValueFromOperand(out);
  for (OpOperand *in : op.getDpsInputOperands()) {
    if (in->get() == buffer) {
      if (op.getMatchingIndexingMap(in) != map)
        return false;
      reads = true;
    } else if (isa<BaseMemRefType>(in->get().getType()) &&
               getRoot(in->get()) == getRoot(buffer)) {
      return false;
    }
  }
  return reads && map.isPermutation();
}

Accumulation mlir::dyn::matchAccumulation(linalg::LinalgOp op) {
  Accumulation found;
  if (op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0 ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0))
           .isProjectedPermutation())
    return found;
  Value buffer = op.getDpsInits().front(), root = getRoot(buffer);
  for (Operation *before = op->getPrevNode(); before;
       before = before->getPrevNode()) {
    auto fill = dyn_cast<linalg::FillOp>(before);
    if (fill && fill.output() == buffer) {
      found.fill = fill;
      break;
    }
    if (!isPure(before) && touches(*before, root))
      break;
  }
  for (Operation *after = op->getNextNode(); after;
       after = after->getNextNode()) {
    auto next = dyn_cast<linalg::LinalgOp>(after);
    if (next && isEpilogue(next, buffer))
      found.epilogue.push_back(next);
    else if (!isPure(after))
      break;
  }
  return found;
}

SmallVector<unsigned> mlir::dyn::getCommonDims(linalg::LinalgOp op,
                                               linalg::LinalgOp epilogue) {
  AffineMap own =
                epilogue.getMatchingIndexingMap(epilogue.getDpsInitOperand(0)),
            sums = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  SmallVector<unsigned> dims(own.getNumDims());
  for (unsigned position = 0; position < own.getNumResults(); ++position)
    dims[own.getDimPosition(position)] = sums.getDimPosition(position);
  return dims;
}
