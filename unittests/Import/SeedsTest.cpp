//===- SeedsTest.cpp - The ONNX fuzzer's seeds as tests -------------------===//

#include "../Seeds.h"

using namespace mlir::dyn;

namespace {

class OnnxSeedsTest : public SeedTest {};

// A model, a part of it and a model with a wrong byte are imported or refused
// with an error, which the fuzzer's own checks look at.
TEST_P(OnnxSeedsTest, IsImportedOrRefused) {
  std::vector<uint8_t> bytes = readSeed(GetParam());
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

INSTANTIATE_TEST_SUITE_P(Seeds, OnnxSeedsTest,
                         testing::ValuesIn(listSeeds(DYN_ONNX_SEEDS)),
                         nameSeed);

} // namespace
