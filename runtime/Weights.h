//===- Weights.h - The weights of a model in memory -------------*- C++ -*-===//

#ifndef DYN_RUNTIME_WEIGHTS_H
#define DYN_RUNTIME_WEIGHTS_H

#include "Artifact.h"
#include "Dyn/Resources/MappedFile.h"
#include "Tensor.h"

namespace mlir::dyn::runtime {

/// Where to look for weights instead of where the artifact says.
struct WeightSource {
  /// Where relative paths start; empty for the artifact's folder.
  std::string folder;
  /// A safetensors file with all weights by name; empty for the files that the
  /// metadata names.
  std::string replacement;
};

/// Mapped files and the place of each weight in them. Nothing is read until the
/// code does; processes share the pages.
class Weights {
public:
  /// Fails if a file is missing, too short, or not the one compiled with.
  Weights(const Artifact &artifact, const WeightSource &source);

  /// In the order of the metadata.
  const std::vector<char *> &getAddresses() const { return addresses; }

private:
  void map(const Artifact &artifact, const std::string &folder);
  void mapReplacement(const Artifact &artifact, const std::string &path);
  void add(const Weight &weight, const MappedFile &file, uint64_t offset);

  std::vector<std::shared_ptr<const MappedFile>> files;
  /// Of weights that are not aligned in their file.
  std::vector<Memory> copies;
  std::vector<char *> addresses;
};

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_WEIGHTS_H
