//===- Inference.h - What result-type inference of many ops shares -*- C++
//-*-===//

#ifndef DYN_LIB_DIALECT_OPS_INFERENCE_H
#define DYN_LIB_DIALECT_OPS_INFERENCE_H

#include "Dyn/Dialect/SymbolicDim.h"

namespace mlir::dyn {

/// broadcast_c1: the shape to which `shapes` broadcast as in NumPy. Sizes that
/// are different numbers, neither of them 1, are an error at `location`.
/// `symbols` is what is known of the function's symbols, or null.
FailureOr<SmallVector<DimAttr>>
inferBroadcast(std::optional<Location> location, MLIRContext *context,
               DictionaryAttr symbols, ArrayRef<ArrayRef<DimAttr>> shapes);

/// One size for two that have to be equal; the number, or the one known better,
/// of the two. Null and an error that ends in "`what` <lhs> with <rhs>" if they
/// differ.
DimAttr inferEqual(std::optional<Location> location, DimAttr lhs, DimAttr rhs,
                   const Twine &what);

/// Whether the type of `op`'s result is what its operands say. A type may state
/// more than that, which the run checks; folds must not lose such a check.
bool hasInferredType(Operation *op);

/// Checks `0 <= axis < rank`.
LogicalResult checkAxis(std::optional<Location> location, int64_t axis,
                        int64_t rank);

/// Checks that axes are different and between 0 and the rank.
LogicalResult checkAxes(std::optional<Location> location,
                        ArrayRef<int64_t> axes, int64_t rank);

/// Checks that no size is a negative number.
LogicalResult checkSizes(std::optional<Location> location,
                         ArrayRef<DimAttr> shape);

/// Checks that a shape-like operand has rank 1 and a number as its size;
/// returns that number.
FailureOr<int64_t> getVectorSize(std::optional<Location> location,
                                 Value operand, StringRef name);

} // namespace mlir::dyn

#endif // DYN_LIB_DIALECT_OPS_INFERENCE_H
