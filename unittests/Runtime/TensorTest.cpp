//===- TensorTest.cpp - Memory of tensors ---------------------------------===//

#include "Tensor.h"

#include "Failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <numeric>

using namespace mlir::dyn::runtime;

using Numbers = std::vector<int64_t>;

/// Keeps the numbers that a view points to.
static Sizes keep(Numbers numbers) {
  static std::deque<Numbers> kept;
  return kept.emplace_back(std::move(numbers));
}

static View makeView(Numbers sizes, Numbers strides, void *data = nullptr) {
  return {static_cast<char *>(data), keep(std::move(sizes)),
          keep(std::move(strides))};
}

TEST(TensorTest, KnowsWhatIsContiguous) {
  EXPECT_TRUE(makeView({}, {}).isContiguous());
  EXPECT_TRUE(makeView({2, 3, 4}, {12, 4, 1}).isContiguous());
  EXPECT_TRUE(makeView({2, 1, 4}, {4, 99, 1}).isContiguous());
  EXPECT_TRUE(makeView({2, 0}, {7, 7}).isContiguous());
  EXPECT_FALSE(makeView({2, 3}, {4, 1}).isContiguous());
  EXPECT_FALSE(makeView({2, 3}, {1, 2}).isContiguous());
  EXPECT_FALSE(makeView({3}, {-1}).isContiguous());
  EXPECT_FALSE(makeView({2, 3}, {0, 1}).isContiguous());
}

TEST(TensorTest, KnowsWhatCodeCanWorkOn) {
  const Element &element = *Element::find("f32");
  alignas(8) char data[8];
  EXPECT_TRUE(makeView({2}, {1}, data).isUsable(element, false));
  EXPECT_FALSE(makeView({2}, {1}, data + 2).isUsable(element, false));
  EXPECT_FALSE(makeView({2}, {1}, data + 2).isUsable(element, true));
  EXPECT_FALSE(makeView({2, 3}, {4, 1}, data).isUsable(element, false));
  EXPECT_TRUE(makeView({2, 3}, {4, 1}, data).isUsable(element, true));
  EXPECT_FALSE(makeView({2, 3}, {8, 2}, data).isUsable(element, true));
  EXPECT_TRUE(makeView({2, 1}, {8, 2}, data).isUsable(element, true));
}

TEST(TensorTest, CopiesBetweenAnyStrides) {
  std::vector<int16_t> from(60), to(60, -1);
  std::iota(from.begin(), from.end(), int16_t(0));
  // [3, 4, 5], transposed on one side, backwards on the other.
  View source = makeView({3, 4, 5}, {1, 3, 12}, from.data());
  View target = makeView({3, 4, 5}, {20, 5, -1}, to.data() + 4);
  copyElements(source, target, 2);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 4; ++j)
      for (int k = 0; k < 5; ++k)
        EXPECT_EQ(to[i * 20 + j * 5 + 4 - k], i + j * 3 + k * 12);
  copyElements(makeView({}, {}, &from[7]), makeView({}, {}, to.data()), 2);
  EXPECT_EQ(to[0], 7);
  copyElements(makeView({0}, {1}), makeView({0}, {1}), 2);
}

TEST(TensorTest, SetsStridesWithoutGaps) {
  const Element &element = *Element::find("f32");
  Numbers strides(3);
  EXPECT_EQ(setContiguous(element, Numbers{2, 3, 5}, strides, "x"), 120u);
  EXPECT_EQ(strides, (Numbers{15, 5, 1}));
  EXPECT_EQ(setContiguous(element, Numbers{2, 0, 5}, strides, "x"), 0u);
  EXPECT_EQ(strides, (Numbers{5, 5, 1}));
}

TEST(TensorTest, CountsBytes) {
  const Element &element = *Element::find("f64");
  EXPECT_EQ(getBytes(element, {}, "x"), 8u);
  EXPECT_EQ(getBytes(element, Numbers{3, 5}, "x"), 120u);
  EXPECT_EQ(getBytes(element, Numbers{3, 0}, "x"), 0u);
  for (const Numbers &sizes :
       {Numbers{INT64_MAX / 4}, Numbers{INT64_MAX, 0, 2}}) {
    try {
      getBytes(element, sizes, "input 'x'");
      FAIL();
    } catch (const Failure &failure) {
      EXPECT_EQ(failure.status, DYN_INVALID_ARGUMENT);
      EXPECT_THAT(failure.message, testing::StartsWith("input 'x' of shape"));
    }
  }
}
