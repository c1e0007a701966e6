//===- SizesTest.cpp - The sizes or strides of a tensor -------------------===//

#include "Sizes.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

using namespace mlir::dyn::runtime;

namespace {

Sizes count(size_t rank) {
  std::vector<int64_t> numbers(rank);
  std::iota(numbers.begin(), numbers.end(), 1);
  return Sizes(numbers.data(), numbers.data() + rank);
}

/// Of any rank, in the object or outside of it.
TEST(SizesTest, HoldsAnyRank) {
  for (size_t rank = 0; rank < 9; ++rank) {
    Sizes sizes = count(rank);
    ASSERT_EQ(sizes.size(), rank);
    EXPECT_EQ(sizes.empty(), rank == 0);
    for (size_t i = 0; i < rank; ++i)
      EXPECT_EQ(sizes[i], static_cast<int64_t>(i + 1));
    if (rank)
      EXPECT_EQ(sizes.back(), static_cast<int64_t>(rank));
    Sizes zeros(rank);
    EXPECT_EQ(std::accumulate(zeros.begin(), zeros.end(), int64_t(0)), 0);
    EXPECT_EQ(zeros.end() - zeros.begin(), static_cast<int64_t>(rank));
  }
}

TEST(SizesTest, CopiesAndMovesBetweenRanks) {
  for (size_t from = 0; from < 9; ++from)
    for (size_t to = 0; to < 9; ++to) {
      Sizes source = count(from), target = count(to);
      EXPECT_EQ(source == target, from == to);
      target = source;
      EXPECT_EQ(target, source);
      EXPECT_EQ(source, count(from));
      target = count(to);
      target = std::move(source);
      EXPECT_EQ(target, count(from));
      EXPECT_TRUE(source.empty());
      Sizes moved = std::move(target);
      EXPECT_EQ(moved, count(from));
    }
}

TEST(SizesTest, ComparesEveryNumber) {
  EXPECT_EQ((Sizes{2, 3}), (Sizes{2, 3}));
  EXPECT_FALSE((Sizes{2, 3}) == (Sizes{2, 4}));
  EXPECT_FALSE((Sizes{2, 3}) == (Sizes{2}));
  EXPECT_FALSE((Sizes{1, 2, 3, 4, 5}) == (Sizes{1, 2, 3, 4, 6}));
}

} // namespace
