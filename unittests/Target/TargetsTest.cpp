//===- TargetsTest.cpp - The records of CPUs ------------------------------===//

#include "Dyn/Target/Target.h"
#include "gmock/gmock.h"

using namespace mlir::dyn;
using testing::HasSubstr;

static std::string messageOf(llvm::Error error) {
  return llvm::toString(std::move(error));
}

TEST(Targets, AreFoundByName) {
  for (const Target &target : allTargets()) {
    llvm::Expected<const Target *> found = lookupTarget(target.name);
    ASSERT_TRUE(bool(found)) << messageOf(found.takeError());
    EXPECT_EQ(*found, &target);
  }
}

TEST(Targets, NameTheKnownOnes) {
  llvm::Expected<const Target *> found = lookupTarget("z80");
  ASSERT_FALSE(bool(found));
  EXPECT_EQ(messageOf(found.takeError()),
            "unknown target 'z80', expects one of: skylake-avx512, znver2, "
            "neoverse-n1");
}

// A tile's accumulators, the vectors of the right-hand side and one of the left
// are live at once.
TEST(Targets, TilesFitTheRegisters) {
  for (const Target &target : allTargets()) {
    EXPECT_LE(target.tile.rows * target.tile.vectors + target.tile.vectors + 1,
              target.vectorRegisters)
        << target.name.str();
    EXPECT_LE(target.dotTile.rows * target.dotTile.vectors +
                  target.dotTile.vectors + 1,
              target.vectorRegisters)
        << target.name.str();
  }
}

// One packed layout serves all targets of x86-64.
TEST(Targets, TilesAreWholePanelsOf16) {
  for (const Target &target : allTargets())
    EXPECT_EQ(target.tile.vectors * target.vectorBits / 32 % 16, 0)
        << target.name.str();
}

TEST(Targets, HostIsOneOfTheRecordsOrAnError) {
  llvm::Expected<const Target *> host = hostTarget();
  if (!host)
    EXPECT_THAT(messageOf(host.takeError()),
                HasSubstr("can run none of the targets"));
  else
    EXPECT_EQ(*host, *lookupTarget((*host)->name));
}
