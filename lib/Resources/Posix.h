//===- Posix.h - File descriptors -------------------------------*- C++ -*-===//

#ifndef DYN_LIB_RESOURCES_POSIX_H
#define DYN_LIB_RESOURCES_POSIX_H

#include "Dyn/Resources/MappedFile.h"

#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace mlir::dyn {

/// Owns a file descriptor.
class UniqueFd {
public:
  explicit UniqueFd(int fd = -1) : fd(fd) {}
  UniqueFd(UniqueFd &&other) noexcept : fd(std::exchange(other.fd, -1)) {}
  UniqueFd &operator=(UniqueFd &&other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~UniqueFd();

  bool isOpen() const { return fd >= 0; }
  int get() const { return fd; }

private:
  int fd;
};

FileIdentity getIdentity(const struct stat &status);

/// "a FIFO", "a directory"; what `status` says of a file that is not a regular
/// one.
std::string_view describeKind(const struct stat &status);

struct OpenFile {
  UniqueFd fd;
  FileIdentity identity;
};

/// Opens a regular file for reading; neither waits for a FIFO nor opens a
/// device.
Result<OpenFile> openRegularFile(const std::string &path);

} // namespace mlir::dyn

#endif // DYN_LIB_RESOURCES_POSIX_H
