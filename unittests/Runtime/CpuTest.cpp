//===- CpuTest.cpp - What this machine can run ----------------------------===//

#include "Cpu.h"

#include "Failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir::dyn::runtime;

static Target makeTarget(const std::string &cpu,
                         std::vector<std::string> features) {
  return {cpu, std::string(getArchitecture()) + "-unknown-linux-gnu",
          std::move(features)};
}

static std::string getError(std::vector<Target> targets, FeatureQuery query) {
  Metadata metadata;
  metadata.targets = std::move(targets);
  try {
    return std::to_string(selectTarget(metadata, "bert.so", query));
  } catch (const Failure &failure) {
    EXPECT_EQ(failure.status, DYN_INVALID_ARTIFACT);
    return failure.message;
  }
}

TEST(CpuTest, KnowsThisMachine) {
#if defined(__x86_64__)
  EXPECT_EQ(queryFeature("sse2"), Support::Yes);
  EXPECT_EQ(queryFeature("xop"), Support::No);
#else
  EXPECT_EQ(queryFeature("neon"), Support::Yes);
#endif
  EXPECT_EQ(queryFeature("warp-drive"), Support::Unknown);
}

#if defined(__x86_64__)

static Support queryZen2(std::string_view feature) {
  if (feature.starts_with("avx512"))
    return Support::No;
  return feature == "avx2" || feature == "avx" || feature == "fma"
             ? Support::Yes
             : Support::Unknown;
}

static Support queryPentium(std::string_view) { return Support::No; }

TEST(CpuTest, TakesTheFirstTargetThatRuns) {
  Target skylake = makeTarget("skylake-avx512", {"avx2", "avx512f"});
  Target zen2 = makeTarget("znver2", {"avx2", "fma"});
  EXPECT_EQ(getError({skylake, zen2}, queryZen2), "1");
  EXPECT_EQ(getError({zen2, skylake}, queryZen2), "0");
}

TEST(CpuTest, SaysWhatIsMissingAndWhatToDo) {
  Target skylake = makeTarget("skylake-avx512", {"avx2", "avx512f"});
  Target zen2 = makeTarget("znver2", {"avx2", "fma"});
  EXPECT_EQ(getError({skylake}, queryZen2),
            "bert.so needs AVX-512 (compiled for skylake-avx512), this CPU has "
            "AVX2: compile with --target=znver2");
  EXPECT_EQ(getError({skylake, zen2}, queryPentium),
            "bert.so needs AVX2 (compiled for skylake-avx512) or AVX2 "
            "(compiled for znver2), this CPU has SSE, which no target of "
            "dyn-compile runs on");
}

TEST(CpuTest, RefusesWhatItCannotJudge) {
  EXPECT_THAT(getError({makeTarget("x", {"warp-drive"})}, queryZen2),
              testing::HasSubstr("needs the CPU feature 'warp-drive', which "
                                 "this runtime"));
  Target other = {"neoverse-n1", "aarch64-unknown-linux-gnu", {"neon"}};
  EXPECT_EQ(getError({other}, queryZen2),
            "bert.so needs aarch64 (compiled for neoverse-n1), this CPU has "
            "AVX2: compile with --target=znver2");
}

#endif
