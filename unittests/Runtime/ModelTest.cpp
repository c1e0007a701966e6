//===- ModelTest.cpp - Arenas and descriptors -----------------------------===//

#include "Model.h"

#include "Failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir::dyn::runtime;

static std::string describe() { return "test"; }

TEST(ArenaCacheTest, GivesTheSmallestThatDoes) {
  ArenaCache cache;
  ArenaCache::Arena small = cache.take(100, describe);
  ArenaCache::Arena large = cache.take(1000, describe);
  char *smallMemory = small.memory.get(), *largeMemory = large.memory.get();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(smallMemory) % DYN_ARENA_ALIGNMENT, 0u);
  cache.give(std::move(large));
  cache.give(std::move(small));
  ArenaCache::Arena first = cache.take(90, describe);
  EXPECT_EQ(first.memory.get(), smallMemory);
  EXPECT_EQ(first.bytes, 100u);
  EXPECT_EQ(cache.take(90, describe).memory.get(), largeMemory);
}

TEST(ArenaCacheTest, GrowsInsteadOfCollecting) {
  // One arena at a time, larger each time: never more than one is kept.
  ArenaCache cache;
  for (size_t bytes = 1; bytes < 100; ++bytes)
    cache.give(cache.take(bytes, describe));
  ArenaCache::Arena kept = cache.take(1, describe);
  EXPECT_EQ(kept.bytes, 99u);
  EXPECT_EQ(cache.take(1, describe).bytes, 1u);
}

TEST(ArenaCacheTest, KeepsFew) {
  ArenaCache cache;
  std::vector<ArenaCache::Arena> taken;
  for (int i = 0; i < 10; ++i)
    taken.push_back(cache.take(1000, describe));
  for (ArenaCache::Arena &arena : taken)
    cache.give(std::move(arena));
  int kept = 0;
  for (int i = 0; i < 10; ++i) {
    taken[i] = cache.take(1, describe);
    kept += taken[i].bytes == 1000;
  }
  EXPECT_EQ(kept, 4);
}

TEST(ArenaCacheTest, SaysWhatThereIsNoMemoryFor) {
  ArenaCache cache;
  try {
    cache.take(SIZE_MAX / 4, [] { return "intermediate results"; });
    FAIL();
  } catch (const Failure &failure) {
    EXPECT_EQ(failure.status, DYN_NO_MEMORY);
    EXPECT_EQ(failure.message, "no memory for intermediate results: "
                               "4611686018427387903 bytes");
  }
}

TEST(DescriptorsTest, HaveTheLayoutOfMemrefs) {
  size_t ranks[] = {2, 0};
  Descriptors descriptors(ranks);
  float data[6];
  Descriptor descriptor = descriptors[0];
  descriptor.setData(reinterpret_cast<char *>(data));
  std::ranges::copy(std::vector{2, 3}, descriptor.getSizes().begin());
  std::ranges::copy(std::vector{3, 1}, descriptor.getStrides().begin());
  struct Memref2 {
    float *allocated, *aligned;
    int64_t offset, sizes[2], strides[2];
  };
  auto *memref = static_cast<Memref2 *>(descriptors.getPointers()[0]);
  EXPECT_EQ(memref->allocated, data);
  EXPECT_EQ(memref->aligned, data);
  EXPECT_EQ(memref->offset, 0);
  EXPECT_EQ(memref->sizes[1], 3);
  EXPECT_EQ(memref->strides[0], 3);
  EXPECT_EQ(static_cast<char *>(descriptors.getPointers()[1]),
            reinterpret_cast<char *>(memref + 1));
  EXPECT_TRUE(descriptors[1].getView().sizes.empty());

  // The code may leave an offset.
  memref->offset = 2;
  View view = descriptor.getView(*Element::find("f32"));
  EXPECT_EQ(view.data, reinterpret_cast<char *>(data + 2));
  EXPECT_THAT(view.sizes, testing::ElementsAre(2, 3));
  EXPECT_EQ(descriptor.getAllocated(), data);
  descriptor.clear();
  EXPECT_EQ(memref->aligned, nullptr);
  EXPECT_EQ(memref->offset, 0);
  EXPECT_EQ(memref->strides[1], 0);
}
