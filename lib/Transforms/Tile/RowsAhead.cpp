//===- RowsAhead.cpp - Rows that are asked for ahead of their turn --------===//

#include "LoopPlan.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::dyn;

/// Rows up to this size go to the first cache, next to the one being worked on
/// and its result; a quarter of the smallest such cache among the targets.
constexpr int64_t kNearBytes = int64_t(8) * 1024;

/// Bytes of a row; nothing if that is not known.
static std::optional<int64_t> bytesOf(MemRefType type) {
  if (!type.hasStaticShape())
    return std::nullopt;
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

/// Whether `op` is the last one of its block that reads `tile`, behind others
/// that do, and none writes to where it comes from.
static bool readsLast(linalg::LinalgOp op, memref::SubViewOp tile) {
  bool isReadBefore = false;
  for (Operation &other : *op->getBlock()) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(other);
    if (!linalgOp)
      continue;
    for (Value out : linalgOp.getDpsInits()) {
      auto view = out.getDefiningOp<memref::SubViewOp>();
      if (out == tile || (view && view.getSource() == tile.getSource()))
        return false;
    }
    if (!llvm::is_contained(linalgOp.getDpsInputs(), tile.getResult()))
      continue;
    if (op->isBeforeInBlock(&other))
      return false;
    isReadBefore |= other.isBeforeInBlock(op);
  }
  return isReadBefore;
}

/// Whether `op` works in place on `tile` as the last op of its block that
/// touches it.
static bool finishesInPlace(linalg::LinalgOp op, memref::SubViewOp tile) {
  return llvm::is_contained(op.getDpsInits(), tile.getResult()) &&
         llvm::none_of(tile->getUsers(), [&](Operation *user) {
           return user->getBlock() != op->getBlock() ||
                  op->isBeforeInBlock(user);
         });
}

/// The input of `op` that is a row of what lies outside of the loop `op` is in,
/// and the dimension it moves along.
static std::optional<std::pair<OpOperand *, unsigned>>
findMovingRow(linalg::LinalgOp op) {
  auto loop = dyn_cast<scf::ForOp>(op->getParentOp());
  if (!loop)
    return std::nullopt;
  for (OpOperand *in : op.getDpsInputOperands()) {
    auto tile = in->get().getDefiningOp<memref::SubViewOp>();
    if (!tile || tile->getBlock() != op->getBlock() ||
        !loop.isDefinedOutsideOfLoop(tile.getSource()) ||
        tile.getType().getRank() != tile.getSourceType().getRank())
      continue;
    // The innermost dimension that moves with the loop, one row at a time.
    for (int64_t dim = tile.getType().getRank() - 1; dim >= 0; --dim) {
      if (isa<Attribute>(tile.getMixedOffsets()[dim]))
        continue;
      if (tile.getType().getDimSize(dim) == 1)
        return std::pair(in, unsigned(dim));
      break;
    }
  }
  return std::nullopt;
}

/// The next op behind `op` that writes a row like `read`, if it does so little
/// else that it would wait for the lines: computing a function takes longer
/// than a line.
static linalg::LinalgOp findNextWriter(linalg::LinalgOp op,
                                       memref::SubViewOp read) {
  for (Operation *after = op->getNextNode(); after;
       after = after->getNextNode()) {
    auto next = dyn_cast<linalg::LinalgOp>(after);
    if (!next || next.getNumDpsInits() != 1)
      continue;
    auto out = next.getDpsInits().front().getDefiningOp<memref::SubViewOp>();
    if (!out || out.getType().getShape() != read.getType().getShape()) {
      // One that reads such a row itself asks for it.
      auto moving = findMovingRow(next);
      if (moving &&
          cast<MemRefType>(moving->first->get().getType()).getShape() ==
              read.getType().getShape())
        return {};
      continue;
    }
    if (out->getBlock() != op->getBlock() || !out->isBeforeInBlock(op) ||
        out.getSource() == read.getSource() ||
        llvm::is_contained(op.getDpsInits(), out.getResult()))
      return {};
    bool hasFunctions = llvm::any_of(*next.getBlock(), [](Operation &inner) {
      return isa<math::MathDialect>(inner.getDialect()) &&
             !isa<math::AbsFOp, math::FmaOp, math::SqrtOp>(inner);
    });
    return hasFunctions ? linalg::LinalgOp() : next;
  }
  return {};
}

SmallVector<RowAhead>
mlir::dyn::findRowsAhead(linalg::LinalgOp op,
                         const DenseMap<Operation *, int64_t> &streams) {
  SmallVector<RowAhead> rows;
  auto moving = findMovingRow(op);
  if (!moving)
    return rows;
  auto [operand, dim] = *moving;
  auto tile = operand->get().getDefiningOp<memref::SubViewOp>();
  std::optional<int64_t> bytes = bytesOf(tile.getType());
  int64_t locality = bytes && *bytes <= kNearBytes ? 3 : 2;
  if (readsLast(op, tile))
    rows.push_back(
        {operand->getOperandNumber(), tile, dim, 1, false, locality});
  // While this row is finished, at its last use.
  if (finishesInPlace(op, tile))
    rows.push_back({operand->getOperandNumber(), tile, dim, 1, true, locality,
                    streams.lookup(op)});
  if (linalg::LinalgOp writer = findNextWriter(op, tile))
    rows.push_back({operand->getOperandNumber(), writer.getDpsInits().front(),
                    dim, 0, true, 3, streams.lookup(writer)});
  return rows;
}
