//===- WeightLocation.h - Weights that a model refers to --------*- C++ -*-===//
//
// From what a model says of the place of its weights to their data. A model may
// come from anywhere, so it is not believed: by itself it reaches regular files
// in its own folder only.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_RESOURCES_WEIGHTLOCATION_H
#define DYN_RESOURCES_WEIGHTLOCATION_H

#include "Dyn/Resources/Blob.h"
#include "Dyn/Resources/Safetensors.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace mlir::dyn {

/// The place of a weight's bytes, as a model writes it: a file with either the
/// name of a tensor in it (safetensors) or a range of bytes (ONNX external
/// data). The same as the attribute `#dyn.external`.
struct WeightLocation {
  std::string file;
  std::optional<std::string> key;
  int64_t offset = 0; ///< In bytes; without a meaning if there is a key.
  int64_t length = 0; ///< In bytes; without a meaning if there is a key.

  bool operator==(const WeightLocation &) const = default;
};

/// As error messages show it: "w.safetensors: tensor 'h.0.w'", "w.bin: bytes
/// 4096 to 8192".
std::string formatLocation(const WeightLocation &location);

/// Where the files of a model may be.
struct WeightFolders {
  std::string model; ///< The folder of the model's file; empty is the working
                     ///< directory.
  std::string
      weightsDir; ///< What the user named with --weights-dir; empty if nothing.
};

/// The absolute path, without symbolic links, of the file that a model calls
/// `file`.
///
/// A relative name is looked for in `weightsDir`, then in the model's folder.
/// The file must be inside one of these two once `..` and symbolic links are
/// followed; an absolute name is looked at only if a `weightsDir` is given.
/// Errors say which folder to name with --weights-dir.
Result<std::string> resolveWeightFile(std::string_view file,
                                      const WeightFolders &folders);

/// The files that were opened, so that the weights of one file share one
/// mapping and one index. It holds no mapping itself: that goes with the last
/// blob. A name is looked up once, and a file is one version of it while a blob
/// cut from it lives, whatever is renamed to its place meanwhile; see `clear`.
/// Thread-safe.
class FileCache {
public:
  /// The mapping of the file that a model calls `file`; see
  /// `resolveWeightFile`.
  Result<std::shared_ptr<const MappedFile>>
  openFile(std::string_view file, const WeightFolders &folders);
  /// The same, which is a safetensors file, with its index.
  Result<Safetensors> openSafetensors(std::string_view file,
                                      const WeightFolders &folders);
  /// Forgets all names: files are looked up, opened and read anew. Blobs given
  /// out stay as they are.
  void clear();

private:
  struct Entry {
    std::string path;
    std::weak_ptr<const MappedFile> file;
    std::optional<FileIdentity>
        identity; ///< Of the version that `index` describes.
    std::shared_ptr<const SafetensorsIndex> index;
  };
  Result<Entry *> find(std::string_view file, const WeightFolders &folders);
  Result<std::shared_ptr<const MappedFile>> map(Entry &entry);

  std::mutex mutex;
  std::map<std::string, Entry> byPath;
  std::map<std::string, Entry *, std::less<>> byName; ///< By folders and name.
};

/// The data at `location`, which must be of this type and shape. Nothing but an
/// index is read. Errors, of one sentence: those of `resolveWeightFile` and
/// `Safetensors::open`, no tensor of that name, another type or shape or
/// length, a range that is negative or not inside the file.
Result<Blob> openWeight(FileCache &cache, const WeightFolders &folders,
                        const WeightLocation &location, ElementType type,
                        std::vector<int64_t> shape);

} // namespace mlir::dyn

#endif // DYN_RESOURCES_WEIGHTLOCATION_H
