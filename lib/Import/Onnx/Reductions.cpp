//===- Reductions.cpp - Reductions over axes ------------------------------===//

#include "OperatorTable.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

namespace {
/// What a reduction does to which axes.
struct Reduction {
  SmallVector<int64_t> axes;
  bool keepDims;
};
} // namespace

/// Axes come as an attribute or, in newer opsets, as an input. None are all,
/// or, if the node says so, none; then the result is nullopt.
static std::optional<Reduction> getReduction(Node &node) {
  Reduction reduction;
  SmallVector<int64_t> axes;
  if (node.getInput(1))
    axes = node.requireConstantInts(1, "axes");
  else if (auto attribute = node.getInts("axes"))
    axes = *attribute;
  int64_t rank = node.getInputRank(0);
  reduction.keepDims = node.getInt("keepdims", 1);
  if (axes.empty() && node.getInt("noop_with_empty_axes", 0))
    return std::nullopt;
  reduction.axes = axes.empty() ? llvm::to_vector(llvm::seq<int64_t>(0, rank))
                                : node.normalizeAxes(axes, rank);
  return reduction;
}

static Value identity(Node &, Value x) { return x; }
static Value absolute(Node &node, Value x) { return node.create<AbsOp>(x); }
static Value square(Node &node, Value x) { return node.create<MulOp>(x, x); }
static Value logarithm(Node &node, Value x) { return node.create<LogOp>(x); }
static Value squareRoot(Node &node, Value x) { return node.create<SqrtOp>(x); }

/// `After(OpTy over axes of Before(x))`
template <typename OpTy, auto Before = identity, auto After = identity>
static Value reduce(Node &node) {
  Value x = Before(node, node.getInput(0));
  if (std::optional<Reduction> reduction = getReduction(node))
    x = node.create<OpTy>(x, reduction->axes, reduction->keepDims);
  return After(node, x);
}

/// log(sum(exp(x))), as log(sum(exp(x - max(x)))) + max(x), which does not
/// overflow.
static Value importLogSumExp(Node &node) {
  Value x = node.getInput(0);
  std::optional<Reduction> reduction = getReduction(node);
  if (!reduction)
    return x;
  Value max = node.create<ReduceMaxOp>(x, reduction->axes, /*keep_dims=*/true);
  // An infinite maximum would make x - max NaN.
  max = node.create<SelectOp>(node.create<IsInfOp>(max), node.scalarLike(x, 0),
                              max);
  Value sum =
      node.create<ReduceSumOp>(node.create<ExpOp>(node.create<SubOp>(x, max)),
                               reduction->axes, reduction->keepDims);
  return node.create<AddOp>(
      node.create<LogOp>(sum),
      reduction->keepDims ? max : node.squeeze(max, reduction->axes));
}

template <typename OpTy> static Value argReduce(Node &node) {
  int64_t axis = node.getAxis("axis", 0, node.getInputRank(0));
  return node.create<OpTy>(
      node.getInput(0), axis, static_cast<bool>(node.getInt("keepdims", 1)),
      static_cast<bool>(node.getInt("select_last_index", 0)));
}

static Value importCumSum(Node &node) {
  SmallVector<int64_t> axis = node.requireConstantInts(1, "axis");
  if (node.hasFailed())
    return {};
  if (axis.size() != 1)
    return node.error("expects one axis, got ", axis.size());
  return node.create<CumSumOp>(
      node.getInput(0), node.normalizeAxis(axis[0], node.getInputRank(0)),
      static_cast<bool>(node.getInt("exclusive", 0)),
      static_cast<bool>(node.getInt("reverse", 0)));
}

void onnx_import::addReductionOperators(OperatorTable &table) {
  table.add("ArgMax", {}, argReduce<ArgMaxOp>);
  table.add("ArgMin", {}, argReduce<ArgMinOp>);
  table.add("CumSum", {.since = 11, .inputs = {2, 2}}, importCumSum);
  // ReduceSum-13 and all others from opset 18 on take the axes as an input.
  auto add = [&](StringRef name, auto import) {
    table.add(name, {.inputs = {1, 2}}, import);
  };
  add("ReduceL1", reduce<ReduceSumOp, absolute>);
  add("ReduceL2", reduce<ReduceSumOp, square, squareRoot>);
  add("ReduceLogSum", reduce<ReduceSumOp, identity, logarithm>);
  add("ReduceLogSumExp", importLogSumExp);
  add("ReduceMax", reduce<ReduceMaxOp>);
  add("ReduceMean", reduce<ReduceMeanOp>);
  add("ReduceMin", reduce<ReduceMinOp>);
  add("ReduceProd", reduce<ReduceProdOp>);
  add("ReduceSum", reduce<ReduceSumOp>);
  add("ReduceSumSquare", reduce<ReduceSumOp, square>);
}
