//===- Descriptors.h - Arguments as compiled code takes them ----*- C++ -*-===//

#ifndef DYN_RUNTIME_DESCRIPTORS_H
#define DYN_RUNTIME_DESCRIPTORS_H

#include "Tensor.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace mlir::dyn::runtime {

/// A memref descriptor, see artifact.h. Its words are a `Descriptors`'.
class Descriptor {
public:
  Descriptor(int64_t *words, size_t rank) : words(words), rank(rank) {}

  std::span<int64_t> getSizes() const { return {words + kHeader, rank}; }
  std::span<int64_t> getStrides() const {
    return {words + kHeader + rank, rank};
  }
  char *getData() const { return std::bit_cast<char *>(words[1]); }
  void setData(char *data) const {
    words[0] = words[1] = std::bit_cast<int64_t>(data);
  }
  View getView() const { return {getData(), getSizes(), getStrides()}; }

  /// For code that fills it in: what the code has left there.
  void clear() const { std::fill_n(words, countWords(rank), 0); }
  void *getAllocated() const { return std::bit_cast<void *>(words[0]); }
  View getView(const Element &element) const {
    View view = getView();
    view.data += words[2] * static_cast<int64_t>(element.size());
    return view;
  }

  static size_t countWords(size_t rank) { return kHeader + 2 * rank; }

private:
  /// Words before the sizes: allocated, aligned, offset.
  static constexpr size_t kHeader = 3;

  int64_t *words;
  size_t rank;
};

/// The descriptors of a call, one behind the other; all words are 0 at first.
class Descriptors {
public:
  explicit Descriptors(std::span<const size_t> ranks);
  // A copy's pointers would point into the original.
  Descriptors(const Descriptors &) = delete;

  Descriptor operator[](size_t index) {
    return {static_cast<int64_t *>(pointers[index]), ranks[index]};
  }
  /// As a `dyn_entry` takes them.
  void **getPointers() { return pointers.data(); }

private:
  std::vector<size_t> ranks;
  std::vector<int64_t> words;
  std::vector<void *> pointers;
};

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_DESCRIPTORS_H
