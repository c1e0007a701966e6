//===- SeedsTest.cpp - The fuzzers' seeds as tests ------------------------===//

#include "../Seeds.h"
#include "Dyn/Resources/Safetensors.h"

using namespace mlir::dyn;

namespace {

class SeedsTest : public SeedTest {};

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

  std::vector<uint8_t> bytes = readSeed(GetParam());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 1000); ++i) {
    for (uint8_t flip : {0x01, 0x10, 0x80}) {
      bytes[i] ^= flip;
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      bytes[i] ^= flip;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Safetensors, SeedsTest,
                         testing::ValuesIn(listSeeds(DYN_SAFETENSORS_SEEDS)),
                         nameSeed);

TEST(SeedsFolderTest, ThereAreSeeds) {
  EXPECT_GE(listSeeds(DYN_SAFETENSORS_SEEDS).size(), 30u);
}

} // namespace
