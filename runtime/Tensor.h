//===- Tensor.h - Memory of tensors -----------------------------*- C++ -*-===//

#ifndef DYN_RUNTIME_TENSOR_H
#define DYN_RUNTIME_TENSOR_H

#include "Element.h"
#include "SizeExpr.h"

#include <functional>
#include <memory>
#include <string>

namespace mlir::dyn::runtime {

/// Where a tensor lies in memory. Strides count elements.
struct View {
  char *data = nullptr;
  Sizes sizes;
  Sizes strides;

  bool isEmpty() const;
  bool isContiguous() const;
  /// Whether compiled code may work on it: aligned to the element, and
  /// contiguous, or if `strided`, contiguous in the innermost dimension.
  bool isUsable(const Element &element, bool strided) const;
};

/// The bytes of a contiguous tensor. Fails if they do not fit in int64_t;
/// `what` begins the sentence: "output 'y'".
size_t getBytes(const Element &element, Sizes sizes, const std::string &what);

/// Sets row-major strides without gaps and returns the bytes; fails as
/// `getBytes` does.
size_t setContiguous(const Element &element, Sizes sizes,
                     std::span<int64_t> strides, const std::string &what);

/// The view that a DLTensor of sizes that are not negative stands for;
/// `contiguous` are the strides of one that has none. Fails if there are
/// elements, but no memory.
View getView(const DLTensor &tensor, Sizes contiguous, const std::string &what);

/// Copies elements between views of the same sizes that do not overlap.
void copyElements(const View &from, const View &to, size_t elementSize);

struct FreeMemory {
  void operator()(void *memory) const;
};
using Memory = std::unique_ptr<char, FreeMemory>;

/// Memory aligned to DYN_ARENA_ALIGNMENT, never null. Fails if there is none;
/// `describe` gives its purpose then: "output 'y' [2, 11]".
Memory allocateMemory(size_t bytes,
                      const std::function<std::string()> &describe);

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_TENSOR_H
