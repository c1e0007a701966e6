//===- Sizes.h - The sizes or strides of a tensor ---------------*- C++ -*-===//

#ifndef DYN_RUNTIME_SIZES_H
#define DYN_RUNTIME_SIZES_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>

namespace mlir::dyn::runtime {

/// Numbers, one a dimension. Up to four need no allocation: with vectors, the
/// allocations for its results took most of a small model's run.
class Sizes {
public:
  Sizes() = default;
  /// As many zeros.
  explicit Sizes(size_t count) { grow(count); }
  Sizes(const int64_t *first, const int64_t *last) {
    grow(last - first);
    if (many)
      std::copy(first, last, many.get());
    else
      copyFew(first);
  }
  Sizes(std::initializer_list<int64_t> values)
      : Sizes(values.begin(), values.end()) {}
  Sizes(const Sizes &other) : Sizes(other.begin(), other.end()) {}
  Sizes(Sizes &&other) noexcept
      : count(other.count), many(std::move(other.many)) {
    copyFew(other.few);
    other.count = 0;
  }
  Sizes &operator=(Sizes other) noexcept {
    count = other.count;
    many = std::move(other.many);
    copyFew(other.few);
    return *this;
  }

  size_t size() const { return count; }
  bool empty() const { return count == 0; }
  int64_t *begin() { return many ? many.get() : few; }
  int64_t *end() { return begin() + count; }
  const int64_t *begin() const { return many ? many.get() : few; }
  const int64_t *end() const { return begin() + count; }
  int64_t *data() { return begin(); }
  int64_t &operator[](size_t index) { return begin()[index]; }
  int64_t operator[](size_t index) const { return begin()[index]; }
  int64_t back() const { return end()[-1]; }
  bool operator==(const Sizes &other) const {
    if (count != other.count)
      return false;
    const int64_t *theirs = other.begin();
    for (int64_t number : *this)
      if (number != *theirs++)
        return false;
    return true;
  }

private:
  static constexpr size_t kFew = 4;

  void grow(size_t newCount) {
    count = newCount;
    if (count > kFew)
      many = std::make_unique<int64_t[]>(count);
  }
  /// One by one: a call of memmove takes longer, and a wide load of numbers
  /// that were just written waits for them to be in the cache.
  void copyFew(const int64_t *from) {
    switch (many ? 0 : count) {
    case 4:
      few[3] = from[3];
      [[fallthrough]];
    case 3:
      few[2] = from[2];
      [[fallthrough]];
    case 2:
      few[1] = from[1];
      [[fallthrough]];
    case 1:
      few[0] = from[0];
      [[fallthrough]];
    default:
      break;
    }
  }

  size_t count = 0;
  std::unique_ptr<int64_t[]> many;
  int64_t few[kFew] = {};
};

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_SIZES_H
