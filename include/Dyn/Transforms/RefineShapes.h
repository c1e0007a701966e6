//===- RefineShapes.h - Infer result types again ----------------*- C++ -*-===//

#ifndef DYN_TRANSFORMS_REFINESHAPES_H
#define DYN_TRANSFORMS_REFINESHAPES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::dyn {

/// Infers the types of all dyn values of `function` again, from the first
/// operation to the last, folding constants on the way. To be called after the
/// function's arguments or its `dyn.symbols` were changed, before the IR is
/// verified.
///
/// Sizes that a type stated beyond what its operands said stay stated, by a
/// `dyn.refine` where inference now says another size. Operations that take no
/// part in inference keep the types they had, by a `dyn.refine` as well; if
/// `updateResults` the function's result types follow instead.
///
/// Fails with an error at the operation whose operands contradict each other.
LogicalResult refineShapes(func::FuncOp function, bool updateResults);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_REFINESHAPES_H
