//===- Output.h - Writing IR ------------------------------------*- C++ -*-===//

#ifndef DYN_LIB_TOOLS_OUTPUT_H
#define DYN_LIB_TOOLS_OUTPUT_H

#include "Dyn/Resources/AtomicFile.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Operation.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::dyn {

/// What a tool writes to `path`, "-" for standard output. A file takes its
/// target's place in one step, with `commit`: there is the old one or the new
/// one, and nothing beside it, also if the process is killed. A device or a
/// FIFO keeps its place. Does not wait for the disk: what a tool has made it
/// can make again.
class OutputFile {
public:
  static Result<OutputFile> open(const std::string &path);

  llvm::raw_ostream &os() { return *stream; }
  Result<> commit();

private:
  OutputFile() = default;
  std::string path;
  std::unique_ptr<AtomicFile> file; ///< Null for what is no file.
  std::unique_ptr<llvm::raw_ostream> owned;
  llvm::raw_ostream *stream = nullptr;
};

/// What a module is written with.
struct OutputOptions {
  const MlirOptMainConfig &config;
  uint64_t dynVersion; ///< Of the encoding of dyn in bytecode.
};

/// Writes `op` to `path` as text or bytecode, as an `OutputFile`: it may be a
/// file that `op` was read from. Weights inside mapped files are copied from
/// file to file, without a look at them.
Result<> writeModule(Operation *op, FallbackAsmResourceMap &resources,
                     const std::string &path, const OutputOptions &options);

/// Writes `op` to text and bytecode, reads both, and compares the programs but
/// not the data of their resources. Emits an error where they differ.
LogicalResult verifyRoundTrip(Operation *op, const DialectRegistry &registry,
                              const OutputOptions &options);

} // namespace mlir::dyn

#endif // DYN_LIB_TOOLS_OUTPUT_H
