//===- Tensor.cpp - Memory of tensors -------------------------------------===//

#include "Tensor.h"

#include "Failure.h"
#include "dyn/artifact.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace mlir::dyn::runtime {

bool View::isEmpty() const {
  return std::ranges::find(sizes, 0) != sizes.end();
}

bool View::isContiguous() const {
  int64_t stride = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] != 1 && strides[i] != stride)
      return isEmpty();
    stride *= sizes[i];
  }
  return true;
}

bool View::isUsable(const Element &element, bool strided) const {
  // Sizes of elements are powers of two.
  if (reinterpret_cast<uintptr_t>(data) & (element.size() - 1))
    return false;
  bool isInnermostDense =
      sizes.empty() || sizes.back() <= 1 || strides.back() == 1;
  return strided ? isInnermostDense : isContiguous();
}

[[noreturn]] static void failTooLarge(Sizes sizes, const std::string &what) {
  fail(DYN_INVALID_ARGUMENT, what, " of shape ", formatShape(sizes),
       " has more bytes than a number of 64 bits can count");
}

size_t setContiguous(const Element &element, Sizes sizes,
                     std::span<int64_t> strides, const std::string &what) {
  // Sizes of 0 are left out: strides must not overflow either.
  int64_t count = 1, bytes = 0;
  bool isEmpty = false, overflows = false;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = count;
    isEmpty |= sizes[i] == 0;
    overflows |=
        __builtin_mul_overflow(count, std::max<int64_t>(sizes[i], 1), &count);
  }
  overflows |= __builtin_mul_overflow(
      count, static_cast<int64_t>(element.size()), &bytes);
  if (overflows)
    failTooLarge(sizes, what);
  return isEmpty ? 0 : static_cast<size_t>(bytes);
}

size_t getBytes(const Element &element, Sizes sizes, const std::string &what) {
  std::vector<int64_t> strides(sizes.size());
  return setContiguous(element, sizes, strides, what);
}

View getView(const DLTensor &tensor, Sizes contiguous,
             const std::string &what) {
  View view;
  size_t rank = tensor.ndim;
  view.sizes = {tensor.shape, rank};
  view.strides = tensor.strides ? Sizes(tensor.strides, rank) : contiguous;
  if (tensor.data)
    view.data = static_cast<char *>(tensor.data) + tensor.byte_offset;
  else if (!view.isEmpty())
    fail(DYN_INVALID_ARGUMENT, what, " has no memory");
  return view;
}

static void copyDimension(const View &from, const View &to, size_t elementSize,
                          size_t dimension, const char *source,
                          char *destination) {
  if (dimension == from.sizes.size()) {
    std::memcpy(destination, source, elementSize);
    return;
  }
  int64_t size = from.sizes[dimension];
  bool isInnermost = dimension + 1 == from.sizes.size();
  if (isInnermost && from.strides[dimension] == 1 &&
      to.strides[dimension] == 1) {
    std::memcpy(destination, source, size * elementSize);
    return;
  }
  for (int64_t i = 0; i < size; ++i)
    copyDimension(from, to, elementSize, dimension + 1,
                  source + i * from.strides[dimension] * int64_t(elementSize),
                  destination +
                      i * to.strides[dimension] * int64_t(elementSize));
}

void copyElements(const View &from, const View &to, size_t elementSize) {
  if (!from.isEmpty())
    copyDimension(from, to, elementSize, 0, from.data, to.data);
}

void FreeMemory::operator()(void *memory) const { std::free(memory); }

Memory allocateMemory(size_t bytes,
                      const std::function<std::string()> &describe) {
  void *memory = nullptr;
  if (posix_memalign(&memory, DYN_ARENA_ALIGNMENT,
                     std::max<size_t>(bytes, 1)) != 0)
    fail(DYN_NO_MEMORY, "no memory for ", describe(), ": ", bytes, " bytes");
  return Memory(static_cast<char *>(memory));
}

} // namespace mlir::dyn::runtime
