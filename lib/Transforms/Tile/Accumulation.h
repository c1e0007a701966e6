//===- Accumulation.h - What surrounds a reduction on its output -*- C++
//-*-===//
//
// A product comes as three ops on one buffer: a fill, the sum, and elementwise
// work on its result. Emitted together the buffer is written once: sums start
// in registers and leave them finished.
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

  Operation *getLast(linalg::LinalgOp op) const {
    return epilogue.empty() ? op : epilogue.back();
  }
};

/// What surrounds `op`, a reduction on buffers with one output. That `op` reads
/// its operands after the fill has overwritten the output says that they lie
/// elsewhere; so they do for an epilogue that works in place.
Accumulation matchAccumulation(linalg::LinalgOp op);

/// The loop dimensions of `epilogue` in those of `op`, by their positions in
/// the buffer.
SmallVector<unsigned> getCommonDims(linalg::LinalgOp op,
                                    linalg::LinalgOp epilogue);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_ACCUMULATION_H
