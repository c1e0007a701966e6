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

/// The builder that `DimAttr`'s operators share: everything else goes through a
/// `Polynomial`.
static DimAttr toDim(const Polynomial &polynomial) {
  return polynomial.get([&](ArrayRef<int64_t> coefficients,
                            ArrayRef<ArrayAttr> monomials) {
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
  bool commutative =
      kind == DimFn::Min || kind == DimFn::Max || kind == DimFn::Broadcast;
  if (commutative && compareDims(rhs, lhs) < 0)
    std::swap(lhs, rhs);
  return getAtom(DimFnAttr::get(lhs.getContext(), kind, lhs, rhs));
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
  if (isUnknown() || rhs.isUnknown())
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
    if (!factor || coefficient % leading != 0)
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

DimAttr DimAttr::floorDiv(DimAttr rhs) const {
  if (isUnknown() || rhs.isUnknown() || rhs.isConstant(0))
    return getUnknown(getContext());
  if (std::optional<DimAttr> exact = divideExactly(*this, rhs))
    return *exact;
  std::optional<int64_t> divisor = rhs.getConstant();
  if (!divisor)
    return getFn(DimFn::FloorDiv, *this, rhs);
  if (*divisor == INT64_MIN)
    return getUnknown(getContext());
  if (*divisor < 0) {
    DimAttr minusOne = get(getContext(), -1);
    return (*this * minusOne).floorDiv(rhs * minusOne);
  }
  // Terms that the divisor divides leave the floor: (c * p + r) floordiv c = p
  // + r floordiv c.
  Polynomial quotient(getContext()), rest(getContext());
  for (auto [monomial, coefficient] :
       llvm::zip(getMonomials(), getCoefficients())) {
    if (monomial.empty() || coefficient % *divisor == 0) {
      int64_t floor = llvm::divideFloorSigned(coefficient, *divisor);
      quotient.add(monomial, floor);
      if (int64_t remainder = coefficient - floor * *divisor)
        rest.add(monomial, remainder);
    } else {
      rest.add(monomial, coefficient);
    }
  }
  DimAttr restDim = toDim(rest);
  if (std::optional<int64_t> constant = restDim.getConstant())
    return toDim(quotient) +
           get(getContext(), llvm::divideFloorSigned(*constant, *divisor));
  // (p floordiv a) floordiv b = p floordiv (a * b) for positive numbers.
  if (DimFnAttr inner = getSingleFn(restDim, DimFn::FloorDiv))
    if (std::optional<int64_t> innerDivisor = inner.getRhs().getConstant();
        innerDivisor && *innerDivisor > 0)
      return toDim(quotient) + inner.getLhs().floorDiv(inner.getRhs() * rhs);
  return toDim(quotient) + getFn(DimFn::FloorDiv, restDim, rhs);
}

DimAttr DimAttr::ceilDiv(DimAttr rhs) const {
  DimAttr zero = get(getContext(), 0);
  return zero - (zero - *this).floorDiv(rhs);
}

DimAttr DimAttr::mod(DimAttr rhs) const {
  if (isUnknown() || rhs.isUnknown() || rhs.isConstant(0))
    return getUnknown(getContext());
  if (divideExactly(*this, rhs))
    return get(getContext(), 0);
  std::optional<int64_t> divisor = rhs.getConstant();
  if (!divisor || *divisor < 0)
    return getFn(DimFn::Mod, *this, rhs);
  Polynomial rest(getContext());
  for (auto [monomial, coefficient] :
       llvm::zip(getMonomials(), getCoefficients()))
    if (int64_t remainder =
            coefficient -
            llvm::divideFloorSigned(coefficient, *divisor) * *divisor)
      rest.add(monomial, remainder);
  DimAttr restDim = toDim(rest);
  return restDim.getConstant() ? restDim : getFn(DimFn::Mod, restDim, rhs);
}

DimAttr DimAttr::min(DimAttr lhs, DimAttr rhs) {
  if (lhs == rhs)
    return lhs;
  if (lhs.isUnknown() || rhs.isUnknown())
    return getUnknown(lhs.getContext());
  if (std::optional<int64_t> difference = (lhs - rhs).getConstant())
    return *difference < 0 ? lhs : rhs;
  // min(min(a, b), b) is min(a, b).
  for (auto [inner, outer] : {std::pair(lhs, rhs), std::pair(rhs, lhs)})
    if (DimFnAttr fn = getSingleFn(inner, DimFn::Min))
      if (fn.getLhs() == outer || fn.getRhs() == outer)
        return inner;
  return getFn(DimFn::Min, lhs, rhs);
}

DimAttr DimAttr::max(DimAttr lhs, DimAttr rhs) {
  if (lhs == rhs)
    return lhs;
  if (lhs.isUnknown() || rhs.isUnknown())
    return getUnknown(lhs.getContext());
  if (std::optional<int64_t> difference = (lhs - rhs).getConstant())
    return *difference > 0 ? lhs : rhs;
  for (auto [inner, outer] : {std::pair(lhs, rhs), std::pair(rhs, lhs)})
    if (DimFnAttr fn = getSingleFn(inner, DimFn::Max))
      if (fn.getLhs() == outer || fn.getRhs() == outer)
        return inner;
  return getFn(DimFn::Max, lhs, rhs);
}

DimAttr DimAttr::broadcast(DimAttr lhs, DimAttr rhs) {
  if (lhs == rhs || rhs.isConstant(1))
    return lhs;
  if (lhs.isConstant(1))
    return rhs;
  // A number other than 1 is the result: the other size is equal to it or 1.
  if (lhs.getConstant())
    return lhs;
  if (rhs.getConstant())
    return rhs;
  if (lhs.isUnknown() || rhs.isUnknown())
    return getUnknown(lhs.getContext());
  for (auto [inner, outer] : {std::pair(lhs, rhs), std::pair(rhs, lhs)}) {
    if (DimFnAttr fn = getSingleFn(inner, DimFn::Broadcast))
      if (fn.getLhs() == outer || fn.getRhs() == outer)
        return inner;
    // min(a, c) is equal to a, or 1 with a being 1 as well if c is 2 or more:
    // either way the result is a.
    if (DimFnAttr fn = getSingleFn(inner, DimFn::Min)) {
      DimAttr other = fn.getLhs() == outer ? fn.getRhs() : fn.getLhs();
      if ((fn.getLhs() == outer || fn.getRhs() == outer) &&
          other.getConstant().value_or(0) >= 2)
        return outer;
    }
  }
  return getFn(DimFn::Broadcast, lhs, rhs);
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
