//===- AtomicFile.h - A file that appears complete --------------*- C++ -*-===//

#ifndef DYN_RESOURCES_ATOMICFILE_H
#define DYN_RESOURCES_ATOMICFILE_H

#include "Dyn/Resources/MappedFile.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace mlir::dyn {

/// A file being written beside its target, which takes the target's place at
/// once with `commit`: whoever opens the target sees the old file or the new
/// one, also after a crash or power loss. Mappings of the old file keep its
/// data, so it may be the source of the new one. Of two writers to one target
/// the last to commit wins.
///
/// Without `commit` nothing is left, where the file system can have files
/// without a name (O_TMPFILE) even if the process is killed; elsewhere a file
/// `.dyn-*.tmp` beside the target. For one thread at a time.
class AtomicFile {
public:
  /// Starts a file of `numBytes` bytes, which are reserved. A symbolic link at
  /// `path` will be replaced, not followed. Errors: no space, no permission
  /// (also to overwrite the target), read-only media, no such folder, a target
  /// that is no regular file.
  static Result<AtomicFile> create(const std::string &path, uint64_t numBytes);
  /// The same for a file that grows with what is written, where its size is not
  /// known before: that there is no space shows when it is written.
  static Result<AtomicFile> create(const std::string &path);

  AtomicFile(AtomicFile &&) noexcept;
  AtomicFile &operator=(AtomicFile &&) noexcept;
  ~AtomicFile();

  const std::string &getPath() const;
  /// Writes `bytes` at byte `offset`. Parts never written read as zeros. Up to
  /// 2 MiB are gathered first: that they cannot be written may be said by a
  /// later call.
  Result<> write(uint64_t offset, std::span<const std::byte> bytes);
  /// Writes `numBytes` bytes of `source` from its byte `sourceOffset` on, where
  /// they are, at byte `offset`. The kernel copies from file to file where it
  /// can; elsewhere pages of `source` are dropped once written.
  Result<> copy(uint64_t offset, const MappedFile &source,
                uint64_t sourceOffset, uint64_t numBytes);
  /// Waits until the data are on the disk and gives the file its name. To be
  /// called once, last. Without `waitForDisk` a loss of power may leave an
  /// empty or partial file, a crash of the process still none: for what can be
  /// made again.
  Result<> commit(bool waitForDisk = true);

private:
  struct State;
  explicit AtomicFile(std::unique_ptr<State> state);
  static Result<AtomicFile> start(const std::string &path,
                                  std::optional<uint64_t> numBytes);

  std::unique_ptr<State> state;
};

} // namespace mlir::dyn

#endif // DYN_RESOURCES_ATOMICFILE_H
