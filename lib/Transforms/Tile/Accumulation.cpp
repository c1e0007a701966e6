//===- Accumulation.cpp - What surrounds a reduction ----------------------===//

#include "Accumulation.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
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
  WalkResult found = op.walk([&](Operation *inner) {
    bool isOperand = llvm::any_of(inner->getOperands(), [&](Value operand) {
      return isa<BaseMemRefType>(operand.getType()) && getRoot(operand) == root;
    });
    return isOperand ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found.wasInterrupted();
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

/// Whether `op` is elementwise and overwrites `buffer`, which it reads nowhere
/// else than where it writes, and nothing of what `sums` is a part of.
static bool isPrologue(linalg::LinalgOp op, Value buffer, Value sums) {
  if (op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 0 ||
      op.getDpsInits().front() != buffer ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
    return false;
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  return map.isPermutation() &&
         llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *in) {
           if (!isa<BaseMemRefType>(in->get().getType()))
             return true;
           Value root = getRoot(in->get());
           return root != getRoot(sums) &&
                  (root != getRoot(buffer) ||
                   (in->get() == buffer &&
                    op.getMatchingIndexingMap(in) == map));
         });
}

std::pair<linalg::LinalgOp, OpOperand *>
mlir::dyn::matchPrologue(linalg::LinalgOp op) {
  if (op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0)
    return {};
  Value sums = op.getDpsInits().front();
  for (Operation *before = op->getPrevNode(); before;
       before = before->getPrevNode()) {
    if (isPure(before) || isa<memref::AllocaOp, memref::AllocOp>(before))
      continue;
    auto other = dyn_cast<linalg::LinalgOp>(before);
    if (!other)
      return {};
    if (isa<linalg::FillOp>(before) && other.getDpsInits().front() == sums)
      continue;
    Value buffer = other.getDpsInits().front();
    OpOperand *found = nullptr;
    for (OpOperand *in : op.getDpsInputOperands()) {
      if (!isa<BaseMemRefType>(in->get().getType()) ||
          getRoot(in->get()) != getRoot(buffer))
        continue;
      if (found || in->get() != buffer ||
          !op.getMatchingIndexingMap(in).isPermutation())
        return {};
      found = in;
    }
    if (!found || getRoot(buffer) == getRoot(sums) ||
        !isPrologue(other, buffer, sums))
      return {};
    return {other, found};
  }
  return {};
}

SmallVector<unsigned> mlir::dyn::getCommonDims(linalg::LinalgOp op,
                                               OpOperand &operand,
                                               linalg::LinalgOp other) {
  AffineMap own = other.getMatchingIndexingMap(other.getDpsInitOperand(0)),
            theirs = op.getMatchingIndexingMap(&operand);
  SmallVector<unsigned> dims(own.getNumDims());
  for (unsigned position = 0; position < own.getNumResults(); ++position)
    dims[own.getDimPosition(position)] = theirs.getDimPosition(position);
  return dims;
}
