//===- ArenaLayout.h - Offsets for blocks of symbolic sizes -----*- C++ -*-===//

#ifndef DYN_LIB_TRANSFORMS_BUFFER_ARENALAYOUT_H
#define DYN_LIB_TRANSFORMS_BUFFER_ARENALAYOUT_H

#include "Dyn/Dialect/SymbolicDim.h"

namespace mlir::dyn {

/// Offsets and sizes in an arena are multiples of this.
inline constexpr int64_t kArenaAlignment = 64;

/// A piece of the arena that is in use from step `first` to step `last`,
/// inclusive. `size` is in bytes; `offset` is what `layOutArena` finds.
struct ArenaBlock {
  DimAttr size;
  unsigned first, last;
  DimAttr offset;

  bool isAliveWith(const ArenaBlock &other) const {
    return first <= other.last && other.first <= last;
  }
};

/// Rounds up to a multiple of `kArenaAlignment`.
DimAttr alignToArena(DimAttr bytes);

/// Whether `lhs <= rhs` can be proved for all values that `symbols` (a
/// `dyn.symbols` dictionary, or null) allows.
bool isProvablyAtMost(DimAttr lhs, DimAttr rhs, DictionaryAttr symbols);

/// Gives every block an offset such that blocks that are alive together share
/// no byte, for all values of the symbols that `symbols` allows. Sizes are
/// aligned. Returns the arena's size.
///
/// The arena is a row of slots. A block goes into the first slot in which it
/// provably fits beside the blocks that are alive with it, or into one in which
/// none is, which grows to the larger of two sizes that cannot be compared, or
/// into a new one. So the size is a short sum, for people to read. Larger
/// blocks come first, by a sample of the symbols: greedy by size (Pisarchyk and
/// Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020),
/// with overlap excluded by proof.
DimAttr layOutArena(MutableArrayRef<ArenaBlock> blocks, DictionaryAttr symbols,
                    MLIRContext *context);

} // namespace mlir::dyn

#endif // DYN_LIB_TRANSFORMS_BUFFER_ARENALAYOUT_H
