//===- ElementsTest.cpp ---------------------------------------------------===//

#include "Dyn/Resources/Elements.h"
#include "Testing.h"

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// convertFloats
//===----------------------------------------------------------------------===//

template <typename To, typename From>
static std::vector<To> convert(ElementType from, std::vector<From> values,
                               ElementType to) {
  std::vector<To> result(values.size());
  convertFloats(from, std::as_bytes(std::span(values)), to,
                std::as_writable_bytes(std::span(result)));
  return result;
}

/// The value of an IEEE number of 16 bits, by the definition.
static double decode(uint16_t bits, int exponentBits) {
  int fractionBits = 15 - exponentBits, bias = (1 << (exponentBits - 1)) - 1;
  int exponent = bits >> fractionBits & ((1 << exponentBits) - 1);
  int fraction = bits & ((1 << fractionBits) - 1);
  double sign = bits >> 15 ? -1 : 1;
  if (exponent == (1 << exponentBits) - 1)
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0)
    return sign * std::ldexp(fraction, 1 - bias - fractionBits);
  return sign * std::ldexp(fraction + (1 << fractionBits),
                           exponent - bias - fractionBits);
}

namespace {

struct Half {
  ElementType type;
  int exponentBits;
};

class HalfTest : public testing::TestWithParam<Half> {};

TEST_P(HalfTest, IsReadAsDefined) {
  std::vector<uint16_t> all(1 << 16);
  std::iota(all.begin(), all.end(), 0);
  auto floats = convert<float>(GetParam().type, all, ElementType::F32);
  for (uint32_t bits = 0; bits < all.size(); ++bits) {
    double expected = decode(bits, GetParam().exponentBits);
    if (std::isnan(expected))
      ASSERT_TRUE(std::isnan(floats[bits])) << bits;
    else
      ASSERT_EQ(floats[bits], expected) << bits;
    ASSERT_EQ(std::signbit(floats[bits]), bits >= 0x8000) << bits;
  }
}

// Between every two neighbours: the midpoint goes to the even one, what is
// next to it, also by less than f32 can tell, to the nearer one.
TEST_P(HalfTest, RoundsToNearestEven) {
  auto [type, exponentBits] = GetParam();
  uint32_t infinity = ((1U << exponentBits) - 1) << (15 - exponentBits);
  std::vector<double> values;
  std::vector<uint16_t> expected;
  for (uint32_t bits = 0; bits < infinity; ++bits) {
    double low = decode(bits, exponentBits);
    // Infinity rounds as if it were the next number.
    double high = bits + 1 == infinity
                      ? 2 * low - decode(bits - 1, exponentBits)
                      : decode(bits + 1, exponentBits);
    double middle = low + (high - low) / 2;
    for (auto [value, result] : {std::pair(low, bits),
                                 {middle, bits + (bits & 1)},
                                 {std::nextafter(middle, low), bits},
                                 {std::nextafter(middle, high), bits + 1}}) {
      values.insert(values.end(), {value, -value});
      expected.push_back(result);
      expected.push_back(result | 0x8000);
    }
  }
  EXPECT_EQ(convert<uint16_t>(ElementType::F64, values, type), expected);

  std::vector<float> floats;
  std::vector<uint16_t> exact;
  for (size_t i = 0; i < values.size(); ++i)
    if (static_cast<double>(static_cast<float>(values[i])) == values[i]) {
      floats.push_back(static_cast<float>(values[i]));
      exact.push_back(expected[i]);
    }
  EXPECT_GT(floats.size(), values.size() / 2 - 10);
  EXPECT_EQ(convert<uint16_t>(ElementType::F32, floats, type), exact);
}

TEST_P(HalfTest, KeepsSpecialValues) {
  auto [type, exponentBits] = GetParam();
  float infinity = std::numeric_limits<float>::infinity();
  float most = std::numeric_limits<float>::max();
  std::vector<float> values{infinity, -infinity, most, -most, 0, -0.0F};
  uint16_t result = ((1U << exponentBits) - 1) << (15 - exponentBits);
  std::vector<uint16_t> expected{result, static_cast<uint16_t>(result | 0x8000),
                                 result, static_cast<uint16_t>(result | 0x8000),
                                 0,      0x8000};
  EXPECT_EQ(convert<uint16_t>(ElementType::F32, values, type), expected);
  // Quiet and signaling NaN, of all payloads of one bit.
  std::vector<uint32_t> nans;
  for (int bit = 0; bit < 23; ++bit)
    nans.insert(nans.end(), {0x7F800000U | 1U << bit, 0xFF800000U | 1U << bit});
  auto bits = convert<uint16_t>(ElementType::F32, nans, type);
  for (size_t i = 0; i < bits.size(); ++i) {
    EXPECT_TRUE(std::isnan(decode(bits[i], exponentBits))) << nans[i];
    EXPECT_EQ(bits[i] >> 15, nans[i] >> 31);
  }
  std::vector<double> wide{1e300, -1e300, 1e-320,
                           std::numeric_limits<double>::quiet_NaN()};
  auto narrow = convert<uint16_t>(ElementType::F64, wide, type);
  EXPECT_EQ(narrow[0], result);
  EXPECT_EQ(narrow[1], result | 0x8000);
  EXPECT_EQ(narrow[2], 0);
  EXPECT_TRUE(std::isnan(decode(narrow[3], exponentBits)));
}

TEST_P(HalfTest, IsCopiedAsItself) {
  std::vector<uint16_t> all(1 << 16);
  std::iota(all.begin(), all.end(), 0);
  auto copy = convert<uint16_t>(GetParam().type, all, GetParam().type);
  for (uint32_t bits = 0; bits < all.size(); ++bits)
    if (!std::isnan(decode(bits, GetParam().exponentBits)))
      ASSERT_EQ(copy[bits], bits);
    else
      ASSERT_TRUE(std::isnan(decode(copy[bits], GetParam().exponentBits)));
}

INSTANTIATE_TEST_SUITE_P(, HalfTest,
                         testing::Values(Half{ElementType::F16, 5},
                                         Half{ElementType::BF16, 8}),
                         [](const auto &info) {
                           return std::string(getName(info.param.type));
                         });

TEST(ConvertFloatsTest, RoundsF64OnceToF32) {
  std::vector<double> values{1 + 0x1p-24, 1 + 0x1.8p-24, 1e300,
                             -0.0,        0x1p-149,      0x1p-150};
  std::vector<float> expected{1, 1 + 0x1p-23F, INFINITY, -0.0F, 0x1p-149F, 0};
  EXPECT_EQ(convert<float>(ElementType::F64, values, ElementType::F32),
            expected);
}

TEST(ConvertFloatsTest, ReadsFromAnyByteAndInAnySize) {
  for (size_t count : {0, 1, 3, 1023, 1024, 1025, 5000}) {
    std::vector<float> values(count);
    std::iota(values.begin(), values.end(), 0.0F);
    std::vector<std::byte> shifted(count * 4 + 1);
    std::memcpy(shifted.data() + 1, values.data(), count * 4);
    std::vector<uint16_t> result(count);
    convertFloats(ElementType::F32, std::span(shifted).subspan(1),
                  ElementType::F16, std::as_writable_bytes(std::span(result)));
    EXPECT_EQ(result,
              convert<uint16_t>(ElementType::F32, values, ElementType::F16));
  }
}

//===----------------------------------------------------------------------===//
// Permutation
//===----------------------------------------------------------------------===//

template <typename Element>
static std::vector<Element> permute(const std::vector<int64_t> &shape,
                                    const std::vector<int64_t> &permutation,
                                    const std::vector<Element> &source,
                                    uint64_t rowsAtOnce) {
  Permutation permuted(sizeof(Element), shape, permutation);
  std::vector<Element> result(source.size());
  std::span<std::byte> target = std::as_writable_bytes(std::span(result));
  EXPECT_EQ(permuted.getNumRows() * permuted.getRowBytes(), target.size());
  for (uint64_t row = 0; row < permuted.getNumRows(); row += rowsAtOnce) {
    uint64_t count = std::min(rowsAtOnce, permuted.getNumRows() - row);
    permuted.copyRows(std::as_bytes(std::span(source)), row, count,
                      target.subspan(row * permuted.getRowBytes(),
                                     count * permuted.getRowBytes()));
  }
  return result;
}

/// By the definition, index by index.
template <typename Element>
static std::vector<Element>
permuteSlowly(const std::vector<int64_t> &shape,
              const std::vector<int64_t> &permutation,
              const std::vector<Element> &source) {
  std::vector<Element> result;
  std::vector<int64_t> index(shape.size());
  for (size_t i = 0; i < source.size(); ++i) {
    size_t place = 0;
    std::vector<int64_t> from(shape.size());
    for (size_t axis = 0; axis < shape.size(); ++axis)
      from[permutation[axis]] = index[axis];
    for (size_t axis = 0; axis < shape.size(); ++axis)
      place = place * shape[axis] + from[axis];
    result.push_back(source[place]);
    for (size_t axis = shape.size();
         axis-- > 0 && ++index[axis] == shape[permutation[axis]];)
      index[axis] = 0;
  }
  return result;
}

template <typename Element>
static void checkAllPermutations(const std::vector<int64_t> &shape) {
  size_t elements = std::accumulate(shape.begin(), shape.end(), size_t(1),
                                    std::multiplies<>());
  std::vector<Element> source(elements);
  std::mt19937_64 random(7);
  for (Element &element : source)
    element = static_cast<Element>(random());
  std::vector<int64_t> permutation(shape.size());
  std::iota(permutation.begin(), permutation.end(), 0);
  do
    for (uint64_t rows : {1, 3, 1000000})
      EXPECT_EQ(permute(shape, permutation, source, rows),
                permuteSlowly(shape, permutation, source))
          << testing::PrintToString(shape)
          << testing::PrintToString(permutation);
  while (std::next_permutation(permutation.begin(), permutation.end()));
}

TEST(PermutationTest, MovesEveryElementToItsPlace) {
  for (const std::vector<int64_t> &shape :
       std::vector<std::vector<int64_t>>{{},
                                         {1},
                                         {5},
                                         {0, 3},
                                         {3, 0},
                                         {1, 7},
                                         {33, 65},
                                         {64, 32},
                                         {2, 3, 5},
                                         {1, 35, 1},
                                         {3, 1, 4, 1},
                                         {2, 3, 4, 5},
                                         {2, 1, 3, 2, 2}}) {
    checkAllPermutations<uint32_t>(shape);
    checkAllPermutations<uint8_t>(shape);
    checkAllPermutations<uint64_t>(shape);
  }
  checkAllPermutations<uint16_t>({5, 37, 33});
}

//===----------------------------------------------------------------------===//
// ChannelQuantizer
//===----------------------------------------------------------------------===//

/// Quantizes in pieces and checks the bound that the header states.
static void checkQuantized(const std::vector<int64_t> &shape, size_t axis,
                           const std::vector<float> &values, size_t piece) {
  ChannelQuantizer quantizer(shape, axis);
  std::vector<int8_t> codes(values.size());
  for (size_t i = 0; i < values.size(); i += piece)
    quantizer.observe(
        i, std::span(values).subspan(i, std::min(piece, values.size() - i)));
  ASSERT_TRUE(quantizer.computeScales());
  ASSERT_EQ(quantizer.getScales().size(), static_cast<size_t>(shape[axis]));
  for (size_t i = 0; i < values.size(); i += piece) {
    size_t size = std::min(piece, values.size() - i);
    quantizer.quantize(i, std::span(values).subspan(i, size),
                       std::span(codes).subspan(i, size));
  }
  size_t inner = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i)
    inner *= shape[i];
  std::vector<float> most(shape[axis]);
  for (size_t i = 0; i < values.size(); ++i) {
    size_t channel = i / inner % shape[axis];
    double scale = quantizer.getScales()[channel];
    ASSERT_LE(std::fabs(values[i] - codes[i] * scale), (0.5 + 0x1p-16) * scale)
        << i;
    ASSERT_GE(codes[i], -127);
    most[channel] = std::max(most[channel], std::fabs(values[i]));
  }
  for (size_t channel = 0; channel < most.size(); ++channel)
    EXPECT_EQ(quantizer.getScales()[channel],
              std::max(most[channel] / 127, 0x1p-126F));
}

TEST(ChannelQuantizerTest, KeepsItsBoundOnEveryAxis) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const std::vector<int64_t> &shape : std::vector<std::vector<int64_t>>{
           {1}, {7}, {0, 3}, {3, 0}, {31, 17}, {4, 5, 6}, {1, 9, 1}}) {
    size_t elements = std::accumulate(shape.begin(), shape.end(), size_t(1),
                                      std::multiplies<>());
    std::vector<float> values(elements);
    for (float &value : values)
      value = normal(random);
    for (size_t axis = 0; axis < shape.size(); ++axis)
      for (size_t piece : {1, 5, 1000})
        checkQuantized(shape, axis, values, piece);
  }
}

TEST(ChannelQuantizerTest, KeepsItsBoundAtTheEndsOfTheRange) {
  float most = std::numeric_limits<float>::max();
  checkQuantized(
      {4, 2}, 0,
      {most, -most / 3, 0x1p-149F, -0x1p-140F, 0, -0.0F, 0x1p-126F, 0x1p-120F},
      8);
}

TEST(ChannelQuantizerTest, RefusesNaNAndInfinity) {
  for (float bad : {NAN, -NAN, INFINITY, -INFINITY}) {
    ChannelQuantizer quantizer(std::vector<int64_t>{2, 2}, 1);
    std::vector<float> values{1, 2, bad, 3};
    quantizer.observe(0, values);
    EXPECT_FALSE(quantizer.computeScales());
  }
}

} // namespace
