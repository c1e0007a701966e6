//===- LowerElementwise.cpp - One result element from one of each operand -===//

#include "Lowering.h"
#include "Scalars.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// The loop nest
//===----------------------------------------------------------------------===//

/// Computes an element from elements of the operands; `type` is the dyn element
/// type of the first operand whose elements are numbers.
using ScalarFunction =
    std::function<Value(ImplicitLocOpBuilder &, ValueRange, Type)>;

static Type getDynElementType(Value value) {
  return cast<DynTensorType>(value.getType()).getElementType();
}

static SizedTensor lowerElementwise(Operation *op, ValueRange operands,
                                    Emitter &e, const ScalarFunction &body) {
  SmallVector<SizedTensor> inputs;
  SmallVector<ArrayRef<DimAttr>> shapes;
  for (Value operand : operands)
    inputs.push_back(e.tensor(operand));
  for (const SizedTensor &input : inputs)
    shapes.push_back(input.sizes);
  SmallVector<DimAttr> sizes = e.requireBroadcast(shapes);
  auto resultType = cast<DynTensorType>(op->getResult(0).getType());
  Type elementType = resultType.toBuiltin().getElementType();
  return e.map(
      inputs, sizes, elementType,
      [&](ImplicitLocOpBuilder &b, ValueRange args) {
        SmallVector<Value> wide;
        for (Value arg : args)
          wide.push_back(emitConvert(b, arg, arg.getType(),
                                     getComputeType(arg.getType())));
        Value result = body(b, wide, getDynElementType(op->getOperand(0)));
        return result.getType() == elementType
                   ? result
                   : emitConvert(b, result, result.getType(), elementType);
      });
}

template <typename... Ops>
static void addElementwise(LoweringPatterns &patterns,
                           const ScalarFunction &body) {
  (patterns.add<Ops>([body](Ops op, Ops::Adaptor adaptor, Emitter &e) {
    return lowerElementwise(op, adaptor.getOperands(), e, body);
  }),
   ...);
}

template <typename Op>
static Value emitUnary(ImplicitLocOpBuilder &b, ValueRange args, Type) {
  return Op::create(b, args[0]);
}

//===----------------------------------------------------------------------===//
// Integer division
//===----------------------------------------------------------------------===//

/// Fails the run if a divisor is 0. The divisors are looked at on their own, so
/// that the loops that divide have no side effect.
static void checkDivisor(Emitter &e, const SizedTensor &divisor) {
  DenseElementsAttr constant;
  if (matchPattern(divisor.value, m_Constant(&constant)) &&
      llvm::none_of(constant.getValues<APInt>(),
                    [](const APInt &number) { return number.isZero(); }))
    return;
  Type i1 = e.getI1Type();
  SizedTensor none{e.filled({}, e.constant(e.getBoolAttr(false))), {}};
  SizedTensor found = e.reduce(
      divisor, none, llvm::to_vector(llvm::seq<int64_t>(0, divisor.getRank())),
      [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
        Value isZero =
            emitEqual(b, args[0], getNumber(b, args[0].getType(), 0));
        return arith::OrIOp::create(b, args[1], isZero);
      });
  Value bad = tensor::ExtractOp::create(e, i1, found.value, ValueRange());
  Value zero = e.index(e.number(0));
  e.reportIf(bad, "division of an integer by 0", zero, zero);
}

template <typename OpTy>
static void addDivision(LoweringPatterns &patterns,
                        const ScalarFunction &body) {
  patterns.add<OpTy>([body](OpTy op, OpTy::Adaptor adaptor, Emitter &e) {
    if (!isa<FloatType>(getDynElementType(op.getRhs())))
      checkDivisor(e, e.tensor(adaptor.getRhs()));
    return lowerElementwise(op, adaptor.getOperands(), e, body);
  });
}

static Value emitDiv(ImplicitLocOpBuilder &b, ValueRange args, Type type) {
  if (isa<FloatType>(type))
    return arith::DivFOp::create(b, args[0], args[1]);
  return emitIntDiv(b, args[0], args[1], type);
}

static Value emitFmod(ImplicitLocOpBuilder &b, ValueRange args, Type type) {
  if (isa<FloatType>(type))
    return arith::RemFOp::create(b, args[0], args[1]);
  return emitIntRem(b, args[0], args[1], type);
}

/// The remainder with the divisor's sign: C's, and the divisor added where the
/// signs differ. A float 0 has the divisor's sign as well.
static Value emitMod(ImplicitLocOpBuilder &b, ValueRange args, Type type) {
  Value remainder = emitFmod(b, args, type);
  if (type.isUnsignedInteger())
    return remainder;
  Value zero = getNumber(b, remainder.getType(), 0);
  Value differ = arith::XOrIOp::create(b, emitLess(b, remainder, zero, type),
                                       emitLess(b, args[1], zero, type));
  Value isZero = emitEqual(b, remainder, zero);
  Value shifted = arith::SelectOp::create(
      b, differ, emitAdd(b, remainder, args[1]), remainder);
  if (isa<FloatType>(type))
    remainder = math::CopySignOp::create(b, zero, args[1]);
  return arith::SelectOp::create(b, isZero, remainder, shifted);
}

//===----------------------------------------------------------------------===//
// Powers
//===----------------------------------------------------------------------===//

/// base ** exponent of integers by repeated squaring; wraps. A negative
/// exponent gives what rounding the fraction towards zero does.
static Value emitIntPow(ImplicitLocOpBuilder &b, Value base, Value exponent,
                        Type baseType, Type exponentType) {
  Type type = base.getType(), i64 = b.getI64Type();
  exponent = emitConvert(b, exponent, exponentType, i64);
  Value one = getNumber(b, type, 1), zero = getNumber(b, type, 0);
  Value zero64 = getNumber(b, i64, 0), one64 = getNumber(b, i64, 1);
  auto loop = scf::WhileOp::create(
      b, TypeRange{type, type, i64}, ValueRange{one, base, exponent},
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        Value more = arith::CmpIOp::create(
            builder, loc, arith::CmpIPredicate::sgt, args[2], zero64);
        scf::ConditionOp::create(builder, loc, more, args);
      },
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        ImplicitLocOpBuilder b(loc, builder);
        Value odd = arith::AndIOp::create(b, args[2], one64);
        Value product = emitMul(b, args[0], args[1]);
        Value power = arith::SelectOp::create(b, emitEqual(b, odd, one64),
                                              product, args[0]);
        Value square = emitMul(b, args[1], args[1]);
        Value rest = arith::ShRSIOp::create(b, args[2], one64);
        scf::YieldOp::create(b, ValueRange{power, square, rest});
      });
  Value power = loop.getResult(0);
  if (exponentType.isUnsignedInteger())
    return power;
  // 1 stays 1, -1 alternates, all else is less than 1 in magnitude.
  Value inverse =
      arith::SelectOp::create(b, emitEqual(b, base, one), one, zero);
  if (!baseType.isUnsignedInteger()) {
    Value minusOne = getNumber(b, type, -1);
    Value odd = emitEqual(b, arith::AndIOp::create(b, exponent, one64), one64);
    Value sign = arith::SelectOp::create(b, odd, minusOne, one);
    inverse =
        arith::SelectOp::create(b, emitEqual(b, base, minusOne), sign, inverse);
  }
  Value negative = emitLess(b, exponent, zero64, i64);
  return arith::SelectOp::create(b, negative, inverse, power);
}

static bool isNumber(Value scalar, int64_t number) {
  Attribute constant;
  if (!matchPattern(scalar, m_Constant(&constant)))
    return false;
  if (auto value = dyn_cast<FloatAttr>(constant))
    return value.getValueAsDouble() == number;
  return cast<IntegerAttr>(constant).getValue().getSExtValue() == number;
}

static Value emitPow(ImplicitLocOpBuilder &b, ValueRange args, Type baseType,
                     Type exponentType) {
  Value base = args[0], exponent = args[1];
  // The powers that models are full of.
  if (isNumber(exponent, 2))
    return emitMul(b, base, base);
  if (isNumber(exponent, 3))
    return emitMul(b, emitMul(b, base, base), base);
  bool floatBase = isa<FloatType>(baseType),
       floatExponent = isa<FloatType>(exponentType);
  if (!floatBase && !floatExponent)
    return emitIntPow(b, base, exponent, baseType, exponentType);
  // An integer to the power of a float is computed in f64.
  Type type = floatBase ? base.getType() : Type(b.getF64Type());
  Value x = emitConvert(b, base, floatBase ? base.getType() : baseType, type);
  Value y = emitConvert(
      b, exponent, floatExponent ? exponent.getType() : exponentType, type);
  Value power = math::PowFOp::create(b, x, y);
  return floatBase ? power : emitConvert(b, power, type, baseType);
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

static Value emitAbs(ImplicitLocOpBuilder &b, ValueRange args, Type type) {
  if (isa<FloatType>(type))
    return math::AbsFOp::create(b, args[0]);
  if (type.isUnsignedInteger())
    return args[0];
  return math::AbsIOp::create(b, args[0]);
}

static Value emitNeg(ImplicitLocOpBuilder &b, ValueRange args, Type type) {
  if (isa<FloatType>(type))
    return arith::NegFOp::create(b, args[0]);
  return emitSub(b, getNumber(b, type, 0), args[0]);
}

static Value emitSign(ImplicitLocOpBuilder &b, ValueRange args, Type type) {
  Value x = args[0];
  Type compute = x.getType();
  Value zero = getNumber(b, compute, 0);
  // NaN is neither and stays.
  Value result = x;
  if (isa<FloatType>(type))
    result = arith::SelectOp::create(b, emitEqual(b, x, zero), zero, result);
  if (!type.isUnsignedInteger())
    result = arith::SelectOp::create(b, emitLess(b, x, zero, type),
                                     getNumber(b, compute, -1), result);
  return arith::SelectOp::create(b, emitLess(b, zero, x, type),
                                 getNumber(b, compute, 1), result);
}

static Value emitNot(ImplicitLocOpBuilder &b, ValueRange args, Type) {
  Type type = args[0].getType();
  Value ones = arith::ConstantOp::create(
      b,
      IntegerAttr::get(type, APInt::getAllOnes(type.getIntOrFloatBitWidth())));
  return arith::XOrIOp::create(b, args[0], ones);
}

static Value emitSigmoid(ImplicitLocOpBuilder &b, ValueRange args, Type) {
  Value one = getNumber(b, args[0].getType(), 1);
  Value exp = math::ExpOp::create(b, arith::NegFOp::create(b, args[0]));
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, exp));
}

static Value emitIsNaN(ImplicitLocOpBuilder &b, ValueRange args, Type) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, args[0], args[0]);
}

static Value emitIsInf(ImplicitLocOpBuilder &b, ValueRange args, Type) {
  Value magnitude = math::AbsFOp::create(b, args[0]);
  Value infinity = arith::ConstantOp::create(b, getHighest(args[0].getType()));
  return emitEqual(b, magnitude, infinity);
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

/// Whether a shift's distance is below the width; larger ones are no shift in
/// the target's instructions.
static Value isInWidth(ImplicitLocOpBuilder &b, Value distance) {
  Type type = distance.getType();
  return arith::CmpIOp::create(
      b, arith::CmpIPredicate::ult, distance,
      getNumber(b, type, type.getIntOrFloatBitWidth()));
}

static Value emitShiftLeft(ImplicitLocOpBuilder &b, ValueRange args,
                           Type type) {
  Value zero = getNumber(b, type, 0), fits = isInWidth(b, args[1]);
  Value distance = arith::SelectOp::create(b, fits, args[1], zero);
  Value shifted = arith::ShLIOp::create(b, args[0], distance);
  return arith::SelectOp::create(b, fits, shifted, zero);
}

static Value emitShiftRight(ImplicitLocOpBuilder &b, ValueRange args,
                            Type type) {
  Value fits = isInWidth(b, args[1]);
  if (!type.isUnsignedInteger()) {
    Value last = getNumber(b, type, type.getIntOrFloatBitWidth() - 1);
    Value distance = arith::SelectOp::create(b, fits, args[1], last);
    return arith::ShRSIOp::create(b, args[0], distance);
  }
  Value zero = getNumber(b, type, 0);
  Value distance = arith::SelectOp::create(b, fits, args[1], zero);
  Value shifted = arith::ShRUIOp::create(b, args[0], distance);
  return arith::SelectOp::create(b, fits, shifted, zero);
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

static SizedTensor lowerConvert(ConvertOp op, ConvertOp::Adaptor adaptor,
                                Emitter &e) {
  Type from = getDynElementType(op.getInput()), to = op.getElementType();
  SizedTensor input = e.tensor(adaptor.getInput());
  bool sameBits = !isa<FloatType>(from) && !isa<FloatType>(to) &&
                  from.getIntOrFloatBitWidth() == to.getIntOrFloatBitWidth();
  if (from == to || sameBits)
    return input;
  SizedTensor result = e.map(
      input, input.sizes, op.getResult().getType().toBuiltin().getElementType(),
      [&](ImplicitLocOpBuilder &b, ValueRange args) {
        return emitConvert(b, args[0], from, to);
      });
  // Sizes as i32 are the sizes.
  if (auto contents = e.getScope().getContents(adaptor.getInput()))
    if (to.isSignlessInteger(64) || to.isSignlessInteger(32))
      e.getScope().setContents(result.value, *contents);
  return result;
}

static SizedTensor lowerSelect(SelectOp op, SelectOp::Adaptor adaptor,
                               Emitter &e) {
  SizedTensor inputs[] = {e.tensor(adaptor.getCondition()),
                          e.tensor(adaptor.getOnTrue()),
                          e.tensor(adaptor.getOnFalse())};
  SmallVector<DimAttr> sizes =
      e.requireBroadcast({inputs[0].sizes, inputs[1].sizes, inputs[2].sizes});
  return e.map(inputs, sizes, inputs[1].getElementType(),
               [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                 return arith::SelectOp::create(b, args[0], args[1], args[2]);
               });
}

void dyn::populateLowerElementwise(LoweringPatterns &patterns) {
  auto typed = [](auto emit) -> ScalarFunction {
    return [emit](ImplicitLocOpBuilder &b, ValueRange args, Type type) {
      return emit(b, args[0], args[1], type);
    };
  };
  auto untyped = [](auto emit) -> ScalarFunction {
    return [emit](ImplicitLocOpBuilder &b, ValueRange args, Type) {
      return emit(b, args[0], args[1]);
    };
  };
  auto bits = [](auto create) -> ScalarFunction {
    return [create](ImplicitLocOpBuilder &b, ValueRange args, Type) -> Value {
      return create(b, args[0], args[1]);
    };
  };
  addElementwise<AddOp>(patterns, untyped(emitAdd));
  addElementwise<SubOp>(patterns, untyped(emitSub));
  addElementwise<MulOp>(patterns, untyped(emitMul));
  addDivision<DivOp>(patterns, emitDiv);
  addDivision<ModOp>(patterns, emitMod);
  addDivision<FmodOp>(patterns, emitFmod);
  patterns.add<PowOp>([](PowOp op, PowOp::Adaptor adaptor, Emitter &e) {
    return lowerElementwise(
        op, adaptor.getOperands(), e,
        [op](ImplicitLocOpBuilder &b, ValueRange args, Type type) mutable {
          return emitPow(b, args, type, getDynElementType(op.getRhs()));
        });
  });
  addElementwise<MinOp>(patterns, typed(emitMin));
  addElementwise<MaxOp>(patterns, typed(emitMax));

  addElementwise<AndOp>(patterns, bits([](auto &b, Value lhs, Value rhs) {
                          return arith::AndIOp::create(b, lhs, rhs);
                        }));
  addElementwise<OrOp>(patterns, bits([](auto &b, Value lhs, Value rhs) {
                         return arith::OrIOp::create(b, lhs, rhs);
                       }));
  addElementwise<XorOp>(patterns, bits([](auto &b, Value lhs, Value rhs) {
                          return arith::XOrIOp::create(b, lhs, rhs);
                        }));
  addElementwise<ShiftLeftOp>(patterns, emitShiftLeft);
  addElementwise<ShiftRightOp>(patterns, emitShiftRight);

  addElementwise<EqualOp>(patterns, untyped(emitEqual));
  addElementwise<LessOp>(patterns, typed(emitLess));
  addElementwise<LessEqualOp>(patterns, typed(emitLessEqual));

  addElementwise<AbsOp>(patterns, emitAbs);
  addElementwise<NegOp>(patterns, emitNeg);
  addElementwise<SignOp>(patterns, emitSign);
  addElementwise<NotOp>(patterns, emitNot);

  addElementwise<CeilOp>(patterns, emitUnary<math::CeilOp>);
  addElementwise<FloorOp>(patterns, emitUnary<math::FloorOp>);
  addElementwise<RoundOp>(patterns, emitUnary<math::RoundEvenOp>);
  addElementwise<SqrtOp>(patterns, emitUnary<math::SqrtOp>);
  addElementwise<ExpOp>(patterns, emitUnary<math::ExpOp>);
  addElementwise<LogOp>(patterns, emitUnary<math::LogOp>);
  addElementwise<ErfOp>(patterns, emitUnary<math::ErfOp>);
  addElementwise<SigmoidOp>(patterns, emitSigmoid);
  addElementwise<TanhOp>(patterns, emitUnary<math::TanhOp>);
  addElementwise<SinOp>(patterns, emitUnary<math::SinOp>);
  addElementwise<CosOp>(patterns, emitUnary<math::CosOp>);
  addElementwise<TanOp>(patterns, emitUnary<math::TanOp>);
  addElementwise<AtanOp>(patterns, emitUnary<math::AtanOp>);
  addElementwise<IsNaNOp>(patterns, emitIsNaN);
  addElementwise<IsInfOp>(patterns, emitIsInf);

  patterns.add<ConvertOp>(lowerConvert);
  patterns.add<SelectOp>(lowerSelect);
}
