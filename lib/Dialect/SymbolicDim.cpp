//===- SymbolicDim.cpp - Normal form of sizes -----------------------------===//
//
// A size is a polynomial with integer coefficients over atoms; an atom is a
// symbol or a function of two sizes. Monomials are kept in graded lexicographic
// order, so that the first one leads and exact division is the schoolbook's.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Dialect/SymbolicDim.h"
#include "llvm/Support/MathExtras.h"
#include <map>
#include <numeric>

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Order of atoms, monomials and sizes
//===----------------------------------------------------------------------===//

/// Three-way comparison that depends on names only, never on addresses, so that
/// printed IR is reproducible.
static int compareDims(DimAttr lhs, DimAttr rhs);

static int compareAtoms(Attribute lhs, Attribute rhs) {
  if (lhs == rhs)
    return 0;
  auto lhsName = dyn_cast<StringAttr>(lhs), rhsName = dyn_cast<StringAttr>(rhs);
  if (lhsName && rhsName)
    return lhsName.getValue().compare(rhsName.getValue());
  if (lhsName || rhsName)
    return lhsName ? -1 : 1;
  auto lhsFn = cast<DimFnAttr>(lhs), rhsFn = cast<DimFnAttr>(rhs);
  if (lhsFn.getKind() != rhsFn.getKind())
    return lhsFn.getKind() < rhsFn.getKind() ? -1 : 1;
  if (int order = compareDims(lhsFn.getLhs(), rhsFn.getLhs()))
    return order;
  return compareDims(lhsFn.getRhs(), rhsFn.getRhs());
}

static int compareMonomials(ArrayAttr lhs, ArrayAttr rhs) {
  if (lhs == rhs)
    return 0;
  if (lhs.size() != rhs.size())
    return lhs.size() > rhs.size() ? -1 : 1;
  for (auto [lhsAtom, rhsAtom] : llvm::zip(lhs, rhs))
    if (int order = compareAtoms(lhsAtom, rhsAtom))
      return order;
  return 0;
}

static int compareDims(DimAttr lhs, DimAttr rhs) {
  if (lhs == rhs)
    return 0;
  if (lhs.isUnknown() || rhs.isUnknown())
    return lhs.isUnknown() ? 1 : -1;
  for (size_t i = 0, e = std::min(lhs.getMonomials().size(),
                                  rhs.getMonomials().size());
       i < e; ++i) {
    if (int order =
            compareMonomials(lhs.getMonomials()[i], rhs.getMonomials()[i]))
      return order;
    if (lhs.getCoefficients()[i] != rhs.getCoefficients()[i])
      return lhs.getCoefficients()[i] < rhs.getCoefficients()[i] ? -1 : 1;
  }
  return lhs.getMonomials().size() < rhs.getMonomials().size() ? -1 : 1;
}

namespace {
struct MonomialOrder {
  bool operator()(ArrayAttr lhs, ArrayAttr rhs) const {
    return compareMonomials(lhs, rhs) < 0;
  }
};

/// A polynomial under construction. Overflow of a coefficient is remembered and
/// makes the size `?`.
class Polynomial {
public:
  explicit Polynomial(MLIRContext *context) : context(context) {}
  explicit Polynomial(DimAttr dim) : context(dim.getContext()) { add(dim, 1); }

  void add(ArrayAttr monomial, int64_t coefficient) {
    int64_t &sum = terms[monomial];
    overflow |= llvm::AddOverflow(sum, coefficient, sum);
    if (sum == 0)
      terms.erase(monomial);
  }

  void add(DimAttr dim, int64_t factor) {
    for (auto [monomial, coefficient] :
         llvm::zip(dim.getMonomials(), dim.getCoefficients()))
      addProduct(monomial, coefficient, ArrayAttr::get(context, {}), factor);
  }

  void addProduct(ArrayAttr lhs, int64_t lhsCoefficient, ArrayAttr rhs,
                  int64_t rhsCoefficient) {
    int64_t coefficient;
    overflow |= llvm::MulOverflow(lhsCoefficient, rhsCoefficient, coefficient);
    SmallVector<Attribute> atoms(lhs.getValue());
    llvm::append_range(atoms, rhs.getValue());
    llvm::sort(atoms,
               [](Attribute a, Attribute b) { return compareAtoms(a, b) < 0; });
    add(ArrayAttr::get(context, atoms), coefficient);
  }

  DimAttr
  get(llvm::function_ref<DimAttr(ArrayRef<int64_t>, ArrayRef<ArrayAttr>)> build)
      const {
    if (overflow)
      return DimAttr::getUnknown(context);
    SmallVector<int64_t> coefficients;
    SmallVector<ArrayAttr> monomials;
    for (auto [monomial, coefficient] : terms) {
      monomials.push_back(monomial);
      coefficients.push_back(coefficient);
    }
    return build(coefficients, monomials);
  }

  MLIRContext *context;
  std::map<ArrayAttr, int64_t, MonomialOrder> terms;
  bool overflow = false;
};
} // namespace

//===----------------------------------------------------------------------===//
// DimAttr: construction
//===----------------------------------------------------------------------===//

/// Size of an expression as a tree. Storage shares parts, printing does not:
/// the bounds keep text, recursion and work finite whatever builds the
/// expression, and are far from what models write.
namespace {
struct Extent {
  static constexpr size_t kMaxNodes = 2048, kMaxDepth = 64;
  size_t nodes = 0, depth = 0;

  static Extent of(ArrayRef<ArrayAttr> monomials) {
    Extent extent;
    for (ArrayAttr monomial : monomials) {
      ++extent.nodes;
      for (Attribute atom : monomial) {
        ++extent.nodes;
        auto fn = dyn_cast<DimFnAttr>(atom);
        if (!fn)
          continue;
        for (DimAttr operand : {fn.getLhs(), fn.getRhs()}) {
          Extent inner = of(operand.getMonomials());
          extent.nodes += inner.nodes;
          extent.depth = std::max(extent.depth, inner.depth + 1);
        }
      }
    }
    return extent;
  }

  bool fits() const { return nodes <= kMaxNodes && depth <= kMaxDepth; }
};
} // namespace

/// The builder that `DimAttr`'s operators share: everything else goes through a
/// `Polynomial`.
static DimAttr toDim(const Polynomial &polynomial) {
  return polynomial.get([&](ArrayRef<int64_t> coefficients,
                            ArrayRef<ArrayAttr> monomials) {
    if (!Extent::of(monomials).fits())
      return DimAttr::getUnknown(polynomial.context);
    return DimAttr::getNormalized(polynomial.context, coefficients, monomials);
  });
}

DimAttr DimAttr::get(MLIRContext *context, int64_t value) {
  if (value == 0)
    return getNormalized(context, {}, {});
  return getNormalized(context, value, ArrayAttr::get(context, {}));
}

static DimAttr getAtom(Attribute atom) {
  MLIRContext *context = atom.getContext();
  return DimAttr::getNormalized(context, 1, ArrayAttr::get(context, atom));
}

DimAttr DimAttr::getSymbol(StringAttr name) { return getAtom(name); }

static DimAttr getFn(DimFn kind, DimAttr lhs, DimAttr rhs) {
  Polynomial atom(lhs.getContext());
  atom.add(ArrayAttr::get(lhs.getContext(),
                          DimFnAttr::get(lhs.getContext(), kind, lhs, rhs)),
           1);
  return toDim(atom);
}

std::optional<int64_t> DimAttr::getConstant() const {
  if (isUnknown())
    return std::nullopt;
  if (getMonomials().empty())
    return 0;
  if (getMonomials().size() == 1 && getMonomials()[0].empty())
    return getCoefficients()[0];
  return std::nullopt;
}

/// The atom if the size is one atom with coefficient 1, null otherwise.
static Attribute getSingleAtom(DimAttr dim) {
  if (dim.getMonomials().size() != 1 || dim.getCoefficients()[0] != 1 ||
      dim.getMonomials()[0].size() != 1)
    return {};
  return dim.getMonomials()[0][0];
}

static DimFnAttr getSingleFn(DimAttr dim, DimFn kind) {
  auto fn = dyn_cast_or_null<DimFnAttr>(getSingleAtom(dim));
  return fn && fn.getKind() == kind ? fn : DimFnAttr();
}

StringAttr DimAttr::getSymbolName() const {
  return dyn_cast_or_null<StringAttr>(getSingleAtom(*this));
}

void DimAttr::walkSymbols(llvm::function_ref<void(StringAttr)> visit) const {
  for (ArrayAttr monomial : getMonomials())
    for (Attribute atom : monomial) {
      if (auto name = dyn_cast<StringAttr>(atom)) {
        visit(name);
        continue;
      }
      cast<DimFnAttr>(atom).getLhs().walkSymbols(visit);
      cast<DimFnAttr>(atom).getRhs().walkSymbols(visit);
    }
}

//===----------------------------------------------------------------------===//
// DimAttr: arithmetic
//===----------------------------------------------------------------------===//

DimAttr DimAttr::operator+(DimAttr rhs) const {
  if (isUnknown() || rhs.isUnknown())
    return getUnknown(getContext());
  Polynomial sum(*this);
  sum.add(rhs, 1);
  return toDim(sum);
}

DimAttr DimAttr::operator-(DimAttr rhs) const {
  if (isUnknown() || rhs.isUnknown())
    return getUnknown(getContext());
  Polynomial difference(*this);
  difference.add(rhs, -1);
  return toDim(difference);
}

DimAttr DimAttr::operator*(DimAttr rhs) const {
  if (isConstant(0) || rhs.isConstant(0))
    return get(getContext(), 0);
  // The product of the terms bounds the work as well as the result.
  if (isUnknown() || rhs.isUnknown() ||
      getMonomials().size() * rhs.getMonomials().size() > Extent::kMaxNodes)
    return getUnknown(getContext());
  Polynomial product(getContext());
  for (auto [lhsMonomial, lhsCoefficient] :
       llvm::zip(getMonomials(), getCoefficients()))
    for (auto [rhsMonomial, rhsCoefficient] :
         llvm::zip(rhs.getMonomials(), rhs.getCoefficients()))
      product.addProduct(lhsMonomial, lhsCoefficient, rhsMonomial,
                         rhsCoefficient);
  return toDim(product);
}

/// The atoms of `dividend` less those of `divisor`, if all of those are there.
/// Both are sorted.
static std::optional<ArrayAttr> divideMonomials(ArrayAttr dividend,
                                                ArrayAttr divisor) {
  SmallVector<Attribute> rest;
  const auto *it = divisor.begin();
  for (Attribute atom : dividend) {
    if (it != divisor.end() && *it == atom)
      ++it;
    else
      rest.push_back(atom);
  }
  if (it != divisor.end())
    return std::nullopt;
  return ArrayAttr::get(dividend.getContext(), rest);
}

/// `dividend / divisor` if that is a polynomial with integer coefficients, by
/// long division.
static std::optional<DimAttr> divideExactly(DimAttr dividend, DimAttr divisor) {
  MLIRContext *context = dividend.getContext();
  Polynomial rest(dividend), quotient(context);
  while (!rest.terms.empty()) {
    auto [monomial, coefficient] = *rest.terms.begin();
    std::optional<ArrayAttr> factor =
        divideMonomials(monomial, divisor.getMonomials().front());
    int64_t leading = divisor.getCoefficients().front();
    if (!factor || (coefficient == INT64_MIN && leading == -1) ||
        coefficient % leading != 0)
      return std::nullopt;
    int64_t factorCoefficient = coefficient / leading;
    quotient.add(*factor, factorCoefficient);
    for (auto [m, c] :
         llvm::zip(divisor.getMonomials(), divisor.getCoefficients())) {
      int64_t negated;
      if (llvm::MulOverflow(c, int64_t(-1), negated))
        return std::nullopt;
      rest.addProduct(m, negated, *factor, factorCoefficient);
    }
    if (rest.overflow || quotient.overflow)
      return std::nullopt;
  }
  return toDim(quotient);
}

static uint64_t getMagnitude(int64_t value) {
  return value < 0 ? 0 - static_cast<uint64_t>(value) : value;
}

/// The greatest common divisor of `divisor` and the coefficients of symbols.
static int64_t getCommonDivisor(DimAttr dim, int64_t divisor) {
  for (auto [monomial, coefficient] :
       llvm::zip(dim.getMonomials(), dim.getCoefficients()))
    if (!monomial.empty())
      divisor = std::gcd<uint64_t>(divisor, getMagnitude(coefficient));
  return divisor;
}

/// `dim` with each coefficient divided, rounding towards minus infinity.
static DimAttr divideCoefficients(DimAttr dim, int64_t divisor) {
  Polynomial quotient(dim.getContext());
  for (auto [monomial, coefficient] :
       llvm::zip(dim.getMonomials(), dim.getCoefficients()))
    if (int64_t floor = llvm::divideFloorSigned(coefficient, divisor))
      quotient.add(monomial, floor);
  return toDim(quotient);
}

DimAttr DimAttr::floorDiv(DimAttr rhs) const {
  MLIRContext *context = getContext();
  if (isUnknown() || rhs.isUnknown() || rhs.isConstant(0))
    return getUnknown(context);
  if (std::optional<DimAttr> exact = divideExactly(*this, rhs))
    return *exact;
  std::optional<int64_t> divisor = rhs.getConstant();
  if (!divisor)
    return getFn(DimFn::FloorDiv, *this, rhs);
  if (*divisor < 0) {
    DimAttr minusOne = get(context, -1);
    return (*this * minusOne).floorDiv(rhs * minusOne);
  }
  // Whole multiples of the divisor leave the floor: (c * p + r) floordiv c is
  // p + r floordiv c.
  Polynomial quotient(context), rest(context);
  for (auto [monomial, coefficient] :
       llvm::zip(getMonomials(), getCoefficients())) {
    if (!monomial.empty() && coefficient % *divisor != 0) {
      rest.add(monomial, coefficient);
      continue;
    }
    int64_t floor = llvm::divideFloorSigned(coefficient, *divisor);
    if (floor)
      quotient.add(monomial, floor);
    if (int64_t remainder = coefficient - floor * *divisor)
      rest.add(monomial, remainder);
  }
  DimAttr restDim = toDim(rest);
  if (restDim.getConstant())
    return toDim(quotient); // Between 0 and the divisor.
  // (g * p + r) floordiv (g * c) is (p + r floordiv g) floordiv c.
  int64_t common = getCommonDivisor(restDim, *divisor);
  restDim = divideCoefficients(restDim, common);
  DimAttr reduced = get(context, *divisor / common);
  // (p floordiv a) floordiv b is p floordiv (a * b) for positive numbers.
  if (DimFnAttr inner = getSingleFn(restDim, DimFn::FloorDiv))
    if (std::optional<int64_t> innerDivisor = inner.getRhs().getConstant();
        innerDivisor && *innerDivisor > 0)
      return toDim(quotient) +
             inner.getLhs().floorDiv(inner.getRhs() * reduced);
  return toDim(quotient) + getFn(DimFn::FloorDiv, restDim, reduced);
}

DimAttr DimAttr::ceilDiv(DimAttr rhs) const {
  DimAttr zero = get(getContext(), 0);
  return zero - (zero - *this).floorDiv(rhs);
}

DimAttr DimAttr::mod(DimAttr rhs) const {
  MLIRContext *context = getContext();
  if (isUnknown() || rhs.isUnknown() || rhs.isConstant(0))
    return getUnknown(context);
  if (divideExactly(*this, rhs))
    return get(context, 0);
  std::optional<int64_t> divisor = rhs.getConstant();
  if (!divisor)
    return getFn(DimFn::Mod, *this, rhs);
  if (*divisor < 0) {
    // x mod -d is -(-x mod d): the sign is the divisor's.
    DimAttr minusOne = get(context, -1);
    return (*this * minusOne).mod(rhs * minusOne) * minusOne;
  }
  Polynomial rest(context);
  for (auto [monomial, coefficient] :
       llvm::zip(getMonomials(), getCoefficients()))
    if (int64_t remainder =
            coefficient -
            llvm::divideFloorSigned(coefficient, *divisor) * *divisor)
      rest.add(monomial, remainder);
  DimAttr restDim = toDim(rest);
  if (restDim.getConstant())
    return restDim;
  // (g * p) mod (g * c) is g * (p mod c).
  int64_t common = getCommonDivisor(restDim, *divisor);
  for (auto [monomial, coefficient] :
       llvm::zip(restDim.getMonomials(), restDim.getCoefficients()))
    common = std::gcd<uint64_t>(common, getMagnitude(coefficient));
  return getFn(DimFn::Mod, divideCoefficients(restDim, common),
               get(context, *divisor / common)) *
         get(context, common);
}

//===----------------------------------------------------------------------===//
// DimAttr: functions that are one of their operands
//===----------------------------------------------------------------------===//

/// Collects the operands of nested functions of one kind.
static void flatten(DimFn kind, DimAttr dim, SmallVectorImpl<DimAttr> &dims) {
  if (DimFnAttr fn = getSingleFn(dim, kind)) {
    flatten(kind, fn.getLhs(), dims);
    flatten(kind, fn.getRhs(), dims);
    return;
  }
  dims.push_back(dim);
}

/// Whether `lhs` makes `rhs` redundant among the operands of `kind`, for any
/// value of their symbols.
static bool covers(DimFn kind, DimAttr lhs, DimAttr rhs) {
  if (lhs == rhs)
    return true;
  if (kind == DimFn::Broadcast) {
    // A number other than 1 is the result: the other size is equal to it or 1.
    if (rhs.isConstant(1) || lhs.getConstant().value_or(1) != 1)
      return true;
    // min(a, c) is equal to a, or is 1 with a being 1 as well if c is 2 or
    // more: either way the result is a.
    DimFnAttr fn = getSingleFn(rhs, DimFn::Min);
    if (!fn || (fn.getLhs() != lhs && fn.getRhs() != lhs))
      return false;
    DimAttr other = fn.getLhs() == lhs ? fn.getRhs() : fn.getLhs();
    return other.getConstant().value_or(0) >= 2;
  }
  std::optional<int64_t> difference = (lhs - rhs).getConstant();
  return difference && (kind == DimFn::Min ? *difference < 0 : *difference > 0);
}

/// `kind` of two sizes as a chain over its sorted operands, so that order and
/// nesting do not matter.
static DimAttr getChoice(DimFn kind, DimAttr lhs, DimAttr rhs) {
  SmallVector<DimAttr> operands, kept;
  flatten(kind, lhs, operands);
  flatten(kind, rhs, operands);
  llvm::sort(operands,
             [](DimAttr a, DimAttr b) { return compareDims(a, b) < 0; });
  for (DimAttr operand : operands) {
    if (llvm::any_of(
            kept, [&](DimAttr other) { return covers(kind, other, operand); }))
      continue;
    llvm::erase_if(kept,
                   [&](DimAttr other) { return covers(kind, operand, other); });
    kept.push_back(operand);
  }
  DimAttr result = kept.front();
  for (DimAttr operand : llvm::drop_begin(kept)) {
    if (result.isUnknown())
      break;
    result = getFn(kind, result, operand);
  }
  return result;
}

DimAttr DimAttr::min(DimAttr lhs, DimAttr rhs) {
  if (lhs.isUnknown() || rhs.isUnknown())
    return getUnknown(lhs.getContext());
  return getChoice(DimFn::Min, lhs, rhs);
}

DimAttr DimAttr::max(DimAttr lhs, DimAttr rhs) {
  if (lhs.isUnknown() || rhs.isUnknown())
    return getUnknown(lhs.getContext());
  return getChoice(DimFn::Max, lhs, rhs);
}

DimAttr DimAttr::broadcast(DimAttr lhs, DimAttr rhs) {
  // With `?` as well the other one being 1 or a number decides.
  if (covers(DimFn::Broadcast, lhs, rhs))
    return lhs;
  if (covers(DimFn::Broadcast, rhs, lhs))
    return rhs;
  if (lhs.isUnknown() || rhs.isUnknown())
    return getUnknown(lhs.getContext());
  return getChoice(DimFn::Broadcast, lhs, rhs);
}

DimAttr DimAttr::apply(DimFn kind, DimAttr lhs, DimAttr rhs) {
  switch (kind) {
  case DimFn::FloorDiv:
    return lhs.floorDiv(rhs);
  case DimFn::Mod:
    return lhs.mod(rhs);
  case DimFn::Min:
    return DimAttr::min(lhs, rhs);
  case DimFn::Max:
    return DimAttr::max(lhs, rhs);
  case DimFn::Broadcast:
    return DimAttr::broadcast(lhs, rhs);
  }
  llvm_unreachable("covered switch");
}

DimAttr
DimAttr::substitute(llvm::function_ref<DimAttr(StringAttr)> lookup) const {
  if (isUnknown())
    return *this;
  DimAttr sum = get(getContext(), 0);
  for (auto [monomial, coefficient] :
       llvm::zip(getMonomials(), getCoefficients())) {
    DimAttr product = get(getContext(), coefficient);
    for (Attribute atom : monomial) {
      if (auto name = dyn_cast<StringAttr>(atom)) {
        DimAttr replacement = lookup(name);
        product = product * (replacement ? replacement : getSymbol(name));
        continue;
      }
      auto fn = cast<DimFnAttr>(atom);
      product = product * apply(fn.getKind(), fn.getLhs().substitute(lookup),
                                fn.getRhs().substitute(lookup));
    }
    sum = sum + product;
  }
  return sum;
}
