//===- Signature.cpp - Inputs, outputs and sizes of the entry function ----===//

#include "DimParam.h"
#include "ErrorPrefix.h"
#include "Importer.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;
using ::onnx::TensorProto;
using ::onnx::ValueInfoProto;

static Location getUnknownLoc(MLIRContext *context) {
  return UnknownLoc::get(context);
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// The tensor type of an input or output; null, with an error, if it is of
/// another kind.
static const ::onnx::TypeProto::Tensor *
getTensorType(const ValueInfoProto &value, MLIRContext *context) {
  if (value.type().has_tensor_type())
    return &value.type().tensor_type();
  emitError(getUnknownLoc(context))
      << "expects a dense tensor, got "
      << (value.type().has_sequence_type()        ? "a sequence"
          : value.type().has_map_type()           ? "a map"
          : value.type().has_optional_type()      ? "an optional"
          : value.type().has_sparse_tensor_type() ? "a sparse tensor"
                                                  : "no type");
  return nullptr;
}

/// The names that are the size of a dimension as they are.
static llvm::StringSet<> collectDimNames(const GraphProto &graph) {
  llvm::StringSet<> names;
  for (const ValueInfoProto &input : graph.input())
    for (const auto &dim : input.type().tensor_type().shape().dim())
      if (dim.has_dim_param())
        names.insert(dim.dim_param());
  return names;
}

FailureOr<DynTensorType>
Importer::convertInputType(const ValueInfoProto &input) {
  const ::onnx::TypeProto::Tensor *type = getTensorType(input, context);
  if (!type)
    return failure();
  FailureOr<Type> elementType = convertElementType(type->elem_type(), context);
  if (failed(elementType))
    return failure();
  if (!type->has_shape())
    return emitError(getUnknownLoc(context))
           << "expects a shape, which may have sizes left open";
  llvm::StringSet<> names = collectDimNames(model.getModel().graph());
  SmallVector<DimAttr> shape;
  for (const auto &dim : type->shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() >= 0) {
      shape.push_back(DimAttr::get(context, dim.dim_value()));
      continue;
    }
    if (dim.has_dim_param() && !dim.dim_param().empty() &&
        dim.dim_param() != "?") {
      shape.push_back(parseDimParam(
          dim.dim_param(), [&](StringRef name) { return names.contains(name); },
          context));
      continue;
    }
    std::string name = input.name() + "_" + std::to_string(shape.size());
    while (names.contains(name))
      name += '_';
    shape.push_back(DimAttr::getSymbol(StringAttr::get(context, name)));
  }
  return DynTensorType::get(shape, *elementType);
}

LogicalResult Importer::importInputs(const GraphProto &graph,
                                     func::FuncOp function) {
  for (const ValueInfoProto &input : graph.input()) {
    // Models of IR version 3 list their initializers among the inputs.
    if (scope->initializers.contains(input.name()))
      continue;
    FailureOr<DynTensorType> type;
    {
      ErrorPrefix prefix(context, "input '" + input.name() + "': ");
      type = convertInputType(input);
    }
    if (failed(type))
      return failure();
    unsigned index = function.getNumArguments();
    if (failed(function.insertArgument(
            index, *type,
            builder.getDictionaryAttr(builder.getNamedAttr(
                DynDialect::kNameAttr, builder.getStringAttr(input.name()))),
            NameLoc::get(builder.getStringAttr(input.name())))))
      return failure();
    if (failed(define(input.name(), function.getArgument(index))))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

FailureOr<Value> Importer::refineOutput(const ValueInfoProto &output,
                                        Value value) {
  auto type = cast<DynTensorType>(value.getType());
  if (!output.has_type())
    return value;
  const ::onnx::TypeProto::Tensor *declared = getTensorType(output, context);
  if (!declared)
    return failure();
  if (declared->elem_type() != TensorProto::UNDEFINED) {
    FailureOr<Type> elementType =
        convertElementType(declared->elem_type(), context);
    if (failed(elementType))
      return failure();
    if (*elementType != type.getElementType())
      return emitError(getUnknownLoc(context))
             << "is declared as " << *elementType << ", but computed as "
             << type.getElementType();
  }
  if (!declared->has_shape())
    return value;
  if (declared->shape().dim_size() != type.getRank())
    return emitError(getUnknownLoc(context))
           << "is declared with rank " << declared->shape().dim_size()
           << ", but computed with rank " << type.getRank() << ", as " << type;
  // Numbers are promises; names of sizes are exporters' guesses and often
  // wrong.
  SmallVector<DimAttr> shape(type.getShape());
  for (auto [axis, dim] : llvm::enumerate(declared->shape().dim())) {
    if (!dim.has_dim_value() || dim.dim_value() < 0)
      continue;
    DimAttr size = DimAttr::get(context, dim.dim_value());
    if (areEqual(shape[axis], size) == false)
      return emitError(getUnknownLoc(context))
             << "is declared with size " << size.str() << " of dimension "
             << axis << ", but computed with size " << shape[axis].str();
    shape[axis] = size;
  }
  DynTensorType refined = type.clone(shape);
  if (refined == type)
    return value;
  return RefineOp::create(builder,
                          NameLoc::get(builder.getStringAttr(output.name())),
                          refined, value)
      .getResult();
}

LogicalResult Importer::importOutputs(const GraphProto &graph,
                                      func::FuncOp function) {
  SmallVector<Value> results;
  SmallVector<Attribute> attributes;
  if (graph.output_size() == 0)
    return emitError(getUnknownLoc(context)) << "the graph has no output";
  for (const ValueInfoProto &output : graph.output()) {
    ErrorPrefix prefix(context, "output '" + output.name() + "': ");
    Value value = lookup(output.name());
    if (!value)
      return failure();
    FailureOr<Value> refined = refineOutput(output, value);
    if (failed(refined))
      return failure();
    results.push_back(*refined);
    attributes.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        DynDialect::kNameAttr, builder.getStringAttr(output.name()))));
  }
  func::ReturnOp::create(builder, getUnknownLoc(context), results);
  function.setFunctionType(FunctionType::get(
      context, function.getArgumentTypes(), TypeRange(ValueRange(results))));
  function.setAllResultAttrs(attributes);
  return success();
}
