//===- WeightsTest.cpp - Weights of models --------------------------------===//

#include "Artifacts.h"
#include "Dyn/Resources/MappedFile.h"
#include "Dyn/Resources/Safetensors.h"

#include <cinttypes>
#include <cstring>

using namespace mlir::dyn;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

namespace {
class WeightsTest : public testing::Test {
protected:
  /// linear.so beside linear.bin: w = [1, 10, 100] at 4, b = 0.5 at 20.
  void SetUp() override {
    std::string bytes(28, '\0');
    const float w[] = {1, 10, 100};
    const double b = 0.5;
    std::memcpy(&bytes[4], w, sizeof(w));
    std::memcpy(&bytes[20], &b, sizeof(b));
    writeFile(folder / "linear.bin", bytes);
    write("linear.so", {});
  }

  void write(const std::string &name, Replacements replacements) {
    auto file = MappedFile::open(folder / "linear.bin");
    ASSERT_TRUE(file);
    char digest[17];
    snprintf(digest, sizeof(digest), "%016" PRIx64,
             computeStamp(**file).digest);
    replacements.push_back({"0123456789abcdef", digest});
    patchArtifact("linear", folder / name, replacements);
  }

  /// Opens with another folder or file of weights; the error or "".
  std::string open(dyn_model **model, const std::string &weights = "",
                   const std::string &weightsFolder = "",
                   const std::string &name = "linear.so") {
    dyn_options options = {};
    options.size = sizeof(options);
    options.weights = weights.empty() ? nullptr : weights.c_str();
    options.weights_folder =
        weightsFolder.empty() ? nullptr : weightsFolder.c_str();
    dyn_status status =
        dyn_model_open((folder / name).c_str(), &options, model);
    if (status == DYN_OK)
      return "";
    EXPECT_EQ(status, DYN_INVALID_WEIGHTS);
    return dyn_last_error();
  }
  std::string getError(const std::string &weights = "",
                       const std::string &weightsFolder = "",
                       const std::string &name = "linear.so") {
    dyn_model *model = nullptr;
    std::string error = open(&model, weights, weightsFolder, name);
    EXPECT_NE(error, "");
    dyn_model_close(model);
    return error;
  }

  static std::vector<float> run(dyn_model *model) {
    Tensor<float> x({2, 3}, {1, 2, 3, 4, 5, 6}), y({2});
    dyn_argument input = {"x", &x}, output = {"y", &y};
    EXPECT_EQ(dyn_model_run(model, &input, 1, &output, 1, nullptr), DYN_OK);
    dyn_model_close(model);
    return y.elements;
  }

  void writeSafetensors(const std::string &name,
                        const std::vector<TensorSpec> &tensors,
                        const std::vector<float> &w) {
    auto writer = SafetensorsWriter::create(folder / name, tensors);
    ASSERT_TRUE(writer);
    for (const TensorSpec &tensor : tensors) {
      double b = 0;
      auto bytes = tensor.type == ElementType::F64
                       ? std::as_bytes(std::span(&b, 1))
                       : std::as_bytes(std::span(w));
      ASSERT_TRUE(writer->write(tensor.name, bytes));
    }
    ASSERT_TRUE(writer->commit());
  }

  TemporaryFolder folder;
};
} // namespace

TEST_F(WeightsTest, AreMapped) {
  dyn_model *model = nullptr;
  ASSERT_EQ(open(&model), "");
  // b is a double at an odd multiple of four bytes.
  EXPECT_THAT(run(model), ElementsAre(321.5, 654.5));
}

TEST_F(WeightsTest, AreTakenFromAnotherFolder) {
  TemporaryFolder elsewhere;
  std::filesystem::rename(folder / "linear.bin", elsewhere / "linear.bin");
  EXPECT_THAT(getError(), testing::AllOf(HasSubstr("weights of linear.so: "),
                                         HasSubstr("linear.bin"),
                                         HasSubstr("no such file")));
  dyn_model *model = nullptr;
  ASSERT_EQ(open(&model, "", elsewhere / ""), "");
  EXPECT_THAT(run(model), ElementsAre(321.5, 654.5));
}

TEST_F(WeightsTest, AreRefusedIfTheyChanged) {
  std::string bytes = readFile(folder / "linear.bin");
  bytes[5] ^= 1;
  writeFile(folder / "linear.bin", bytes);
  EXPECT_THAT(getError(),
              testing::AllOf(HasSubstr("linear.bin"), HasSubstr("another file"),
                             EndsWith("compile the model again, or put the "
                                      "old file back")));
  writeFile(folder / "linear.bin", bytes.substr(0, 20));
  EXPECT_THAT(getError(), testing::AllOf(HasSubstr("20"), HasSubstr("28")));
}

TEST_F(WeightsTest, AreRefusedIfTheyAreNotInTheFile) {
  for (const char *offset : {"21", "29", "18446744073709551615"}) {
    write("short.so",
          {{"\"offset\": 20", "\"offset\": " + std::string(offset)}});
    EXPECT_THAT(getError("", "", "short.so"),
                EndsWith("weight 'b' needs 8 bytes at " + std::string(offset) +
                         ", the file has 28"));
  }
}

TEST_F(WeightsTest, AreReplacedByName) {
  writeSafetensors("other.safetensors",
                   {{"b", ElementType::F64, {}}, {"w", ElementType::F32, {3}}},
                   {2, 0, 1});
  std::filesystem::remove(folder / "linear.bin");
  dyn_model *model = nullptr;
  ASSERT_EQ(open(&model, folder / "other.safetensors"), "");
  EXPECT_THAT(run(model), ElementsAre(5, 14));
}

TEST_F(WeightsTest, AreRefusedAsReplacementIfTheyDoNotFit) {
  writeSafetensors("few.safetensors", {{"w", ElementType::F32, {3}}},
                   {1, 2, 3});
  EXPECT_THAT(getError(folder / "few.safetensors"),
              EndsWith("few.safetensors has no tensor 'b'"));
  writeSafetensors("shape.safetensors",
                   {{"b", ElementType::F64, {}}, {"w", ElementType::F32, {2}}},
                   {1, 2});
  EXPECT_THAT(getError(folder / "shape.safetensors"),
              EndsWith("tensor 'w' is f32 [2], expected f32 [3]"));
  writeSafetensors("type.safetensors",
                   {{"b", ElementType::F64, {}}, {"w", ElementType::I32, {3}}},
                   {1, 2, 3});
  EXPECT_THAT(getError(folder / "type.safetensors"),
              EndsWith("tensor 'w' is i32 [3], expected f32 [3]"));
  EXPECT_THAT(getError(folder / "none.safetensors"),
              HasSubstr("weights for linear.so: "));
}
