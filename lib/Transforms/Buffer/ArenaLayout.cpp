//===- ArenaLayout.cpp - Offsets for blocks of symbolic sizes
//--------------===//

#include "ArenaLayout.h"

using namespace mlir;
using namespace mlir::dyn;

DimAttr dyn::alignToArena(DimAttr bytes) {
  // Not `ceilDiv`, whose normal form hides the sum in two negations.
  MLIRContext *context = bytes.getContext();
  DimAttr alignment = DimAttr::get(context, kArenaAlignment);
  DimAttr roundUp = DimAttr::get(context, kArenaAlignment - 1);
  return (bytes + roundUp).floorDiv(alignment) * alignment;
}

/// The expression's value where every symbol has a middling size. Only the
/// order in which placements are tried depends on it.
static double getSample(DimAttr dim, DictionaryAttr symbols) {
  DimAttr number = dim.substitute([&](StringAttr name) {
    int64_t sample = 64;
    auto known = symbols ? symbols.getAs<SymbolAttr>(name) : SymbolAttr();
    if (known)
      sample = std::clamp(sample, known.getMin(), known.getMax());
    return DimAttr::get(name.getContext(), sample);
  });
  // The sample itself may overflow: then it is huge.
  return number.getConstant().value_or(INT64_MAX);
}

/// Whether `lhs <= rhs` can be proved.
static bool isAtMost(DimAttr lhs, DimAttr rhs, DictionaryAttr symbols) {
  return lhs == rhs || computeBounds(rhs - lhs, symbols).min >= 0;
}

/// The largest of several sizes, without those that another one covers.
static DimAttr getMax(ArrayRef<DimAttr> sizes, DictionaryAttr symbols,
                      MLIRContext *context) {
  SmallVector<DimAttr> largest;
  for (DimAttr size : sizes) {
    if (llvm::any_of(largest, [&](DimAttr other) {
          return isAtMost(size, other, symbols);
        }))
      continue;
    llvm::erase_if(
        largest, [&](DimAttr other) { return isAtMost(other, size, symbols); });
    largest.push_back(size);
  }
  DimAttr result = DimAttr::get(context, 0);
  for (auto [i, size] : llvm::enumerate(largest))
    result = i == 0 ? size : DimAttr::max(result, size);
  return result;
}

/// The lowest offset, at the sample, that provably collides with none of
/// `neighbours`: 0, behind one of them, or behind all of them.
static DimAttr findOffset(DimAttr size, ArrayRef<const ArenaBlock *> neighbours,
                          DictionaryAttr symbols, MLIRContext *context) {
  SmallVector<DimAttr> ends;
  SmallVector<std::pair<double, unsigned>> order;
  for (auto [i, neighbour] : llvm::enumerate(neighbours)) {
    ends.push_back(neighbour->getEnd());
    order.emplace_back(getSample(ends.back(), symbols), i);
  }
  llvm::sort(order);
  SmallVector<DimAttr> candidates{DimAttr::get(context, 0)};
  for (auto [sample, i] : order)
    candidates.push_back(ends[i]);
  for (DimAttr offset : candidates)
    if (llvm::all_of(neighbours, [&](const ArenaBlock *neighbour) {
          return isAtMost(offset + size, neighbour->offset, symbols) ||
                 isAtMost(neighbour->getEnd(), offset, symbols);
        }))
      return offset;
  return getMax(ends, symbols, context);
}

DimAttr dyn::layOutArena(MutableArrayRef<ArenaBlock> blocks,
                         DictionaryAttr symbols, MLIRContext *context) {
  SmallVector<std::pair<double, unsigned>> order;
  for (auto [i, block] : llvm::enumerate(blocks))
    order.emplace_back(-getSample(block.size, symbols), i);
  llvm::sort(order);
  SmallVector<const ArenaBlock *> placed;
  SmallVector<DimAttr> ends;
  // No block ends behind the sum of all sizes up to its own, since each begins
  // at 0 or where others end.
  DimAttr sum = DimAttr::get(context, 0);
  for (auto [sample, i] : order) {
    ArenaBlock &block = blocks[i];
    SmallVector<const ArenaBlock *> neighbours;
    for (const ArenaBlock *other : placed)
      if (block.isAliveWith(*other))
        neighbours.push_back(other);
    block.offset = findOffset(block.size, neighbours, symbols, context);
    // An expression of more maxima than an attribute may hold is unknown.
    if (block.getEnd().isUnknown())
      block.offset = sum;
    sum = sum + block.size;
    placed.push_back(&block);
    ends.push_back(block.getEnd());
  }
  DimAttr end = getMax(ends, symbols, context);
  return end.isUnknown() ? sum : end;
}
