//===- ElementaryFunctions.h - exp, log, erf, ... as arithmetic -*- C++ -*-===//
//
// Each function emits straight-line arithmetic for an f32 or f64 value, or a
// vector of them: no branch, no table, no call, no change of the
// floating-point environment. NaN gives NaN; infinities, zeros and denormals
// are treated as C23 Annex F says.
//
// Polynomials are minimax fits (Lawson's iteration on Chebyshev nodes, 60
// digits); the logarithm has the coefficients of FreeBSD's msun e_logf.c and
// e_log.c. Largest errors over all exponents of f32, measured against f64 or
// wider (test/python/test_math.py): exp and log at most 2 units in the last
// place, the others at most 4.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_TILE_ELEMENTARYFUNCTIONS_H
#define DYN_TRANSFORMS_TILE_ELEMENTARYFUNCTIONS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::dyn {

class ElementaryFunctions {
public:
  /// For values of `type`: f32, f64, or a vector of either. Those of 16 f32 may
  /// be scaled by VSCALEFPS, if `scalef`.
  ElementaryFunctions(ImplicitLocOpBuilder &builder, Type type,
                      bool scalef = false);

  Value exp(Value x);
  Value exp2(Value x);
  /// exp(x) for x <= 0 as softmax needs it: the relative error grows with |x|
  /// to 2^-18 at 2^-126; below that results are 0, or denormal by VSCALEFPS.
  Value expForSoftmax(Value x);
  Value expm1(Value x);
  Value log(Value x);
  Value log2(Value x);
  Value log10(Value x);
  Value log1p(Value x);
  Value erf(Value x);
  Value tanh(Value x);
  Value sinh(Value x);
  Value cosh(Value x);
  Value asinh(Value x);
  Value acosh(Value x);
  Value atanh(Value x);
  /// NaN where the argument is too large to be reduced: from 2^46 for f32, from
  /// 2^30 for f64.
  Value sin(Value x);
  Value cos(Value x);
  Value tan(Value x);
  Value atan(Value x);
  Value atan2(Value y, Value x);
  Value asin(Value x);
  Value acos(Value x);
  Value cbrt(Value x);
  Value rsqrt(Value x);
  /// Halves away from zero.
  Value round(Value x);
  /// Through f64 for f32; for f64 the relative error grows with |y log x|.
  Value pow(Value x, Value y);

private:
  Value constant(double value);
  Value integer(int64_t value);
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b);
  Value fma(Value a, Value b, Value c);
  Value abs(Value a);
  Value sqrt(Value a);
  Value copySign(Value magnitude, Value sign);
  Value less(Value a, Value b);
  Value equal(Value a, Value b);
  Value select(Value condition, Value yes, Value no);
  Value bits(Value a);
  Value fromBits(Value a);
  Value polynomial(Value x, ArrayRef<double> coefficients);
  Value oddRational(Value x, double last, double center,
                    ArrayRef<double> numerator, ArrayRef<double> denominator);
  /// 2^n for the integer n, as two factors that never leave the normal range.
  Value scale(Value x, Value n);
  Value expTail(Value r);
  /// log(x) = exponent * log(2) + log(mantissa), mantissa near 1.
  struct Logarithm {
    Value exponent, mantissa;
  };
  Logarithm splitLog(Value x);
  Value logSpecialCases(Value x, Value result);
  Value sine(Value x, int64_t quarter);
  Value atanOfPositive(Value x);
  bool isSingle() const { return getElementTypeOrSelf(type).isF32(); }
  Type like(Type element) const;

  ImplicitLocOpBuilder &b;
  Type type;
  Type intType;
  int64_t mantissaBits;
  int64_t exponentBias;
  bool scalef;
};

/// x * 2^n for vectors of 16 f32, n integers: VSCALEFPS of AVX-512. 0 or
/// infinite where n is infinite, even if x is a NaN.
Value scaleByPower(OpBuilder &builder, Location loc, Value x, Value n);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_ELEMENTARYFUNCTIONS_H
