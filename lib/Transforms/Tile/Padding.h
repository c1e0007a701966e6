//===- Padding.h - Padded inputs, whole or tile by tile ---------*- C++ -*-===//
//
// Padding writes a copy of what it pads. Where tiles of a reader read parts
// that hardly overlap, each makes its own part, which stays in the first cache;
// where they share what they read, it is made as a whole before.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_TILE_PADDING_H
#define DYN_TRANSFORMS_TILE_PADDING_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <optional>

namespace mlir::dyn {

/// An input that each tile of its reader pads for itself.
struct PaddedInput {
  OpOperand *operand;
  tensor::PadOp pad;
  /// Elements that are copied at once.
  int64_t lanes;
  /// The largest tile: sizes of the loops `row`, if there is one, and `column`.
  int64_t rows, columns;
  /// How much of the padded input that reads, rows in whole vectors.
  SmallVector<int64_t> sizes;
};

/// The padded input of `op` whose parts tiles of the loops `tiled` have for
/// themselves, if they fit into a cache. Loops other than `row` and `column`
/// are cut into single iterations.
std::optional<PaddedInput>
findPaddedInput(linalg::LinalgOp op, ArrayRef<unsigned> tiled, unsigned column,
                std::optional<unsigned> row, int64_t vectorBits);

/// What a tile reads of `padded`, from `offsets` on and of `sizes`, in memory
/// of its own.
Value padTile(OpBuilder &builder, const PaddedInput &padded,
              ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes);

/// Replaces `pad` by a parallel loop over its leading dimensions, those that
/// are not padded.
void expandPadding(RewriterBase &rewriter, tensor::PadOp pad,
                   int64_t vectorBits);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_PADDING_H
