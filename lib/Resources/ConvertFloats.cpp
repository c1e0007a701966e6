//===- ConvertFloats.cpp - Floats of one type as another ------------------===//
//
// Branch-free arithmetic on bits, which compilers turn into vector code on
// every target: LLVM's APFloat takes some 20 ns an element, and conversions of
// the compiler's half types are library calls on CPUs without F16C.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Resources/Elements.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

using namespace mlir::dyn;

/// Elements converted at a time, by way of f32 in the first-level cache.
static constexpr size_t kBlock = 1024;

static uint32_t toBits(float value) { return std::bit_cast<uint32_t>(value); }
static float toFloat(uint32_t bits) { return std::bit_cast<float>(bits); }

//===----------------------------------------------------------------------===//
// To f32
//===----------------------------------------------------------------------===//

static float fromBF16(uint16_t value) { return toFloat(uint32_t(value) << 16); }

/// The exponent is put right by a multiplication, which makes subnormal numbers
/// normal as well.
static float fromF16(uint16_t value) {
  float scaled = toFloat(uint32_t(value & 0x7FFF) << 13) * 0x1p112F;
  uint32_t special = scaled >= 0x1p16F ? 0x7F800000 : 0;
  return toFloat(toBits(scaled) | special | uint32_t(value & 0x8000) << 16);
}

/// Rounds to odd: a result that is not exact has its last bit set, so that
/// rounding it once more, to a type of at least two bits less, gives what
/// rounding `value` would have given.
static float fromF64ToOdd(double value) {
  float nearest = static_cast<float>(value);
  uint32_t bits = toBits(nearest);
  bool isInexact = static_cast<double>(nearest) != value;
  if (isInexact && !std::isnan(value) && (bits & 1) == 0)
    bits += std::fabs(static_cast<double>(nearest)) > std::fabs(value) ? -1 : 1;
  return toFloat(bits);
}

//===----------------------------------------------------------------------===//
// From f32
//===----------------------------------------------------------------------===//

static uint16_t toBF16(float value) {
  uint32_t bits = toBits(value);
  uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  uint32_t quietNaN = bits >> 16 | 0x40;
  return static_cast<uint16_t>((bits & 0x7FFFFFFF) > 0x7F800000 ? quietNaN
                                                                : rounded);
}

static uint16_t toF16(float value) {
  uint32_t sign = toBits(value) & 0x80000000;
  uint32_t bits = toBits(value) ^ sign;
  // 0.5 has f32's last bit where f16's last subnormal bit is: the sum rounds
  // there.
  uint32_t subnormal = toBits(toFloat(bits) + 0.5F) - toBits(0.5F);
  constexpr uint32_t kRebias = (127 - 15) << 23;
  uint32_t normal = (bits - kRebias + 0xFFF + (bits >> 13 & 1)) >> 13;
  uint32_t special = bits > 0x7F800000 ? 0x7E00 : 0x7C00;
  uint32_t magnitude = bits >= toBits(0x1p16F)   ? special
                       : bits < toBits(0x1p-14F) ? subnormal
                                                 : normal;
  return static_cast<uint16_t>(magnitude | sign >> 16);
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// `target[i] = convert(source[i])`; `source` may be misaligned.
template <typename From, typename To, typename Convert>
static void convertBlock(const std::byte *source, To *target, size_t count,
                         Convert convert) {
  for (size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, source + i * sizeof(From), sizeof(From));
    target[i] = convert(value);
  }
}

static void readBlock(ElementType from, const std::byte *source, float *target,
                      size_t count, bool roundToOdd) {
  switch (from) {
  case ElementType::F16:
    return convertBlock<uint16_t>(source, target, count, fromF16);
  case ElementType::BF16:
    return convertBlock<uint16_t>(source, target, count, fromBF16);
  case ElementType::F64:
    if (roundToOdd)
      return convertBlock<double>(source, target, count, fromF64ToOdd);
    return convertBlock<double>(source, target, count,
                                [](double value) { return float(value); });
  default:
    assert(from == ElementType::F32 && "expects floats");
    std::memcpy(target, source, count * sizeof(float));
  }
}

void mlir::dyn::convertFloats(ElementType from,
                              std::span<const std::byte> source, ElementType to,
                              std::span<std::byte> target) {
  size_t fromBytes = getByteWidth(from), toBytes = getByteWidth(to);
  assert(source.size() / fromBytes == target.size() / toBytes &&
         "expects as many elements");
  std::array<float, kBlock> block;
  for (size_t count = source.size() / fromBytes, first = 0; first < count;
       first += kBlock) {
    size_t size = std::min(kBlock, count - first);
    readBlock(from, source.data() + first * fromBytes, block.data(), size,
              to != ElementType::F32);
    auto *values = reinterpret_cast<const std::byte *>(block.data());
    std::byte *out = target.data() + first * toBytes;
    if (to == ElementType::F16)
      convertBlock<float>(values, reinterpret_cast<uint16_t *>(out), size,
                          toF16);
    else if (to == ElementType::BF16)
      convertBlock<float>(values, reinterpret_cast<uint16_t *>(out), size,
                          toBF16);
    else
      std::memcpy(out, values, size * sizeof(float));
  }
}
