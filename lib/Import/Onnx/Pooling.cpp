//===- Pooling.cpp - Maxima and means of windows --------------------------===//
//
// Windows slide over the padded input, which what `ceil_mode` adds makes as
// long as the last of them needs.
//
//===----------------------------------------------------------------------===//

#include "OperatorTable.h"
#include "Windows.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

namespace {
/// Where the windows along one dimension of the input are.
struct Axis {
  int64_t dim, taps, stride, dilation;
  /// What the node pads, vectors of one element, and what the last window needs
  /// behind that, which may be less than nothing.
  Value before, after, more;

  int64_t getExtent() const { return (taps - 1) * dilation + 1; }
};
} // namespace

static Value plus(Node &node, Value lhs, int64_t rhs) {
  return node.create<AddOp>(lhs, node.ints(rhs));
}
static Value times(Node &node, Value lhs, int64_t rhs) {
  return node.create<MulOp>(lhs, node.ints(rhs));
}

/// `value / divisor`, rounded down; not less than -1 then, which is no window.
static Value dividePlaces(Node &node, Value value, int64_t divisor) {
  if (divisor == 1)
    return value;
  // Division rounds to zero.
  Value positive = node.create<MaxOp>(plus(node, value, divisor), node.ints(0));
  return plus(node, node.create<DivOp>(positive, node.ints(divisor)), -1);
}

/// How many windows `axis` has with `ceil`, and what the last of them needs.
static void placeWindows(Node &node, Axis &axis, bool ceil) {
  axis.more = node.ints(0);
  if (!ceil || axis.stride == 1)
    return;
  Value size = node.sizes(node.getInput(0), axis.dim, axis.dim + 1);
  Value padded =
      node.create<AddOp>(node.create<AddOp>(size, axis.before), axis.after);
  Value places = plus(node, padded, -axis.getExtent());
  Value count = plus(
      node,
      dividePlaces(node, plus(node, places, axis.stride - 1), axis.stride), 1);
  // A window that begins behind the input is none.
  Value begins = plus(
      node,
      dividePlaces(node, plus(node, node.create<AddOp>(size, axis.before), -1),
                   axis.stride),
      1);
  count = node.create<MinOp>(count, begins);
  Value end = plus(node, times(node, plus(node, count, -1), axis.stride),
                   axis.getExtent());
  axis.more = node.create<SubOp>(end, padded);
}

/// The windows of a node, dimension by dimension.
static SmallVector<Axis> getAxes(Node &node) {
  int64_t count = node.getInputRank(0) - 2;
  if (count < 1) {
    node.error("expects an input of rank 3 or more, got ",
               node.getInputType(0));
    return {};
  }
  if (!node.hasAttribute("kernel_shape")) {
    node.error("expects attribute 'kernel_shape'");
    return {};
  }
  SmallVector<int64_t> taps = getSteps(node, "kernel_shape", count, 1),
                       strides = getSteps(node, "strides", count, 1),
                       dilations = getSteps(node, "dilations", count, 1),
                       pads = getSteps(node, "pads", 2 * count, 0);
  std::string mode = node.getString("auto_pad", "NOTSET");
  bool ceil = node.getInt("ceil_mode", 0);
  std::pair<Value, Value> same;
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER")
    same = getSamePads(node, node.ints(taps), strides, dilations,
                       mode == "SAME_UPPER");
  else if (mode != "NOTSET" && mode != "VALID")
    node.error("expects attribute 'auto_pad' to be NOTSET, VALID, SAME_UPPER "
               "or SAME_LOWER, got ",
               mode);
  if (node.hasFailed())
    return {};
  SmallVector<Axis> axes;
  for (int64_t i = 0; i < count; ++i) {
    Axis axis{i + 2, taps[i], strides[i], dilations[i], {}, {}, {}};
    if (same.first) {
      axis.before = node.slice1d(same.first, i, i + 1);
      axis.after = node.slice1d(same.second, i, i + 1);
    } else {
      axis.before = node.ints(mode == "NOTSET" ? pads[i] : 0);
      axis.after = node.ints(mode == "NOTSET" ? pads[i + count] : 0);
    }
    placeWindows(node, axis, ceil);
    axes.push_back(axis);
  }
  return axes;
}

/// `x` with `before` and `after` elements of `value` along its last dimensions.
static Value padBehind(Node &node, Value x, ArrayRef<Value> before,
                       ArrayRef<Value> after, Value value) {
  if (node.hasFailed())
    return {};
  int64_t leading = Node::getType(x).getRank() - before.size();
  Value none = node.ints(SmallVector<int64_t>(leading, 0));
  SmallVector<Value> amounts{none};
  llvm::append_range(amounts, before);
  amounts.push_back(none);
  llvm::append_range(amounts, after);
  return node.create<PadOp>(x, node.concat(amounts), value);
}

/// `OpTy` of the windows `axes` of `x`, as it is.
template <typename OpTy>
static Value combineWindows(Node &node, Value x, ArrayRef<Axis> axes) {
  SmallVector<int64_t> taps, strides, dilations;
  for (const Axis &axis : axes) {
    taps.push_back(axis.taps);
    strides.push_back(axis.stride);
    dilations.push_back(axis.dilation);
  }
  return node.create<OpTy>(x, taps, strides, dilations);
}

/// `OpTy` of the windows `axes` of the input with `padding`.
template <typename OpTy>
static Value combineInput(Node &node, ArrayRef<Axis> axes, Value padding) {
  SmallVector<Value> before, after;
  for (const Axis &axis : axes) {
    before.push_back(axis.before);
    after.push_back(node.create<AddOp>(axis.after, axis.more));
  }
  return combineWindows<OpTy>(
      node, padBehind(node, node.getInput(0), before, after, padding), axes);
}

/// The least number of the element type of `x`.
static Value getLeast(Node &node, Value x) {
  Type type = Node::getType(x).getElementType();
  if (isa<FloatType>(type))
    return node.scalar(type, -std::numeric_limits<double>::infinity());
  bool isSigned = !type.isUnsignedInteger();
  unsigned width = type.getIntOrFloatBitWidth();
  return node.scalar(type, isSigned ? -std::ldexp(1.0, width - 1) : 0);
}

static Value importMaxPool(Node &node) {
  if (node.hasOutput(1))
    return node.error("has no indices of the maxima, its second output");
  SmallVector<Axis> axes = getAxes(node);
  if (node.hasFailed())
    return {};
  return combineInput<WindowMaxOp>(node, axes,
                                   getLeast(node, node.getInput(0)));
}

/// How many elements that count each window along `axis` sees, as a vector.
static Value countElements(Node &node, const Axis &axis, bool countsPads) {
  Value x = node.getInput(0);
  Value size = node.sizes(x, axis.dim, axis.dim + 1);
  Value before = axis.before;
  Value after = node.create<AddOp>(axis.after, axis.more);
  if (countsPads) {
    size =
        node.create<AddOp>(node.create<AddOp>(size, axis.before), axis.after);
    before = node.ints(0);
    after = axis.more;
  }
  Value ones = node.create<BroadcastToOp>(node.scalarLike(x, 1), size);
  Value padded = padBehind(node, ones, before, after, node.scalarLike(x, 0));
  return combineWindows<WindowSumOp>(node, padded, axis);
}

static Value importAveragePool(Node &node) {
  SmallVector<Axis> axes = getAxes(node);
  if (node.hasFailed())
    return {};
  bool countsPads = node.getInt("count_include_pad", 0);
  Value x = node.getInput(0);
  Value sums = combineInput<WindowSumOp>(node, axes, node.scalarLike(x, 0));
  bool ceil = node.getInt("ceil_mode", 0);
  SmallVector<int64_t> pads = getSteps(node, "pads", 2 * axes.size(), 0);
  bool isPadded = node.getString("auto_pad", "NOTSET") != "VALID" &&
                  (node.getString("auto_pad", "NOTSET") != "NOTSET" ||
                   llvm::any_of(pads, [](int64_t pad) { return pad; }));
  if (!ceil && (countsPads || !isPadded)) {
    double taps = 1;
    for (const Axis &axis : axes)
      taps *= axis.taps;
    return node.create<MulOp>(sums, node.scalarLike(x, 1 / taps));
  }
  Value counts;
  for (auto [index, axis] : llvm::enumerate(axes)) {
    auto behind = llvm::to_vector(llvm::seq<int64_t>(1, axes.size() - index));
    Value count = node.unsqueeze(countElements(node, axis, countsPads), behind);
    counts = index ? node.create<MulOp>(counts, count) : count;
  }
  // One division for all channels.
  return node.create<MulOp>(sums,
                            node.create<DivOp>(node.scalarLike(x, 1), counts));
}

/// `OpTy` over all places of an image.
template <typename OpTy> static Value importGlobalPool(Node &node) {
  int64_t rank = node.getInputRank(0);
  if (rank < 3)
    return node.error("expects an input of rank 3 or more, got ",
                      node.getInputType(0));
  // As one dimension, which fills vectors where images are narrow.
  Value x = node.getInput(0);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  Value places = node.reshape(
      x, node.concat({node.sizes(x, 0, 2), node.sizeProduct(x, axes)}));
  Value pooled = node.create<OpTy>(places, ArrayRef<int64_t>{2},
                                   /*keep_dims=*/false);
  return node.unsqueeze(pooled, axes);
}

void onnx_import::addPoolingOperators(OperatorTable &table) {
  table.add("AveragePool", {}, importAveragePool);
  table.add("GlobalAveragePool", {}, importGlobalPool<ReduceMeanOp>);
  table.add("GlobalMaxPool", {}, importGlobalPool<ReduceMaxOp>);
  table.add("MaxPool", {.maxOutputs = 2}, importMaxPool);
}
