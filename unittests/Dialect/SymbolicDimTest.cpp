//===- SymbolicDimTest.cpp - Arithmetic of sizes --------------------------===//
//
// Random expressions are built twice: as a `DimAttr` and as a tree that the
// test evaluates by the definitions of the operators. Both have to agree at
// every point of a small grid where the tree is defined.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Dialect/SymbolicDim.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"
#include <map>
#include <memory>
#include <random>

using namespace mlir;
using namespace mlir::dyn;

namespace {

using Point = std::map<std::string, int64_t>;

int64_t floorDivide(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/// The reference: a tree of the operations as they were written.
struct Tree {
  enum Kind {
    Number,
    Symbol,
    Add,
    Sub,
    Mul,
    FloorDiv,
    CeilDiv,
    Mod,
    Min,
    Max,
    Broadcast
  } kind;
  int64_t number = 0;
  std::string symbol;
  std::shared_ptr<Tree> lhs, rhs;

  /// Nullopt where a division by 0 or a broadcast of unlike sizes occurs.
  std::optional<int64_t> evaluate(const Point &point) const {
    if (kind == Number)
      return number;
    if (kind == Symbol)
      return point.at(symbol);
    std::optional<int64_t> l = lhs->evaluate(point), r = rhs->evaluate(point);
    if (!l || !r)
      return std::nullopt;
    switch (kind) {
    case Add:
      return *l + *r;
    case Sub:
      return *l - *r;
    case Mul:
      return *l * *r;
    case Min:
      return std::min(*l, *r);
    case Max:
      return std::max(*l, *r);
    case Broadcast:
      if (*l != *r && *l != 1 && *r != 1)
        return std::nullopt;
      return *l == 1 ? *r : *l;
    default:
      break;
    }
    if (*r == 0)
      return std::nullopt;
    if (kind == FloorDiv)
      return floorDivide(*l, *r);
    if (kind == CeilDiv)
      return -floorDivide(-*l, *r);
    return *l - floorDivide(*l, *r) * *r;
  }
};

/// What a normal form says, by the meaning of its parts; nullopt where it
/// divides by 0.
std::optional<int64_t> evaluate(DimAttr dim, const Point &point) {
  if (dim.isUnknown())
    return std::nullopt;
  int64_t sum = 0;
  for (auto [monomial, coefficient] :
       llvm::zip(dim.getMonomials(), dim.getCoefficients())) {
    int64_t product = coefficient;
    for (Attribute atom : monomial) {
      if (auto name = dyn_cast<StringAttr>(atom)) {
        product *= point.at(name.str());
        continue;
      }
      auto fn = cast<DimFnAttr>(atom);
      std::optional<int64_t> l = evaluate(fn.getLhs(), point),
                             r = evaluate(fn.getRhs(), point);
      if (!l || !r)
        return std::nullopt;
      switch (fn.getKind()) {
      case DimFn::Min:
        product *= std::min(*l, *r);
        break;
      case DimFn::Max:
        product *= std::max(*l, *r);
        break;
      case DimFn::Broadcast:
        product *= *l == 1 ? *r : *l;
        break;
      case DimFn::FloorDiv:
      case DimFn::Mod:
        if (*r == 0)
          return std::nullopt;
        product *= fn.getKind() == DimFn::FloorDiv
                       ? floorDivide(*l, *r)
                       : *l - floorDivide(*l, *r) * *r;
        break;
      }
    }
    sum += product;
  }
  return sum;
}

class SymbolicDim : public ::testing::Test {
protected:
  SymbolicDim() { context.loadDialect<DynDialect>(); }

  DimAttr number(int64_t value) { return DimAttr::get(&context, value); }
  DimAttr symbol(StringRef name) {
    return DimAttr::getSymbol(StringAttr::get(&context, name));
  }
  DimAttr parse(StringRef text) {
    DimAttr dim = parseDim(text, &context);
    EXPECT_TRUE(dim) << text.str();
    return dim ? dim : DimAttr::getUnknown(&context);
  }
  DictionaryAttr symbols(std::map<std::string, std::array<int64_t, 3>> ranges) {
    SmallVector<NamedAttribute> entries;
    for (auto &[name, range] : ranges)
      entries.emplace_back(
          StringAttr::get(&context, name),
          SymbolAttr::get(&context, range[0], range[1], range[2]));
    return DictionaryAttr::get(&context, entries);
  }

  DimAttr build(const Tree &tree) {
    if (tree.kind == Tree::Number)
      return number(tree.number);
    if (tree.kind == Tree::Symbol)
      return symbol(tree.symbol);
    DimAttr lhs = build(*tree.lhs), rhs = build(*tree.rhs);
    switch (tree.kind) {
    case Tree::Add:
      return lhs + rhs;
    case Tree::Sub:
      return lhs - rhs;
    case Tree::Mul:
      return lhs * rhs;
    case Tree::FloorDiv:
      return lhs.floorDiv(rhs);
    case Tree::CeilDiv:
      return lhs.ceilDiv(rhs);
    case Tree::Mod:
      return lhs.mod(rhs);
    case Tree::Min:
      return DimAttr::min(lhs, rhs);
    case Tree::Max:
      return DimAttr::max(lhs, rhs);
    default:
      return DimAttr::broadcast(lhs, rhs);
    }
  }

  std::shared_ptr<Tree> randomTree(int depth, int kinds = Tree::Broadcast + 1) {
    auto pick = [&](int count) {
      return std::uniform_int_distribution<int>(0, count - 1)(random);
    };
    auto tree = std::make_shared<Tree>();
    if (depth == 0 || pick(5) == 0) {
      tree->kind = pick(2) ? Tree::Symbol : Tree::Number;
      tree->number = pick(9) - 3;
      tree->symbol = std::string(1, static_cast<char>('A' + pick(3)));
      return tree;
    }
    tree->kind = static_cast<Tree::Kind>(Tree::Add + pick(kinds - Tree::Add));
    tree->lhs = randomTree(depth - 1, kinds);
    tree->rhs = randomTree(depth - 1, kinds);
    return tree;
  }

  /// Calls `visit` with every point of the grid.
  template <typename Fn> void forEachPoint(ArrayRef<int64_t> values, Fn visit) {
    for (int64_t a : values)
      for (int64_t b : values)
        for (int64_t c : values)
          visit(Point{{"A", a}, {"B", b}, {"C", c}});
  }

  MLIRContext context;
  std::mt19937 random{20};
};

TEST_F(SymbolicDim, NormalFormHasTheValueOfTheExpression) {
  int64_t compared = 0;
  for (int i = 0; i < 4000; ++i) {
    std::shared_ptr<Tree> tree = randomTree(4);
    DimAttr dim = build(*tree);
    if (dim.isUnknown())
      continue; // A division by the number 0.
    forEachPoint({0, 1, 2, 3, 5, 8}, [&](const Point &point) {
      std::optional<int64_t> expected = tree->evaluate(point);
      if (!expected)
        return;
      ++compared;
      ASSERT_EQ(evaluate(dim, point), expected)
          << dim.str() << " at A=" << point.at("A") << " B=" << point.at("B")
          << " C=" << point.at("C");
    });
    if (HasFatalFailure())
      return;
  }
  EXPECT_GT(compared, 100000);
}

TEST_F(SymbolicDim, PolynomialsAreEqualIfTheirFormsAre) {
  // Sums and products only: forms differ only if some point tells them apart.
  for (int i = 0; i < 2000; ++i) {
    DimAttr lhs = build(*randomTree(3, Tree::Mul + 1)),
            rhs = build(*randomTree(3, Tree::Mul + 1)),
            third = build(*randomTree(2, Tree::Mul + 1));
    EXPECT_EQ(lhs + rhs, rhs + lhs);
    EXPECT_EQ(lhs * rhs, rhs * lhs);
    EXPECT_EQ((lhs + rhs) + third, lhs + (rhs + third));
    EXPECT_EQ((lhs * rhs) * third, lhs * (rhs * third));
    EXPECT_EQ(lhs * (rhs + third), lhs * rhs + lhs * third);
    EXPECT_EQ(lhs - rhs, lhs + rhs * number(-1));
    EXPECT_TRUE((lhs - lhs).isConstant(0));
  }
}

TEST_F(SymbolicDim, ExactQuotientsAreFound) {
  for (int i = 0; i < 1000; ++i) {
    DimAttr lhs = build(*randomTree(3, Tree::Mul + 1)),
            rhs = build(*randomTree(2, Tree::Mul + 1));
    if (rhs.isConstant(0))
      continue;
    EXPECT_EQ((lhs * rhs).floorDiv(rhs), lhs)
        << lhs.str() << " times and by " << rhs.str();
    EXPECT_EQ((lhs * rhs).ceilDiv(rhs), lhs);
    EXPECT_TRUE((lhs * rhs).mod(rhs).isConstant(0));
  }
  EXPECT_EQ(parse("8 * B * S floordiv (B * S)"), number(8));
  EXPECT_EQ(parse("(S * S - 1) floordiv (S + 1)"), parse("S - 1"));
}

TEST_F(SymbolicDim, DivisionByNumbersHasOneForm) {
  EXPECT_EQ(parse("(4 * S + 5) floordiv 4"), parse("S + 1"));
  EXPECT_EQ(parse("(2 * S + 5) floordiv 4"), parse("(S + 2) floordiv 2"));
  EXPECT_EQ(parse("(S floordiv 2) floordiv 3"), parse("S floordiv 6"));
  EXPECT_EQ(parse("(6 * S + 4) mod 4"), parse("2 * (S mod 2)"));
  EXPECT_EQ(parse("S ceildiv 4"), parse("-((-S) floordiv 4)"));
  EXPECT_EQ(number(-7).floorDiv(number(2)), number(-4));
  EXPECT_EQ(number(7).floorDiv(number(-2)), number(-4));
  EXPECT_EQ(number(-7).ceilDiv(number(2)), number(-3));
  EXPECT_EQ(number(-7).mod(number(2)), number(1));
  EXPECT_EQ(number(7).mod(number(-2)), number(-1));
}

TEST_F(SymbolicDim, MinMaxAndBroadcastDoNotDependOnOrderOrNesting) {
  DimAttr a = symbol("A"), b = symbol("B"), c = parse("C + 1"), n = number(64);
  for (DimFn kind : {DimFn::Min, DimFn::Max, DimFn::Broadcast}) {
    auto fn = [&](DimAttr lhs, DimAttr rhs) {
      return DimAttr::apply(kind, lhs, rhs);
    };
    EXPECT_EQ(fn(a, b), fn(b, a));
    EXPECT_EQ(fn(fn(a, b), c), fn(a, fn(b, c)));
    EXPECT_EQ(fn(fn(a, n), fn(c, b)), fn(fn(c, a), fn(b, n)));
    EXPECT_EQ(fn(a, a), a);
    EXPECT_EQ(fn(fn(a, b), b), fn(a, b));
  }
  EXPECT_EQ(DimAttr::min(a, a + number(1)), a);
  EXPECT_EQ(DimAttr::max(a, a + number(1)), a + number(1));
  EXPECT_EQ(DimAttr::min(DimAttr::min(a, n), number(8)),
            DimAttr::min(a, number(8)));
}

TEST_F(SymbolicDim, BroadcastDecidesWhereOneSizeDoes) {
  DimAttr unknown = DimAttr::getUnknown(&context), s = symbol("S");
  EXPECT_EQ(DimAttr::broadcast(s, number(1)), s);
  EXPECT_EQ(DimAttr::broadcast(number(1), unknown), unknown);
  EXPECT_EQ(DimAttr::broadcast(s, number(512)), number(512));
  EXPECT_EQ(DimAttr::broadcast(s, number(0)), number(0));
  EXPECT_EQ(DimAttr::broadcast(unknown, number(7)), number(7));
  EXPECT_TRUE(DimAttr::broadcast(unknown, s).isUnknown());
  EXPECT_EQ(DimAttr::broadcast(s, parse("min(S, 512)")), s);
  EXPECT_NE(DimAttr::broadcast(s, parse("min(S, 1)")), s);
}

TEST_F(SymbolicDim, SubstitutionCommutesWithEvaluation) {
  for (int i = 0; i < 1000; ++i) {
    std::shared_ptr<Tree> tree = randomTree(3), inner = randomTree(2);
    DimAttr dim = build(*tree), replacement = build(*inner);
    if (dim.isUnknown() || replacement.isUnknown())
      continue;
    DimAttr result = dim.substitute([&](StringAttr name) {
      return name.getValue() == "A" ? replacement : DimAttr();
    });
    if (result.isUnknown())
      continue;
    forEachPoint({0, 1, 2, 5}, [&](Point point) {
      std::optional<int64_t> a = inner->evaluate(point);
      if (!a)
        return;
      Point moved = point;
      moved["A"] = *a;
      if (std::optional<int64_t> expected = tree->evaluate(moved))
        ASSERT_EQ(evaluate(result, point), expected)
            << dim.str() << " with " << replacement.str() << " is "
            << result.str();
    });
    if (HasFatalFailure())
      return;
  }
}

TEST_F(SymbolicDim, PrintedSizesParseToThemselves) {
  for (int i = 0; i < 3000; ++i) {
    DimAttr dim = build(*randomTree(5));
    if (dim.isUnknown())
      continue;
    ASSERT_EQ(parseDim(dim.str(), &context), dim) << dim.str();
  }
  for (StringRef name : {"mod", "min", "scalar", "a b", "B*S", "?", "", "0",
                         "\"", "i32", "index", "x\\y", "d.0$1", "-"})
    EXPECT_EQ(parseDim(symbol(name).str(), &context), symbol(name));
  for (int64_t value : {INT64_MIN, INT64_MIN + 1, int64_t(-1), INT64_MAX})
    EXPECT_EQ(parseDim(number(value).str(), &context), number(value));
}

TEST_F(SymbolicDim, BoundsHoldAndSimplificationKeepsTheValue) {
  DictionaryAttr known = symbols({{"A", {1, 4, 1}}, {"B", {0, 8, 4}}});
  auto inRange = [](const Point &point) {
    return point.at("A") >= 1 && point.at("A") <= 4 && point.at("B") <= 8 &&
           point.at("B") % 4 == 0;
  };
  int64_t bounded = 0, simplified = 0;
  for (int i = 0; i < 4000; ++i) {
    std::shared_ptr<Tree> tree = randomTree(3), other = randomTree(2);
    DimAttr dim = build(*tree), rhs = build(*other);
    if (dim.isUnknown() || rhs.isUnknown())
      continue;
    DimBounds bounds = computeBounds(dim, known);
    bounded += bounds.min != INT64_MIN && bounds.max != INT64_MAX;
    DimAttr simple = simplify(dim, known);
    simplified += simple != dim;
    std::optional<bool> equal = areEqual(dim, rhs, known),
                        ordered = isLessEqual(dim, rhs, known);
    forEachPoint({0, 1, 2, 3, 4, 8, 12}, [&](const Point &point) {
      std::optional<int64_t> value = tree->evaluate(point);
      if (!inRange(point) || !value)
        return;
      ASSERT_LE(bounds.min, *value) << dim.str();
      ASSERT_GE(bounds.max, *value) << dim.str();
      ASSERT_EQ(evaluate(simple, point), value)
          << dim.str() << " became " << simple.str();
      std::optional<int64_t> otherValue = other->evaluate(point);
      if (equal && otherValue)
        ASSERT_EQ(*equal, *value == *otherValue)
            << dim.str() << " and " << rhs.str();
      if (ordered && otherValue)
        ASSERT_EQ(*ordered, *value <= *otherValue)
            << dim.str() << " and " << rhs.str();
    });
    if (HasFatalFailure())
      return;
  }
  EXPECT_GT(bounded, 300);
  EXPECT_GT(simplified, 300);
}

TEST_F(SymbolicDim, RangesDecide) {
  DictionaryAttr known =
      symbols({{"S", {1, 512, 8}}, {"K", {4, 4, 1}}, {"T", {2, INT64_MAX, 1}}});
  auto simple = [&](StringRef text) {
    return simplify(parse(text), known).str();
  };
  EXPECT_EQ(simple("min(S, 512)"), "S");
  EXPECT_EQ(simple("min(S, 511)"), "min(S, 511)");
  EXPECT_EQ(simple("max(S - 8, 0)"), "S - 8");
  EXPECT_EQ(simple("max(S - 9, 0)"), "max(0, S - 9)");
  EXPECT_EQ(simple("max(S - min(S, 100), 0)"), "S - min(S, 100)");
  EXPECT_EQ(simple("max(S * T - 2 * S, 0)"), "S * T - 2 * S");
  EXPECT_EQ(simple("max(T ceildiv 2, 0)"), "-((-T) floordiv 2)");
  EXPECT_EQ(simple("S mod 4"), "0");
  EXPECT_EQ(simple("S mod 16"), "S mod 16");
  EXPECT_EQ(simple("S floordiv 1024"), "0");
  EXPECT_EQ(simple("2 * K"), "8");
  EXPECT_EQ(simple("broadcast(S, T)"), "S");
  EXPECT_EQ(areEqual(symbol("S"), number(-1)), false);
  EXPECT_EQ(areEqual(symbol("S"), number(0)), std::nullopt);
  EXPECT_EQ(areEqual(symbol("S"), number(0), known), false);
}

TEST_F(SymbolicDim, OverflowIsUnknown) {
  DimAttr big = number(INT64_MAX), s = symbol("S");
  EXPECT_TRUE((big + number(1)).isUnknown());
  EXPECT_TRUE((number(INT64_MIN) - number(1)).isUnknown());
  EXPECT_TRUE((big * s + s).isUnknown());
  EXPECT_TRUE((big * number(2)).isUnknown());
  EXPECT_TRUE(number(INT64_MIN).floorDiv(number(-1)).isUnknown());
  EXPECT_TRUE(s.floorDiv(number(INT64_MIN)).isUnknown());
  EXPECT_TRUE(s.floorDiv(number(0)).isUnknown());
  EXPECT_TRUE(s.mod(number(0)).isUnknown());
  DimBounds none = computeBounds(DimAttr::getUnknown(&context), {});
  EXPECT_EQ(none.min, INT64_MIN);
  EXPECT_EQ(none.max, INT64_MAX);
  EXPECT_EQ(areEqual(big, number(INT64_MIN)), std::nullopt);
}

TEST_F(SymbolicDim, ExpressionsStayFinite) {
  // Each step doubles the printed expression, or nests it once more.
  DimAttr doubled = symbol("S"), nested = symbol("S"), wide = number(1);
  for (int i = 0; i < 100; ++i) {
    doubled = doubled.floorDiv(number(2)) + doubled.mod(number(3));
    nested = DimAttr::max(nested.floorDiv(number(2)) - number(1), number(0));
    wide = wide * (symbol("A" + std::to_string(i)) + symbol("B"));
  }
  EXPECT_TRUE(doubled.isUnknown());
  EXPECT_TRUE(nested.isUnknown());
  EXPECT_TRUE(wide.isUnknown());
}

TEST_F(SymbolicDim, HostileTextIsRefused) {
  std::string parentheses(100000, '('), minuses(100000, '-'), product = "1";
  for (int i = 0; i < 64; ++i)
    product += " * (A" + std::to_string(i) + " + B" + std::to_string(i) + ")";
  for (std::string text :
       {parentheses, parentheses + "S", minuses + "S", product, std::string(),
        std::string("S +"), std::string("S S"), std::string("min(S)"),
        std::string("9223372036854775808"), std::string("S floordiv 0"),
        std::string("9223372036854775807 * 2"), std::string("? + 1"),
        std::string("S>"), std::string("S> : i32"), std::string("1.5"),
        std::string("\"S"), std::string("99999999999999999999999999")})
    EXPECT_FALSE(parseDim(text, &context)) << text.substr(0, 40);
}

} // namespace
