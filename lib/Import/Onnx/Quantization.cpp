//===- Quantization.cpp - Integers that stand for floats ------------------===//

#include "OperatorTable.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

/// A scale or zero point in a shape that broadcasts against input 0: a number
/// as it is, a vector with an element for each index of the axis.
static Value alignWithInput(Node &node, Value parameter) {
  if (!parameter || node.hasFailed())
    return {};
  int64_t rank = node.getInputRank(0),
          parameterRank = Node::getType(parameter).getRank();
  if (int64_t blockSize = node.getInt("block_size", 0))
    return node.error("expects attribute 'block_size' to be 0, a scale for "
                      "the tensor or for an index of the axis, got ",
                      blockSize);
  if (parameterRank > 1)
    return node.error("expects a number or a vector as scale and zero point, "
                      "got ",
                      Node::getType(parameter));
  if (parameterRank == 0 || rank == 0)
    return parameter;
  int64_t axis = node.getAxis("axis", rank == 1 ? 0 : 1, rank);
  return node.unsqueeze(parameter,
                        llvm::to_vector(llvm::seq<int64_t>(1, rank - axis)));
}

/// Symmetric quantization says so by zeros.
static bool isZero(Value zeroPoint) {
  DenseElementsAttr value;
  return matchPattern(zeroPoint, m_Constant(&value)) &&
         isa<IntegerType>(value.getElementType()) && value.isSplat() &&
         value.getSplatValue<llvm::APInt>().isZero();
}

/// (x - zero point) * scale
static Value importDequantizeLinear(Node &node) {
  Value scale = node.getInput(1), zeroPoint = node.getInput(2);
  Type type = Node::getType(scale).getElementType();
  if (!isa<FloatType>(type))
    return node.error("expects scales of a float type, got ", type);
  Value x = node.convert(node.getInput(0), type);
  if (zeroPoint && !isZero(zeroPoint))
    x = node.create<SubOp>(x,
                           alignWithInput(node, node.convert(zeroPoint, type)));
  Value result = node.create<MulOp>(x, alignWithInput(node, scale));
  // Since 23.
  if (!node.getInt("output_dtype", 0))
    return result;
  Type resultType = node.getElementType("output_dtype");
  return result && resultType ? node.convert(result, resultType) : Value();
}

/// x / scale, rounded to nearest, ties to even, + zero point, clamped to what
/// the integer holds.
static Value importQuantizeLinear(Node &node) {
  Value zeroPoint = node.getInput(2);
  Builder &builder = node.getBuilder();
  Type type = builder.getIntegerType(8, /*isSigned=*/false);
  if (zeroPoint)
    type = Node::getType(zeroPoint).getElementType();
  else if (node.getInt("output_dtype", 0))
    type = node.getElementType("output_dtype");
  if (!type)
    return {};
  if (!type.isInteger(8) && !type.isInteger(16))
    return node.error("expects a result of int8, int16 or uint8, got ", type);
  auto inFloat = [&](Value value) {
    return node.convert(value, builder.getF32Type());
  };
  Value quotient =
      node.create<DivOp>(inFloat(node.getInput(0)),
                         alignWithInput(node, inFloat(node.getInput(1))));
  Value rounded = node.create<RoundOp>(quotient);
  if (zeroPoint)
    rounded =
        node.create<AddOp>(rounded, alignWithInput(node, inFloat(zeroPoint)));
  unsigned width = type.getIntOrFloatBitWidth();
  bool isSigned = !type.isUnsignedInteger();
  double least = isSigned ? -std::ldexp(1.0, width - 1) : 0.0;
  double most = std::ldexp(1.0, isSigned ? width - 1 : width) - 1;
  if (!rounded)
    return {};
  Value clamped = node.create<MinOp>(
      node.create<MaxOp>(rounded, node.scalarLike(rounded, least)),
      node.scalarLike(rounded, most));
  return node.convert(clamped, type);
}

void onnx_import::addQuantizationOperators(OperatorTable &table) {
  table.add("DequantizeLinear", {.since = 10, .inputs = {2, 3}},
            importDequantizeLinear);
  table.add("QuantizeLinear", {.since = 10, .inputs = {2, 3}},
            importQuantizeLinear);
}
