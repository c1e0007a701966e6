//===- ElementFolding.cpp - Elementwise operations on constants -----------===//
//
// What each elementwise operation does with numbers and sizes. A size folds
// where the answer holds for every value of its symbols.
//
//===----------------------------------------------------------------------===//

#include "ConstantTensor.h"
#include "llvm/ADT/APSInt.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Attribute dyn::wrapToType(DimAttr dim, const ElementContext &context) {
  if (dim.isUnknown())
    return {};
  Type type = context.resultType;
  unsigned width = type.getIntOrFloatBitWidth();
  std::optional<int64_t> number = dim.getConstant();
  if (!number)
    // Sizes are held exactly where a size of a tensor fits; the narrow types
    // wrap at lengths that do occur.
    return width >= 32 ? dim : DimAttr();
  APInt value(width, *number, /*isSigned=*/true, /*implicitTrunc=*/true);
  bool isUnsigned = type.isUnsignedInteger() || width == 1;
  return DimAttr::get(dim.getContext(),
                      isUnsigned ? value.getZExtValue() : value.getSExtValue());
}

static Attribute makeBool(std::optional<bool> value, MLIRContext *context) {
  return value ? DimAttr::get(context, *value ? 1 : 0) : DimAttr();
}

static Attribute makeFloat(APFloat value, Type type) {
  bool lossy;
  value.convert(cast<FloatType>(type).getFloatSemantics(),
                APFloat::rmNearestTiesToEven, &lossy);
  return FloatAttr::get(type, value);
}

static std::pair<DimAttr, DimAttr> dims(ArrayRef<Attribute> operands) {
  return {cast<DimAttr>(operands[0]), cast<DimAttr>(operands[1])};
}

static bool isFloat(ArrayRef<Attribute> operands) {
  return isa<FloatAttr>(operands.back());
}

static APFloat toFloat(Attribute element) {
  return cast<FloatAttr>(element).getValue();
}

/// Both numbers, if they are.
static std::optional<std::pair<int64_t, int64_t>>
numbers(ArrayRef<Attribute> operands) {
  auto [lhs, rhs] = dims(operands);
  std::optional<int64_t> lhsNumber = lhs.getConstant(),
                         rhsNumber = rhs.getConstant();
  if (!lhsNumber || !rhsNumber)
    return std::nullopt;
  return std::pair(*lhsNumber, *rhsNumber);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Attribute dyn::foldAddElements(ArrayRef<Attribute> operands,
                               const ElementContext &context) {
  if (isFloat(operands))
    return makeFloat(toFloat(operands[0]) + toFloat(operands[1]),
                     context.resultType);
  auto [lhs, rhs] = dims(operands);
  return wrapToType(lhs + rhs, context);
}

static Attribute foldSub(ArrayRef<Attribute> operands,
                         const ElementContext &context) {
  if (isFloat(operands))
    return makeFloat(toFloat(operands[0]) - toFloat(operands[1]),
                     context.resultType);
  auto [lhs, rhs] = dims(operands);
  return wrapToType(lhs - rhs, context);
}

Attribute dyn::foldMulElements(ArrayRef<Attribute> operands,
                               const ElementContext &context) {
  if (isFloat(operands))
    return makeFloat(toFloat(operands[0]) * toFloat(operands[1]),
                     context.resultType);
  auto [lhs, rhs] = dims(operands);
  return wrapToType(lhs * rhs, context);
}

/// Rounds towards zero. A divisor that may be 0 is left to the run, which
/// reports it.
static Attribute foldDiv(ArrayRef<Attribute> operands,
                         const ElementContext &context) {
  if (isFloat(operands))
    return makeFloat(toFloat(operands[0]) / toFloat(operands[1]),
                     context.resultType);
  if (auto values = numbers(operands)) {
    if (values->second == 0 || values->second == -1)
      return values->second == 0
                 ? Attribute()
                 : wrapToType(DimAttr::get(context.resultType.getContext(), 0) -
                                  cast<DimAttr>(operands[0]),
                              context);
    return wrapToType(DimAttr::get(context.resultType.getContext(),
                                   values->first / values->second),
                      context);
  }
  auto [lhs, rhs] = dims(operands);
  if (computeBounds(rhs, context.symbols).min <= 0)
    return {};
  DimBounds dividend = computeBounds(lhs, context.symbols);
  if (dividend.min >= 0)
    return wrapToType(simplify(lhs.floorDiv(rhs), context.symbols), context);
  if (dividend.max <= 0)
    return wrapToType(simplify(lhs.ceilDiv(rhs), context.symbols), context);
  return {};
}

/// The remainder has the divisor's sign.
static Attribute foldMod(ArrayRef<Attribute> operands,
                         const ElementContext &context) {
  if (isFloat(operands))
    return {};
  auto [lhs, rhs] = dims(operands);
  DimBounds divisor = computeBounds(rhs, context.symbols);
  if (divisor.min <= 0 && divisor.max >= 0)
    return {};
  return wrapToType(simplify(lhs.mod(rhs), context.symbols), context);
}

/// The remainder has the dividend's sign.
static Attribute foldFmod(ArrayRef<Attribute> operands,
                          const ElementContext &context) {
  if (isFloat(operands))
    return {};
  auto [lhs, rhs] = dims(operands);
  if (computeBounds(lhs, context.symbols).min < 0 ||
      computeBounds(rhs, context.symbols).min <= 0)
    return {};
  return foldMod(operands, context);
}

Attribute dyn::foldMinElements(ArrayRef<Attribute> operands,
                               const ElementContext &context) {
  if (isFloat(operands))
    return makeFloat(llvm::minimum(toFloat(operands[0]), toFloat(operands[1])),
                     context.resultType);
  auto [lhs, rhs] = dims(operands);
  return wrapToType(simplify(DimAttr::min(lhs, rhs), context.symbols), context);
}

Attribute dyn::foldMaxElements(ArrayRef<Attribute> operands,
                               const ElementContext &context) {
  if (isFloat(operands))
    return makeFloat(llvm::maximum(toFloat(operands[0]), toFloat(operands[1])),
                     context.resultType);
  auto [lhs, rhs] = dims(operands);
  return wrapToType(simplify(DimAttr::max(lhs, rhs), context.symbols), context);
}

static Attribute foldNeg(ArrayRef<Attribute> operands,
                         const ElementContext &context) {
  if (isFloat(operands))
    return FloatAttr::get(context.resultType, -toFloat(operands[0]));
  auto dim = cast<DimAttr>(operands[0]);
  return wrapToType(DimAttr::get(dim.getContext(), 0) - dim, context);
}

static Attribute foldAbs(ArrayRef<Attribute> operands,
                         const ElementContext &context) {
  if (isFloat(operands))
    return FloatAttr::get(context.resultType, llvm::abs(toFloat(operands[0])));
  auto dim = cast<DimAttr>(operands[0]);
  DimBounds bounds = computeBounds(dim, context.symbols);
  if (bounds.min >= 0)
    return dim;
  return bounds.max <= 0 ? foldNeg(operands, context) : Attribute();
}

/// Correctly rounded for every element type: the square root of a double,
/// rounded once more, is that of the narrower type.
static Attribute foldSqrt(ArrayRef<Attribute> operands,
                          const ElementContext &context) {
  double value = cast<FloatAttr>(operands[0]).getValueAsDouble();
  return makeFloat(APFloat(std::sqrt(value)), context.resultType);
}

//===----------------------------------------------------------------------===//
// Comparison and logic
//===----------------------------------------------------------------------===//

static Attribute foldEqual(ArrayRef<Attribute> operands,
                           const ElementContext &context) {
  MLIRContext *mlir = context.resultType.getContext();
  if (isFloat(operands))
    return makeBool(toFloat(operands[0]) == toFloat(operands[1]), mlir);
  auto [lhs, rhs] = dims(operands);
  return makeBool(areEqual(lhs, rhs, context.symbols), mlir);
}

static Attribute foldLessEqual(ArrayRef<Attribute> operands,
                               const ElementContext &context) {
  MLIRContext *mlir = context.resultType.getContext();
  if (isFloat(operands))
    return makeBool(toFloat(operands[0]) <= toFloat(operands[1]), mlir);
  auto [lhs, rhs] = dims(operands);
  return makeBool(isLessEqual(lhs, rhs, context.symbols), mlir);
}

static Attribute foldLess(ArrayRef<Attribute> operands,
                          const ElementContext &context) {
  MLIRContext *mlir = context.resultType.getContext();
  if (isFloat(operands))
    return makeBool(toFloat(operands[0]) < toFloat(operands[1]), mlir);
  auto [lhs, rhs] = dims(operands);
  std::optional<bool> atLeast = isLessEqual(rhs, lhs, context.symbols);
  return makeBool(atLeast ? std::optional(!*atLeast) : std::nullopt, mlir);
}

template <typename Fn>
static Attribute foldBits(ArrayRef<Attribute> operands,
                          const ElementContext &context, Fn fn) {
  auto values = numbers(operands);
  if (!values)
    return {};
  return wrapToType(DimAttr::get(context.resultType.getContext(),
                                 fn(values->first, values->second)),
                    context);
}

static Attribute foldAnd(ArrayRef<Attribute> operands,
                         const ElementContext &context) {
  return foldBits(operands, context, std::bit_and<int64_t>());
}

static Attribute foldOr(ArrayRef<Attribute> operands,
                        const ElementContext &context) {
  return foldBits(operands, context, std::bit_or<int64_t>());
}

static Attribute foldXor(ArrayRef<Attribute> operands,
                         const ElementContext &context) {
  return foldBits(operands, context, std::bit_xor<int64_t>());
}

static Attribute foldNot(ArrayRef<Attribute> operands,
                         const ElementContext &context) {
  std::optional<int64_t> value = cast<DimAttr>(operands[0]).getConstant();
  if (!value)
    return {};
  return wrapToType(DimAttr::get(context.resultType.getContext(), ~*value),
                    context);
}

static Attribute foldSelect(ArrayRef<Attribute> operands,
                            const ElementContext &) {
  return cast<DimAttr>(operands[0]).isConstant(0) ? operands[2] : operands[1];
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

static Attribute convertFloat(const APFloat &value,
                              const ElementContext &context) {
  Type type = context.resultType;
  if (isa<FloatType>(type))
    return makeFloat(value, type);
  MLIRContext *mlir = type.getContext();
  if (type.isInteger(1))
    return DimAttr::get(mlir, value.isZero() ? 0 : 1);
  // Saturates, and NaN gives 0, as APFloat does.
  APSInt integer(type.getIntOrFloatBitWidth(), type.isUnsignedInteger());
  bool exact;
  value.convertToInteger(integer, APFloat::rmTowardZero, &exact);
  return DimAttr::get(mlir, type.isUnsignedInteger()
                                ? static_cast<int64_t>(integer.getZExtValue())
                                : integer.getSExtValue());
}

static Attribute foldConvert(ArrayRef<Attribute> operands,
                             const ElementContext &context) {
  if (isFloat(operands))
    return convertFloat(toFloat(operands[0]), context);
  auto dim = cast<DimAttr>(operands[0]);
  Type type = context.resultType;
  if (type.isInteger(1)) {
    DimAttr zero = DimAttr::get(dim.getContext(), 0);
    std::optional<bool> isZero = areEqual(dim, zero, context.symbols);
    return makeBool(isZero ? std::optional(!*isZero) : std::nullopt,
                    dim.getContext());
  }
  if (!isa<FloatType>(type))
    return wrapToType(dim, context);
  std::optional<int64_t> number = dim.getConstant();
  if (!number)
    return {};
  APFloat value(cast<FloatType>(type).getFloatSemantics());
  value.convertFromAPInt(APInt(64, *number, /*isSigned=*/true),
                         /*IsSigned=*/true, APFloat::rmNearestTiesToEven);
  return FloatAttr::get(type, value);
}

//===----------------------------------------------------------------------===//
// Table
//===----------------------------------------------------------------------===//

ElementFn dyn::getElementFn(Operation *op) {
  return llvm::TypeSwitch<Operation *, ElementFn>(op)
      .Case([](AddOp) { return foldAddElements; })
      .Case([](SubOp) { return foldSub; })
      .Case([](MulOp) { return foldMulElements; })
      .Case([](DivOp) { return foldDiv; })
      .Case([](ModOp) { return foldMod; })
      .Case([](FmodOp) { return foldFmod; })
      .Case([](MinOp) { return foldMinElements; })
      .Case([](MaxOp) { return foldMaxElements; })
      .Case([](NegOp) { return foldNeg; })
      .Case([](AbsOp) { return foldAbs; })
      .Case([](SqrtOp) { return foldSqrt; })
      .Case([](EqualOp) { return foldEqual; })
      .Case([](LessOp) { return foldLess; })
      .Case([](LessEqualOp) { return foldLessEqual; })
      .Case([](AndOp) { return foldAnd; })
      .Case([](OrOp) { return foldOr; })
      .Case([](XorOp) { return foldXor; })
      .Case([](NotOp) { return foldNot; })
      .Case([](SelectOp) { return foldSelect; })
      .Case([](ConvertOp) { return foldConvert; })
      .Default([](Operation *) -> ElementFn { return nullptr; });
}
