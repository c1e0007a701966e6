//===- Structural.cpp - Joining, cutting and picking elements -------------===//

#include "OperatorTable.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

static Value importConcat(Node &node) {
  int64_t axis = node.getAxis("axis", std::nullopt, node.getInputRank(0));
  return node.create<ConcatOp>(node.getInputs(), axis);
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

/// Slice-1: everything is an attribute.
static Value importSliceAttributes(Node &node) {
  std::optional<SmallVector<int64_t>> starts = node.getInts("starts"),
                                      ends = node.getInts("ends");
  if (!starts || !ends)
    return node.error("expects attributes 'starts' and 'ends'");
  SmallVector<int64_t> axes = node.getInts("axes").value_or(llvm::to_vector(
      llvm::seq<int64_t>(0, static_cast<int64_t>(starts->size()))));
  axes = node.normalizeAxes(axes, node.getInputRank(0));
  return node.create<SliceOp>(
      node.getInput(0), node.ints(*starts), node.ints(*ends),
      node.ints(SmallVector<int64_t>(axes.size(), 1)), axes);
}

static Value importSlice(Node &node) {
  DynTensorType starts = node.getInputType(1);
  if (starts.getRank() != 1 || !starts.getDim(0).getConstant())
    return node.error("expects input 'starts' to be a vector with a number of "
                      "elements that is known, got ",
                      starts);
  int64_t count = *starts.getDim(0).getConstant();
  SmallVector<int64_t> axes =
      node.getInput(3) ? node.requireConstantInts(3, "axes")
                       : llvm::to_vector(llvm::seq<int64_t>(0, count));
  if (node.hasFailed())
    return {};
  Value steps = node.getInput(4);
  return node.create<SliceOp>(
      node.getInput(0), node.getInput(1), node.getInput(2),
      steps ? steps : node.ints(SmallVector<int64_t>(count, 1)),
      node.normalizeAxes(axes, node.getInputRank(0)));
}

/// `x[from:to]` along an axis; both are integer vectors of one element.
static Value sliceAxis(Node &node, Value x, int64_t axis, Value from,
                       Value to) {
  return node.create<SliceOp>(x, from, to, node.ints(1), axis);
}

/// Parts of given sizes.
static void splitBySizes(Node &node, ArrayRef<int64_t> sizes, int64_t axis) {
  if (sizes.size() != node.getNumOutputs()) {
    node.error("expects a size for each of ", node.getNumOutputs(),
               " outputs, got ", sizes.size());
    return;
  }
  int64_t sum = 0;
  for (int64_t size : sizes) {
    if (size < 0) {
      node.error("expects sizes of at least 0, got ", size);
      return;
    }
    sum += size;
  }
  std::optional<int64_t> whole =
      node.getInputType(0).getDim(axis).getConstant();
  if (whole && *whole != sum) {
    node.error("expects sizes of the parts that add up to ", *whole, ", got ",
               sum);
    return;
  }
  Value x = node.getInput(0);
  if (!whole) {
    // States the sum, which is checked at run time, so that the parts have
    // their sizes.
    SmallVector<DimAttr> shape(node.getInputType(0).getShape());
    shape[axis] = DimAttr::get(node.getContext(), sum);
    x = node.refine(x, shape);
  }
  int64_t begin = 0;
  for (auto [index, size] : llvm::enumerate(sizes)) {
    node.setOutput(index, sliceAxis(node, x, axis, node.ints(begin),
                                    node.ints(begin + size)));
    begin += size;
  }
}

/// Equal parts, of which the last is smaller if the size does not divide
/// (Split-18; before, it has to).
static void splitEqually(Node &node, int64_t count, int64_t axis) {
  Value x = node.getInput(0);
  if (count < 1 || static_cast<size_t>(count) != node.getNumOutputs()) {
    node.error("expects as many parts as outputs, ", node.getNumOutputs(),
               ", got ", count);
    return;
  }
  std::optional<int64_t> size = node.getInputType(0).getDim(axis).getConstant();
  if (size && *size % count != 0 && node.getOpset() < 18) {
    node.error("expects a size that ", count, " parts divide, got ", *size);
    return;
  }
  Value total = node.sizes(x, axis, axis + 1), parts = node.ints(count);
  Value chunk = node.create<DivOp>(
      node.create<AddOp>(total, node.ints(count - 1)), parts);
  for (int64_t index = 0; index < count; ++index) {
    Value from = node.create<MulOp>(chunk, node.ints(index)),
          to = node.create<MulOp>(chunk, node.ints(index + 1));
    node.setOutput(index, sliceAxis(node, x, axis, from, to));
  }
}

static void importSplit(Node &node) {
  int64_t axis = node.getAxis("axis", 0, node.getInputRank(0));
  std::optional<SmallVector<int64_t>> sizes;
  if (node.getInput(1))
    sizes = node.requireConstantInts(1, "split");
  else
    sizes = node.getInts("split");
  if (node.hasFailed())
    return;
  if (sizes)
    splitBySizes(node, *sizes, axis);
  else
    splitEqually(
        node,
        node.getInt("num_outputs", static_cast<int64_t>(node.getNumOutputs())),
        axis);
}

//===----------------------------------------------------------------------===//
// Gathers
//===----------------------------------------------------------------------===//

template <typename OpTy> static Value gather(Node &node) {
  return node.create<OpTy>(node.getInput(0), node.getInput(1),
                           node.getAxis("axis", 0, node.getInputRank(0)));
}

static Value importGatherND(Node &node) {
  return node.create<GatherNDOp>(node.getInput(0), node.getInput(1),
                                 node.getInt("batch_dims", 0));
}

/// on where the index is the position along the new axis, off elsewhere and for
/// indices out of range.
static Value importOneHot(Node &node) {
  Type i64 = node.getBuilder().getI64Type();
  int64_t rank = node.getInputRank(0),
          axis = node.getAxis("axis", -1, rank + 1);
  Value indices = node.convert(node.getInput(0), i64),
        depth = node.convert(node.getInput(1), i64);
  depth = node.reshape(depth, node.ints({}));
  Value zero = node.scalar(i64, 0);
  Value wrapped =
      node.create<SelectOp>(node.create<LessOp>(indices, zero),
                            node.create<AddOp>(indices, depth), indices);
  // [depth, 1, ..., 1] stands at the new axis.
  Value positions = node.create<IotaOp>(zero, depth, node.scalar(i64, 1));
  positions = node.unsqueeze(
      positions, llvm::to_vector(llvm::seq<int64_t>(1, rank + 1 - axis)));
  Value isOn = node.create<EqualOp>(node.unsqueeze(wrapped, axis), positions);
  auto value = [&](int64_t index) {
    return node.squeeze(node.slice1d(node.getInput(2), index, index + 1), {0});
  };
  return node.create<SelectOp>(isOn, value(1), value(0));
}

//===----------------------------------------------------------------------===//
// Pad, Tile, Trilu
//===----------------------------------------------------------------------===//

static bool checkPadMode(Node &node) {
  std::string mode = node.getString("mode", "constant");
  if (mode != "constant")
    node.error("expects mode 'constant', got '", mode,
               "', which is not supported");
  return !node.hasFailed();
}

static Value importPadAttributes(Node &node) {
  std::optional<SmallVector<int64_t>> pads = node.getInts("pads");
  if (!pads)
    return node.error("expects an attribute 'pads'");
  if (!checkPadMode(node))
    return {};
  return node.create<PadOp>(
      node.getInput(0), node.ints(*pads),
      node.scalarLike(node.getInput(0), node.getFloat("value", 0.0)));
}

static Value importPad(Node &node) {
  if (!checkPadMode(node))
    return {};
  Value x = node.getInput(0), pads = node.getInput(1), value = node.getInput(2);
  value = value ? node.reshape(value, node.ints({})) : node.scalarLike(x, 0);
  if (node.getInput(3)) {
    // Amounts for some axes; 0 for the others.
    int64_t rank = node.getInputRank(0);
    SmallVector<int64_t> axes =
        node.normalizeAxes(node.requireConstantInts(3, "axes"), rank);
    int64_t count = static_cast<int64_t>(axes.size());
    SmallVector<Value> amounts;
    for (int64_t side : {0, 1})
      for (int64_t axis = 0; axis < rank; ++axis) {
        const auto *found = llvm::find(axes, axis);
        int64_t index = side * count + (found - axes.begin());
        amounts.push_back(
            found == axes.end()
                ? node.ints(0)
                : node.convert(node.slice1d(pads, index, index + 1),
                               node.getBuilder().getI64Type()));
      }
    pads = node.concat(amounts);
  }
  return node.create<PadOp>(x, pads, value);
}

static Value importTile(Node &node) {
  return node.create<TileOp>(node.getInput(0), node.getInput(1));
}

static Value importTrilu(Node &node) {
  Value k = node.getInput(1);
  k = k ? node.reshape(k, node.ints({}))
        : node.scalar(node.getBuilder().getI64Type(), 0);
  return node.create<TriluOp>(node.getInput(0), k,
                              static_cast<bool>(node.getInt("upper", 1)));
}

void onnx_import::addStructuralOperators(OperatorTable &table) {
  table.add("Concat", {.since = 4, .inputs = {1, kVariadic}}, importConcat);
  table.add("Gather", {.inputs = {2, 2}}, gather<GatherOp>);
  table.add("GatherElements", {.since = 11, .inputs = {2, 2}},
            gather<GatherElementsOp>);
  table.add("GatherND", {.since = 11, .inputs = {2, 2}}, importGatherND);
  table.add("OneHot", {.since = 9, .inputs = {3, 3}}, importOneHot);
  table.add("Pad", {.since = 2, .until = 11}, importPadAttributes);
  table.add("Pad", {.since = 11, .inputs = {2, 4}}, importPad);
  table.add("Slice", {.until = 10}, importSliceAttributes);
  table.add("Slice", {.since = 10, .inputs = {3, 5}}, importSlice);
  table.add("Split", {.since = 2, .inputs = {1, 2}, .maxOutputs = kVariadic},
            importSplit);
  table.add("Tile", {.since = 6, .inputs = {2, 2}}, importTile);
  table.add("Trilu", {.since = 14, .inputs = {1, 2}}, importTrilu);
}
