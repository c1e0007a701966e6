//===- Reduction.cpp - Products and reductions ----------------------------===//

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::dyn;

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto lhs = cast<DynTensorType>(adaptor.getLhs().getType()),
       rhs = cast<DynTensorType>(adaptor.getRhs().getType());
  // matmul_c1
  if (lhs.getRank() == 0 || rhs.getRank() == 0)
    return emitOptionalError(location,
                             "expects operands of rank 1 or more, got ranks ",
                             lhs.getRank(), " and ", rhs.getRank());
  // matmul_c3
  if (lhs.getElementType() != rhs.getElementType())
    return emitOptionalError(
        location, "expects operands of one element type, got ",
        lhs.getElementType(), " and ", rhs.getElementType());
  ArrayRef<DimAttr> lhsShape = lhs.getShape(), rhsShape = rhs.getShape();
  DimAttr rhsK = rhsShape[rhs.getRank() == 1 ? 0 : rhs.getRank() - 2];
  // matmul_c2
  if (!inferEqual(location, lhsShape.back(), rhsK, "contracts"))
    return failure();
  FailureOr<SmallVector<DimAttr>> shape =
      inferBroadcast(location, context, getSymbols(adaptor.getOperands()),
                     {lhsShape.drop_back(std::min<int64_t>(2, lhs.getRank())),
                      rhsShape.drop_back(std::min<int64_t>(2, rhs.getRank()))});
  if (failed(shape))
    return failure();
  if (lhs.getRank() > 1)
    shape->push_back(lhsShape[lhs.getRank() - 2]);
  if (rhs.getRank() > 1)
    shape->push_back(rhsShape.back());
  types.push_back(DynTensorType::get(*shape, lhs.getElementType()));
  return success();
}

/// conv_c2, window_c1
static LogicalResult checkSteps(std::optional<Location> location,
                                ArrayRef<int64_t> steps, int64_t count,
                                StringRef name) {
  if (static_cast<int64_t>(steps.size()) != count)
    return emitOptionalError(location, "expects '", name, "' of ", count,
                             " elements, got ", steps.size());
  for (int64_t step : steps)
    if (step < 1)
      return emitOptionalError(location, "expects '", name,
                               "' of 1 or more, got ", step);
  return success();
}

/// The size of the result along dimension `dim` of `size`.
static FailureOr<DimAttr> inferPlaces(std::optional<Location> location,
                                      int64_t dim, DimAttr size, DimAttr taps,
                                      int64_t stride, int64_t dilation,
                                      StringRef what) {
  auto number = [&](int64_t value) {
    return DimAttr::get(size.getContext(), value);
  };
  DimAttr extent = (taps - number(1)) * number(dilation) + number(1);
  DimAttr free = size - extent;
  // conv_c5, window_c2
  if (extent.getConstant() && free.getConstant().value_or(0) < 0)
    return emitOptionalError(
        location, "expects dimension ", dim, " to be as large as the ", what,
        ", ", *extent.getConstant(), ", got ", *size.getConstant());
  return free.floorDiv(number(stride)) + number(1);
}

LogicalResult ConvOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType()),
       filter = cast<DynTensorType>(adaptor.getFilter().getType());
  // conv_c1
  if (input.getElementType() != filter.getElementType())
    return emitOptionalError(
        location, "expects operands of one element type, got ",
        input.getElementType(), " and ", filter.getElementType());
  int64_t rank = input.getRank();
  if (rank < 3 || rank != filter.getRank())
    return emitOptionalError(
        location, "expects operands of one rank of 3 or more, got ranks ", rank,
        " and ", filter.getRank());
  // conv_c2
  if (failed(checkSteps(location, adaptor.getStrides(), rank - 2, "strides")) ||
      failed(
          checkSteps(location, adaptor.getDilations(), rank - 2, "dilations")))
    return failure();
  // conv_c3
  auto number = [&](int64_t value) { return DimAttr::get(context, value); };
  int64_t groups = adaptor.getGroups();
  if (groups < 1)
    return emitOptionalError(location, "expects 1 or more groups, got ",
                             groups);
  if (std::optional<int64_t> filters = filter.getDim(0).getConstant();
      filters && *filters % groups)
    return emitOptionalError(location, "expects a multiple of ", groups,
                             " filters, got ", *filters);
  // conv_c4
  if (!inferEqual(location, input.getDim(1), filter.getDim(1) * number(groups),
                  "convolves channels"))
    return failure();
  SmallVector<DimAttr> shape{input.getDim(0), filter.getDim(0)};
  for (int64_t i = 2; i < rank; ++i) {
    FailureOr<DimAttr> places = inferPlaces(
        location, i, input.getDim(i), filter.getDim(i),
        adaptor.getStrides()[i - 2], adaptor.getDilations()[i - 2], "filter");
    if (failed(places))
      return failure();
    shape.push_back(*places);
  }
  types.push_back(input.clone(shape));
  return success();
}

/// The shapes left of `input` behind windows over its last dimensions.
static LogicalResult inferWindow(std::optional<Location> location, Value input,
                                 ArrayRef<int64_t> taps,
                                 ArrayRef<int64_t> strides,
                                 ArrayRef<int64_t> dilations,
                                 SmallVectorImpl<Type> &types) {
  auto type = cast<DynTensorType>(input.getType());
  int64_t count = taps.size(), leading = type.getRank() - count;
  // window_c1
  if (count < 1 || leading < 0)
    return emitOptionalError(location, "expects 'taps' of 1 to ",
                             type.getRank(), " elements, got ", count);
  if (failed(checkSteps(location, taps, count, "taps")) ||
      failed(checkSteps(location, strides, count, "strides")) ||
      failed(checkSteps(location, dilations, count, "dilations")))
    return failure();
  SmallVector<DimAttr> shape(type.getShape());
  for (int64_t i = 0; i < count; ++i) {
    FailureOr<DimAttr> places =
        inferPlaces(location, leading + i, shape[leading + i],
                    DimAttr::get(type.getContext(), taps[i]), strides[i],
                    dilations[i], "window");
    if (failed(places))
      return failure();
    shape[leading + i] = *places;
  }
  types.push_back(type.clone(shape));
  return success();
}

LogicalResult WindowMaxOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  return inferWindow(location, adaptor.getInput(), adaptor.getTaps(),
                     adaptor.getStrides(), adaptor.getDilations(), types);
}

LogicalResult WindowSumOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  return inferWindow(location, adaptor.getInput(), adaptor.getTaps(),
                     adaptor.getStrides(), adaptor.getDilations(), types);
}

/// The shape left of `input` when `axes` are reduced.
static LogicalResult inferReduce(std::optional<Location> location, Value input,
                                 ArrayRef<int64_t> axes, bool keepDims,
                                 SmallVectorImpl<Type> &types,
                                 Type elementType = {}) {
  auto type = cast<DynTensorType>(input.getType());
  // reduce_c1, arg_reduce_c1
  if (failed(checkAxes(location, axes, type.getRank())))
    return failure();
  SmallVector<DimAttr> shape;
  for (auto [axis, dim] : llvm::enumerate(type.getShape())) {
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      shape.push_back(dim);
    else if (keepDims)
      shape.push_back(DimAttr::get(type.getContext(), 1));
  }
  types.push_back(DynTensorType::get(
      shape, elementType ? elementType : type.getElementType()));
  return success();
}

#define DYN_INFER_REDUCE(OP)                                                   \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *, std::optional<Location> location, Adaptor adaptor,        \
      SmallVectorImpl<Type> &types) {                                          \
    return inferReduce(location, adaptor.getInput(), adaptor.getAxes(),        \
                       adaptor.getKeepDims(), types);                          \
  }

#define DYN_INFER_ARG_REDUCE(OP)                                               \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types) {                                          \
    return inferReduce(                                                        \
        location, adaptor.getInput(), static_cast<int64_t>(adaptor.getAxis()), \
        adaptor.getKeepDims(), types, IntegerType::get(context, 64));          \
  }

DYN_INFER_REDUCE(ReduceSumOp)
DYN_INFER_REDUCE(ReduceMeanOp)
DYN_INFER_REDUCE(ReduceProdOp)
DYN_INFER_REDUCE(ReduceMaxOp)
DYN_INFER_REDUCE(ReduceMinOp)
DYN_INFER_ARG_REDUCE(ArgMaxOp)
DYN_INFER_ARG_REDUCE(ArgMinOp)

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> location,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  auto type = cast<DynTensorType>(adaptor.getInput().getType());
  types.push_back(type);
  // softmax_c1
  return checkAxis(location, adaptor.getAxis(), type.getRank());
}

LogicalResult CumSumOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto type = cast<DynTensorType>(adaptor.getInput().getType());
  types.push_back(type);
  // cumsum_c1
  return checkAxis(location, adaptor.getAxis(), type.getRank());
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  auto type = cast<DynTensorType>(adaptor.getInput().getType());
  // layer_norm_c1
  if (failed(checkAxis(location, adaptor.getAxis(), type.getRank())))
    return failure();
  for (Value operand : adaptor.getOperands().drop_front()) {
    auto operandType = cast<DynTensorType>(operand.getType());
    // layer_norm_c2
    if (operandType.getElementType() != type.getElementType())
      return emitOptionalError(
          location, "expects operands of one element type, got ",
          type.getElementType(), " and ", operandType.getElementType());
    // layer_norm_c3
    int64_t extra = type.getRank() - operandType.getRank();
    bool fits = extra >= 0;
    for (int64_t i = 0; fits && i < operandType.getRank(); ++i) {
      std::optional<int64_t> size = operandType.getDim(i).getConstant(),
                             wanted = type.getDim(extra + i).getConstant();
      fits = !size || !wanted || *size == 1 || *size == *wanted;
    }
    if (!fits)
      return emitOptionalError(location,
                               "expects scale and bias to broadcast to ", type,
                               ", got ", operandType);
  }
  types.push_back(type);
  return success();
}
