//===- Npy.h - NumPy's files of one array -----------------------*- C++ -*-===//
//
// Format:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
//===----------------------------------------------------------------------===//

#ifndef DYN_DRIVER_NPY_H
#define DYN_DRIVER_NPY_H

#include "Dyn/Resources/Result.h"
#include "dlpack/dlpack.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mlir::dyn {

/// An array and its memory: a mapped file, or its own.
class Array {
public:
  /// Zeros, contiguous, row-major. `shape` is of sizes of at least 0 whose
  /// product in bytes fits the memory.
  Array(DLDataType type, std::vector<int64_t> shape);
  /// `data` points into `file`.
  Array(DLDataType type, std::vector<int64_t> shape,
        std::vector<int64_t> strides, std::unique_ptr<llvm::MemoryBuffer> file,
        const char *data);

  DLDataType getType() const { return type; }
  const std::vector<int64_t> &getShape() const { return shape; }
  int64_t getNumElements() const;
  char *getData() { return data; }

  /// A view for the runtime, valid while the array lives where it is.
  DLTensor getTensor();

private:
  DLDataType type;
  std::vector<int64_t> shape, strides;
  std::unique_ptr<llvm::MemoryBuffer> file;
  std::unique_ptr<char[], void (*)(void *)> memory;
  char *data;
};

/// Maps a .npy file of version 1, 2 or 3. Types: f2, f4, f8, i1 to i8, u1 and
/// b1, little-endian, and V2 for bf16, which NumPy does not know. Errors name
/// the file and what is wrong with it.
Result<Array> readNpy(const std::string &path);

/// Writes a contiguous tensor; the file appears complete or not at all.
Result<> writeNpy(const std::string &path, const DLTensor &tensor);

} // namespace mlir::dyn

#endif // DYN_DRIVER_NPY_H
