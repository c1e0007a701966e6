//===- ElementaryFunctions.cpp - exp, log, erf, ... as arithmetic ---------===//

#include "ElementaryFunctions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <limits>
#include <numbers>

using namespace mlir;
using namespace mlir::dyn;

static constexpr double kLog2E = std::numbers::log2e;
static constexpr double kLn2 = std::numbers::ln2;
static constexpr double kPi = std::numbers::pi;
static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

ElementaryFunctions::ElementaryFunctions(ImplicitLocOpBuilder &builder,
                                         Type type, bool scalef)
    : b(builder), type(type), scalef(scalef) {
  mantissaBits = isSingle() ? 23 : 52;
  exponentBias = isSingle() ? 127 : 1023;
  intType = like(b.getIntegerType(isSingle() ? 32 : 64));
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Type ElementaryFunctions::like(Type element) const {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

static Value splat(ImplicitLocOpBuilder &b, Type type, TypedAttr value) {
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(vector, Attribute(value)));
  return arith::ConstantOp::create(b, value);
}

Value ElementaryFunctions::constant(double value) {
  return splat(b, type, b.getFloatAttr(getElementTypeOrSelf(type), value));
}
Value ElementaryFunctions::integer(int64_t value) {
  return splat(b, intType,
               b.getIntegerAttr(getElementTypeOrSelf(intType), value));
}
Value ElementaryFunctions::add(Value x, Value y) {
  return arith::AddFOp::create(b, x, y);
}
Value ElementaryFunctions::sub(Value x, Value y) {
  return arith::SubFOp::create(b, x, y);
}
Value ElementaryFunctions::mul(Value x, Value y) {
  return arith::MulFOp::create(b, x, y);
}
Value ElementaryFunctions::div(Value x, Value y) {
  return arith::DivFOp::create(b, x, y);
}
Value ElementaryFunctions::fma(Value x, Value y, Value z) {
  return math::FmaOp::create(b, x, y, z);
}
Value ElementaryFunctions::abs(Value x) { return math::AbsFOp::create(b, x); }
Value ElementaryFunctions::sqrt(Value x) { return math::SqrtOp::create(b, x); }
Value ElementaryFunctions::copySign(Value magnitude, Value sign) {
  return math::CopySignOp::create(b, magnitude, sign);
}
Value ElementaryFunctions::less(Value x, Value y) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, y);
}
Value ElementaryFunctions::equal(Value x, Value y) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x, y);
}
Value ElementaryFunctions::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(b, condition, yes, no);
}
Value ElementaryFunctions::bits(Value x) {
  return arith::BitcastOp::create(b, intType, x);
}
Value ElementaryFunctions::fromBits(Value x) {
  return arith::BitcastOp::create(b, type, x);
}

/// Horner's rule, lowest coefficient first.
Value ElementaryFunctions::polynomial(Value x, ArrayRef<double> coefficients) {
  Value result = constant(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    result = fma(result, x, constant(coefficient));
  return result;
}

Value dyn::scaleByPower(OpBuilder &builder, Location loc, Value x, Value n) {
  assert(cast<VectorType>(x.getType()).getNumElements() == 16 &&
         "the intrinsic is for 512 bits");
  Value all =
      arith::ConstantIntOp::create(builder, loc, builder.getI16Type(), -1);
  Value asTheModeSays =
      arith::ConstantIntOp::create(builder, loc, builder.getI32Type(), 4);
  return LLVM::CallIntrinsicOp::create(
             builder, loc, x.getType(),
             builder.getStringAttr("llvm.x86.avx512.mask.scalef.ps.512"),
             ValueRange{x, n, x, all, asTheModeSays})
      .getResult(0);
}

Value ElementaryFunctions::scale(Value x, Value n) {
  Value half = arith::ShRSIOp::create(b, n, integer(1));
  Value rest = arith::SubIOp::create(b, n, half);
  auto power = [&](Value e) {
    e = arith::AddIOp::create(b, e, integer(exponentBias));
    return fromBits(arith::ShLIOp::create(b, e, integer(mantissaBits)));
  };
  return mul(mul(x, power(half)), power(rest));
}

//===----------------------------------------------------------------------===//
// Exponentials
//===----------------------------------------------------------------------===//

/// (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2.
Value ElementaryFunctions::expTail(Value r) {
  if (isSingle())
    return polynomial(r, {0.499999934544583379, 0.16666520689345877,
                          0.0416683862471591826, 0.00836870972257283992,
                          0.00138146902429777605});
  return polynomial(r, {0.500000000000001057, 0.166666666666664252,
                        0.0416666666665304272, 0.00833333333348582248,
                        0.00138888889435745785, 0.000198412695256636466,
                        2.48014931573327202e-5, 2.75575693395293866e-6,
                        2.76302252208709783e-7, 2.50053896088247145e-8});
}

/// Adding 1.5 * 2^mantissaBits rounds to an integer, which is then also found
/// in the low bits: no conversion, which would be undefined for a NaN.
static double roundingConstant(int64_t mantissaBits) {
  return 1.5 * double(int64_t(1) << mantissaBits);
}

Value ElementaryFunctions::exp(Value x) {
  // Beyond these the result is 0 or infinite; a NaN passes both.
  double low = isSingle() ? -104 : -746, high = isSingle() ? 89 : 710;
  x = select(less(x, constant(low)), constant(low), x);
  x = select(less(constant(high), x), constant(high), x);
  Value magic = constant(roundingConstant(mantissaBits));
  Value shifted = fma(x, constant(kLog2E), magic);
  Value n = sub(shifted, magic);
  // ln(2) as a sum whose first part has trailing zeros enough for n.
  double lnHigh = isSingle() ? 0.693359375 : 6.93147180369123816490e-01;
  double lnLow =
      isSingle() ? -2.12194440054690583e-4 : 1.90821492927058770002e-10;
  Value r = fma(n, constant(-lnHigh), x);
  r = fma(n, constant(-lnLow), r);
  Value p = fma(mul(r, r), expTail(r), r);
  return scale(add(p, constant(1)),
               arith::SubIOp::create(b, bits(shifted), bits(magic)));
}

Value ElementaryFunctions::exp2(Value x) {
  double low = isSingle() ? -151 : -1076, high = isSingle() ? 129 : 1025;
  x = select(less(x, constant(low)), constant(low), x);
  x = select(less(constant(high), x), constant(high), x);
  Value magic = constant(roundingConstant(mantissaBits));
  Value shifted = add(x, magic);
  Value r = mul(sub(x, sub(shifted, magic)), constant(kLn2));
  Value p = fma(mul(r, r), expTail(r), r);
  return scale(add(p, constant(1)),
               arith::SubIOp::create(b, bits(shifted), bits(magic)));
}

Value ElementaryFunctions::expForSoftmax(Value x) {
  if (!isSingle())
    return exp(x);
  auto powerOfRest = [&](Value rest) {
    return polynomial(rest, {1, 0.693146977589091622, 0.240222419177573942,
                             0.0555073367802836628, 0.00967152316436139728,
                             0.00132647746648119462});
  };
  Value t = mul(x, constant(kLog2E));
  if (scalef) {
    Value n = math::RoundEvenOp::create(b, t);
    return scaleByPower(b, b.getLoc(), powerOfRest(sub(t, n)), n);
  }
  // At -127 the power of 2 is 0; a NaN passes, and makes the product one.
  t = select(less(t, constant(-127)), constant(-127), t);
  Value magic = constant(roundingConstant(mantissaBits));
  Value shifted = add(t, magic);
  Value p = powerOfRest(sub(t, sub(shifted, magic)));
  Value power = arith::ShLIOp::create(b, bits(shifted), integer(mantissaBits));
  power =
      arith::AddIOp::create(b, power, integer(exponentBias << mantissaBits));
  return mul(p, fromBits(power));
}

Value ElementaryFunctions::expm1(Value x) {
  Value small = fma(mul(x, x), expTail(x), x);
  // Keeps -0.
  return select(less(abs(x), constant(0.345)), copySign(small, x),
                sub(exp(x), constant(1)));
}

/// x * (center + N(x^2) / Q(x^2)), where x^2 is cut off at `last` and the
/// result at 1: an odd function that tends to 1. `center` is about the quotient
/// where the result comes close to 1, so that what N and Q lose to rounding
/// there counts little.
Value ElementaryFunctions::oddRational(Value x, double last, double center,
                                       ArrayRef<double> numerator,
                                       ArrayRef<double> denominator) {
  Value square = mul(x, x);
  square = select(less(constant(last), square), constant(last), square);
  Value quotient =
      div(polynomial(square, numerator), polynomial(square, denominator));
  Value result = mul(x, add(quotient, constant(center)));
  result = select(less(constant(1), result), constant(1), result);
  return select(less(result, constant(-1)), constant(-1), result);
}

Value ElementaryFunctions::tanh(Value x) {
  if (isSingle())
    return oddRational(x, 8.9 * 8.9, 0.15625,
                       {0.843749981021251192, 0.060873549182548413,
                        -0.000544574488335583957, -3.07985491556944615e-5,
                        -1.09104751054344292e-7},
                       {1, 0.46720796626298354, 0.0259061510276366484,
                        0.00032982042053838501, 7.84874622911736538e-7});
  Value size = abs(x), square = mul(x, x);
  Value small =
      polynomial(square, {-0.333333333333333332, 0.133333333333332641,
                          -0.0539682539681583583, 0.0218694885296103555,
                          -0.00886323527227645487, 0.00359212175533988862,
                          -0.00145573623468684147, 0.0005890402182548179,
                          -0.000232912520749801294, 7.42504466060845385e-5});
  small = fma(mul(size, square), small, size);
  // 1 - 2 / (exp(2x) + 1)
  Value e = exp(add(size, size));
  Value large = sub(constant(1), div(constant(2), add(e, constant(1))));
  return copySign(select(less(size, constant(0.35)), small, large), x);
}

Value ElementaryFunctions::sinh(Value x) {
  Value size = abs(x);
  Value e = expm1(size);
  Value small = mul(constant(0.5), add(e, div(e, add(e, constant(1)))));
  Value half = exp(mul(constant(0.5), size));
  Value large = mul(mul(constant(0.5), half), half);
  return copySign(select(less(size, constant(22)), small, large), x);
}

Value ElementaryFunctions::cosh(Value x) {
  Value size = abs(x);
  Value half = exp(mul(constant(0.5), size));
  Value e = mul(half, half);
  Value small = mul(constant(0.5), add(e, div(constant(1), e)));
  Value large = mul(mul(constant(0.5), half), half);
  return select(less(size, constant(22)), small, large);
}

Value ElementaryFunctions::erf(Value x) {
  if (isSingle())
    return oddRational(x, 3.84 * 3.84, 0.3125,
                       {0.815879151414916957, 0.0314565979417528298,
                        0.0171324541433266071, -0.000950771009517708648,
                        -7.14865756310662334e-5, -1.00157456836191179e-5},
                       {1, 0.499562318888920851, 0.113001693442588543,
                        0.014761218096093882, 0.00114336821764154498,
                        3.88229898325351806e-5});
  Value size = abs(x), square = mul(x, x);
  Value small = polynomial(
      square,
      {0.128379167095512574, -0.376126389031837515, 0.112837916709550641,
       -0.02686617064511576, 0.00522397762523967928, -0.000854832700768862484,
       0.000120553321936489095, -1.49256239165574189e-5, 1.64615058539960816e-6,
       -1.63561944614130537e-7, 1.47031508641560345e-8, -1.15564918396954093e-9,
       6.29718682655532869e-11});
  small = fma(small, size, size);
  // log(erfc(t)) + t as t times a polynomial; erf is 1 beyond the last t.
  Value t = select(less(constant(6), size), constant(6), size);
  Value large = polynomial(
      t,
      {-0.128379203280129411, -0.636619343642351852, -0.102774993614772453,
       0.0191367867756053899, 0.000188771333173621174, -0.00165889313538339078,
       0.000537378516587903885, 3.31316684030583425e-5,
       -0.000117418710381513778, 6.79535294061171505e-5,
       -2.55191783339078604e-5, 7.17035004243935059e-6, -1.56556067691422977e-6,
       2.66806006125427649e-7, -3.49820454039911264e-8, 3.41592126414674503e-9,
       -2.34172610600833379e-10, 1.00568106189823034e-11,
       -2.03521426629823112e-13});
  large = fma(large, t, arith::NegFOp::create(b, t));
  large = sub(constant(1), exp(large));
  return copySign(select(less(size, constant(0.9375)), small, large), x);
}

//===----------------------------------------------------------------------===//
// Logarithms
//===----------------------------------------------------------------------===//

ElementaryFunctions::Logarithm ElementaryFunctions::splitLog(Value x) {
  double smallest = isSingle() ? 0x1p-126 : 0x1p-1022;
  double lift = isSingle() ? 0x1p25 : 0x1p54;
  Value denormal = less(x, constant(smallest));
  x = select(denormal, mul(x, constant(lift)), x);
  // The mantissa is brought to [sqrt(1/2), sqrt(2)).
  int64_t one = exponentBias << mantissaBits;
  int64_t root = isSingle() ? 0x3f3504f3 : int64_t(0x3fe6a09e) << 32;
  Value i = arith::AddIOp::create(b, bits(x), integer(one - root));
  Value n = arith::ShRSIOp::create(b, i, integer(mantissaBits));
  Value bias = select(denormal, integer(exponentBias + (isSingle() ? 25 : 54)),
                      integer(exponentBias));
  n = arith::SubIOp::create(b, n, bias);
  i = arith::AndIOp::create(b, i, integer((int64_t(1) << mantissaBits) - 1));
  i = arith::AddIOp::create(b, i, integer(root));

  Value f = sub(fromBits(i), constant(1));
  Value s = div(f, add(f, constant(2)));
  Value z = mul(s, s);
  Value tail =
      isSingle()
          ? polynomial(
                z, {0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841})
          : polynomial(z, {6.666666666666735130e-01, 3.999999999940941908e-01,
                           2.857142874366239149e-01, 2.222219843214978396e-01,
                           1.818357216161805012e-01, 1.531383769920937332e-01,
                           1.479819860511658591e-01});
  tail = mul(z, tail);
  Value half = mul(mul(constant(0.5), f), f);
  // f - half + s * (half + tail)
  Value mantissa = add(sub(mul(s, add(half, tail)), half), f);
  return {arith::SIToFPOp::create(b, type, n), mantissa};
}

Value ElementaryFunctions::logSpecialCases(Value x, Value result) {
  result = select(equal(x, constant(kInfinity)), x, result);
  result = select(equal(x, constant(0)), constant(-kInfinity), result);
  Value valid =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, x, constant(0));
  return select(valid, result, constant(kNaN));
}

Value ElementaryFunctions::log(Value x) {
  Logarithm parts = splitLog(x);
  double lnHigh = isSingle() ? 0.693138123 : 6.93147180369123816490e-01;
  double lnLow = isSingle() ? 9.05800061445916e-6 : 1.90821492927058770002e-10;
  Value result = fma(parts.exponent, constant(lnLow), parts.mantissa);
  result = fma(parts.exponent, constant(lnHigh), result);
  return logSpecialCases(x, result);
}

Value ElementaryFunctions::log2(Value x) {
  Logarithm parts = splitLog(x);
  return logSpecialCases(x,
                         fma(parts.mantissa, constant(kLog2E), parts.exponent));
}

Value ElementaryFunctions::log10(Value x) {
  Logarithm parts = splitLog(x);
  Value result = mul(parts.mantissa, constant(std::numbers::log10e));
  return logSpecialCases(
      x, fma(parts.exponent, constant(kLn2 * std::numbers::log10e), result));
}

Value ElementaryFunctions::log1p(Value x) {
  Value u = add(x, constant(1));
  // What 1 + x lost to rounding.
  Value lost = sub(x, sub(u, constant(1)));
  Value result = add(log(u), div(lost, u));
  // Infinite or zero u: log is right by itself. Tiny x: the result is x.
  result = select(equal(u, constant(kInfinity)), u, result);
  result = select(equal(u, constant(0)), constant(-kInfinity), result);
  return select(equal(u, constant(1)), x, result);
}

Value ElementaryFunctions::asinh(Value x) {
  Value size = abs(x), square = mul(x, x);
  Value root = sqrt(add(square, constant(1)));
  Value small = log1p(add(size, div(square, add(root, constant(1)))));
  Value large = add(log(size), constant(kLn2));
  double border = isSingle() ? 0x1p30 : 0x1p500;
  return copySign(select(less(size, constant(border)), small, large), x);
}

Value ElementaryFunctions::acosh(Value x) {
  Value t = sub(x, constant(1));
  Value small = log1p(add(t, sqrt(fma(t, t, add(t, t)))));
  Value large = add(log(x), constant(kLn2));
  double border = isSingle() ? 0x1p30 : 0x1p500;
  Value result = select(less(x, constant(border)), small, large);
  return select(less(x, constant(1)), constant(kNaN), result);
}

Value ElementaryFunctions::atanh(Value x) {
  Value size = abs(x);
  Value result =
      mul(constant(0.5), log1p(div(add(size, size), sub(constant(1), size))));
  return copySign(result, x);
}

//===----------------------------------------------------------------------===//
// Circular functions
//===----------------------------------------------------------------------===//

/// The sine of x + quarter * pi / 2.
Value ElementaryFunctions::sine(Value x, int64_t quarter) {
  // The reduction is in f64 for both types.
  Type wide = like(b.getF64Type());
  ElementaryFunctions f64(b, wide);
  Value argument = isSingle() ? Value(arith::ExtFOp::create(b, wide, x)) : x;
  Value magic = f64.constant(roundingConstant(52));
  Value shifted = f64.fma(argument, f64.constant(2 / kPi), magic);
  Value n = f64.sub(shifted, magic);
  // pi / 2 as a sum of three.
  Value r = f64.fma(n, f64.constant(-0x1.921fb54442d18p+0), argument);
  r = f64.fma(n, f64.constant(-0x1.1a62633145c07p-54), r);
  if (!isSingle())
    r = f64.fma(n, f64.constant(0x1.f1976b7ed8fbcp-110), r);
  Value quadrant =
      arith::AddIOp::create(b, f64.bits(shifted), f64.integer(quarter));
  Value odd = arith::TruncIOp::create(b, like(b.getI1Type()), quadrant);
  Value second = arith::AndIOp::create(b, quadrant, f64.integer(2));
  Value negative = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, second,
                                         f64.integer(0));
  double limit = isSingle() ? 0x1p46 : 0x1p30;
  Value reducible = less(abs(x), constant(limit));
  if (isSingle())
    r = arith::TruncFOp::create(b, type, r);
  Value s = mul(r, r);
  Value sinTail =
      isSingle()
          ? polynomial(s, {-0.166666549425232742, 0.00833217809072249297,
                           -0.000195172929321652384})
          : polynomial(s, {-0.166666666666666321, 0.0083333333333224246,
                           -0.000198412698298173406, 2.75573136954026007e-6,
                           -2.5050758682281846e-8, 1.58968295876286321e-10});
  Value cosTail =
      isSingle()
          ? polynomial(s, {0.0416666456803587094, -0.00138873161472307034,
                           2.44331464367446692e-5})
          : polynomial(s, {0.0416666666666665929, -0.00138888888888730597,
                           2.48015872888537265e-5, -2.75573141798495275e-7,
                           2.08757009115884402e-9, -1.13585398181952106e-11});
  Value sine = fma(mul(r, s), sinTail, r);
  Value cosine = fma(mul(s, s), cosTail, fma(s, constant(-0.5), constant(1)));
  Value result = select(odd, cosine, sine);
  result = select(negative, arith::NegFOp::create(b, result), result);
  return select(reducible, result, constant(kNaN));
}

Value ElementaryFunctions::sin(Value x) {
  // Keeps -0.
  return select(equal(x, constant(0)), x, sine(x, 0));
}
Value ElementaryFunctions::cos(Value x) { return sine(x, 1); }
Value ElementaryFunctions::tan(Value x) { return div(sin(x), cos(x)); }

/// For x >= 0, infinity included.
Value ElementaryFunctions::atanOfPositive(Value x) {
  Value large = less(constant(2.414213562373095), x);
  Value middle = less(constant(0.41421356237309503), x);
  Value reduced = div(sub(x, constant(1)), add(x, constant(1)));
  Value r = select(middle, reduced, x);
  r = select(large, div(constant(-1), x), r);
  Value s = mul(r, r);
  Value tail =
      isSingle()
          ? polynomial(s, {-0.333329551870195656, 0.199779239208531525,
                           -0.138798293427504383, 0.0806024836530166663})
          : polynomial(s, {-0.333333333333333276, 0.19999999999997699,
                           -0.14285714285391214, 0.111111110883585366,
                           -0.0909090815068356877, 0.0769228289389943617,
                           -0.0666622873489223435, 0.0587704119840877405,
                           -0.0521853037612528458, 0.0450406827020768512,
                           -0.0334867151899832085, 0.0152077980141227307});
  Value result = fma(mul(r, s), tail, r);
  Value offset = select(middle, constant(kPi / 4), constant(0));
  return add(result, select(large, constant(kPi / 2), offset));
}

Value ElementaryFunctions::atan(Value x) {
  return copySign(atanOfPositive(abs(x)), x);
}

Value ElementaryFunctions::atan2(Value y, Value x) {
  Value height = abs(y), width = abs(x);
  Value ratio = div(height, width);
  // 0 / 0 counts as 0, infinity / infinity as 1.
  Value bothZero = arith::AndIOp::create(b, equal(height, constant(0)),
                                         equal(width, constant(0)));
  Value bothInfinite = arith::AndIOp::create(
      b, equal(height, constant(kInfinity)), equal(width, constant(kInfinity)));
  ratio = select(bothZero, constant(0), ratio);
  ratio = select(bothInfinite, constant(1), ratio);
  Value angle = atanOfPositive(ratio);
  Value left =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, bits(x), integer(0));
  angle = select(left, sub(constant(kPi), angle), angle);
  Value valid = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, x, y);
  return select(valid, copySign(angle, y), constant(kNaN));
}

Value ElementaryFunctions::asin(Value x) {
  Value size = abs(x);
  Value root = sqrt(mul(sub(constant(1), size), add(constant(1), size)));
  return copySign(atanOfPositive(div(size, root)), x);
}

Value ElementaryFunctions::acos(Value x) {
  Value root = sqrt(div(sub(constant(1), x), add(constant(1), x)));
  Value angle = atanOfPositive(root);
  return add(angle, angle);
}

//===----------------------------------------------------------------------===//
// Powers and rounding
//===----------------------------------------------------------------------===//

Value ElementaryFunctions::rsqrt(Value x) { return div(constant(1), sqrt(x)); }

Value ElementaryFunctions::cbrt(Value x) {
  Value size = abs(x);
  Value root = exp(div(log(size), constant(3)));
  // One step of Newton's method on what exp and log left.
  Value step = div(sub(root, div(size, mul(root, root))), constant(3));
  Value refined = sub(root, step);
  Value finite = less(size, constant(kInfinity));
  Value nonZero = less(constant(0), size);
  Value usable = arith::AndIOp::create(b, finite, nonZero);
  refined = select(usable, refined, size);
  return copySign(refined, x);
}

Value ElementaryFunctions::round(Value x) {
  Value whole = math::TruncOp::create(b, x);
  Value away = add(whole, copySign(constant(1), x));
  Value up = arith::CmpFOp::create(b, arith::CmpFPredicate::OGE,
                                   abs(sub(x, whole)), constant(0.5));
  return copySign(select(up, away, whole), x);
}

Value ElementaryFunctions::pow(Value x, Value y) {
  Value size = abs(x);
  Value result;
  if (isSingle()) {
    Type wide = like(b.getF64Type());
    ElementaryFunctions f64(b, wide);
    Value logarithm = f64.log(arith::ExtFOp::create(b, wide, size));
    Value exponent = arith::ExtFOp::create(b, wide, y);
    result =
        arith::TruncFOp::create(b, type, f64.exp(f64.mul(exponent, logarithm)));
  } else {
    result = exp(mul(y, log(size)));
  }
  // 1 to any power, and -1 to an infinite one.
  result = select(equal(size, constant(1)), constant(1), result);
  Value whole = equal(math::TruncOp::create(b, y), y);
  Value half = mul(y, constant(0.5));
  Value odd = arith::AndIOp::create(
      b, whole,
      arith::CmpFOp::create(b, arith::CmpFPredicate::ONE,
                            math::TruncOp::create(b, half), half));
  Value signedResult = select(odd, copySign(result, x), result);
  Value negative = arith::AndIOp::create(b, less(x, constant(0)),
                                         less(size, constant(kInfinity)));
  Value notWhole = arith::CmpFOp::create(b, arith::CmpFPredicate::ONE,
                                         math::TruncOp::create(b, y), y);
  Value undefined = arith::AndIOp::create(b, negative, notWhole);
  signedResult = select(undefined, constant(kNaN), signedResult);
  // NaN passes where |x| is 1 only if y is 0 or x is exactly 1.
  Value nan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, y);
  signedResult = select(nan, constant(kNaN), signedResult);
  Value trivial =
      arith::OrIOp::create(b, equal(y, constant(0)), equal(x, constant(1)));
  return select(trivial, constant(1), signedResult);
}
