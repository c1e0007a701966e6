//===- Core.cpp - Constants, weights, casts -------------------------------===//

#include "Dyn/Dialect/WeightData.h"
#include "Inference.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/Support/InterleavedRange.h"

using namespace mlir;
using namespace mlir::dyn;

// Not the parser and printer of a property: after its error ODS adds another.
static ParseResult parseWeightSource(OpAsmParser &parser,
                                     WeightSource &source) {
  Attribute attr;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseAttribute(attr))
    return failure();
  return source.setFromAttribute(attr, [&] { return parser.emitError(loc); });
}

static void printWeightSource(OpAsmPrinter &printer, Operation *op,
                              const WeightSource &source) {
  printer.printAttribute(source.toAttribute(op->getContext()));
}

#define GET_OP_CLASSES
#include "Dyn/Dialect/DynOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Shared inference
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<DimAttr>>
dyn::inferBroadcast(std::optional<Location> location, MLIRContext *context,
                    DictionaryAttr symbols,
                    ArrayRef<ArrayRef<DimAttr>> shapes) {
  size_t rank = 0;
  for (ArrayRef<DimAttr> shape : shapes)
    rank = std::max(rank, shape.size());
  SmallVector<DimAttr> result(rank);
  for (ArrayRef<DimAttr> shape : shapes)
    for (auto [index, dim] : llvm::enumerate(shape)) {
      DimAttr &sum = result[rank - shape.size() + index];
      if (!sum) {
        sum = simplify(dim, symbols);
        continue;
      }
      // broadcast_c1
      std::optional<int64_t> lhs = sum.getConstant(), rhs = dim.getConstant();
      if (lhs && rhs && *lhs != *rhs && *lhs != 1 && *rhs != 1)
        return emitOptionalError(
            location, "expects sizes that are equal or 1 to broadcast, got ",
            *lhs, " and ", *rhs, " in shapes ",
            llvm::interleaved(llvm::map_range(shapes, formatShape), " and "));
      if (sum != dim)
        sum = simplify(DimAttr::broadcast(sum, dim), symbols);
    }
  return result;
}

DimAttr dyn::inferEqual(std::optional<Location> location, DimAttr lhs,
                        DimAttr rhs, const Twine &what) {
  if (areEqual(lhs, rhs) == false) {
    (void)emitOptionalError(location, what, " ", lhs.str(), " with ",
                            rhs.str());
    return {};
  }
  if (lhs.isUnknown() || (rhs.getConstant() && !lhs.getConstant()))
    return rhs;
  return lhs;
}

bool dyn::hasInferredType(Operation *op) {
  SmallVector<Type> types;
  auto inference = dyn_cast<InferTypeOpInterface>(op);
  return inference &&
         succeeded(inference.inferReturnTypes(
             op->getContext(), std::nullopt, op->getOperands(),
             op->getAttrDictionary(), op->getPropertiesStorage(),
             op->getRegions(), types)) &&
         TypeRange(types) == op->getResultTypes();
}

LogicalResult dyn::checkAxis(std::optional<Location> location, int64_t axis,
                             int64_t rank) {
  if (rank == 0)
    return emitOptionalError(location, "expects an axis, got ", axis,
                             " for a scalar");
  if (axis < 0 || axis >= rank)
    return emitOptionalError(location, "expects an axis between 0 and ",
                             rank - 1, ", got ", axis);
  return success();
}

LogicalResult dyn::checkAxes(std::optional<Location> location,
                             ArrayRef<int64_t> axes, int64_t rank) {
  llvm::SmallBitVector seen(rank);
  for (int64_t axis : axes) {
    if (failed(checkAxis(location, axis, rank)))
      return failure();
    if (seen.test(axis))
      return emitOptionalError(location, "expects different axes, got ", axis,
                               " twice");
    seen.set(axis);
  }
  return success();
}

LogicalResult dyn::checkSizes(std::optional<Location> location,
                              ArrayRef<DimAttr> shape) {
  for (auto [axis, dim] : llvm::enumerate(shape))
    if (std::optional<int64_t> size = dim.getConstant(); size && *size < 0)
      return emitOptionalError(location, "expects sizes of at least 0, got ",
                               *size, " for dimension ", axis);
  return success();
}

FailureOr<int64_t> dyn::getVectorSize(std::optional<Location> location,
                                      Value operand, StringRef name) {
  auto type = cast<DynTensorType>(operand.getType());
  if (type.getRank() != 1)
    return emitOptionalError(location, "expects '", name,
                             "' of rank 1, got rank ", type.getRank());
  std::optional<int64_t> size = type.getDim(0).getConstant();
  if (!size)
    return emitOptionalError(
        location, "expects '", name,
        "' to have a number of elements that is known, got ",
        type.getDim(0).str());
  return *size;
}

//===----------------------------------------------------------------------===//
// ConstantOp
//===----------------------------------------------------------------------===//

void ConstantOp::build(OpBuilder &, OperationState &state,
                       DenseElementsAttr value) {
  state.addAttribute(getValueAttrName(state.name), value);
  state.addTypes(
      DynTensorType::fromBuiltin(cast<RankedTensorType>(value.getType())));
}

void ConstantOp::build(OpBuilder &builder, OperationState &state,
                       DimsAttr value, Type elementType) {
  state.addAttribute(getValueAttrName(state.name), value);
  SmallVector<DimAttr> shape;
  if (!value.getScalar())
    shape.push_back(DimAttr::get(builder.getContext(), value.getDims().size()));
  state.addTypes(DynTensorType::get(shape, elementType));
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  DynTensorType type = getResult().getType();
  if (auto dims = dyn_cast<DimsAttr>(getValue())) {
    // constant_c2
    if (!type.getElementType().isSignlessInteger() ||
        type.getElementType().isInteger(1))
      return emitOpError()
             << "expects an integer result for a value of sizes, got " << type;
    int64_t rank = dims.getScalar() ? 0 : 1;
    // constant_c1
    if (type.getRank() != rank ||
        (rank == 1 && !type.getDim(0).isConstant(dims.getDims().size())))
      return emitOpError()
             << "expects a result of the shape of its value, "
             << (rank ? "[" + std::to_string(dims.getDims().size()) + "]"
                      : "[]")
             << ", got " << type;
    return success();
  }
  auto dense = dyn_cast<DenseElementsAttr>(getValue());
  if (!dense)
    return emitOpError() << "expects a dense or #dyn.dims value, got "
                         << getValue();
  // constant_c1
  if (type.toBuiltin() != dense.getType())
    return emitOpError() << "expects a value of type " << type.toBuiltin()
                         << ", got " << dense.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  auto type = dyn_cast<DynTensorType>(getType());
  // weight_c1
  if (!type || !type.hasStaticShape())
    return emitOpError() << "expects a dyn tensor whose sizes are numbers, got "
                         << getType();
  // weight_c2
  std::optional<uint64_t> size = computeNumBytes(
      getElementType(type.getElementType()), getStaticShape(type));
  if (!size)
    return emitOpError() << "expects a size in bytes that fits 64 bits, got "
                         << type;
  const WeightSource &source = getProperties().source;
  ExternalAttr reference = source.getReference();
  // weight_c3
  if (source.isResource() && !source.getBlob())
    return emitOpError() << "expects a resource '" << source.getName()
                         << "' in the file; #dyn.absent is for data that are "
                            "elsewhere";
  if (source.isAbsent() || (reference && reference.getKey()))
    return success();
  // weight_c2
  uint64_t actual =
      reference ? reference.getLength() : source.getBlob()->getNumBytes();
  if (actual != *size)
    return emitOpError() << "expects " << *size << " bytes for " << type
                         << ", got " << actual;
  return success();
}

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto weight =
      tables.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  // get_weight_c1
  if (!weight)
    return emitOpError() << "expects " << getWeightAttr()
                         << " to name a dyn.weight";
  // get_weight_c2
  if (weight.getType() != getResult().getType()) {
    InFlightDiagnostic diagnostic = emitOpError()
                                    << "expects the weight's type, got "
                                    << getResult().getType();
    diagnostic.attachNote(weight.getLoc())
        << "the weight is " << weight.getType();
    return diagnostic;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

LogicalResult ToBuiltinOp::verify() {
  // to_builtin_c1
  if (getInput().getType().toBuiltin() != getResult().getType())
    return emitOpError() << "expects result "
                         << getInput().getType().toBuiltin() << ", got "
                         << getResult().getType();
  return success();
}

OpFoldResult ToBuiltinOp::fold(FoldAdaptor) {
  auto from = getInput().getDefiningOp<FromBuiltinOp>();
  return from && from.getInput().getType() == getType() ? from.getInput()
                                                        : Value();
}

LogicalResult FromBuiltinOp::verify() {
  // from_builtin_c1
  if (getResult().getType().toBuiltin() != getInput().getType())
    return emitOpError() << "expects operand "
                         << getResult().getType().toBuiltin() << ", got "
                         << getInput().getType();
  return success();
}

OpFoldResult FromBuiltinOp::fold(FoldAdaptor) {
  auto to = getInput().getDefiningOp<ToBuiltinOp>();
  return to && to.getInput().getType() == getType() ? to.getInput() : Value();
}

bool RefineOp::areCastCompatible(TypeRange inputs, TypeRange outputs) {
  auto input = dyn_cast<DynTensorType>(inputs.front()),
       output = dyn_cast<DynTensorType>(outputs.front());
  // refine_c1
  return input && output && input.getElementType() == output.getElementType() &&
         input.getRank() == output.getRank() &&
         llvm::all_of(
             llvm::zip(input.getShape(), output.getShape()), [](auto dims) {
               return areEqual(std::get<0>(dims), std::get<1>(dims)) != false;
             });
}

OpFoldResult RefineOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput())
                                           : OpFoldResult();
}

//===----------------------------------------------------------------------===//
// ShapeOfOp
//===----------------------------------------------------------------------===//

LogicalResult ShapeOfOp::inferReturnTypes(MLIRContext *context,
                                          std::optional<Location> location,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  int64_t rank = cast<DynTensorType>(adaptor.getInput().getType()).getRank();
  int64_t start = adaptor.getStart(), end = adaptor.getEnd();
  // shape_of_c1
  if (start < 0 || start > end || end > rank)
    return emitOptionalError(location, "expects 0 <= start <= end <= ", rank,
                             ", got start ", start, " and end ", end);
  types.push_back(DynTensorType::get(DimAttr::get(context, end - start),
                                     IntegerType::get(context, 64)));
  return success();
}

OpFoldResult ShapeOfOp::fold(FoldAdaptor) {
  ArrayRef<DimAttr> dims = getInput().getType().getShape().slice(
      getStart(), static_cast<size_t>(getEnd() - getStart()));
  if (llvm::any_of(dims, [](DimAttr dim) { return dim.isUnknown(); }))
    return {};
  return DimsAttr::get(getContext(), /*scalar=*/false, dims);
}
