//===- Linear.cpp - Products and normalizations ---------------------------===//

#include "OperatorTable.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

static Value importMatMul(Node &node) {
  return node.create<MatmulOp>(node.getInput(0), node.getInput(1));
}

static Value scale(Node &node, Value value, double factor) {
  return factor == 1
             ? value
             : node.create<MulOp>(value, node.scalarLike(value, factor));
}

/// alpha * A' * B' + beta * C
static Value importGemm(Node &node) {
  for (size_t index : {0, 1})
    if (node.getInputRank(index) != 2)
      return node.error("expects matrices, got ", node.getInputType(index),
                        " as input ", index);
  auto operand = [&](size_t index, StringRef transposed) {
    return node.getInt(transposed, 0)
               ? node.transpose(node.getInput(index), {1, 0})
               : node.getInput(index);
  };
  Value product =
      node.create<MatmulOp>(operand(0, "transA"), operand(1, "transB"));
  product = scale(node, product, node.getFloat("alpha", 1.0));
  Value c = node.getInput(2);
  return c ? node.create<AddOp>(product,
                                scale(node, c, node.getFloat("beta", 1.0)))
           : product;
}

/// The normalized input, and, if they are asked for, mean and 1 / standard
/// deviation.
static void importLayerNormalization(Node &node) {
  Value x = node.getInput(0);
  int64_t rank = node.getInputRank(0), axis = node.getAxis("axis", -1, rank);
  double epsilon = node.getFloat("epsilon", 1e-5);
  if (node.getInt("stash_type", 1) != 1) {
    node.error("expects attribute 'stash_type' to be 1, float32, got ",
               node.getInt("stash_type", 1));
    return;
  }
  node.setOutput(0, node.create<LayerNormOp>(x, node.getInput(1),
                                             Omittable{node.getInput(2)}, axis,
                                             llvm::APFloat(epsilon)));
  if (!node.hasOutput(1) && !node.hasOutput(2))
    return;
  Value wide = node.convert(x, node.getBuilder().getF32Type());
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(axis, rank));
  auto mean = [&](Value value) {
    return node.create<ReduceMeanOp>(value, axes, /*keep_dims=*/true);
  };
  Value center = mean(wide);
  Value difference = node.create<SubOp>(wide, center);
  Value variance = mean(node.create<MulOp>(difference, difference));
  Value deviation = node.create<SqrtOp>(
      node.create<AddOp>(variance, node.scalarLike(variance, epsilon)));
  node.setOutput(1, center);
  node.setOutput(2,
                 node.create<DivOp>(node.scalarLike(deviation, 1), deviation));
}

/// `compute` along the axis.
static Value alongAxis(Node &node,
                       llvm::function_ref<Value(Value, int64_t)> compute) {
  return compute(node.getInput(0),
                 node.getAxis("axis", -1, node.getInputRank(0)));
}

/// Before opset 13: `compute` over all dimensions from the axis on, as one.
static Value fromAxis(Node &node,
                      llvm::function_ref<Value(Value, int64_t)> compute) {
  Value x = node.getInput(0);
  int64_t rank = node.getInputRank(0), axis = node.getAxis("axis", 1, rank);
  if (axis == rank - 1)
    return compute(x, axis);
  auto product = [&](int64_t begin, int64_t end) {
    return node.sizeProduct(x, llvm::to_vector(llvm::seq<int64_t>(begin, end)));
  };
  Value matrix =
      node.reshape(x, node.concat({product(0, axis), product(axis, rank)}));
  return node.reshape(compute(matrix, 1), node.sizes(x, 0, rank));
}

template <auto AtAxis, auto Compute> static Value normalize(Node &node) {
  return AtAxis(node,
                [&](Value x, int64_t axis) { return Compute(node, x, axis); });
}

static Value softmax(Node &node, Value x, int64_t axis) {
  return node.create<SoftmaxOp>(x, axis);
}

/// x - max(x) - log(sum(exp(x - max(x))))
static Value logSoftmax(Node &node, Value x, int64_t axis) {
  Value shifted = node.create<SubOp>(
      x, node.create<ReduceMaxOp>(x, axis, /*keep_dims=*/true));
  Value sum = node.create<ReduceSumOp>(node.create<ExpOp>(shifted), axis,
                                       /*keep_dims=*/true);
  return node.create<SubOp>(shifted, node.create<LogOp>(sum));
}

void onnx_import::addLinearOperators(OperatorTable &table) {
  table.add("Einsum", {.since = 12, .inputs = {1, kVariadic}}, importEinsum);
  table.add("Gemm", {.since = 7, .inputs = {2, 3}}, importGemm);
  table.add("LayerNormalization",
            {.since = 17, .inputs = {2, 3}, .maxOutputs = 3},
            importLayerNormalization);
  table.add("LogSoftmax", {.until = 13}, normalize<fromAxis, logSoftmax>);
  table.add("LogSoftmax", {.since = 13}, normalize<alongAxis, logSoftmax>);
  table.add("MatMul", {.inputs = {2, 2}}, importMatMul);
  table.add("Softmax", {.until = 13}, normalize<fromAxis, softmax>);
  table.add("Softmax", {.since = 13}, normalize<alongAxis, softmax>);
}
