//===- Metadata.h - What an artifact says of itself -------------*- C++ -*-===//
//
// The JSON of artifact.h as C++ values. Fields are explained there.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_RUNTIME_METADATA_H
#define DYN_RUNTIME_METADATA_H

#include "Element.h"
#include "SizeExpr.h"

#include <string>
#include <string_view>
#include <vector>

namespace mlir::dyn::runtime {

struct Target {
  std::string cpu;
  std::string triple;
  std::vector<std::string> features;
};

struct Symbol {
  std::string name;
  int64_t min = 0;
  int64_t max = INT64_MAX;
  int64_t multiple = 1;
};

/// An input or an output.
struct TensorInfo {
  std::string name;
  /// "input 'x'", which sentences about it begin with.
  std::string title;
  const Element *element = nullptr;
  std::vector<SizeExpr> shape;
  bool strided = false;
  /// Of an output, the index of the input that it begins with.
  std::optional<size_t> alias;

  /// Whether only the run tells a size.
  bool hasUnknownSize() const;
};

struct Weight {
  std::string name;
  const Element *element = nullptr;
  std::vector<int64_t> shape;
  size_t file = 0; // index into Metadata::files
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

struct WeightsFile {
  std::string path;
  uint64_t size = 0;
  std::string stamp;
};

struct Metadata {
  std::string name;
  std::vector<Target> targets;
  std::vector<Symbol> symbols;
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<Weight> weights;
  std::vector<WeightsFile> files;
  SizeExpr arenaBytes = SizeExpr::getConstant(0);
  std::string arenaFormula;
  std::vector<std::string> messages;
};

/// Parses the JSON of the artifact `artifact`, the name for errors.
Metadata parseMetadata(std::string_view json, std::string_view artifact);

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_METADATA_H
