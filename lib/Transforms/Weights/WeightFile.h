//===- WeightFile.h - Transformed weights in their own file -----*- C++ -*-===//
//
// What passes that compute on weights share: find the weights, write the new
// data to a safetensors file part by part, make the weights refer to it. The
// data of a model never are in memory at once, and never become private pages:
// the new file is mapped when someone reads it, as the old one was.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_LIB_TRANSFORMS_WEIGHTS_WEIGHTFILE_H
#define DYN_LIB_TRANSFORMS_WEIGHTS_WEIGHTFILE_H

#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Resources/Safetensors.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

#include <functional>
#include <map>

namespace mlir::dyn {

/// A weight that a pass may transform, with its data and the operations that
/// read it.
struct WeightUse {
  WeightOp weight;
  Blob blob;
  SmallVector<GetWeightOp> readers;
};

/// The weights of `module` that `isWanted`. Their data are opened, not read. An
/// error if one cannot be, or if one is used by anything but a
/// `dyn.get_weight`.
FailureOr<SmallVector<WeightUse>>
collectWeights(ModuleOp module, StringRef weightsDir,
               function_ref<bool(WeightOp, ArrayRef<GetWeightOp>)> isWanted);

inline SmallVector<WeightOp> getWeights(ArrayRef<WeightUse> uses) {
  return llvm::map_to_vector(uses,
                             [](const WeightUse &use) { return use.weight; });
}

/// `path` as a weight of a model in `folder` has to call it: relative if it is
/// inside, absolute otherwise, which needs --weights-dir to be read.
std::string makeReference(const std::string &path, const std::string &folder);

/// Numbers blobs so that equal ones, be it that they share bytes or have the
/// same, have the same number: what is the same is transformed once.
class BlobNumbering {
public:
  unsigned getNumber(const Blob &blob);

private:
  std::vector<Blob> blobs;
  std::multimap<uint64_t, unsigned> bySample;
};

/// Calls `visit` with the bytes of `blob` from front to back, in parts of at
/// most 1 MiB and of whole elements, until that fails. `first` is the number of
/// the part's first element. Parts of a file that were seen leave this
/// process's memory.
Result<> forEachPart(
    const Blob &blob,
    function_ref<Result<>(uint64_t first, std::span<const std::byte>)> visit);

/// A safetensors file of new data for a module's weights.
class WeightFile {
public:
  /// Writes all data of one tensor or several; see `SafetensorsWriter`.
  using Producer = std::function<Result<>(SafetensorsWriter &)>;

  /// `path` and `weightsDir` are the pass's options; `replaced` weights will
  /// refer to the file, others may be left as they are. Errors, which are
  /// emitted: no path; a file of the module's weights that is no safetensors
  /// file, or whose ranges of bytes they refer to.
  static FailureOr<WeightFile> create(ModuleOp module, StringRef path,
                                      StringRef weightsDir,
                                      ArrayRef<WeightOp> replaced);

  /// Declares a tensor with new data of `weight`: called as in the file that is
  /// replaced, if there is one, else as the weight, with `suffix`. Its name.
  std::string declare(WeightOp weight, StringRef suffix, ElementType type,
                      std::vector<int64_t> shape);
  /// Declares how data are made. `numBytes` is what is read, for the progress.
  void addProducer(uint64_t numBytes, Producer producer) {
    steps.push_back({numBytes, std::move(producer)});
    hasProducers = true;
  }

  /// Writes the file. If it takes the place of one that weights are in, tensors
  /// that are not replaced are copied. Without producers there is nothing to
  /// do, and no file. Shows progress on a terminal.
  LogicalResult write();

  /// Makes `weight` refer to the tensor `name`, of its shape and type.
  void refer(WeightOp weight, StringRef name, DynTensorType type) const;

private:
  struct Step {
    uint64_t numBytes;
    Producer produce;
  };

  WeightFile(ModuleOp module, StringRef path) : module(module), path(path) {}
  Result<> findOldFile(StringRef weightsDir, ArrayRef<WeightOp> replaced);
  void keepOldTensors(const llvm::StringSet<> &dropped);
  Result<> writeAll() const;

  ModuleOp module;
  std::string path;
  StringAttr reference; ///< The file as weights call it.
  /// The file at `path`, if weights are in it, and their tensors.
  std::optional<Safetensors> old;
  llvm::DenseMap<Operation *, std::string> oldNames;
  llvm::StringSet<> names;
  std::vector<TensorSpec> specs;
  std::vector<Step> steps;
  bool hasProducers = false;
};

} // namespace mlir::dyn

#endif // DYN_LIB_TRANSFORMS_WEIGHTS_WEIGHTFILE_H
