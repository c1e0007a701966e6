//===- SeedsTest.cpp - The bytecode fuzzer's seeds as tests ---------------===//

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static std::vector<std::filesystem::path> listSeeds() {
  std::vector<std::filesystem::path> seeds;
  for (const auto &entry :
       std::filesystem::directory_iterator(DYN_BYTECODE_SEEDS))
    seeds.push_back(entry.path());
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

namespace {

class BytecodeSeedsTest : public testing::TestWithParam<std::filesystem::path> {
};

// What the dialect reads, a part of it and with a wrong byte, is read or
// refused with an error, which the fuzzer's own checks look at.
TEST_P(BytecodeSeedsTest, IsReadOrRefused) {
  std::ifstream file(GetParam(), std::ios::binary);
  std::vector<uint8_t> bytes(std::istreambuf_iterator<char>(file), {});
  ASSERT_FALSE(bytes.empty());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  for (size_t size = 0; size < bytes.size(); size += 7)
    LLVMFuzzerTestOneInput(bytes.data(), size);
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 100); ++i) {
    uint8_t byte = bytes[i];
    for (uint8_t flip : {0x01, 0x04, 0x80}) {
      bytes[i] = byte ^ flip;
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    }
    bytes[i] = byte;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, BytecodeSeedsTest,
                         testing::ValuesIn(listSeeds()), [](const auto &info) {
                           std::string name = info.param.filename().string();
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

} // namespace
