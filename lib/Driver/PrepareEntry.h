//===- PrepareEntry.h - Choose and describe the entry -----------*- C++ -*-===//

#ifndef DYN_LIB_DRIVER_PREPAREENTRY_H
#define DYN_LIB_DRIVER_PREPAREENTRY_H

#include "Dyn/Driver/Compiler.h"

namespace mlir::dyn {

/// The public function called `name`, or the only one if that is empty. All
/// other public functions are removed, or made private where it calls them.
Result<func::FuncOp> selectEntry(ModuleOp module, StringRef name);

/// Gives arguments and results on builtin tensors a `dyn.type` and a name where
/// they have none. An open size of an argument is a symbol of its own, one of a
/// result is known only to the run.
Result<> describeEntry(func::FuncOp entry);

/// Adds what the user knows of symbols to the function's `dyn.symbols`.
Result<> declareDims(func::FuncOp entry, const std::vector<DimOption> &dims);

} // namespace mlir::dyn

#endif // DYN_LIB_DRIVER_PREPAREENTRY_H
