//===- TemporaryFolder.h - A folder that goes with its owner ----*- C++ -*-===//

#ifndef DYN_DRIVER_TEMPORARYFOLDER_H
#define DYN_DRIVER_TEMPORARYFOLDER_H

#include "Dyn/Resources/Result.h"

namespace mlir::dyn {

/// A new folder where the system keeps temporary files (`TMPDIR`), removed with
/// all that is in it by the destructor.
class TemporaryFolder {
public:
  static Result<TemporaryFolder> create();
  TemporaryFolder(TemporaryFolder &&other) noexcept
      : path(std::exchange(other.path, {})) {}
  TemporaryFolder &operator=(TemporaryFolder &&other) noexcept {
    std::swap(path, other.path);
    return *this;
  }
  ~TemporaryFolder();

  const std::string &getPath() const { return path; }

private:
  explicit TemporaryFolder(std::string path) : path(std::move(path)) {}

  std::string path;
};

} // namespace mlir::dyn

#endif // DYN_DRIVER_TEMPORARYFOLDER_H
