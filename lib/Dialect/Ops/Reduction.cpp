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
