//===- SizeExprTest.cpp - Sizes as expressions of symbols -----------------===//

#include "SizeExpr.h"

#include "Failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir::dyn::runtime;
using Kind = SizeExpr::Kind;

static SizeExpr num(int64_t value) { return SizeExpr::getConstant(value); }
static SizeExpr a() { return SizeExpr::getSymbol(0, "A"); }
static SizeExpr b() { return SizeExpr::getSymbol(1, "B"); }
static SizeExpr op(Kind kind, std::vector<SizeExpr> operands) {
  return SizeExpr::getOperation(kind, std::move(operands));
}
static std::optional<int64_t> evaluate(Kind kind, int64_t lhs, int64_t rhs) {
  return op(kind, {num(lhs), num(rhs)}).evaluate({});
}
static std::string getError(Kind kind, int64_t lhs, int64_t rhs) {
  try {
    evaluate(kind, lhs, rhs);
  } catch (const Failure &failure) {
    return failure.message;
  }
  return "none";
}

TEST(SizeExprTest, Evaluates) {
  EXPECT_EQ(op(Kind::Add, {a(), b(), num(2)}).evaluate({{3}, {4}}), 9);
  EXPECT_EQ(op(Kind::Mul, {a(), b(), num(2)}).evaluate({{3}, {4}}), 24);
  EXPECT_EQ(evaluate(Kind::Min, 3, -4), -4);
  EXPECT_EQ(evaluate(Kind::Max, 3, -4), 3);
  EXPECT_EQ(evaluate(Kind::Broadcast, 1, 7), 7);
  EXPECT_EQ(evaluate(Kind::Broadcast, 7, 1), 7);
  EXPECT_EQ(evaluate(Kind::Broadcast, 1, 0), 0);
  EXPECT_EQ(evaluate(Kind::Align, 0, 64), 0);
  EXPECT_EQ(evaluate(Kind::Align, 1, 64), 64);
  EXPECT_EQ(evaluate(Kind::Align, 64, 64), 64);
}

TEST(SizeExprTest, DividesTowardsMinusInfinity) {
  for (int64_t lhs : {-7, -6, -1, 0, 1, 6, 7})
    for (int64_t rhs : {-3, -1, 1, 3}) {
      int64_t quotient = *evaluate(Kind::FloorDiv, lhs, rhs);
      EXPECT_LE(quotient * double(rhs) / rhs, double(lhs) / rhs);
      EXPECT_GT(quotient + 1, double(lhs) / rhs);
      EXPECT_EQ(*evaluate(Kind::Mod, lhs, rhs), lhs - quotient * rhs);
    }
}

TEST(SizeExprTest, DoesNotGuess) {
  EXPECT_EQ(op(Kind::Add, {a(), b()}).evaluate({{3}, std::nullopt}),
            std::nullopt);
  EXPECT_EQ(SizeExpr::getUnknown().evaluate({}), std::nullopt);
}

TEST(SizeExprTest, RefusesOverflow) {
  EXPECT_EQ(getError(Kind::Mul, INT64_MAX, 2),
            "size 9223372036854775807 * 2 overflows (at 9223372036854775807 "
            "and 2)");
  EXPECT_THAT(getError(Kind::Add, INT64_MAX, 1), testing::HasSubstr("overfl"));
  EXPECT_THAT(getError(Kind::FloorDiv, INT64_MIN, -1),
              testing::HasSubstr("overflows"));
  EXPECT_THAT(getError(Kind::Align, INT64_MAX, 64),
              testing::HasSubstr("overflows"));
  EXPECT_EQ(getError(Kind::Mod, 5, 0), "size 5 mod 0 divides by zero (at 5 "
                                       "and 0)");
}

TEST(SizeExprTest, SolvesLinearExpressions) {
  // 2 * A + B - 1 == 10 with B = 3
  SizeExpr sum = op(Kind::Add, {op(Kind::Mul, {num(2), a()}), b(), num(-1)});
  SymbolValues symbols = {std::nullopt, 3};
  EXPECT_EQ(sum.solve(10, symbols), 0u);
  EXPECT_EQ(symbols[0], 4);

  symbols = {9, std::nullopt};
  SizeExpr difference = op(Kind::Add, {a(), op(Kind::Mul, {num(-1), b()})});
  EXPECT_EQ(difference.solve(7, symbols), 1u);
  EXPECT_EQ(symbols[1], 2);
}

TEST(SizeExprTest, LeavesWhatHasNoSolution) {
  SymbolValues symbols = {std::nullopt, std::nullopt};
  EXPECT_EQ(op(Kind::Mul, {num(2), a()}).solve(7, symbols), std::nullopt);
  EXPECT_EQ(op(Kind::Mul, {num(0), a()}).solve(0, symbols), std::nullopt);
  EXPECT_EQ(op(Kind::Add, {a(), b()}).solve(7, symbols), std::nullopt);
  EXPECT_EQ(op(Kind::Max, {a(), num(1)}).solve(7, symbols), std::nullopt);
  EXPECT_EQ(num(7).solve(7, symbols), std::nullopt);
  EXPECT_EQ(op(Kind::Mul, {num(-1), a()}).solve(INT64_MIN, symbols),
            std::nullopt);
  EXPECT_EQ(symbols[0], std::nullopt);
}

TEST(SizeExprTest, PrintsForPeople) {
  EXPECT_EQ(op(Kind::Add, {op(Kind::Mul, {num(2), a()}), num(-1)}).str(),
            "2 * A - 1");
  EXPECT_EQ(op(Kind::Add, {a(), op(Kind::Mul, {num(-1), b()})}).str(), "A - B");
  EXPECT_EQ(op(Kind::FloorDiv, {op(Kind::Add, {a(), num(7)}), num(8)}).str(),
            "(A + 7) floordiv 8");
  EXPECT_EQ(op(Kind::Mul, {op(Kind::Add, {a(), b()}), num(4)}).str(),
            "(A + B) * 4");
  EXPECT_EQ(op(Kind::Min, {op(Kind::Add, {a(), b()}), num(4)}).str(),
            "min(A + B, 4)");
  EXPECT_EQ(formatShape(std::vector<SizeExpr>{a(), SizeExpr::getUnknown()}),
            "[A, ?]");
  EXPECT_EQ(formatShape(Sizes{}), "[]");
}
