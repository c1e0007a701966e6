//===- Permutation.cpp - A tensor with its axes permuted ------------------===//

#include "Dyn/Resources/Elements.h"

#include <algorithm>
#include <cassert>
#include <cstring>

using namespace mlir::dyn;

Permutation::Permutation(size_t elementBytes, std::span<const int64_t> shape,
                         std::span<const int64_t> permutation)
    : elementBytes(elementBytes) {
  assert(shape.size() == permutation.size() &&
         "expects a number for each axis");
  if (std::find(shape.begin(), shape.end(), 0) != shape.end())
    return;
  std::vector<uint64_t> strides(shape.size());
  uint64_t elements = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = elements;
    elements *= static_cast<uint64_t>(shape[axis]);
  }
  for (int64_t source : permutation) {
    Axis axis{static_cast<uint64_t>(shape[source]), strides[source]};
    if (axis.size == 1)
      continue;
    if (!axes.empty() && axes.back().stride == axis.size * axis.stride)
      axes.back() = {axes.back().size * axis.size, axis.stride};
    else
      axes.push_back(axis);
  }
  if (axes.empty())
    axes.push_back({1, 1});
  numRows = axes.front().size;
  rowBytes = elements / numRows * elementBytes;
}

/// Elements of a square that is read and written within the first-level cache.
static constexpr uint64_t kTile = 32;

namespace {
/// An axis of the result, with the distances of its elements in both tensors.
struct Loop {
  uint64_t size, source, target;
};
} // namespace

/// Copies a plane, tile by tile, so that both sides use the cache lines that
/// they touch.
template <typename Element>
static void copyPlane(const std::byte *source, std::byte *target, Loop rows,
                      Loop columns) {
  for (uint64_t row = 0; row < rows.size; row += kTile)
    for (uint64_t column = 0; column < columns.size; column += kTile)
      for (uint64_t i = row; i < std::min(row + kTile, rows.size); ++i)
        for (uint64_t j = column; j < std::min(column + kTile, columns.size);
             ++j)
          std::memcpy(
              target + (i * rows.target + j * columns.target) * sizeof(Element),
              source + (i * rows.source + j * columns.source) * sizeof(Element),
              sizeof(Element));
}

static void copyPlane(size_t elementBytes, const std::byte *source,
                      std::byte *target, Loop rows, Loop columns) {
  switch (elementBytes) {
  case 1:
    return copyPlane<uint8_t>(source, target, rows, columns);
  case 2:
    return copyPlane<uint16_t>(source, target, rows, columns);
  case 4:
    return copyPlane<uint32_t>(source, target, rows, columns);
  default:
    assert(elementBytes == 8 && "expects elements of 1, 2, 4 or 8 bytes");
    return copyPlane<uint64_t>(source, target, rows, columns);
  }
}

void Permutation::copyRows(std::span<const std::byte> source, uint64_t first,
                           uint64_t count, std::span<std::byte> target) const {
  assert(first + count <= numRows && target.size() == count * rowBytes &&
         "expects rows of the result");
  if (count == 0)
    return;
  std::vector<Loop> loops;
  uint64_t elements = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    uint64_t size = i == 0 ? count : axes[i].size;
    loops.insert(loops.begin(), {size, axes[i].stride, elements});
    elements *= size;
  }
  const std::byte *start =
      source.data() + first * axes.front().stride * elementBytes;
  // The axis that is contiguous in the result and the one that is in the source
  // make the plane; they are one if the innermost axis keeps its place.
  Loop columns = loops.back();
  loops.pop_back();
  Loop rows{1, 0, 0};
  auto contiguous =
      std::find_if(loops.begin(), loops.end(),
                   [](const Loop &loop) { return loop.source == 1; });
  if (columns.source != 1 && contiguous != loops.end()) {
    rows = *contiguous;
    loops.erase(contiguous);
  }
  std::vector<uint64_t> index(loops.size());
  while (true) {
    uint64_t from = 0, to = 0;
    for (size_t i = 0; i < loops.size(); ++i) {
      from += index[i] * loops[i].source;
      to += index[i] * loops[i].target;
    }
    const std::byte *planeSource = start + from * elementBytes;
    std::byte *planeTarget = target.data() + to * elementBytes;
    if (columns.source == 1)
      std::memcpy(planeTarget, planeSource, columns.size * elementBytes);
    else
      copyPlane(elementBytes, planeSource, planeTarget, rows, columns);
    size_t axis = loops.size();
    while (axis > 0 && ++index[axis - 1] == loops[axis - 1].size)
      index[--axis] = 0;
    if (axis == 0)
      return;
  }
}
