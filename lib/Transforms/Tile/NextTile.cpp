//===- NextTile.cpp - Rows that are asked for ahead of their turn ---------===//

#include "LoopPlan.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::dyn;

/// Rows up to this size go to the first cache, next to the one being worked on
/// and its result; a quarter of the smallest such cache among the targets.
constexpr int64_t kNearBytes = 8 * 1024;

/// Bytes of a row; nothing if that is not known.
static std::optional<int64_t> bytesOf(MemRefType type) {
  if (!type.hasStaticShape())
    return std::nullopt;
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

/// How many ops in front of `op` read `tile`; nothing if any op of the block
/// writes to where it comes from.
static std::optional<int64_t> countReaders(linalg::LinalgOp op,
                                           memref::SubViewOp tile) {
  int64_t readers = 0;
  for (Operation &other : *op->getBlock()) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(other);
    if (!linalgOp)
      continue;
    for (Value out : linalgOp.getDpsInits()) {
      auto view = out.getDefiningOp<memref::SubViewOp>();
      if (out == tile || (view && view.getSource() == tile.getSource()))
        return std::nullopt;
    }
    readers += other.isBeforeInBlock(op) &&
               llvm::is_contained(linalgOp.getDpsInputs(), tile.getResult());
  }
  return readers;
}

std::optional<NextTile> mlir::dyn::findNextTile(linalg::LinalgOp op) {
  auto loop = dyn_cast<scf::ForOp>(op->getParentOp());
  if (!loop)
    return std::nullopt;
  for (OpOperand *in : op.getDpsInputOperands()) {
    auto tile = in->get().getDefiningOp<memref::SubViewOp>();
    if (!tile || tile->getBlock() != op->getBlock() ||
        !loop.isDefinedOutsideOfLoop(tile.getSource()) ||
        tile.getType().getRank() != tile.getSourceType().getRank() ||
        countReaders(op, tile) != 1)
      continue;
    // The innermost dimension that moves with the loop, one row at a time.
    for (int64_t dim = tile.getType().getRank() - 1; dim >= 0; --dim) {
      OpFoldResult offset = tile.getMixedOffsets()[dim];
      if (isa<Attribute>(offset))
        continue;
      if (tile.getType().getDimSize(dim) != 1)
        break;
      std::optional<int64_t> bytes = bytesOf(tile.getType());
      return NextTile{in->getOperandNumber(), unsigned(dim),
                      bytes && *bytes <= kNearBytes ? 3 : 2};
    }
  }
  return std::nullopt;
}
