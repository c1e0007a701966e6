//===- Seeds.h - Seeds of fuzzers as tests ----------------------*- C++ -*-===//

#ifndef DYN_UNITTESTS_SEEDS_H
#define DYN_UNITTESTS_SEEDS_H

#include "gtest/gtest.h"
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace mlir::dyn {

/// A test for each seed; made with `INSTANTIATE_TEST_SUITE_P` of
/// `testing::ValuesIn(listSeeds(...))` and `nameSeed`.
using SeedTest = testing::TestWithParam<std::filesystem::path>;

inline std::vector<std::filesystem::path> listSeeds(const char *folder) {
  std::vector<std::filesystem::path> seeds;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    seeds.push_back(entry.path());
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

inline std::vector<uint8_t> readSeed(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  return std::vector<uint8_t>(std::istreambuf_iterator<char>(file), {});
}

inline std::string
nameSeed(const testing::TestParamInfo<std::filesystem::path> &info) {
  std::string name = info.param.filename().string();
  std::replace_if(
      name.begin(), name.end(),
      [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

} // namespace mlir::dyn

#endif // DYN_UNITTESTS_SEEDS_H
