//===- SignatureTest.cpp - Arguments of a call against the model's --------===//

#include "Signature.h"

#include "Failure.h"
#include "Testing.h"

#include <nlohmann/json.hpp>

using namespace mlir::dyn::runtime;

/// The symbols for inputs of these shapes, or the error.
static std::string solve(const std::string &symbols, const std::string &shapes,
                         const std::vector<std::vector<int64_t>> &given) {
  nlohmann::json metadata = nlohmann::json::parse(R"({"name": "m",
    "targets": [], "outputs": [], "weights": [], "files": [], "inputs": [],
    "arena": {"bytes": 0, "text": ""}})");
  metadata["symbols"] = nlohmann::json::parse(symbols);
  for (const auto &shape : nlohmann::json::parse(shapes)) {
    std::string name = "x" + std::to_string(metadata["inputs"].size());
    metadata["inputs"].push_back(
        {{"name", name}, {"type", "f32"}, {"shape", shape}});
  }
  Metadata parsed = parseMetadata(metadata.dump(), "m.so");
  std::vector<DLTensor> tensors;
  for (const std::vector<int64_t> &shape : given)
    tensors.push_back({nullptr,
                       {kDLCPU, 0},
                       static_cast<int>(shape.size()),
                       kType<float>,
                       const_cast<int64_t *>(shape.data()),
                       nullptr,
                       0});
  Tensors pointers;
  for (const DLTensor &tensor : tensors)
    pointers.push_back(&tensor);
  try {
    SymbolValues symbols;
    solveSymbols(parsed, pointers, symbols);
    return formatSymbols(parsed, symbols);
  } catch (const Failure &failure) {
    EXPECT_EQ(failure.status, DYN_INVALID_ARGUMENT);
    return failure.message;
  }
}

static const char *const kS = R"([{"name": "S", "min": 0}])";
static const char *const kBS = R"([{"name": "B", "min": 1, "max": 64},
                                   {"name": "S", "min": 8, "max": 512,
                                    "multiple": 8}])";
static const char *const kPS = R"([{"name": "P", "min": 0},
                                   {"name": "S", "min": 0}])";

TEST(SignatureTest, SolvesSymbols) {
  EXPECT_EQ(solve(kBS, R"([["B", "S"], ["B", "S"]])", {{2, 16}, {2, 16}}),
            "B = 2, S = 16");
  EXPECT_EQ(solve(kS, R"([[["*", 2, "S"], 3]])", {{14, 3}}), "S = 7");
  // The second input gives S, which the first needs for P.
  EXPECT_EQ(solve(kPS, R"([[["+", "P", "S"]], ["S"]])", {{9}, {4}}),
            "P = 5, S = 4");
  EXPECT_EQ(solve(kPS, R"([[["*", "P", "S"]], ["S"]])", {{12}, {4}}),
            "P = 3, S = 4");
  EXPECT_EQ(solve("[]", "[[]]", {{}}), "");
}

TEST(SignatureTest, ChecksExpressionsThatItCannotSolve) {
  EXPECT_EQ(solve(kS, R"([["S"], [["floordiv", "S", 2]]])", {{7}, {3}}),
            "S = 7");
  EXPECT_EQ(solve(kS, R"([["S"], [["floordiv", "S", 2]]])", {{7}, {4}}),
            "input 'x1' is [4], expected [S floordiv 2], where S floordiv 2 "
            "is 3 as given by x0");
}

TEST(SignatureTest, SaysWhichShapesContradict) {
  EXPECT_EQ(solve(kBS, R"([["B", "S"], ["B", "S"]])", {{2, 16}, {2, 24}}),
            "x0 is [2, 16], but x1 is [2, 24]: S cannot be both (expected "
            "[B, S] and [B, S])");
  EXPECT_EQ(solve(kS, R"([["S", "S"]])", {{2, 3}}),
            "input 'x0' is [2, 3], expected [S, S]: S cannot be both 2 and 3");
  EXPECT_EQ(solve(kS, R"([["S", 768]])", {{2, 700}}),
            "input 'x0' is [2, 700], expected [S, 768]");
  EXPECT_EQ(
      solve(kPS, R"([["P"], ["S"], [["+", "P", "S"], 2]])", {{1}, {2}, {4, 2}}),
      "input 'x2' is [4, 2], expected [P + S, 2], where P + S is 3 as "
      "given by x0 and x1");
}

TEST(SignatureTest, RefusesOtherRanks) {
  EXPECT_EQ(solve(kS, R"([["S"]])", {{2, 3}}),
            "input 'x0' is [2, 3] of rank 2, expected [S] of rank 1");
  EXPECT_EQ(solve("[]", "[[]]", {{1}}),
            "input 'x0' is [1] of rank 1, expected [] of rank 0");
}

TEST(SignatureTest, RefusesSizesWithoutSolution) {
  EXPECT_EQ(solve(kS, R"([[["*", 2, "S"]]])", {{7}}),
            "input 'x0' is [7], expected [2 * S]: no size S gives that");
  EXPECT_EQ(solve(kPS, R"([[["*", "P", "S"]], ["S"]])", {{0}, {0}}),
            "input 'x0' is [0], expected [P * S]: no size P gives that");
}

TEST(SignatureTest, RefusesSizesOutsideOfTheirRange) {
  EXPECT_EQ(solve(kBS, R"([["B", "S"]])", {{65, 16}}),
            "input 'x0' is [65, 16], expected [B, S]: B is 65, but the model "
            "is compiled for B from 1 to 64");
  EXPECT_EQ(solve(kBS, R"([["B", "S"]])", {{0, 16}}),
            "input 'x0' is [0, 16], expected [B, S]: B is 0, but the model is "
            "compiled for B from 1 to 64");
  EXPECT_EQ(solve(kBS, R"([["B", "S"]])", {{1, 12}}),
            "input 'x0' is [1, 12], expected [B, S]: S is 12, but the model "
            "is compiled for S from 8 to 512 in multiples of 8");
  EXPECT_EQ(solve(kPS, R"([[["+", "P", "S"]], ["S"]])", {{3}, {4}}),
            "input 'x0' is [3], expected [P + S]: P is -1, but the model is "
            "compiled for P of 0 or more");
}

TEST(SignatureTest, SurvivesHugeSizes) {
  EXPECT_THAT(solve(kPS, R"([[["*", "P", "S"]], ["S"], ["P"]])",
                    {{1}, {INT64_MAX}, {INT64_MAX}}),
              testing::HasSubstr("size P * S overflows"));
}
