//===- Safetensors.h - The container of weights -----------------*- C++ -*-===//
//
// Format: https://github.com/huggingface/safetensors, README, "Format". Eight
// bytes with the length of an index, the index in JSON (name, type, shape and
// place of each tensor), then the tensors without gaps.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_RESOURCES_SAFETENSORS_H
#define DYN_RESOURCES_SAFETENSORS_H

#include "Dyn/Resources/AtomicFile.h"
#include "Dyn/Resources/Blob.h"

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mlir::dyn {

/// A tensor as it is declared to the writer.
struct TensorSpec {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
};

/// A tensor and its place, in bytes from the start of the file.
struct TensorEntry : TensorSpec {
  uint64_t offset = 0;
  uint64_t numBytes = 0;
};

/// Free text that travels with a file, as `__metadata__`.
using SafetensorsMetadata = std::map<std::string, std::string, std::less<>>;

/// What a safetensors file holds, without the file. Immutable once parsed.
class SafetensorsIndex {
public:
  /// Reads the index of a file whose contents are `file`; no byte behind the
  /// index is touched. Everything is checked: that each tensor's bytes are
  /// inside the file, are as many as its type and shape say, and belong to no
  /// other tensor. Errors start with `path` and name the first rule broken.
  static Result<SafetensorsIndex> parse(std::span<const std::byte> file,
                                        std::string_view path);

  SafetensorsIndex(SafetensorsIndex &&) = default;
  SafetensorsIndex &operator=(SafetensorsIndex &&) = default;

  /// In the order of their places in the file.
  const std::vector<TensorEntry> &getTensors() const { return tensors; }
  /// Null if there is none of that name.
  const TensorEntry *find(std::string_view name) const;
  const SafetensorsMetadata &getMetadata() const { return metadata; }

private:
  SafetensorsIndex() = default;

  std::vector<TensorEntry> tensors;
  std::unordered_map<std::string_view, const TensorEntry *>
      byName; ///< Its keys are the names in `tensors`.
  SafetensorsMetadata metadata;
};

/// Bytes from the start of `file` to the end of its safetensors index; 0 if it
/// does not begin like a safetensors file.
uint64_t findSafetensorsIndex(std::span<const std::byte> file);

/// A mapped safetensors file: a handle, cheap to copy. Threads may share it.
class Safetensors {
public:
  /// Maps a file and reads its index: no tensor is touched, and cold files cost
  /// little more than the index from disk. The mapping lives as long as any
  /// blob cut from it.
  static Result<Safetensors> open(const std::string &path);
  static Result<Safetensors> open(std::shared_ptr<const MappedFile> file);
  /// `index` is that of `file`.
  Safetensors(std::shared_ptr<const MappedFile> file,
              std::shared_ptr<const SafetensorsIndex> index)
      : file(std::move(file)), index(std::move(index)) {}

  const std::shared_ptr<const MappedFile> &getFile() const { return file; }
  const std::shared_ptr<const SafetensorsIndex> &getIndex() const {
    return index;
  }

  /// The data of one of the index's tensors. Reads nothing.
  Blob getBlob(const TensorEntry &tensor) const;
  /// The data of the tensor called `name`: "w.safetensors: has no tensor
  /// 'h.0.w'".
  Result<Blob> getBlob(std::string_view name) const;

private:
  std::shared_ptr<const MappedFile> file;
  std::shared_ptr<const SafetensorsIndex> index;
};

/// Writes a safetensors file tensor by tensor; the file appears complete, under
/// its name, with `commit`.
///
/// All tensors are declared first, then their data come in any order, each in
/// one or more pieces, so that no more than a piece is in memory. `path` may be
/// a file that is mapped or read meanwhile: its mappings keep the old data.
/// Nothing is left behind if the writer goes without `commit`. For one thread
/// at a time.
///
/// Tensors are placed so that each starts at a multiple of 64 bytes, or of the
/// largest power of two that divides its own size, if that is less: by that
/// number in falling order, and else as declared. The format knows no padding.
class SafetensorsWriter {
public:
  /// Reserves the file's bytes and writes the index. Errors: a name twice or
  /// not UTF-8, a shape with too many bytes, an index of over 100 MB, and those
  /// of `AtomicFile::create`.
  static Result<SafetensorsWriter>
  create(const std::string &path, const std::vector<TensorSpec> &tensors,
         const SafetensorsMetadata &metadata = {});

  /// Writes the next bytes of the tensor `name`, which are copied before this
  /// returns.
  Result<> write(std::string_view name, std::span<const std::byte> bytes);
  /// Writes all of the tensor `name`; `blob` has its type and shape. Pages of
  /// mapped data are dropped once written.
  Result<> write(std::string_view name, const Blob &blob);
  /// Gives the file its name. Fails if a tensor is not complete.
  Result<> commit();

private:
  struct Progress {
    TensorEntry entry;
    uint64_t written = 0;
  };
  SafetensorsWriter(AtomicFile file,
                    std::map<std::string, Progress, std::less<>> tensors)
      : file(std::move(file)), tensors(std::move(tensors)) {}
  Result<Progress *> find(std::string_view name);

  AtomicFile file;
  std::map<std::string, Progress, std::less<>> tensors;
};

} // namespace mlir::dyn

#endif // DYN_RESOURCES_SAFETENSORS_H
