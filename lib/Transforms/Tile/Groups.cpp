//===- Groups.cpp - linalg ops that are tiled together --------------------===//

#include "Groups.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::dyn;

/// The loops of the producer of `operand` that advance with the loops `tiled`
/// of its reader; nothing if one of them has none, or if the reader looks at
/// anything but the corresponding tile.
static std::optional<SmallVector<unsigned>>
followTiles(OpOperand &operand, ArrayRef<unsigned> tiled) {
  auto reader = cast<linalg::LinalgOp>(operand.getOwner());
  auto result = dyn_cast<OpResult>(operand.get());
  if (!result)
    return std::nullopt;
  auto producer = dyn_cast<linalg::LinalgOp>(result.getOwner());
  if (!producer || producer->getBlock() != reader->getBlock())
    return std::nullopt;
  AffineMap read = reader.getMatchingIndexingMap(&operand);
  AffineMap written = producer.getIndexingMapMatchingResult(result);
  if (!read.isProjectedPermutation() || !written.isProjectedPermutation())
    return std::nullopt;
  SmallVector<unsigned> dims;
  for (unsigned dim : tiled) {
    std::optional<unsigned> position =
        read.getResultPosition(getAffineDimExpr(dim, read.getContext()));
    if (!position)
      return std::nullopt;
    unsigned loop = written.getDimPosition(*position);
    if (producer.getIteratorTypesArray()[loop] != utils::IteratorType::parallel)
      return std::nullopt;
    dims.push_back(loop);
  }
  return dims;
}

TileGroup mlir::dyn::growGroup(linalg::LinalgOp root, ArrayRef<unsigned> tiled,
                               function_ref<bool(linalg::LinalgOp)> mayJoin) {
  TileGroup group;
  group.dims[root] = SmallVector<unsigned>(tiled);
  // A producer joins once all its readers in front of the root have.
  auto canJoin = [&](linalg::LinalgOp producer) {
    for (OpOperand &use : producer->getUses()) {
      Operation *reader = use.getOwner();
      if (group.contains(reader))
        continue;
      Operation *inBlock = root->getBlock()->findAncestorOpInBlock(*reader);
      if (!inBlock || inBlock == root || inBlock->isBeforeInBlock(root))
        return false;
    }
    return true;
  };
  bool changed = true;
  while (changed) {
    changed = false;
    SmallVector<Operation *> members;
    for (auto &entry : group.dims)
      members.push_back(entry.first);
    for (Operation *member : members) {
      for (OpOperand &operand : member->getOpOperands()) {
        auto producer = operand.get().getDefiningOp<linalg::LinalgOp>();
        if (!producer || group.contains(producer) ||
            !producer.hasPureTensorSemantics() || !mayJoin(producer) ||
            !canJoin(producer))
          continue;
        // Every reader in the group must ask for the same tiles.
        std::optional<SmallVector<unsigned>> dims;
        bool agree = true;
        for (OpOperand &use : producer->getUses()) {
          if (!group.contains(use.getOwner()))
            continue;
          auto asked = followTiles(use, group.dims[use.getOwner()]);
          agree &= asked && (!dims || *dims == *asked);
          dims = asked;
        }
        if (!agree || !dims)
          continue;
        group.dims[producer] = *dims;
        changed = true;
      }
    }
  }
  for (Operation &op : *root->getBlock())
    if (group.contains(&op))
      group.ops.push_back(cast<linalg::LinalgOp>(op));
  return group;
}
