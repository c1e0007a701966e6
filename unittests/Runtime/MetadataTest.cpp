//===- MetadataTest.cpp - What an artifact says of itself -----------------===//

#include "Metadata.h"

#include "Failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir::dyn::runtime;
using testing::HasSubstr;

static const std::string kMetadata = R"({
  "dyn": "0.1.0", "name": "m",
  "targets": [{"cpu": "c", "triple": "t", "features": ["f"]}],
  "symbols": [{"name": "B", "min": 1, "max": 64, "multiple": 8},
              {"name": "S", "min": 0}],
  "inputs": [{"name": "x", "type": "bf16", "shape": ["B", ["*", 2, "S"]],
              "strided": true}],
  "outputs": [{"name": "y", "type": "bf16", "shape": [["mod", "S", 4], "?"]},
              {"name": "z", "type": "bf16", "strided": true, "alias": "x",
               "shape": ["B", ["+", ["*", 2, "S"], 1]]}],
  "weights": [{"name": "w", "type": "ui8", "shape": [3, 4], "file": 0,
               "offset": 64, "bytes": 12}],
  "files": [{"path": "w.bin", "size": 76, "stamp": "00ff"}],
  "arena": {"bytes": ["align", ["*", "B", 4], 64], "text": "4 * B"},
  "later": "ignored"
})";

/// The error of the metadata above with `from` replaced by `to`.
static std::string getError(const std::string &from, const std::string &to) {
  std::string text = kMetadata;
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  text.replace(at, from.size(), to);
  try {
    parseMetadata(text, "m.so");
  } catch (const Failure &failure) {
    EXPECT_EQ(failure.status, DYN_INVALID_ARTIFACT);
    return failure.message;
  }
  return "none";
}

TEST(MetadataTest, ReadsAllFields) {
  Metadata metadata = parseMetadata(kMetadata, "m.so");
  EXPECT_EQ(metadata.name, "m");
  EXPECT_EQ(metadata.targets.at(0).features.at(0), "f");
  EXPECT_EQ(metadata.symbols.at(0).multiple, 8);
  EXPECT_EQ(metadata.symbols.at(1).max, INT64_MAX);
  EXPECT_EQ(formatShape(metadata.inputs.at(0).shape), "[B, 2 * S]");
  EXPECT_TRUE(metadata.inputs[0].strided);
  EXPECT_EQ(formatShape(metadata.outputs.at(0).shape), "[S mod 4, ?]");
  EXPECT_FALSE(metadata.outputs[0].alias);
  EXPECT_EQ(metadata.outputs.at(1).alias, 0u);
  EXPECT_EQ(metadata.weights.at(0).element->size(), 1u);
  EXPECT_EQ(metadata.files.at(0).size, 76u);
  EXPECT_EQ(metadata.arenaBytes.evaluate({{17}, {0}}), 128);
  EXPECT_EQ(metadata.arenaFormula, "4 * B");
  EXPECT_TRUE(metadata.messages.empty());
}

TEST(MetadataTest, SaysWhatIsWrong) {
  EXPECT_THAT(getError("{", "["), HasSubstr("m.so is damaged: its metadata"));
  EXPECT_THAT(getError("\"name\": \"m\",", ""), HasSubstr("'name' not found"));
  EXPECT_THAT(getError("\"min\": 1", "\"min\": \"1\""), HasSubstr("number"));
  EXPECT_EQ(getError("bf16", "f12"),
            "m.so is damaged: there is no element type 'f12'");
  EXPECT_EQ(getError("[\"B\", [\"*\"", "[\"Q\", [\"*\""),
            "m.so is damaged: size 'Q' is no symbol");
  EXPECT_EQ(getError("\"mod\"", "\"sin\""),
            "m.so is damaged: there is no operator 'sin' of sizes");
  EXPECT_EQ(getError("[\"mod\", \"S\", 4]", "[\"mod\", \"S\"]"),
            "m.so is damaged: operator 'mod' has 1 operands");
  EXPECT_EQ(getError("\"multiple\": 8", "\"multiple\": 0"),
            "m.so is damaged: symbol 'B' is a multiple of 0");
  EXPECT_EQ(getError("\"shape\": [\"B\", [", "\"shape\": [\"?\", ["),
            "m.so is damaged: input 'x' has a size '?'");
  EXPECT_EQ(getError("\"bytes\": 12", "\"bytes\": 13"),
            "m.so is damaged: weight 'w' of type ui8 [3, 4] has 13 bytes");
  EXPECT_EQ(getError("[3, 4]", "[-3, -4]"),
            "m.so is damaged: weight 'w' of type ui8 [-3, -4] has 12 bytes");
  EXPECT_EQ(getError("\"file\": 0", "\"file\": 1"),
            "m.so is damaged: weight 'w' has no file");
  EXPECT_EQ(getError("\"alias\": \"x\"", "\"alias\": \"w\""),
            "m.so is damaged: output 'z' aliases 'w', which is no input");
  EXPECT_EQ(getError("\"strided\": true, \"alias\"", "\"alias\""),
            "m.so is damaged: output 'z' cannot alias input 'x'");
}
