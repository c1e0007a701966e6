//===- Convolution.cpp - Convolutions -------------------------------------===//

#include "OperatorTable.h"
#include "Windows.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

SmallVector<int64_t> onnx_import::getSteps(Node &node, StringRef name,
                                           int64_t count, int64_t least) {
  std::optional<SmallVector<int64_t>> ints = node.getInts(name);
  if (!ints)
    return SmallVector<int64_t>(count, least);
  if (static_cast<int64_t>(ints->size()) != count)
    node.error("expects attribute '", name, "' of ", count, " elements, got ",
               ints->size());
  for (int64_t value : *ints)
    if (value < least)
      node.error("expects attribute '", name, "' of ", least, " or more, got ",
                 value);
  return *ints;
}

/// `w` with the sizes that attribute `kernel_shape` states.
static Value refineFilter(Node &node, Value w) {
  std::optional<SmallVector<int64_t>> stated = node.getInts("kernel_shape");
  if (!stated)
    return w;
  DynTensorType type = node.getInputType(1);
  SmallVector<DimAttr> shape(type.getShape());
  bool fits = stated->size() + 2 == shape.size();
  for (size_t i = 0; fits && i < stated->size(); ++i) {
    fits = shape[i + 2].getConstant().value_or((*stated)[i]) == (*stated)[i];
    shape[i + 2] = DimAttr::get(node.getContext(), (*stated)[i]);
  }
  if (!fits)
    return node.error("expects attribute 'kernel_shape' to be the size of the "
                      "filter, ",
                      type);
  return node.refine(w, shape);
}

std::pair<Value, Value> onnx_import::getSamePads(Node &node, Value taps,
                                                 ArrayRef<int64_t> strides,
                                                 ArrayRef<int64_t> dilations,
                                                 bool upper) {
  Value sizes = node.sizes(node.getInput(0), 2, node.getInputRank(0));
  Value stride = node.ints(strides), one = node.ints(1);
  auto steps = [&](Value count, ArrayRef<int64_t> step) {
    return node.create<AddOp>(
        node.create<MulOp>(node.create<SubOp>(count, one), node.ints(step)),
        one);
  };
  Value extent = steps(taps, dilations);
  Value places = node.create<DivOp>(
      node.create<SubOp>(node.create<AddOp>(sizes, stride), one), stride);
  // What the last place is too far: strides to it, and the filter from there.
  Value total = node.create<MaxOp>(
      node.create<SubOp>(
          node.create<SubOp>(node.create<AddOp>(steps(places, strides), extent),
                             one),
          sizes),
      node.ints(0));
  Value less = node.create<DivOp>(total, node.ints(2));
  Value more = node.create<SubOp>(total, less);
  return {upper ? less : more, upper ? more : less};
}

/// The input, padded as attributes `auto_pad` and `pads` say.
static Value padInput(Node &node, Value w, ArrayRef<int64_t> strides,
                      ArrayRef<int64_t> dilations) {
  Value x = node.getInput(0);
  int64_t count = node.getInputRank(0) - 2;
  std::string mode = node.getString("auto_pad", "NOTSET");
  if (mode == "VALID")
    return x;
  Value amounts;
  if (mode == "NOTSET") {
    SmallVector<int64_t> pads = getSteps(node, "pads", 2 * count, 0);
    if (node.hasFailed() ||
        llvm::all_of(pads, [](int64_t pad) { return !pad; }))
      return x;
    pads.insert(pads.begin() + count, {0, 0});
    pads.insert(pads.begin(), {0, 0});
    amounts = node.ints(pads);
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    auto [before, after] =
        getSamePads(node, node.sizes(w, 2, count + 2), strides, dilations,
                    mode == "SAME_UPPER");
    Value none = node.ints({0, 0});
    amounts = node.concat({none, before, none, after});
  } else {
    return node.error("expects attribute 'auto_pad' to be NOTSET, VALID, "
                      "SAME_UPPER or SAME_LOWER, got ",
                      mode);
  }
  return node.create<PadOp>(x, amounts, node.scalarLike(x, 0));
}

static Value importConv(Node &node) {
  int64_t rank = node.getInputRank(0), count = rank - 2;
  if (count < 1 || node.getInputRank(1) != rank)
    return node.error("expects inputs of one rank of 3 or more, got ",
                      node.getInputType(0), " and ", node.getInputType(1));
  SmallVector<int64_t> strides = getSteps(node, "strides", count, 1),
                       dilations = getSteps(node, "dilations", count, 1);
  Value w = refineFilter(node, node.getInput(1));
  Value result =
      node.create<ConvOp>(padInput(node, w, strides, dilations), w, strides,
                          dilations, node.getInt("group", 1));
  Value bias = node.getInput(2);
  if (!bias)
    return result;
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(1, count + 1));
  return node.create<AddOp>(result, node.unsqueeze(bias, axes));
}

void onnx_import::addConvolutionOperators(OperatorTable &table) {
  table.add("Conv", {.inputs = {2, 3}}, importConv);
}
