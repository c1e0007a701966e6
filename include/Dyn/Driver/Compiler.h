//===- Compiler.h - From a model to an artifact -----------------*- C++ -*-===//
//
// What dyn-compile and dyn-run share: the one path from a model to code.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_DRIVER_COMPILER_H
#define DYN_DRIVER_COMPILER_H

#include "Dyn/Codegen/Artifact.h"
#include "Dyn/Driver/Phases.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::dyn {

/// What comes out, by how far a model has gone.
enum class Stage {
  Graph,
  Tensor,
  Tiled,
  LLVM,
  LLVMIR,
  Assembly,
  Object,
  Library
};

/// The stage that the command line calls `name`; nullopt if there is none.
std::optional<Stage> parseStage(llvm::StringRef name);

/// What a user knows of a symbol: `NAME=MIN:MAX[:MULTIPLE]`, bounds included.
struct DimOption {
  std::string name;
  int64_t min = 0;
  int64_t max = INT64_MAX;
  int64_t multiple = 1;
};
Result<DimOption> parseDimOption(llvm::StringRef text);

struct CompileOptions {
  std::vector<const Target *> targets; ///< At least one, of one architecture.
  std::string entry;                   ///< Empty: the only one there is.
  std::vector<DimOption> dims;
  std::string weightsDir; ///< Empty: the model's folder alone.
  Stage stage = Stage::Library;
  /// Weight files in this folder (absolute) are named relative to it, see
  /// `writeMetadata`.
  std::string artifactFolder;
  /// The safetensors file (absolute) for weights whose layout the kernels
  /// change.
  std::string packedWeights;
  /// See `LinkOptions`.
  std::vector<std::string> runtimeFolders;
};

/// What the compiler can tell about its work, besides the phases.
struct CompileReport {
  ArtifactDescription description;
  unsigned kernelCalls = 0, distinctKernels = 0;
};

/// The report and the phases as one JSON object. For `Stage::Library`.
std::string writeReport(const CompileReport &report, const Phases &phases);

/// Compiles one model. Diagnostics of MLIR become the error's text.
class Compiler {
public:
  Compiler(CompileOptions options, Phases &phases);
  ~Compiler();

  /// Compiles the model in file `path`, "-" for standard input. It is ONNX,
  /// MLIR's text or its bytecode; the contents tell. Returns the text or the
  /// bytes of the stage.
  Result<std::string> compile(const std::string &path);

  const CompileReport &getReport() const { return report; }

private:
  struct Diagnostics;

  Result<OwningOpRef<ModuleOp>> load(const std::string &path);
  Result<func::FuncOp> prepareEntry(ModuleOp module);
  Result<> runPasses(ModuleOp module, const Target &target,
                     const std::string &entrySymbol);
  Result<std::string> emit(ModuleOp module);
  Result<std::string> emitLibrary(ModuleOp module);
  Result<llvm::SmallString<0>> emitMachineCode(ModuleOp module,
                                               const Target &target);

  CompileOptions options;
  Phases &phases;
  CompileReport report;
  MLIRContext context;
  std::unique_ptr<Diagnostics> diagnostics;
};

/// The record of that name; "native" is the best one that this machine can run.
/// Errors list the names.
Result<const Target *> findTarget(llvm::StringRef name);

/// The versions of Dyn, MLIR and bytecode, for --version.
std::string getVersionText(llvm::StringRef tool);

} // namespace mlir::dyn

#endif // DYN_DRIVER_COMPILER_H
