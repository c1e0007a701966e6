//===- ChannelQuantizer.cpp - Floats as int8 with a scale a channel -------===//

#include "Dyn/Resources/Elements.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

using namespace mlir::dyn;

static constexpr float kLargestCode = 127;

ChannelQuantizer::ChannelQuantizer(std::span<const int64_t> shape, size_t axis)
    : channels(static_cast<uint64_t>(shape[axis])), largest(channels) {
  for (int64_t size : shape.subspan(axis + 1))
    inner *= static_cast<uint64_t>(size);
}

template <typename Visit>
void ChannelQuantizer::forEachRun(uint64_t first, uint64_t count,
                                  Visit visit) const {
  for (uint64_t begin = 0; begin < count;) {
    uint64_t channel = (first + begin) / inner % channels;
    // Along the channels if they are neighbours, within one otherwise.
    uint64_t left =
        inner == 1 ? channels - channel : inner - (first + begin) % inner;
    uint64_t end = std::min(count, begin + left);
    if (inner == 1)
      visit(channel, std::integral_constant<uint64_t, 1>(), begin, end);
    else
      visit(channel, std::integral_constant<uint64_t, 0>(), begin, end);
    begin = end;
  }
}

void ChannelQuantizer::observe(uint64_t first, std::span<const float> piece) {
  forEachRun(first, piece.size(),
             [&](uint64_t channel, auto step, uint64_t begin, uint64_t end) {
               const float *values = piece.data() + begin;
               uint32_t *most = largest.data() + channel;
               for (uint64_t i = 0; i < end - begin; ++i) {
                 uint32_t bits = std::bit_cast<uint32_t>(values[i]) & INT32_MAX;
                 most[step * i] = std::max(most[step * i], bits);
               }
             });
}

bool ChannelQuantizer::computeScales() {
  scales.reserve(channels);
  for (uint32_t bits : largest) {
    if (bits >= std::bit_cast<uint32_t>(std::numeric_limits<float>::infinity()))
      return false;
    // A subnormal scale would have few bits, and that of zeros be 0.
    scales.push_back(std::max(std::bit_cast<float>(bits) / kLargestCode,
                              std::numeric_limits<float>::min()));
  }
  return true;
}

void ChannelQuantizer::quantize(uint64_t first, std::span<const float> piece,
                                std::span<int8_t> target) const {
  assert(piece.size() == target.size() && "expects as many elements");
  forEachRun(first, piece.size(),
             [&](uint64_t channel, auto step, uint64_t begin, uint64_t end) {
               const float *values = piece.data() + begin;
               const float *scale = scales.data() + channel;
               int8_t *codes = target.data() + begin;
               // Adding this number leaves no bits below 1: rounds to nearest,
               // ties to even, without a call.
               constexpr float kRound = 0x1.8p23F;
               for (uint64_t i = 0; i < end - begin; ++i)
                 codes[i] = static_cast<int8_t>(static_cast<int32_t>(
                     values[i] / scale[step * i] + kRound - kRound));
             });
}
