//===- Lifetime.cpp - Where a buffer is in use ----------------------------===//

#include "Lifetime.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::dyn;

/// Whether `op` may keep its operand in memory that views do not follow.
static bool mayStoreAway(OpOperand &use) {
  Operation *op = use.getOwner();
  if (auto store = dyn_cast<memref::StoreOp>(op))
    return use.get() == store.getValueToStore();
  // Leaves the world of memrefs: a pointer that nothing follows.
  return isa<memref::ExtractAlignedPointerAsIndexOp,
             UnrealizedConversionCastOp>(op);
}

std::optional<Lifetime> dyn::getLifetime(Value buffer, Block *block,
                                         const BufferViewFlowAnalysis &views) {
  Operation *allocation = buffer.getDefiningOp();
  Operation *outermost = block->findAncestorOpInBlock(*allocation);
  if (!outermost)
    return std::nullopt;
  // The innermost loop's body around the allocation, inside of which it stays.
  Block *scope = block;
  for (Operation *op = allocation; op != outermost; op = op->getParentOp())
    if (isa<LoopLikeOpInterface>(op->getParentOp()) ||
        !isa<RegionBranchOpInterface>(op->getParentOp())) {
      scope = op->getBlock();
      break;
    }
  Operation *first = nullptr, *last = outermost;
  for (Value view : views.resolve(buffer)) {
    Operation *owner = isa<BlockArgument>(view)
                           ? view.getParentBlock()->getParentOp()
                           : view.getDefiningOp();
    if (!scope->findAncestorOpInBlock(*owner))
      return std::nullopt;
    for (OpOperand &use : view.getUses()) {
      Operation *user = use.getOwner();
      if (mayStoreAway(use))
        return std::nullopt;
      // A view handed up by a terminator is a result of the operation around
      // it, unless it leaves the scope.
      if (user->hasTrait<OpTrait::IsTerminator>() && user->getBlock() == scope)
        return std::nullopt;
      Operation *ancestor = block->findAncestorOpInBlock(*user);
      if (!ancestor)
        return std::nullopt;
      if (last->isBeforeInBlock(ancestor))
        last = ancestor;
      // Making a view touches nothing. Allocations are often far above their
      // use.
      bool makesView = isa<ViewLikeOpInterface, memref::DimOp>(user);
      if (!makesView && (!first || ancestor->isBeforeInBlock(first)))
        first = ancestor;
    }
  }
  return Lifetime{first ? first : outermost, last};
}
