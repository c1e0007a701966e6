//===- Shape.cpp - Constants, and tensors seen in another shape -----------===//

#include "OperatorTable.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static Value importConstant(Node &node) {
  Builder builder(node.getContext());
  if (node.hasAttribute("value")) {
    const ::onnx::TensorProto *tensor = node.getTensor("value");
    return tensor ? node.tensor(*tensor) : Value();
  }
  if (node.hasAttribute("value_int")) {
    auto type = RankedTensorType::get({}, builder.getI64Type());
    return node.constant(
        DenseElementsAttr::get(type, node.getInt("value_int")));
  }
  if (node.hasAttribute("value_float"))
    return node.scalar(builder.getF32Type(), node.getFloat("value_float"));
  if (node.hasAttribute("value_ints"))
    return node.ints(
        node.getInts("value_ints").value_or(SmallVector<int64_t>()));
  if (node.hasAttribute("value_floats")) {
    SmallVector<float> floats =
        node.getFloats("value_floats").value_or(SmallVector<float>());
    auto type = RankedTensorType::get(static_cast<int64_t>(floats.size()),
                                      builder.getF32Type());
    return node.constant(DenseElementsAttr::get(type, ArrayRef<float>(floats)));
  }
  return node.error("expects one of the attributes value, value_int, "
                    "value_ints, value_float and value_floats");
}

static Value importConstantOfShape(Node &node) {
  Value element = node.scalar(Float32Type::get(node.getContext()), 0);
  if (node.hasAttribute("value")) {
    const ::onnx::TensorProto *tensor = node.getTensor("value");
    element = tensor ? node.tensor(*tensor) : Value();
    if (element && !Node::getType(element).getNumElements().isConstant(1))
      return node.error("expects attribute 'value' to have one element, got ",
                        Node::getType(element));
    element = node.squeeze(
        element, llvm::to_vector(llvm::seq<int64_t>(
                     0, element ? Node::getType(element).getRank() : 0)));
  }
  return node.create<BroadcastToOp>(element, node.getInput(0));
}

static Value importRange(Node &node) {
  return node.create<IotaOp>(node.getInput(0), node.getInput(1),
                             node.getInput(2));
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

static Value importShape(Node &node) {
  int64_t rank = node.getInputRank(0);
  auto clamp = [&](int64_t axis) {
    return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  int64_t start = clamp(node.getInt("start", 0)),
          end = clamp(node.getInt("end", rank));
  return node.sizes(node.getInput(0), start, std::max(start, end));
}

static Value importSize(Node &node) {
  Value product = node.sizeProduct(
      node.getInput(0),
      llvm::to_vector(llvm::seq<int64_t>(0, node.getInputRank(0))));
  return node.squeeze(product, {0});
}

//===----------------------------------------------------------------------===//
// The same elements in another shape
//===----------------------------------------------------------------------===//

/// The number of elements of an integer vector, which decides a rank; nullopt
/// after an error.
static std::optional<int64_t> getVectorSize(Node &node, size_t index,
                                            StringRef what) {
  DynTensorType type = node.getInputType(index);
  if (type.getRank() == 1)
    if (std::optional<int64_t> size = type.getDim(0).getConstant())
      return size;
  node.error("expects input '", what,
             "' to be a vector with a number of elements that is known, got ",
             type);
  return std::nullopt;
}

static Value importReshape(Node &node) {
  Value x = node.getInput(0), shape = node.getInput(1);
  std::optional<int64_t> rank = getVectorSize(node, 1, "shape");
  if (!rank)
    return {};
  if (node.getInt("allowzero", 0))
    return node.reshape(x, shape);
  // 0 stands for the input's size of the same dimension.
  DynTensorType type = node.getInputType(0);
  if (std::optional<SmallVector<DimAttr>> known = getConstantDims(shape)) {
    SmallVector<Value> sizes;
    for (auto [axis, dim] : llvm::enumerate(*known)) {
      if (!dim.isConstant(0)) {
        sizes.push_back(node.dims(dim));
        continue;
      }
      if (static_cast<int64_t>(axis) >= type.getRank())
        return node.error("expects no 0 beyond the rank of the input, ",
                          type.getRank(), ", got shape ", formatShape(*known));
      sizes.push_back(node.sizes(x, axis, axis + 1));
    }
    return node.reshape(x, node.concat(sizes));
  }
  SmallVector<Value> sizes = {
      node.sizes(x, 0, std::min(*rank, type.getRank()))};
  if (*rank > type.getRank())
    sizes.push_back(node.ints(SmallVector<int64_t>(*rank - type.getRank(), 0)));
  Value isZero = node.create<EqualOp>(shape, node.scalarLike(shape, 0));
  return node.reshape(x,
                      node.create<SelectOp>(isZero, node.concat(sizes), shape));
}

static Value importFlatten(Node &node) {
  Value x = node.getInput(0);
  int64_t rank = node.getInputRank(0), axis = node.getInt("axis", 1);
  if (axis < -rank || axis > rank)
    return node.error("expects an axis between ", -rank, " and ", rank,
                      ", got ", axis);
  axis = axis < 0 ? axis + rank : axis;
  auto product = [&](int64_t begin, int64_t end) {
    return node.sizeProduct(x, llvm::to_vector(llvm::seq<int64_t>(begin, end)));
  };
  return node.reshape(x, node.concat({product(0, axis), product(axis, rank)}));
}

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input
/// since.
static std::optional<SmallVector<int64_t>> getAxes(Node &node) {
  if (node.getInput(1))
    return node.requireConstantInts(1, "axes");
  return node.getInts("axes");
}

static Value importSqueeze(Node &node) {
  DynTensorType type = node.getInputType(0);
  if (std::optional<SmallVector<int64_t>> axes = getAxes(node)) {
    SmallVector<int64_t> normalized = node.normalizeAxes(*axes, type.getRank());
    for (int64_t axis : normalized)
      if (std::optional<int64_t> size =
              node.hasFailed() ? 1 : type.getDim(axis).getConstant();
          size.value_or(1) != 1)
        return node.error("expects size 1 of dimension ", axis, ", got ",
                          *size);
    return node.squeeze(node.getInput(0), normalized);
  }
  SmallVector<int64_t> ones;
  for (auto [axis, dim] : llvm::enumerate(type.getShape())) {
    if (!dim.getConstant())
      return node.error("expects axes, since size ", dim.str(),
                        " of dimension ", axis, " may be 1 or not");
    if (dim.isConstant(1))
      ones.push_back(axis);
  }
  return node.squeeze(node.getInput(0), ones);
}

static Value importUnsqueeze(Node &node) {
  std::optional<SmallVector<int64_t>> axes = getAxes(node);
  if (!axes)
    return node.error("expects axes");
  return node.unsqueeze(
      node.getInput(0),
      node.normalizeAxes(*axes, node.getInputRank(0) +
                                    static_cast<int64_t>(axes->size())));
}

static Value importTranspose(Node &node) {
  int64_t rank = node.getInputRank(0);
  SmallVector<int64_t> reversed =
      llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  return node.transpose(node.getInput(0),
                        node.getInts("perm").value_or(reversed));
}

static Value importExpand(Node &node) {
  if (!getVectorSize(node, 1, "shape"))
    return {};
  if (auto known = getConstantDims(node.getInput(1)))
    for (DimAttr dim : *known)
      if (dim.getConstant().value_or(0) < 0)
        return node.error("expects sizes of at least 0, got ",
                          formatShape(*known));
  return node.create<BroadcastToOp>(node.getInput(0), node.getInput(1));
}

void onnx_import::addShapeOperators(OperatorTable &table) {
  table.add("Constant", {.inputs = {0, 0}}, importConstant);
  table.add("ConstantOfShape", {.since = 9}, importConstantOfShape);
  table.add("Expand", {.since = 8, .inputs = {2, 2}}, importExpand);
  table.add("Flatten", {}, importFlatten);
  table.add("Range", {.since = 11, .inputs = {3, 3}}, importRange);
  table.add("Reshape", {.since = 5, .inputs = {2, 2}}, importReshape);
  table.add("Shape", {}, importShape);
  table.add("Size", {}, importSize);
  table.add("Squeeze", {.inputs = {1, 2}}, importSqueeze);
  table.add("Transpose", {}, importTranspose);
  table.add("Unsqueeze", {.inputs = {1, 2}}, importUnsqueeze);
}
