//===- Node.cpp - A node of the graph, as importing functions see it ------===//

#include "Node.h"
#include "Importer.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;
using ::onnx::AttributeProto;

Node::Node(Importer &importer, const ::onnx::NodeProto &proto, int64_t opset,
           Location loc, SmallVector<Value> inputs, Attributes attributes)
    : importer(importer), proto(proto), opset(opset), loc(loc),
      builder(importer.getBuilder()), inputs(std::move(inputs)),
      outputs(proto.output_size()), attributes(std::move(attributes)) {}

//===----------------------------------------------------------------------===//
// Inputs and outputs
//===----------------------------------------------------------------------===//

std::optional<SmallVector<int64_t>> Node::getConstantInts(size_t index) const {
  Value input = getInput(index);
  std::optional<SmallVector<DimAttr>> dims =
      input ? getConstantDims(input) : std::nullopt;
  if (!dims)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (DimAttr dim : *dims) {
    if (!dim.getConstant())
      return std::nullopt;
    values.push_back(*dim.getConstant());
  }
  return values;
}

SmallVector<int64_t> Node::requireConstantInts(size_t index, StringRef what) {
  if (auto values = getConstantInts(index))
    return *values;
  error(
      "expects input '", what,
      "' to be constant integers, got a value that is known only at run time");
  return {};
}

bool Node::hasOutput(size_t index) const {
  return index < outputs.size() &&
         !proto.output(static_cast<int>(index)).empty();
}

void Node::setOutput(size_t index, Value value) {
  if (index < outputs.size())
    outputs[index] = value;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static StringRef getTypeName(AttributeProto::AttributeType type) {
  switch (type) {
  case AttributeProto::FLOAT:
    return "a float";
  case AttributeProto::INT:
    return "an integer";
  case AttributeProto::STRING:
    return "a string";
  case AttributeProto::TENSOR:
    return "a tensor";
  case AttributeProto::GRAPH:
    return "a graph";
  case AttributeProto::FLOATS:
    return "floats";
  case AttributeProto::INTS:
    return "integers";
  case AttributeProto::STRINGS:
    return "strings";
  case AttributeProto::TENSORS:
    return "tensors";
  case AttributeProto::GRAPHS:
    return "graphs";
  default:
    return "a value of another type";
  }
}

const AttributeProto *Node::findAttribute(StringRef name,
                                          AttributeProto::AttributeType type,
                                          bool required) {
  auto it = attributes.find(name);
  if (it == attributes.end()) {
    if (required)
      error("expects an attribute '", name, "'");
    return nullptr;
  }
  if (it->second->type() != type) {
    error("expects attribute '", name, "' to be ", getTypeName(type), ", got ",
          getTypeName(it->second->type()));
    return nullptr;
  }
  return it->second;
}

int64_t Node::getInt(StringRef name, std::optional<int64_t> fallback) {
  const AttributeProto *attribute =
      findAttribute(name, AttributeProto::INT, !fallback);
  return attribute ? attribute->i() : fallback.value_or(0);
}

double Node::getFloat(StringRef name, std::optional<double> fallback) {
  const AttributeProto *attribute =
      findAttribute(name, AttributeProto::FLOAT, !fallback);
  return attribute ? attribute->f() : fallback.value_or(0);
}

std::string Node::getString(StringRef name, std::optional<StringRef> fallback) {
  const AttributeProto *attribute =
      findAttribute(name, AttributeProto::STRING, !fallback);
  return attribute ? attribute->s() : fallback.value_or("").str();
}

std::optional<SmallVector<int64_t>> Node::getInts(StringRef name) {
  const AttributeProto *attribute =
      findAttribute(name, AttributeProto::INTS, /*required=*/false);
  if (!attribute)
    return std::nullopt;
  return SmallVector<int64_t>(attribute->ints().begin(),
                              attribute->ints().end());
}

std::optional<SmallVector<float>> Node::getFloats(StringRef name) {
  const AttributeProto *attribute =
      findAttribute(name, AttributeProto::FLOATS, /*required=*/false);
  if (!attribute)
    return std::nullopt;
  return SmallVector<float>(attribute->floats().begin(),
                            attribute->floats().end());
}

Type Node::getElementType(StringRef name) {
  int64_t dataType = getInt(name);
  if (failed)
    return {};
  FailureOr<Type> type =
      convertElementType(static_cast<int32_t>(dataType), getContext());
  failed |= mlir::failed(type);
  return failed ? Type() : *type;
}

const ::onnx::TensorProto *Node::getTensor(StringRef name) {
  const AttributeProto *attribute =
      findAttribute(name, AttributeProto::TENSOR, /*required=*/true);
  return attribute ? &attribute->t() : nullptr;
}

const ::onnx::GraphProto *Node::getGraph(StringRef name) {
  const AttributeProto *attribute =
      findAttribute(name, AttributeProto::GRAPH, /*required=*/true);
  return attribute ? &attribute->g() : nullptr;
}

int64_t Node::normalizeAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    if (rank == 0)
      error("expects no axis of a scalar, got ", axis);
    else
      error("expects an axis between ", -rank, " and ", rank - 1, ", got ",
            axis);
    return 0;
  }
  return axis < 0 ? axis + rank : axis;
}

SmallVector<int64_t> Node::normalizeAxes(ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<int64_t> normalized;
  for (int64_t axis : axes) {
    int64_t counted = normalizeAxis(axis, rank);
    if (!failed && llvm::is_contained(normalized, counted))
      error("expects different axes, got ", axis, " twice");
    normalized.push_back(counted);
  }
  return normalized;
}

int64_t Node::getAxis(StringRef name, std::optional<int64_t> fallback,
                      int64_t rank) {
  int64_t axis = getInt(name, fallback);
  return failed ? 0 : normalizeAxis(axis, rank);
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

Value Node::finish(Operation *op) {
  SmallVector<Type> types;
  auto inferred = cast<InferTypeOpInterface>(op);
  if (mlir::failed(inferred.inferReturnTypes(
          getContext(), loc, op->getOperands(),
          op->getDiscardableAttrDictionary(), op->getPropertiesStorage(),
          op->getRegions(), types))) {
    failed = true;
    op->destroy();
    return {};
  }
  op->getResult(0).setType(types.front());
  builder.insert(op);
  if (mlir::failed(verify(op, /*verifyRecursively=*/false))) {
    failed = true;
    op->erase();
    return {};
  }
  SmallVector<Value> folded;
  if (succeeded(builder.tryFold(op, folded)) && !folded.empty()) {
    op->erase();
    return folded.front();
  }
  return op->getResult(0);
}

Value Node::constant(DenseElementsAttr value) {
  if (failed)
    return {};
  return ConstantOp::create(builder, loc, value);
}

Value Node::ints(ArrayRef<int64_t> values) {
  return constant(builder.getI64TensorAttr(values));
}

Value Node::dims(ArrayRef<DimAttr> dims) {
  if (failed)
    return {};
  return ConstantOp::create(builder, loc,
                            DimsAttr::get(getContext(), /*scalar=*/false, dims),
                            builder.getI64Type());
}

Value Node::scalar(Type elementType, double value) {
  if (failed)
    return {};
  auto type = DynTensorType::get(ArrayRef<DimAttr>(), elementType);
  RankedTensorType builtin = type.toBuiltin();
  DenseElementsAttr element;
  if (auto floatType = dyn_cast<FloatType>(elementType)) {
    APFloat converted(value);
    bool losesInfo;
    converted.convert(floatType.getFloatSemantics(),
                      APFloat::rmNearestTiesToEven, &losesInfo);
    element = DenseElementsAttr::get(builtin, converted);
  } else {
    unsigned width = elementType.getIntOrFloatBitWidth();
    element = DenseElementsAttr::get(
        builtin,
        APInt(width, static_cast<uint64_t>(static_cast<int64_t>(value)),
              /*isSigned=*/false,
              /*implicitTrunc=*/true));
  }
  return ConstantOp::create(builder, loc, type, element);
}

Value Node::scalarLike(Value like, double value) {
  return like ? scalar(getType(like).getElementType(), value) : Value();
}

Value Node::tensor(const ::onnx::TensorProto &tensor) {
  if (failed)
    return {};
  Value value =
      importer.getTensor(tensor, hasOutput(0) ? proto.output(0) : "", loc);
  failed |= !value;
  return value;
}

Value Node::convert(Value value, Type elementType) {
  if (!value || getType(value).getElementType() == elementType)
    return value;
  return create<ConvertOp>(value, elementType);
}

Value Node::reshape(Value value, Value shape) {
  return create<ReshapeOp>(value, shape);
}

Value Node::transpose(Value value, ArrayRef<int64_t> permutation) {
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return value;
  return create<TransposeOp>(value, permutation);
}

Value Node::unsqueeze(Value value, ArrayRef<int64_t> axes) {
  if (!value || failed)
    return {};
  int64_t rank = getType(value).getRank() + axes.size();
  SmallVector<Value> shape;
  for (int64_t axis = 0, from = 0; axis < rank; ++axis) {
    if (llvm::is_contained(axes, axis)) {
      shape.push_back(ints(1));
      continue;
    }
    shape.push_back(sizes(value, from, from + 1));
    ++from;
  }
  return reshape(value, concat(shape));
}

Value Node::squeeze(Value value, ArrayRef<int64_t> axes) {
  if (!value || failed)
    return {};
  SmallVector<Value> shape;
  for (int64_t axis = 0, rank = getType(value).getRank(); axis < rank; ++axis)
    if (!llvm::is_contained(axes, axis))
      shape.push_back(sizes(value, axis, axis + 1));
  return reshape(value, concat(shape));
}

Value Node::refine(Value value, ArrayRef<DimAttr> shape) {
  if (!value || failed)
    return {};
  return RefineOp::create(builder, loc, getType(value).clone(shape), value);
}

Value Node::slice1d(Value value, int64_t begin, int64_t end) {
  return create<SliceOp>(value, ints(begin), ints(end), ints(1),
                         ArrayRef<int64_t>{0});
}

Value Node::sizes(Value value, int64_t begin, int64_t end) {
  return create<ShapeOfOp>(value, begin, end);
}

Value Node::sizeProduct(Value value, ArrayRef<int64_t> axes) {
  if (!value || failed)
    return {};
  DimAttr known = DimAttr::get(getContext(), 1);
  SmallVector<int64_t> open;
  for (int64_t axis : axes) {
    DimAttr dim = getType(value).getDim(axis);
    if (dim.isUnknown())
      open.push_back(axis);
    else
      known = known * dim;
  }
  Value product = dims(known);
  for (int64_t axis : open)
    product = create<MulOp>(product, sizes(value, axis, axis + 1));
  return product;
}

Value Node::concat(ArrayRef<Value> vectors) {
  if (vectors.empty())
    return ints({});
  if (vectors.size() == 1)
    return vectors.front();
  return create<ConcatOp>(vectors, 0);
}

SmallVector<Value> Node::inlineGraph(const ::onnx::GraphProto &graph) {
  FailureOr<SmallVector<Value>> results = importer.inlineGraph(graph);
  if (mlir::failed(results)) {
    failed = true;
    return SmallVector<Value>(graph.output_size());
  }
  return *results;
}
