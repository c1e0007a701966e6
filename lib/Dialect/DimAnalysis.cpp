//===- DimAnalysis.cpp - Questions about sizes ----------------------------===//

#include "Dyn/Dialect/SymbolicDim.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Intervals
//===----------------------------------------------------------------------===//

static constexpr int64_t kLow = INT64_MIN, kHigh = INT64_MAX;

static DimBounds multiply(DimBounds lhs, DimBounds rhs) {
  if (lhs.min == 1 && lhs.max == 1)
    return rhs;
  auto isOpen = [](DimBounds b) { return b.min == kLow || b.max == kHigh; };
  auto product = [](int64_t a, int64_t b) {
    int64_t result;
    return llvm::MulOverflow(a, b, result) ? kHigh : result;
  };
  if (lhs.min >= 0 && rhs.min >= 0) {
    bool open = lhs.max == kHigh || rhs.max == kHigh;
    return {product(lhs.min, rhs.min),
            open ? kHigh : product(lhs.max, rhs.max)};
  }
  if (isOpen(lhs) || isOpen(rhs))
    return {};
  DimBounds bounds{kHigh, kLow};
  for (int64_t a : {lhs.min, lhs.max})
    for (int64_t b : {rhs.min, rhs.max}) {
      int64_t value;
      if (llvm::MulOverflow(a, b, value))
        return {};
      bounds = {std::min(bounds.min, value), std::max(bounds.max, value)};
    }
  return bounds;
}

static DimBounds scale(DimBounds bounds, int64_t factor) {
  auto times = [&](int64_t value, int64_t open) {
    int64_t result;
    return value == kLow || value == kHigh ||
                   llvm::MulOverflow(value, factor, result)
               ? open
               : result;
  };
  if (factor >= 0)
    return {times(bounds.min, kLow), times(bounds.max, kHigh)};
  return {times(bounds.max, kLow), times(bounds.min, kHigh)};
}

static DimBounds addBounds(DimBounds lhs, DimBounds rhs) {
  DimBounds sum;
  if (lhs.min == kLow || rhs.min == kLow ||
      llvm::AddOverflow(lhs.min, rhs.min, sum.min))
    sum.min = kLow;
  if (lhs.max == kHigh || rhs.max == kHigh ||
      llvm::AddOverflow(lhs.max, rhs.max, sum.max))
    sum.max = kHigh;
  return sum;
}

static DimBounds floorDivide(DimBounds lhs, DimBounds rhs) {
  if (rhs.min <= 0)
    return {};
  DimBounds quotient;
  if (lhs.min >= 0)
    quotient.min = rhs.max == kHigh ? 0 : lhs.min / rhs.max;
  else if (lhs.min != kLow)
    quotient.min = llvm::divideFloorSigned(lhs.min, rhs.min);
  if (lhs.max < 0)
    quotient.max =
        rhs.max == kHigh ? -1 : llvm::divideFloorSigned(lhs.max, rhs.max);
  else if (lhs.max != kHigh)
    quotient.max = lhs.max / rhs.min;
  return quotient;
}

static DimBounds moduloBounds(DimBounds lhs, DimBounds rhs) {
  if (rhs.min <= 0)
    return {};
  int64_t max = rhs.max == kHigh ? kHigh : rhs.max - 1;
  return {0, lhs.min >= 0 ? std::min(lhs.max, max) : max};
}

/// Both sizes may be the result, or, scaled by a positive number, the smaller
/// or the larger one of them is.
static DimBounds choose(DimFn kind, DimBounds lhs, DimBounds rhs) {
  if (kind == DimFn::Min)
    return {std::min(lhs.min, rhs.min), std::min(lhs.max, rhs.max)};
  if (kind == DimFn::Max)
    return {std::max(lhs.min, rhs.min), std::max(lhs.max, rhs.max)};
  return {std::min(lhs.min, rhs.min), std::max(lhs.max, rhs.max)};
}

static bool isChoice(DimFn kind) {
  return kind == DimFn::Min || kind == DimFn::Max || kind == DimFn::Broadcast;
}

static DimBounds getSymbolBounds(StringAttr name, DictionaryAttr symbols) {
  auto known = symbols ? symbols.getAs<SymbolAttr>(name) : SymbolAttr();
  if (!known)
    return {0, kHigh};
  DimBounds bounds{known.getMin(), known.getMax()};
  int64_t remainder = bounds.min % known.getMultiple(), up;
  if (remainder &&
      !llvm::AddOverflow(bounds.min, known.getMultiple() - remainder, up))
    bounds.min = up;
  if (bounds.max != kHigh)
    bounds.max -= bounds.max % known.getMultiple();
  return bounds;
}

static DimBounds computeBounds(DimAttr dim, DictionaryAttr symbols, int splits);

static DimBounds computeAtomBounds(Attribute atom, DictionaryAttr symbols,
                                   int splits) {
  if (auto name = dyn_cast<StringAttr>(atom))
    return getSymbolBounds(name, symbols);
  auto fn = cast<DimFnAttr>(atom);
  DimBounds lhs = computeBounds(fn.getLhs(), symbols, splits),
            rhs = computeBounds(fn.getRhs(), symbols, splits);
  switch (fn.getKind()) {
  case DimFn::Min:
  case DimFn::Max:
  case DimFn::Broadcast:
    return choose(fn.getKind(), lhs, rhs);
  case DimFn::Mod:
    return moduloBounds(lhs, rhs);
  case DimFn::FloorDiv:
    return floorDivide(lhs, rhs);
  }
  llvm_unreachable("covered switch");
}

/// `splits` bounds the number of min, max and broadcast that are decided case
/// by case: `S - min(S, 8)` is at least 0 though its terms alone do not tell.
static DimBounds computeBounds(DimAttr dim, DictionaryAttr symbols,
                               int splits) {
  if (dim.isUnknown())
    return {};
  if (splits > 0)
    for (auto [monomial, coefficient] :
         llvm::zip(dim.getMonomials(), dim.getCoefficients())) {
      auto fn =
          monomial.size() == 1 ? dyn_cast<DimFnAttr>(monomial[0]) : DimFnAttr();
      if (!fn || !isChoice(fn.getKind()))
        continue;
      MLIRContext *context = dim.getContext();
      DimAttr factor = DimAttr::get(context, coefficient);
      DimAttr rest =
          dim - DimAttr::getNormalized(context, coefficient, monomial);
      DimFn kind = fn.getKind();
      if (coefficient < 0 && kind != DimFn::Broadcast)
        kind = kind == DimFn::Min ? DimFn::Max : DimFn::Min;
      return choose(
          kind, computeBounds(rest + factor * fn.getLhs(), symbols, splits - 1),
          computeBounds(rest + factor * fn.getRhs(), symbols, splits - 1));
    }
  DimBounds sum{0, 0};
  for (auto [monomial, coefficient] :
       llvm::zip(dim.getMonomials(), dim.getCoefficients())) {
    DimBounds product{1, 1};
    for (Attribute atom : monomial)
      product = multiply(product, computeAtomBounds(atom, symbols, splits));
    sum = addBounds(sum, scale(product, coefficient));
  }
  return sum;
}

/// `dim` with symbols counted from their minima: B * S - S, which intervals
/// know nothing about, is b * s + b for B = 1 + b and S = s.
static DimAttr shiftToMinima(DimAttr dim, DictionaryAttr symbols) {
  return dim.substitute([&](StringAttr name) -> DimAttr {
    int64_t min = getSymbolBounds(name, symbols).min;
    if (min == 0)
      return {};
    return DimAttr::getSymbol(name) + DimAttr::get(dim.getContext(), min);
  });
}

DimBounds dyn::computeBounds(DimAttr dim, DictionaryAttr symbols) {
  DimBounds bounds = ::computeBounds(dim, symbols, /*splits=*/6);
  if (!symbols || dim.getMonomials().size() < 2)
    return bounds;
  DimBounds shifted = ::computeBounds(shiftToMinima(dim, symbols),
                                      /*symbols=*/{}, /*splits=*/6);
  return {std::max(bounds.min, shifted.min), std::min(bounds.max, shifted.max)};
}

//===----------------------------------------------------------------------===//
// Comparison and simplification
//===----------------------------------------------------------------------===//

std::optional<bool> dyn::areEqual(DimAttr lhs, DimAttr rhs,
                                  DictionaryAttr symbols) {
  if (lhs.isUnknown() || rhs.isUnknown())
    return std::nullopt;
  if (lhs == rhs)
    return true;
  DimBounds difference = computeBounds(lhs - rhs, symbols);
  if (difference.min > 0 || difference.max < 0)
    return false;
  if (difference.min == 0 && difference.max == 0)
    return true;
  return std::nullopt;
}

std::optional<bool> dyn::isLessEqual(DimAttr lhs, DimAttr rhs,
                                     DictionaryAttr symbols) {
  DimBounds difference = computeBounds(rhs - lhs, symbols);
  if (difference.min >= 0)
    return true;
  if (difference.max < 0)
    return false;
  return std::nullopt;
}

/// `dim` with each symbol of a declared multiple written as that multiple of
/// another number, for questions about remainders.
static DimAttr expandMultiples(DimAttr dim, DictionaryAttr symbols) {
  return dim.substitute([&](StringAttr name) -> DimAttr {
    auto known = symbols ? symbols.getAs<SymbolAttr>(name) : SymbolAttr();
    if (!known || known.getMultiple() == 1)
      return {};
    return DimAttr::get(dim.getContext(), known.getMultiple()) *
           DimAttr::getSymbol(name);
  });
}

static DimAttr simplifyFn(DimFn kind, DimAttr lhs, DimAttr rhs,
                          DictionaryAttr symbols) {
  switch (kind) {
  case DimFn::Min:
  case DimFn::Max:
    if (isLessEqual(lhs, rhs, symbols) == true)
      return kind == DimFn::Min ? lhs : rhs;
    if (isLessEqual(rhs, lhs, symbols) == true)
      return kind == DimFn::Min ? rhs : lhs;
    break;
  case DimFn::Broadcast: {
    // A size that cannot be 1 is the result, as the other one is equal or 1.
    DimAttr one = DimAttr::get(lhs.getContext(), 1);
    std::optional<bool> lhsIsOne = areEqual(lhs, one, symbols),
                        rhsIsOne = areEqual(rhs, one, symbols);
    if (lhsIsOne == false || rhsIsOne == true)
      return lhs;
    if (rhsIsOne == false || lhsIsOne == true)
      return rhs;
    break;
  }
  case DimFn::Mod:
  case DimFn::FloorDiv: {
    DimBounds dividend = computeBounds(lhs, symbols);
    if (dividend.min >= 0 && computeBounds(rhs - lhs, symbols).min > 0)
      return kind == DimFn::Mod ? lhs : DimAttr::get(lhs.getContext(), 0);
    if (kind == DimFn::FloorDiv)
      break;
    DimAttr remainder = expandMultiples(lhs, symbols).mod(rhs);
    if (remainder.getConstant())
      return remainder;
    break;
  }
  }
  return DimAttr::apply(kind, lhs, rhs);
}

/// True if there is nothing to decide: no functions, and no symbol of one
/// value.
static bool isSimple(DimAttr dim, DictionaryAttr symbols) {
  return llvm::all_of(dim.getMonomials(), [&](ArrayAttr monomial) {
    return llvm::all_of(monomial, [&](Attribute atom) {
      auto name = dyn_cast<StringAttr>(atom);
      if (!name)
        return false;
      DimBounds bounds = getSymbolBounds(name, symbols);
      return bounds.min != bounds.max;
    });
  });
}

DimAttr dyn::simplify(DimAttr dim, DictionaryAttr symbols) {
  if (isSimple(dim, symbols))
    return dim;
  MLIRContext *context = dim.getContext();
  DimAttr sum = DimAttr::get(context, 0);
  for (auto [monomial, coefficient] :
       llvm::zip(dim.getMonomials(), dim.getCoefficients())) {
    DimAttr product = DimAttr::get(context, coefficient);
    for (Attribute atom : monomial) {
      if (auto name = dyn_cast<StringAttr>(atom)) {
        DimBounds bounds = getSymbolBounds(name, symbols);
        product = product * (bounds.min == bounds.max
                                 ? DimAttr::get(context, bounds.min)
                                 : DimAttr::getSymbol(name));
        continue;
      }
      auto fn = cast<DimFnAttr>(atom);
      product =
          product * simplifyFn(fn.getKind(), simplify(fn.getLhs(), symbols),
                               simplify(fn.getRhs(), symbols), symbols);
    }
    sum = sum + product;
  }
  return sum;
}

//===----------------------------------------------------------------------===//
// Symbols and constants around operations
//===----------------------------------------------------------------------===//

static DictionaryAttr getSymbolsOf(FunctionOpInterface function) {
  return function
             ? function->getAttrOfType<DictionaryAttr>(DynDialect::kSymbolsAttr)
             : DictionaryAttr();
}

DictionaryAttr dyn::getSymbols(Operation *op) {
  if (auto function = dyn_cast<FunctionOpInterface>(op))
    return getSymbolsOf(function);
  return getSymbolsOf(op->getParentOfType<FunctionOpInterface>());
}

DictionaryAttr dyn::getSymbols(ValueRange values) {
  for (Value value : values)
    if (Region *region = value.getParentRegion())
      if (Operation *parent = region->getParentOp())
        return getSymbols(parent);
  return {};
}

std::optional<SmallVector<DimAttr>> dyn::getConstantDims(Attribute constant) {
  if (auto dims = dyn_cast_or_null<DimsAttr>(constant))
    return SmallVector<DimAttr>(dims.getDims());
  auto dense = dyn_cast_or_null<DenseIntElementsAttr>(constant);
  if (!dense || dense.getType().getRank() > 1)
    return std::nullopt;
  SmallVector<DimAttr> dims;
  for (const APInt &element : dense.getValues<APInt>())
    dims.push_back(DimAttr::get(constant.getContext(), element.getSExtValue()));
  return dims;
}

std::optional<SmallVector<DimAttr>> dyn::getConstantDims(Value value) {
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return std::nullopt;
  return getConstantDims(constant);
}
