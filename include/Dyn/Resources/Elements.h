//===- Elements.h - Arithmetic on the elements of weights -------*- C++ -*-===//
//
// What passes compute on weights, on spans that may be any piece of a tensor:
// whoever walks a large one keeps a piece in memory. Sources may start at any
// byte, as slices of files do.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_RESOURCES_ELEMENTS_H
#define DYN_RESOURCES_ELEMENTS_H

#include "Dyn/Resources/ElementType.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mlir::dyn {

/// Converts the floats `source` to as many floats `target`. `from` is F16,
/// BF16, F32 or F64; `to` is F16, BF16 or F32. Rounds once, to nearest, ties to
/// even (IEEE 754-2019, 4.3.1): what is too large becomes infinite, what is
/// small subnormal. Infinities, signs of zeros and of NaN are kept; NaN stays
/// NaN. `target` is aligned to its elements.
void convertFloats(ElementType from, std::span<const std::byte> source,
                   ElementType to, std::span<std::byte> target);

/// A tensor with its axes permuted, as by NumPy's `transpose`: axis `i` of the
/// result is axis `permutation[i]` of the source. The result comes in rows,
/// each a contiguous part of it.
class Permutation {
public:
  /// `elementBytes` is 1, 2, 4 or 8.
  Permutation(size_t elementBytes, std::span<const int64_t> shape,
              std::span<const int64_t> permutation);

  /// 0 if the tensor is empty.
  uint64_t getNumRows() const { return numRows; }
  uint64_t getRowBytes() const { return rowBytes; }
  /// Computes rows [`first`, `first` + `count`) of the result. `source` is the
  /// whole tensor, `target` `count * getRowBytes()` bytes.
  void copyRows(std::span<const std::byte> source, uint64_t first,
                uint64_t count, std::span<std::byte> target) const;

private:
  /// An axis of the result: its size, and the distance of its elements in the
  /// source, in elements.
  struct Axis {
    uint64_t size;
    uint64_t stride;
  };

  size_t elementBytes;
  std::vector<Axis> axes; ///< Outermost first; neighbours that can be are one.
  uint64_t numRows = 0;
  uint64_t rowBytes = 0;
};

/// Symmetric quantization to int8 with one scale for each index of one axis, a
/// channel: `q = round(w / scale)`, at most 127 in size, so that
///
///     |w - q * scale| <= (0.5 + 2^-16) * scale.
///
/// `scale` is the largest |w| of the channel / 127, but at least the smallest
/// normal f32, 2^-126. Pieces of the tensor are shown to `observe` first, then,
/// once scales are computed, quantized.
///
/// Source: Jacob et al., "Quantization and Training of Neural Networks for
/// Efficient Integer-Arithmetic-Only Inference" (2018), with zero point 0.
class ChannelQuantizer {
public:
  ChannelQuantizer(std::span<const int64_t> shape, size_t axis);

  /// `piece` holds elements from number `first` on, in the tensor's order.
  void observe(uint64_t first, std::span<const float> piece);
  /// False if an element was NaN or infinite.
  bool computeScales();
  /// One a channel.
  const std::vector<float> &getScales() const { return scales; }
  void quantize(uint64_t first, std::span<const float> piece,
                std::span<int8_t> target) const;

private:
  /// Calls `visit(channel, step, begin, end)` for the runs of a piece: element
  /// `begin + i` belongs to `channel + step * i`.
  template <typename Visit>
  void forEachRun(uint64_t first, uint64_t count, Visit visit) const;

  uint64_t channels;
  uint64_t inner = 1; ///< Neighbours in one channel.
  /// The largest |w| so far, as bits, which for floats of one sign compare as
  /// the numbers do, with NaN above all.
  std::vector<uint32_t> largest;
  std::vector<float> scales;
};

} // namespace mlir::dyn

#endif // DYN_RESOURCES_ELEMENTS_H
