//===- Reproducer.h - What went wrong, without the weights ------*- C++ -*-===//
//
// Upstream's crash reproducer prints the whole module, each weight in hex
// digits. One of dyn-opt on a file of bytecode names the file instead: it takes
// no more than the pipeline, and reproduces while the file is the same.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_LIB_TOOLS_REPRODUCER_H
#define DYN_LIB_TOOLS_REPRODUCER_H

#include "Dyn/Resources/MappedFile.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"

namespace mlir::dyn {

/// The input of the reproducer that is run.
class ReproducerInput {
public:
  /// Reads what `writeReproducer` wrote, along with a module parsed by
  /// `config`.
  void attachResourceParser(ParserConfig &config);
  /// True once a reproducer that names a file was parsed.
  bool isNamed() const { return !path.empty(); }
  /// Maps the file. Errors: it is not there, or another one than it was.
  Result<std::shared_ptr<const MappedFile>> open() const;

private:
  std::string path;
  Stamp stamp;
};

/// The text of a file that makes dyn-opt run `pipeline` on `input` if it is
/// given it with --run-reproducer.
std::string formatReproducer(StringRef pipeline, const MappedFile &input,
                             bool verifiesEach, bool disablesThreading);

Result<> writeReproducer(const std::string &path, StringRef reproducer);

/// Runs `manager` on `op`. If that fails, or a signal ends it in any thread,
/// `reproducer` is written to `path`.
LogicalResult runGuarded(PassManager &manager, Operation *op,
                         const std::string &path, StringRef reproducer);

} // namespace mlir::dyn

#endif // DYN_LIB_TOOLS_REPRODUCER_H
