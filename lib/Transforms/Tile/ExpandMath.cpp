//===- ExpandMath.cpp - math to arithmetic without calls ------------------===//
//
// Upstream's approximations cover f32 only and several miss 4 units in the last
// place or denormals, and its lowering of the rest ends in calls of libm.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "Dyn/Transforms/Passes.h"
#include "ElementaryFunctions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNEXPANDMATHPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

using Unary = Value (ElementaryFunctions::*)(Value);
using Binary = Value (ElementaryFunctions::*)(Value, Value);

static Unary unaryFunction(Operation *op) {
  using F = ElementaryFunctions;
  return llvm::TypeSwitch<Operation *, Unary>(op)
      .Case<math::ExpOp>([](auto) { return &F::exp; })
      .Case<math::Exp2Op>([](auto) { return &F::exp2; })
      .Case<math::ExpM1Op>([](auto) { return &F::expm1; })
      .Case<math::LogOp>([](auto) { return &F::log; })
      .Case<math::Log2Op>([](auto) { return &F::log2; })
      .Case<math::Log10Op>([](auto) { return &F::log10; })
      .Case<math::Log1pOp>([](auto) { return &F::log1p; })
      .Case<math::ErfOp>([](auto) { return &F::erf; })
      .Case<math::TanhOp>([](auto) { return &F::tanh; })
      .Case<math::SinhOp>([](auto) { return &F::sinh; })
      .Case<math::CoshOp>([](auto) { return &F::cosh; })
      .Case<math::AsinhOp>([](auto) { return &F::asinh; })
      .Case<math::AcoshOp>([](auto) { return &F::acosh; })
      .Case<math::AtanhOp>([](auto) { return &F::atanh; })
      .Case<math::SinOp>([](auto) { return &F::sin; })
      .Case<math::CosOp>([](auto) { return &F::cos; })
      .Case<math::TanOp>([](auto) { return &F::tan; })
      .Case<math::AtanOp>([](auto) { return &F::atan; })
      .Case<math::AsinOp>([](auto) { return &F::asin; })
      .Case<math::AcosOp>([](auto) { return &F::acos; })
      .Case<math::CbrtOp>([](auto) { return &F::cbrt; })
      .Case<math::RsqrtOp>([](auto) { return &F::rsqrt; })
      .Case<math::RoundOp>([](auto) { return &F::round; })
      .Default([](auto) { return nullptr; });
}

static Binary binaryFunction(Operation *op) {
  using F = ElementaryFunctions;
  return llvm::TypeSwitch<Operation *, Binary>(op)
      .Case<math::PowFOp>([](auto) { return &F::pow; })
      .Case<math::Atan2Op>([](auto) { return &F::atan2; })
      .Default([](auto) { return nullptr; });
}

static Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

/// The larger operand; the second one if one of them is a NaN, which a single
/// instruction does.
static Value expandMaximum(ImplicitLocOpBuilder &b, Operation *op) {
  if (!isa<arith::MaximumFOp, arith::MaxNumFOp>(op) ||
      !op->hasAttr(kSoftmaxAttr))
    return {};
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  Value larger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, lhs, rhs);
  return arith::SelectOp::create(b, larger, lhs, rhs);
}

/// Emits what `op` computes, in f32 where its own type is narrower. Null if
/// `op` needs no expansion.
static Value expand(ImplicitLocOpBuilder &b, Operation *op) {
  Unary unary = unaryFunction(op);
  if (isa<math::ExpOp>(op) && op->hasAttr(kSoftmaxAttr))
    unary = &ElementaryFunctions::expForSoftmax;
  Binary binary = binaryFunction(op);
  auto power = dyn_cast<math::FPowIOp>(op);
  if (!unary && !binary && !power)
    return {};
  Type type = op->getResult(0).getType();
  Type element = getElementTypeOrSelf(type);
  bool narrow = element.getIntOrFloatBitWidth() < 32;
  if (!narrow && !element.isF32() && !element.isF64())
    return {};
  Type wide = narrow ? withElement(type, b.getF32Type()) : type;
  auto widen = [&](Value value) -> Value {
    return narrow ? arith::ExtFOp::create(b, wide, value) : value;
  };
  ElementaryFunctions functions(b, wide);
  Value result;
  if (unary)
    result = (functions.*unary)(widen(op->getOperand(0)));
  else if (binary)
    result =
        (functions.*binary)(widen(op->getOperand(0)), widen(op->getOperand(1)));
  else
    result = functions.pow(widen(power.getLhs()),
                           arith::SIToFPOp::create(b, wide, power.getRhs()));
  return narrow ? arith::TruncFOp::create(b, type, result) : result;
}

namespace {
struct DynExpandMathPass : dyn::impl::DynExpandMathPassBase<DynExpandMathPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](Operation *op) {
      ImplicitLocOpBuilder builder(op->getLoc(), op);
      if (Value maximum = expandMaximum(builder, op))
        return rewriter.replaceOp(op, maximum);
      if (!isa_and_present<math::MathDialect>(op->getDialect()))
        return;
      if (Value result = expand(builder, op))
        rewriter.replaceOp(op, result);
    });
  }
};
} // namespace
