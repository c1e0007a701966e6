//===- Posix.cpp - File descriptors ---------------------------------------===//

#include "Posix.h"
#include "Text.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

using namespace mlir::dyn;

UniqueFd::~UniqueFd() {
  if (isOpen())
    ::close(fd);
}

FileIdentity mlir::dyn::getIdentity(const struct stat &status) {
  return {status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size),
          status.st_mtim.tv_sec * int64_t(1'000'000'000) +
              status.st_mtim.tv_nsec};
}

std::string_view mlir::dyn::describeKind(const struct stat &status) {
  switch (status.st_mode & S_IFMT) {
  case S_IFDIR:
    return "a directory";
  case S_IFIFO:
    return "a FIFO";
  case S_IFSOCK:
    return "a socket";
  case S_IFCHR:
  case S_IFBLK:
    return "a device";
  default:
    return "a file of unknown kind";
  }
}

Result<OpenFile> mlir::dyn::openRegularFile(const std::string &path) {
  if (path.find('\0') != std::string::npos)
    return makeError(quote(path), ": is no file name, it contains a zero byte");
  struct stat status;
  // Looked at before it is opened, since opening some devices has effects; and
  // after, should it have been replaced.
  if (::stat(path.c_str(), &status) != 0)
    return makeError(path, ": ", describeErrno(errno));
  if (!S_ISREG(status.st_mode))
    return makeError(path, ": is ", describeKind(status),
                     ", expected a regular file");
  UniqueFd fd(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.isOpen() || ::fstat(fd.get(), &status) != 0)
    return makeError(path, ": ", describeErrno(errno));
  if (!S_ISREG(status.st_mode))
    return makeError(path, ": is ", describeKind(status),
                     ", expected a regular file");
  return OpenFile{std::move(fd), getIdentity(status)};
}
