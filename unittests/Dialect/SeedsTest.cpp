//===- SeedsTest.cpp - The bytecode fuzzer's seeds as tests ---------------===//

#include "../Seeds.h"

using namespace mlir::dyn;

namespace {

class BytecodeSeedsTest : public SeedTest {};

// What the dialect reads, a part of it and with a wrong byte, is read or
// refused with an error, which the fuzzer's own checks look at.
TEST_P(BytecodeSeedsTest, IsReadOrRefused) {
  std::vector<uint8_t> bytes = readSeed(GetParam());
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
                         testing::ValuesIn(listSeeds(DYN_BYTECODE_SEEDS)),
                         nameSeed);

} // namespace
