//===- MappedFile.h - A file seen as memory ---------------------*- C++ -*-===//

#ifndef DYN_RESOURCES_MAPPEDFILE_H
#define DYN_RESOURCES_MAPPEDFILE_H

#include "Dyn/Resources/Result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace mlir::dyn {

/// Tells one version of a file on this machine from another; copying the file
/// changes it.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modifiedNs = 0; ///< Since the epoch, in nanoseconds.

  bool operator==(const FileIdentity &) const = default;
};

/// A regular file mapped read-only and shared: processes that map it hold one
/// copy in memory. Immutable, so any thread may use it. The mapping goes with
/// the last reference. It keeps no file descriptor.
///
/// The bytes stay what they were when another file is renamed to `getPath()`. A
/// file that is overwritten or truncated in place is not supported: its bytes
/// change under the readers, and those beyond its new end raise SIGBUS.
class MappedFile {
public:
  /// Maps `path`; reads nothing. Errors: no such file, no permission, no
  /// regular file (a FIFO is not waited for, a device not touched), no address
  /// space.
  static Result<std::shared_ptr<const MappedFile>>
  open(const std::string &path);

  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  /// As it was given to `open`: what error messages call the file.
  const std::string &getPath() const { return path; }
  /// For opening the file again whatever the working directory is then.
  const std::string &getAbsolutePath() const { return absolutePath; }
  const FileIdentity &getIdentity() const { return identity; }

  /// The whole file. Starts at a page of memory, so an offset in the file has
  /// the alignment of its address.
  std::span<const std::byte> bytes() const { return contents; }
  uint64_t size() const { return contents.size(); }

  /// Hints that most of the file will be read again and again: what is not in
  /// memory yet is read in pieces of 2 MiB, each of which takes a single entry
  /// of the TLB.
  void preferLargePages() const;

  /// Hints that these bytes will not be read soon; see `Blob::dropPages`.
  void dropPages(uint64_t offset, uint64_t numBytes) const;

private:
  MappedFile(std::string path, const FileIdentity &identity,
             std::span<const std::byte> contents);

  std::string path;
  std::string absolutePath;
  FileIdentity identity;
  std::span<const std::byte> contents;
};

/// While it lives, pages of `file` that are not in memory are read one by one,
/// without those around them: for reading an index, or samples, of a large
/// file. What was read leaves this process's resident memory then.
class SparseReading {
public:
  explicit SparseReading(const MappedFile &file);
  SparseReading(const SparseReading &) = delete;
  SparseReading &operator=(const SparseReading &) = delete;
  ~SparseReading();

private:
  const MappedFile &file;
};

/// What a compiled model remembers of a weights file, to tell that it was
/// replaced by another: its size and a digest (XXH3, 64 bits) of the index, for
/// safetensors, and of 16 blocks of 4 KiB spread evenly from the first byte to
/// the last. Copying the file keeps it; a change between the blocks, with the
/// index the same, goes unnoticed.
struct Stamp {
  uint64_t size = 0;
  uint64_t digest = 0;

  bool operator==(const Stamp &) const = default;
};

Stamp computeStamp(const MappedFile &file);

/// Errors if the stamp of `file` is another one: "w.safetensors: is another
/// file than the one referred to: it has 10 bytes, expected 20".
Result<> checkStamp(const MappedFile &file, const Stamp &expected);

} // namespace mlir::dyn

#endif // DYN_RESOURCES_MAPPEDFILE_H
