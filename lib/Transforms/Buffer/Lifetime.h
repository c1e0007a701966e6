//===- Lifetime.h - Where a buffer is in use --------------------*- C++ -*-===//

#ifndef DYN_LIB_TRANSFORMS_BUFFER_LIFETIME_H
#define DYN_LIB_TRANSFORMS_BUFFER_LIFETIME_H

#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/IR/Operation.h"

namespace mlir::dyn {

/// The part of `block` in which `buffer`, allocated in it or in a region below,
/// and all views of it are in use: from the first operation that
/// may touch its bytes to the last. nullopt if the buffer outlives the block
/// or, on the way from its allocation up to `block`, an iteration of a loop.
struct Lifetime {
  Operation *first;
  Operation *last;
};
std::optional<Lifetime> getLifetime(Value buffer, Block *block,
                                    const BufferViewFlowAnalysis &views);

} // namespace mlir::dyn

#endif // DYN_LIB_TRANSFORMS_BUFFER_LIFETIME_H
