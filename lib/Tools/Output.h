//===- Output.h - Writing IR ------------------------------------*- C++ -*-===//

#ifndef DYN_LIB_TOOLS_OUTPUT_H
#define DYN_LIB_TOOLS_OUTPUT_H

#include "Dyn/Resources/Result.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Operation.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

namespace mlir::dyn {

/// What a module is written with.
struct OutputOptions {
  const MlirOptMainConfig &config;
  uint64_t dynVersion; ///< Of the encoding of dyn in bytecode.
};

/// Writes `op` to the file at `path`, "-" for standard output, as text or
/// bytecode. A regular file takes its target's place in one step, so it may be
/// one that `op` was read from. Weights inside mapped files are copied from
/// file to file, without a look at them. Does not wait for the disk: what a
/// tool has made it can make again.
Result<> writeModule(Operation *op, FallbackAsmResourceMap &resources,
                     const std::string &path, const OutputOptions &options);

/// Writes `op` to text and bytecode, reads both, and compares the programs but
/// not the data of their resources. Emits an error where they differ.
LogicalResult verifyRoundTrip(Operation *op, const DialectRegistry &registry,
                              const OutputOptions &options);

} // namespace mlir::dyn

#endif // DYN_LIB_TOOLS_OUTPUT_H
