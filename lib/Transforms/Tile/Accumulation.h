//===- Accumulation.h - What surrounds a reduction ---------------*- C++
//-*-===//
//
// A product comes as three ops on one buffer: a fill, the sum, and elementwise
// work on its result. Emitted together the buffer is written once: sums start
// in registers and leave them finished. What is summed and has just been
// computed, as the exponentials of a softmax, is taken from registers too.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_TILE_ACCUMULATION_H
#define DYN_TRANSFORMS_TILE_ACCUMULATION_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::dyn {

struct Accumulation {
  /// Fills the output before; null if it holds what the sum starts from.
  linalg::FillOp fill;
  /// Works in place on the output afterwards, in this order; cheap enough to
  /// be repeated in every version of a tile.
  SmallVector<linalg::LinalgOp> epilogue;
  /// Computes and writes, element by element, what the reduction reads of
  /// `prologueResult`; null if nothing does. See `matchPrologue`.
  linalg::LinalgOp prologue;
  OpOperand *prologueResult = nullptr;

  Operation *getLast(linalg::LinalgOp op) const {
    return epilogue.empty() ? op : epilogue.back();
  }
};

/// What surrounds `op`, a reduction on buffers with one output. That `op` reads
/// its operands after the fill has overwritten the output says that they lie
/// elsewhere; so they do for an epilogue that works in place.
Accumulation matchAccumulation(linalg::LinalgOp op);

/// The input of `op`, a reduction on buffers with one output, all of which an
/// elementwise op right in front of it computes, and that op; nulls if there is
/// none. Each iteration of `op` reads an element of its own, so both can be
/// done in one loop.
std::pair<linalg::LinalgOp, OpOperand *> matchPrologue(linalg::LinalgOp op);

/// The loop dimensions of `other`, an op that is emitted in the loops of `op`,
/// in those of `op`: by their positions in the buffer that is an operand of
/// both.
SmallVector<unsigned> getCommonDims(linalg::LinalgOp op, OpOperand &operand,
                                    linalg::LinalgOp other);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_ACCUMULATION_H
