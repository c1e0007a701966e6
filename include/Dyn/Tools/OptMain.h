//===- OptMain.h - mlir-opt's main with a reader for large files *- C++ -*-===//

#ifndef DYN_TOOLS_OPTMAIN_H
#define DYN_TOOLS_OPTMAIN_H

#include "mlir/Support/LLVM.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::dyn {

/// `mlir::MlirOptMain` with all its options, but bytecode is mapped and read
/// lazily: weights inside the file are neither scanned nor copied, and what is
/// written replaces its target in one step, so input and output may be one
/// file. Text, split input, diagnostics verification and whatever else needs
/// the whole input goes to upstream's function.
LogicalResult optMain(int argc, char **argv, StringRef toolName,
                      DialectRegistry &registry);

} // namespace mlir::dyn

#endif // DYN_TOOLS_OPTMAIN_H
