//===- Tensor.cpp - Memory of tensors -------------------------------------===//

#include "Tensor.h"

#include "Failure.h"
#include "SizeExpr.h"
#include "dyn/artifact.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace mlir::dyn::runtime {

Sizes getContiguousStrides(const Sizes &sizes) {
  Sizes strides(sizes.size());
  int64_t stride = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<int64_t>(sizes[i], 1);
  }
  return strides;
}

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
  if (reinterpret_cast<uintptr_t>(data) % element.size() != 0)
    return false;
  bool isInnermostDense =
      sizes.empty() || sizes.back() <= 1 || strides.back() == 1;
  return strided ? isInnermostDense : isContiguous();
}

size_t getBytes(const Element &element, const Sizes &sizes,
                const std::string &what) {
  // Sizes of 0 are left out: strides must not overflow either.
  int64_t bytes = static_cast<int64_t>(element.size());
  bool isEmpty = false;
  for (int64_t size : sizes) {
    isEmpty |= size == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes))
      fail(DYN_INVALID_ARGUMENT, what, " of shape ", formatShape(sizes),
           " has more bytes than a number of 64 bits can count");
  }
  return isEmpty ? 0 : static_cast<size_t>(bytes);
}

View getView(const DLTensor &tensor, const Element &element,
             const std::string &what) {
  View view;
  view.sizes = Sizes(tensor.shape, tensor.shape + tensor.ndim);
  getBytes(element, view.sizes, what);
  if (tensor.strides)
    view.strides = Sizes(tensor.strides, tensor.strides + tensor.ndim);
  else
    view.strides = getContiguousStrides(view.sizes);
  if (!tensor.data && !view.isEmpty())
    fail(DYN_INVALID_ARGUMENT, what, " has no memory");
  if (tensor.data)
    view.data = static_cast<char *>(tensor.data) + tensor.byte_offset;
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
