//===- Scalars.cpp - Arithmetic on elements, inside a loop's body ---------===//

#include "Scalars.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Types and numbers
//===----------------------------------------------------------------------===//

/// ui8 is i8 in code on builtin tensors.
static Type getStorageType(Type type) {
  if (type.isUnsignedInteger())
    return IntegerType::get(type.getContext(), type.getIntOrFloatBitWidth());
  return type;
}

/// True and ui8 are the greatest of their bits.
static bool isUnsigned(Type type) {
  return type.isUnsignedInteger() || type.isInteger(1);
}

TypedAttr dyn::getNumberAttr(Type type, double value) {
  if (isa<FloatType>(type))
    return FloatAttr::get(type, value);
  return IntegerAttr::get(getStorageType(type), static_cast<int64_t>(value));
}

Value dyn::getNumber(ImplicitLocOpBuilder &b, Type type, double value) {
  return arith::ConstantOp::create(b, getNumberAttr(type, value));
}

Type dyn::getComputeType(Type elementType) {
  return isa<Float16Type, BFloat16Type>(elementType)
             ? Float32Type::get(elementType.getContext())
             : elementType;
}

static TypedAttr getLimit(Type type, bool highest) {
  if (auto floating = dyn_cast<FloatType>(type))
    return FloatAttr::get(type, APFloat::getInf(floating.getFloatSemantics(),
                                                /*Negative=*/!highest));
  unsigned width = type.getIntOrFloatBitWidth();
  APInt value = isUnsigned(type) ? highest ? APInt::getMaxValue(width)
                                           : APInt::getMinValue(width)
                : highest        ? APInt::getSignedMaxValue(width)
                                 : APInt::getSignedMinValue(width);
  return IntegerAttr::get(getStorageType(type), value);
}

TypedAttr dyn::getLowest(Type type) { return getLimit(type, false); }
TypedAttr dyn::getHighest(Type type) { return getLimit(type, true); }

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

template <typename FloatOp, typename IntOp>
static Value emitByKind(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isa<FloatType>(lhs.getType()))
    return FloatOp::create(b, lhs, rhs);
  return IntOp::create(b, lhs, rhs);
}

Value dyn::emitAdd(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return emitByKind<arith::AddFOp, arith::AddIOp>(b, lhs, rhs);
}

Value dyn::emitSub(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return emitByKind<arith::SubFOp, arith::SubIOp>(b, lhs, rhs);
}

Value dyn::emitMul(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return emitByKind<arith::MulFOp, arith::MulIOp>(b, lhs, rhs);
}

Value dyn::emitMin(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type type) {
  if (isUnsigned(type))
    return arith::MinUIOp::create(b, lhs, rhs);
  return emitByKind<arith::MinimumFOp, arith::MinSIOp>(b, lhs, rhs);
}

Value dyn::emitMax(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type type) {
  if (isUnsigned(type))
    return arith::MaxUIOp::create(b, lhs, rhs);
  return emitByKind<arith::MaximumFOp, arith::MaxSIOp>(b, lhs, rhs);
}

Value dyn::emitEqual(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isa<FloatType>(lhs.getType()))
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, lhs, rhs);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lhs, rhs);
}

Value dyn::emitLess(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type type) {
  if (isa<FloatType>(lhs.getType()))
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, lhs, rhs);
  return arith::CmpIOp::create(b,
                               isUnsigned(type) ? arith::CmpIPredicate::ult
                                                : arith::CmpIPredicate::slt,
                               lhs, rhs);
}

Value dyn::emitLessEqual(ImplicitLocOpBuilder &b, Value lhs, Value rhs,
                         Type type) {
  if (isa<FloatType>(lhs.getType()))
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, lhs, rhs);
  return arith::CmpIOp::create(b,
                               isUnsigned(type) ? arith::CmpIPredicate::ule
                                                : arith::CmpIPredicate::sle,
                               lhs, rhs);
}

/// `divisor` with 1 for the numbers that `lhs` must not be divided by, and
/// whether it is -1. A constant is known to be harmless or not.
static Value makeSafeDivisor(ImplicitLocOpBuilder &b, Value divisor, Type type,
                             Value &isMinusOne) {
  IntegerAttr number;
  bool isConstant = matchPattern(divisor, m_Constant(&number));
  auto select = [&](double value) {
    Value bad = emitEqual(b, divisor, getNumber(b, type, value));
    divisor = arith::SelectOp::create(b, bad, getNumber(b, type, 1), divisor);
    return bad;
  };
  if (!type.isUnsignedInteger() &&
      (!isConstant || number.getValue().isAllOnes()))
    isMinusOne = select(-1);
  if (!isConstant || number.getValue().isZero())
    select(0);
  return divisor;
}

Value dyn::emitIntDiv(ImplicitLocOpBuilder &b, Value lhs, Value rhs,
                      Type type) {
  Value isMinusOne;
  Value divisor = makeSafeDivisor(b, rhs, type, isMinusOne);
  if (type.isUnsignedInteger())
    return arith::DivUIOp::create(b, lhs, divisor);
  Value quotient = arith::DivSIOp::create(b, lhs, divisor);
  if (!isMinusOne)
    return quotient;
  Value negated = emitSub(b, getNumber(b, type, 0), lhs);
  return arith::SelectOp::create(b, isMinusOne, negated, quotient);
}

Value dyn::emitIntRem(ImplicitLocOpBuilder &b, Value lhs, Value rhs,
                      Type type) {
  Value isMinusOne;
  Value divisor = makeSafeDivisor(b, rhs, type, isMinusOne);
  if (type.isUnsignedInteger())
    return arith::RemUIOp::create(b, lhs, divisor);
  // The remainder by -1 is that by 1.
  return arith::RemSIOp::create(b, lhs, divisor);
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

/// f64 to f32 so that a second rounding to f16 or bf16 gives what one would:
/// round to odd, that is towards zero with the last bit set if inexact.
static Value truncateToOdd(ImplicitLocOpBuilder &b, Value value) {
  Type f32 = b.getF32Type(), f64 = b.getF64Type(), i32 = b.getI32Type();
  Value nearest = arith::TruncFOp::create(b, f32, value);
  Value back = arith::ExtFOp::create(b, f64, nearest);
  // NaN compares unequal to itself: it is not touched.
  Value inexact =
      arith::CmpFOp::create(b, arith::CmpFPredicate::ONE, back, value);
  Value bits = arith::BitcastOp::create(b, i32, nearest);
  Value one = getNumber(b, i32, 1);
  Value zero = getNumber(b, f64, 0);
  Value up = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, back, value);
  Value negative =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, value, zero);
  // One step less in magnitude where rounding went away from zero; the bits of
  // sign and magnitude make that a subtraction for both signs.
  Value away = arith::XOrIOp::create(b, up, negative);
  Value less = arith::SubIOp::create(b, bits, one);
  Value truncated = arith::SelectOp::create(b, away, less, bits);
  Value odd = arith::OrIOp::create(b, truncated, one);
  Value result = arith::SelectOp::create(b, inexact, odd, bits);
  return arith::BitcastOp::create(b, f32, result);
}

static Value convertFloat(ImplicitLocOpBuilder &b, Value value, Type to) {
  Type from = value.getType();
  if (from == to)
    return value;
  unsigned have = from.getIntOrFloatBitWidth(),
           want = to.getIntOrFloatBitWidth();
  if (have < want)
    return arith::ExtFOp::create(b, to, value);
  if (have == 64 && want == 16)
    value = truncateToOdd(b, value);
  if (have == want) // between f16 and bf16
    value = arith::ExtFOp::create(b, b.getF32Type(), value);
  return arith::TruncFOp::create(b, to, value);
}

/// Saturates; NaN gives 0.
static Value convertFloatToInt(ImplicitLocOpBuilder &b, Value value, Type to) {
  Type type = value.getType();
  unsigned width = to.getIntOrFloatBitWidth();
  bool isSigned = !to.isUnsignedInteger();
  // Both are powers of two or 0, so exact: the least value and the first one
  // above the greatest.
  double low = isSigned ? -std::ldexp(1.0, width - 1) : 0.0;
  double high = std::ldexp(1.0, isSigned ? width - 1 : width);
  Value least = getNumber(b, type, low), above = getNumber(b, type, high);
  Value atLeast =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, value, least);
  Value tooLarge =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, value, above);
  Value tooSmall =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, value, least);
  Value below =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, value, above);
  Value inRange = arith::AndIOp::create(b, atLeast, below);
  Value safe =
      arith::SelectOp::create(b, inRange, value, getNumber(b, type, 0));
  Type storage = getStorageType(to);
  Value number;
  if (isSigned)
    number = arith::FPToSIOp::create(b, storage, safe);
  else
    number = arith::FPToUIOp::create(b, storage, safe);
  number = arith::SelectOp::create(
      b, tooLarge, arith::ConstantOp::create(b, getHighest(to)), number);
  return arith::SelectOp::create(
      b, tooSmall, arith::ConstantOp::create(b, getLowest(to)), number);
}

static Value convertInt(ImplicitLocOpBuilder &b, Value value, Type from,
                        Type to) {
  unsigned have = from.getIntOrFloatBitWidth(),
           want = to.getIntOrFloatBitWidth();
  Type storage = getStorageType(to);
  if (have > want)
    return arith::TruncIOp::create(b, storage, value);
  if (have == want)
    return value;
  if (isUnsigned(from))
    return arith::ExtUIOp::create(b, storage, value);
  return arith::ExtSIOp::create(b, storage, value);
}

Value dyn::emitConvert(ImplicitLocOpBuilder &b, Value value, Type from,
                       Type to) {
  bool fromFloat = isa<FloatType>(from), toFloat = isa<FloatType>(to);
  if (to.isInteger(1) && !from.isInteger(1)) {
    Value zero = getNumber(b, value.getType(), 0);
    if (fromFloat)
      return arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, value, zero);
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, value, zero);
  }
  if (fromFloat && toFloat)
    return convertFloat(b, value, to);
  if (!fromFloat && !toFloat)
    return convertInt(b, value, from, to);
  if (fromFloat)
    return convertFloatToInt(b, convertFloat(b, value, getComputeType(from)),
                             to);
  // 64-bit numbers reach f16 and bf16 by way of f64 and a rounding to odd;
  // all others are exact in f32 or f64.
  Type via = to;
  if (to.getIntOrFloatBitWidth() == 16)
    via = from.getIntOrFloatBitWidth() > 16 ? Type(b.getF64Type())
                                            : Type(b.getF32Type());
  Value number;
  if (isUnsigned(from))
    number = arith::UIToFPOp::create(b, via, value);
  else
    number = arith::SIToFPOp::create(b, via, value);
  return convertFloat(b, number, to);
}
