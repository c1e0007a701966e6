//===- Transposition.h - Blocks transposed in registers ---------*- C++ -*-===//

#ifndef DYN_TRANSFORMS_TILE_TRANSPOSITION_H
#define DYN_TRANSFORMS_TILE_TRANSPOSITION_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::dyn {

/// Replaces `rows`, vectors of at least 128 bits and no more lanes than there
/// are rows (both powers of two), by their columns.
void transposeInRegisters(OpBuilder &builder, Location loc,
                          SmallVectorImpl<Value> &rows);

/// Replaces `op` by loops over blocks that are transposed in registers, if it
/// is a copy on buffers that is contiguous along one dimension where it reads
/// and along another where it writes.
bool emitTransposition(RewriterBase &rewriter, linalg::LinalgOp op,
                       int64_t vectorBits);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_TRANSPOSITION_H
