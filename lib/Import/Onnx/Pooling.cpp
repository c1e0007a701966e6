//===- Pooling.cpp - Maxima and means of windows --------------------------===//
//
// A window is combined one dimension after the other: along each, what its taps
// see are slices of the padded input, which are as long as the result. So a
// window of 7 x 7 combines 14 tensors and not 49.
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
  /// behind that.
  Value before, after, more;
  /// How many windows there are, a vector of one element.
  Value count;

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

/// How many windows `axis` has, and what the last of them needs.
static void placeWindows(Node &node, Axis &axis, bool ceil) {
  Value size = node.sizes(node.getInput(0), axis.dim, axis.dim + 1);
  Value padded =
      node.create<AddOp>(node.create<AddOp>(size, axis.before), axis.after);
  Value places = plus(node, padded, -axis.getExtent());
  axis.more = node.ints(0);
  if (!ceil || axis.stride == 1) {
    axis.count = plus(node, dividePlaces(node, places, axis.stride), 1);
    return;
  }
  axis.count = plus(
      node,
      dividePlaces(node, plus(node, places, axis.stride - 1), axis.stride), 1);
  // A window that begins behind the input is none.
  Value begins = plus(
      node,
      dividePlaces(node, plus(node, node.create<AddOp>(size, axis.before), -1),
                   axis.stride),
      1);
  axis.count = node.create<MinOp>(axis.count, begins);
  Value end = plus(node, times(node, plus(node, axis.count, -1), axis.stride),
                   axis.getExtent());
  axis.more = node.create<MaxOp>(node.create<SubOp>(end, padded), node.ints(0));
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
    Axis axis{i + 2, taps[i], strides[i], dilations[i], {}, {}, {}, {}};
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

/// `x` with `before` and `after` elements of `value` along `dim`.
static Value padAlong(Node &node, Value x, int64_t dim, Value before,
                      Value after, Value value) {
  if (node.hasFailed())
    return {};
  int64_t rank = Node::getType(x).getRank();
  Value in = node.ints(SmallVector<int64_t>(dim, 0)),
        out = node.ints(SmallVector<int64_t>(rank - dim - 1, 0));
  return node.create<PadOp>(x, node.concat({in, before, out, in, after, out}),
                            value);
}

/// `OpTy` of what each tap of the windows along `axis`, dimension `dim` of the
/// padded `x`, sees.
template <typename OpTy>
static Value combineTaps(Node &node, Value x, int64_t dim, const Axis &axis) {
  Value length =
      plus(node, times(node, plus(node, axis.count, -1), axis.stride), 1);
  Value result;
  for (int64_t tap = 0; tap < axis.taps; ++tap) {
    int64_t start = tap * axis.dilation;
    Value seen =
        node.create<SliceOp>(x, node.ints(start), plus(node, length, start),
                             node.ints(axis.stride), ArrayRef<int64_t>{dim});
    result = tap ? node.create<OpTy>(result, seen) : seen;
  }
  return result;
}

template <typename OpTy>
static Value combineWindows(Node &node, ArrayRef<Axis> axes, Value padding) {
  Value x = node.getInput(0);
  for (const Axis &axis : axes) {
    x = padAlong(node, x, axis.dim, axis.before,
                 node.create<AddOp>(axis.after, axis.more), padding);
    x = combineTaps<OpTy>(node, x, axis.dim, axis);
  }
  return x;
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
  return combineWindows<MaxOp>(node, axes, getLeast(node, node.getInput(0)));
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
  Value padded = padAlong(node, ones, 0, before, after, node.scalarLike(x, 0));
  return combineTaps<AddOp>(node, padded, 0, axis);
}

static Value importAveragePool(Node &node) {
  SmallVector<Axis> axes = getAxes(node);
  if (node.hasFailed())
    return {};
  bool countsPads = node.getInt("count_include_pad", 0);
  Value x = node.getInput(0);
  Value sums = combineWindows<AddOp>(node, axes, node.scalarLike(x, 0));
  bool ceil = node.getInt("ceil_mode", 0);
  SmallVector<int64_t> pads = getSteps(node, "pads", 2 * axes.size(), 0);
  bool isPadded = node.getString("auto_pad", "NOTSET") != "VALID" &&
                  (node.getString("auto_pad", "NOTSET") != "NOTSET" ||
                   llvm::any_of(pads, [](int64_t pad) { return pad; }));
  if (!ceil && (countsPads || !isPadded)) {
    int64_t taps = 1;
    for (const Axis &axis : axes)
      taps *= axis.taps;
    return node.create<DivOp>(sums, node.scalarLike(x, taps));
  }
  for (auto [index, axis] : llvm::enumerate(axes)) {
    auto behind = llvm::to_vector(llvm::seq<int64_t>(1, axes.size() - index));
    sums = node.create<DivOp>(
        sums, node.unsqueeze(countElements(node, axis, countsPads), behind));
  }
  return sums;
}

/// `OpTy` over all places of an image.
template <typename OpTy> static Value importGlobalPool(Node &node) {
  int64_t rank = node.getInputRank(0);
  if (rank < 3)
    return node.error("expects an input of rank 3 or more, got ",
                      node.getInputType(0));
  auto axes = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  return node.create<OpTy>(node.getInput(0), axes, /*keep_dims=*/true);
}

void onnx_import::addPoolingOperators(OperatorTable &table) {
  table.add("AveragePool", {}, importAveragePool);
  table.add("GlobalAveragePool", {}, importGlobalPool<ReduceMeanOp>);
  table.add("GlobalMaxPool", {}, importGlobalPool<ReduceMaxOp>);
  table.add("MaxPool", {.maxOutputs = 2}, importMaxPool);
}
