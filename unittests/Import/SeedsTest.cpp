//===- SeedsTest.cpp - The ONNX fuzzer's seeds as tests -------------------===//

#include "gtest/gtest.h"
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static std::vector<std::filesystem::path> listSeeds() {
  std::vector<std::filesystem::path> seeds;
  for (const auto &entry : std::filesystem::directory_iterator(DYN_ONNX_SEEDS))
    seeds.push_back(entry.path());
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

namespace {

class OnnxSeedsTest : public testing::TestWithParam<std::filesystem::path> {};

// A model, a part of it and a model with a wrong byte are imported or refused
// with an error, which the fuzzer's own checks look at.
TEST_P(OnnxSeedsTest, IsImportedOrRefused) {
  std::ifstream file(GetParam(), std::ios::binary);
  std::vector<uint8_t> bytes(std::istreambuf_iterator<char>(file), {});
  ASSERT_FALSE(bytes.empty());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  for (size_t size = 0; size < bytes.size(); size += 37)
    LLVMFuzzerTestOneInput(bytes.data(), size);
  for (size_t i = 0; i < bytes.size(); i += 7) {
    uint8_t byte = bytes[i];
    bytes[i] ^= 1 << i % 8;
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    bytes[i] = byte;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, OnnxSeedsTest, testing::ValuesIn(listSeeds()),
                         [](const auto &info) {
                           std::string name = info.param.filename().string();
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

} // namespace
