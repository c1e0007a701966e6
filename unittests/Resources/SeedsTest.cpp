//===- SeedsTest.cpp - The fuzzers' seeds as tests ------------------------===//

#include "Dyn/Resources/Safetensors.h"
#include "Testing.h"

using namespace mlir::dyn;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static std::vector<std::filesystem::path> listSeeds() {
  std::vector<std::filesystem::path> seeds;
  for (const auto &entry :
       std::filesystem::directory_iterator(DYN_SAFETENSORS_SEEDS))
    seeds.push_back(entry.path());
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

namespace {

class SeedsTest : public testing::TestWithParam<std::filesystem::path> {};

// Seeds called good-* are read, bad-* refused; the fuzzer's own checks hold for
// each, with any byte changed too.
TEST_P(SeedsTest, IsReadOrRefused) {
  std::string name = GetParam().filename().string();
  std::shared_ptr<const MappedFile> file =
      *MappedFile::open(GetParam().string());
  Result<SafetensorsIndex> index = SafetensorsIndex::parse(file->bytes(), name);
  if (name.starts_with("good-"))
    EXPECT_TRUE(index) << index.error().message();
  else if (name.starts_with("bad-"))
    EXPECT_FALSE(index);

  std::vector<uint8_t> bytes;
  for (std::byte byte : file->bytes())
    bytes.push_back(std::to_integer<uint8_t>(byte));
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 1000); ++i) {
    for (uint8_t flip : {0x01, 0x10, 0x80}) {
      bytes[i] ^= flip;
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      bytes[i] ^= flip;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Safetensors, SeedsTest, testing::ValuesIn(listSeeds()),
                         [](const auto &info) {
                           std::string name = info.param.filename().string();
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) {
                                 return !std::isalnum(
                                     static_cast<unsigned char>(c));
                               },
                               '_');
                           return name;
                         });

TEST(SeedsFolderTest, ThereAreSeeds) { EXPECT_GE(listSeeds().size(), 30u); }

} // namespace
