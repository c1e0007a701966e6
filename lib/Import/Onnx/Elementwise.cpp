//===- Elementwise.cpp - One result element from one of each operand ------===//

#include "OperatorTable.h"
#include <limits>
#include <numbers>

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

template <typename OpTy> static Value unary(Node &node) {
  return node.create<OpTy>(node.getInput(0));
}

template <typename OpTy> static Value binary(Node &node) {
  return node.create<OpTy>(node.getInput(0), node.getInput(1));
}

/// lhs > rhs is rhs < lhs.
template <typename OpTy> static Value swapped(Node &node) {
  return node.create<OpTy>(node.getInput(1), node.getInput(0));
}

template <typename OpTy> static Value variadic(Node &node) {
  Value result = node.getInput(0);
  for (Value input : node.getInputs().drop_front())
    result = node.create<OpTy>(result, input);
  return result;
}

static Value importMean(Node &node) {
  Value sum = variadic<AddOp>(node);
  return node.create<DivOp>(
      sum, node.scalarLike(sum, static_cast<double>(node.getNumInputs())));
}

static Value importIdentity(Node &node) { return node.getInput(0); }

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

static Value importRelu(Node &node) {
  return node.create<MaxOp>(node.getInput(0),
                            node.scalarLike(node.getInput(0), 0));
}

/// `negative` where the input is below 0, `positive` elsewhere.
static Value selectNegative(Node &node, Value negative, Value positive) {
  Value x = node.getInput(0);
  return node.create<SelectOp>(node.create<LessOp>(x, node.scalarLike(x, 0)),
                               negative, positive);
}

static Value importLeakyRelu(Node &node) {
  Value x = node.getInput(0);
  return selectNegative(
      node,
      node.create<MulOp>(x, node.scalarLike(x, node.getFloat("alpha", 0.01))),
      x);
}

static Value importPRelu(Node &node) {
  Value x = node.getInput(0);
  return selectNegative(node, node.create<MulOp>(x, node.getInput(1)), x);
}

/// alpha * (exp(x) - 1) below 0.
static Value importElu(Node &node) {
  Value x = node.getInput(0);
  Value expM1 =
      node.create<SubOp>(node.create<ExpOp>(x), node.scalarLike(x, 1));
  return selectNegative(
      node,
      node.create<MulOp>(expM1,
                         node.scalarLike(x, node.getFloat("alpha", 1.0))),
      x);
}

/// log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which does not overflow.
static Value softplus(Node &node, Value x) {
  Value tail = node.create<ExpOp>(node.create<NegOp>(node.create<AbsOp>(x)));
  return node.create<AddOp>(
      node.create<MaxOp>(x, node.scalarLike(x, 0)),
      node.create<LogOp>(node.create<AddOp>(tail, node.scalarLike(x, 1))));
}

static Value importSoftplus(Node &node) {
  return softplus(node, node.getInput(0));
}

static Value importMish(Node &node) {
  Value x = node.getInput(0);
  return node.create<MulOp>(x, node.create<TanhOp>(softplus(node, x)));
}

static Value importSoftsign(Node &node) {
  Value x = node.getInput(0);
  return node.create<DivOp>(
      x, node.create<AddOp>(node.create<AbsOp>(x), node.scalarLike(x, 1)));
}

static Value clamp(Node &node, Value x, double low, double high) {
  return node.create<MinOp>(node.create<MaxOp>(x, node.scalarLike(x, low)),
                            node.scalarLike(x, high));
}

/// min(max(alpha * x + beta, 0), 1)
static Value hardSigmoid(Node &node, double alpha, double beta) {
  Value x = node.getInput(0);
  Value line =
      node.create<AddOp>(node.create<MulOp>(x, node.scalarLike(x, alpha)),
                         node.scalarLike(x, beta));
  return clamp(node, line, 0, 1);
}

static Value importHardSigmoid(Node &node) {
  return hardSigmoid(node, node.getFloat("alpha", 0.2),
                     node.getFloat("beta", 0.5));
}

static Value importHardSwish(Node &node) {
  return node.create<MulOp>(node.getInput(0), hardSigmoid(node, 1.0 / 6, 0.5));
}

/// Gelu-20: x * Phi(x), by erf or by the approximation with tanh.
static Value importGelu(Node &node) {
  std::string approximate = node.getString("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    return node.error(
        "expects attribute 'approximate' to be 'none' or 'tanh', got '",
        approximate, "'");
  Value x = node.getInput(0);
  auto times = [&](Value value, double factor) {
    return node.create<MulOp>(value, node.scalarLike(x, factor));
  };
  Value inner;
  if (approximate == "none") {
    inner = node.create<ErfOp>(times(x, 1 / std::numbers::sqrt2));
  } else {
    Value cube = node.create<MulOp>(x, node.create<MulOp>(x, x));
    inner = node.create<TanhOp>(
        times(node.create<AddOp>(x, times(cube, 0.044715)),
              std::numbers::sqrt2 * std::numbers::inv_sqrtpi));
  }
  return node.create<MulOp>(times(x, 0.5),
                            node.create<AddOp>(inner, node.scalarLike(x, 1)));
}

//===----------------------------------------------------------------------===//
// Arithmetic with attributes
//===----------------------------------------------------------------------===//

static Value importReciprocal(Node &node) {
  return node.create<DivOp>(node.scalarLike(node.getInput(0), 1),
                            node.getInput(0));
}

static Value importMod(Node &node) {
  if (node.getInt("fmod", 0))
    return binary<FmodOp>(node);
  if (isa<FloatType>(node.getInputType(0).getElementType()))
    return node.error("expects integers without attribute 'fmod', got ",
                      node.getInputType(0).getElementType());
  return binary<ModOp>(node);
}

static Value importBitShift(Node &node) {
  std::string direction = node.getString("direction");
  if (direction == "LEFT")
    return binary<ShiftLeftOp>(node);
  if (direction == "RIGHT")
    return binary<ShiftRightOp>(node);
  return node.error(
      "expects attribute 'direction' to be 'LEFT' or 'RIGHT', got '", direction,
      "'");
}

static Value importClip(Node &node) {
  Value x = node.getInput(0), low = node.getInput(1), high = node.getInput(2);
  if (low)
    x = node.create<MaxOp>(x, low);
  return high ? node.create<MinOp>(x, high) : x;
}

/// Clip-6, with the bounds as attributes.
static Value importClipAttributes(Node &node) {
  constexpr double lowest = std::numeric_limits<float>::lowest(),
                   highest = std::numeric_limits<float>::max();
  return clamp(node, node.getInput(0), node.getFloat("min", lowest),
               node.getFloat("max", highest));
}

static Value importIsInf(Node &node) {
  bool negative = node.getInt("detect_negative", 1),
       positive = node.getInt("detect_positive", 1);
  Value x = node.getInput(0);
  Value isInf = node.create<IsInfOp>(x);
  if (negative && positive)
    return isInf;
  Value zero = node.scalarLike(x, 0);
  if (negative)
    return node.create<AndOp>(isInf, node.create<LessOp>(x, zero));
  if (positive)
    return node.create<AndOp>(isInf, node.create<LessOp>(zero, x));
  return node.create<XorOp>(isInf, isInf);
}

static Value importCast(Node &node) {
  Type type = node.getElementType("to");
  return type ? node.convert(node.getInput(0), type) : Value();
}

static Value importCastLike(Node &node) {
  return node.convert(node.getInput(0), node.getInputType(1).getElementType());
}

static Value importWhere(Node &node) {
  return node.create<SelectOp>(node.getInput(0), node.getInput(1),
                               node.getInput(2));
}

/// Dropout at inference: the input, and a mask that keeps everything.
static void importDropout(Node &node) {
  Value x = node.getInput(0);
  if (Value training = node.getInput(2)) {
    auto known = getConstantDims(training);
    if (!known || !known->front().isConstant(0)) {
      node.error("expects training_mode to be false");
      return;
    }
  }
  node.setOutput(0, x);
  if (!node.hasOutput(1))
    return;
  Value kept = node.scalar(node.getBuilder().getI1Type(), 1);
  node.setOutput(1, node.create<BroadcastToOp>(
                        kept, node.sizes(x, 0, node.getInputRank(0))));
}

void onnx_import::addElementwiseOperators(OperatorTable &table) {
  table.add("Abs", {}, unary<AbsOp>);
  table.add("Atan", {.since = 7}, unary<AtanOp>);
  table.add("BitwiseNot", {.since = 18}, unary<NotOp>);
  table.add("Ceil", {}, unary<CeilOp>);
  table.add("Cos", {.since = 7}, unary<CosOp>);
  table.add("Erf", {.since = 9}, unary<ErfOp>);
  table.add("Exp", {}, unary<ExpOp>);
  table.add("Floor", {}, unary<FloorOp>);
  table.add("Identity", {}, importIdentity);
  table.add("IsNaN", {.since = 9}, unary<IsNaNOp>);
  table.add("Log", {}, unary<LogOp>);
  table.add("Neg", {}, unary<NegOp>);
  table.add("Not", {}, unary<NotOp>);
  table.add("Reciprocal", {}, importReciprocal);
  table.add("Round", {.since = 11}, unary<RoundOp>);
  table.add("Sigmoid", {}, unary<SigmoidOp>);
  table.add("Sign", {.since = 9}, unary<SignOp>);
  table.add("Sin", {.since = 7}, unary<SinOp>);
  table.add("Sqrt", {}, unary<SqrtOp>);
  table.add("Tan", {.since = 7}, unary<TanOp>);
  table.add("Tanh", {}, unary<TanhOp>);

  table.add("Elu", {}, importElu);
  table.add("Gelu", {.since = 20}, importGelu);
  table.add("HardSigmoid", {}, importHardSigmoid);
  table.add("HardSwish", {.since = 14}, importHardSwish);
  table.add("LeakyRelu", {}, importLeakyRelu);
  table.add("Mish", {.since = 18}, importMish);
  table.add("PRelu", {.since = 7, .inputs = {2, 2}}, importPRelu);
  table.add("Relu", {}, importRelu);
  table.add("Softplus", {}, importSoftplus);
  table.add("Softsign", {}, importSoftsign);

  table.add("Add", {.since = 7, .inputs = {2, 2}}, binary<AddOp>);
  table.add("And", {.since = 7, .inputs = {2, 2}}, binary<AndOp>);
  table.add("BitShift", {.since = 11, .inputs = {2, 2}}, importBitShift);
  table.add("BitwiseAnd", {.since = 18, .inputs = {2, 2}}, binary<AndOp>);
  table.add("BitwiseOr", {.since = 18, .inputs = {2, 2}}, binary<OrOp>);
  table.add("BitwiseXor", {.since = 18, .inputs = {2, 2}}, binary<XorOp>);
  table.add("Div", {.since = 7, .inputs = {2, 2}}, binary<DivOp>);
  table.add("Equal", {.since = 7, .inputs = {2, 2}}, binary<EqualOp>);
  table.add("Greater", {.since = 7, .inputs = {2, 2}}, swapped<LessOp>);
  table.add("GreaterOrEqual", {.since = 12, .inputs = {2, 2}},
            swapped<LessEqualOp>);
  table.add("Less", {.since = 7, .inputs = {2, 2}}, binary<LessOp>);
  table.add("LessOrEqual", {.since = 12, .inputs = {2, 2}},
            binary<LessEqualOp>);
  table.add("Mod", {.since = 10, .inputs = {2, 2}}, importMod);
  table.add("Mul", {.since = 7, .inputs = {2, 2}}, binary<MulOp>);
  table.add("Or", {.since = 7, .inputs = {2, 2}}, binary<OrOp>);
  table.add("Pow", {.since = 7, .inputs = {2, 2}}, binary<PowOp>);
  table.add("Sub", {.since = 7, .inputs = {2, 2}}, binary<SubOp>);
  table.add("Xor", {.since = 7, .inputs = {2, 2}}, binary<XorOp>);

  table.add("Max", {.inputs = {1, kVariadic}}, variadic<MaxOp>);
  table.add("Mean", {.inputs = {1, kVariadic}}, importMean);
  table.add("Min", {.inputs = {1, kVariadic}}, variadic<MinOp>);
  table.add("Sum", {.inputs = {1, kVariadic}}, variadic<AddOp>);

  table.add("Cast", {.since = 6}, importCast);
  table.add("CastLike", {.since = 15, .inputs = {2, 2}}, importCastLike);
  table.add("Clip", {.since = 6, .until = 11}, importClipAttributes);
  table.add("Clip", {.since = 11, .inputs = {1, 3}}, importClip);
  table.add("Dropout", {.since = 7, .until = 12, .maxOutputs = 2},
            importDropout);
  table.add("Dropout", {.since = 12, .inputs = {1, 3}, .maxOutputs = 2},
            importDropout);
  table.add("IsInf", {.since = 10}, importIsInf);
  table.add("Where", {.since = 9, .inputs = {3, 3}}, importWhere);
}
