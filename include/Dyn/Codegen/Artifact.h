//===- Artifact.h - What an artifact says of its model ----------*- C++ -*-===//
//
// The compiler's side of runtime/include/dyn/artifact.h.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_CODEGEN_ARTIFACT_H
#define DYN_CODEGEN_ARTIFACT_H

#include "Dyn/Codegen/PackedWeights.h"
#include "Dyn/Codegen/TargetMachine.h"
#include "Dyn/Dialect/Dyn.h"
#include "Dyn/Resources/MappedFile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SmallString.h"

namespace mlir::dyn {

struct TensorSignature {
  std::string name;
  DynTensorType type;
};

/// A weight of the model and the place of its bytes. A packed one is called
/// "NAME.panels" and has the shape of its panels.
struct PlacedWeight {
  std::string name;
  DynTensorType type;
  unsigned file; ///< Index into `ArtifactDescription::files`.
  uint64_t offset, numBytes;
};

/// A file with weights, as it was when the model was compiled.
struct WeightFile {
  std::string absolutePath;
  Stamp stamp;
};

struct ArtifactDescription {
  std::string name;
  std::vector<const Target *> targets;
  DictionaryAttr symbols; ///< `dyn.symbols`, or null.
  std::vector<TensorSignature> inputs, outputs;
  std::vector<PlacedWeight> weights;
  std::vector<WeightFile> files;
  /// Those of `weights`, by name, that have no place until `placePacked`.
  std::vector<PackedWeight> packed;
  DimAttr arenaBytes;
  std::vector<std::string> messages;
};

/// Reads the description off a model's function on buffers, as
/// dyn-codegen-pipeline leaves it. Weights are looked up, not read. Errors:
/// those of `readWeight`, data in no file, an argument without a type.
Result<ArtifactDescription> describeArtifact(func::FuncOp model);

/// Writes the packed weights, if there are any, to the safetensors file `path`
/// (absolute) and sets their places.
Result<> placePacked(ArtifactDescription &description, const std::string &path);

/// The metadata in JSON. Weight files inside `artifactFolder` (an absolute
/// path) are named relative to it, so that both can be moved together; all are
/// absolute if it is empty.
std::string writeMetadata(const ArtifactDescription &description,
                          llvm::StringRef artifactFolder);

/// Object code of the one symbol that an artifact exports. `entries` are names
/// of functions in other objects, one a target.
Result<llvm::SmallString<0>>
emitArtifactTable(llvm::StringRef metadata, llvm::ArrayRef<std::string> entries,
                  llvm::TargetMachine &machine);

} // namespace mlir::dyn

#endif // DYN_CODEGEN_ARTIFACT_H
