//===- Elementwise.cpp - One result element from one of each operand ------===//

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::dyn;

/// The broadcast shape of `operands` with the given element type.
static LogicalResult inferElementwise(std::optional<Location> location,
                                      MLIRContext *context, ValueRange operands,
                                      Type elementType,
                                      SmallVectorImpl<Type> &types) {
  SmallVector<ArrayRef<DimAttr>> shapes;
  for (Value operand : operands)
    shapes.push_back(cast<DynTensorType>(operand.getType()).getShape());
  FailureOr<SmallVector<DimAttr>> shape =
      inferBroadcast(location, context, getSymbols(operands), shapes);
  if (failed(shape))
    return failure();
  types.push_back(DynTensorType::get(*shape, elementType));
  return success();
}

/// elementwise_c1
static LogicalResult checkSameElementType(std::optional<Location> location,
                                          Value lhs, Value rhs) {
  Type lhsType = cast<DynTensorType>(lhs.getType()).getElementType();
  Type rhsType = cast<DynTensorType>(rhs.getType()).getElementType();
  if (lhsType != rhsType)
    return emitOptionalError(location,
                             "expects operands of one element type, got ",
                             lhsType, " and ", rhsType);
  return success();
}

#define DYN_INFER_UNARY(OP)                                                    \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types) {                                          \
    types.push_back(adaptor.getInput().getType());                             \
    return success();                                                          \
  }

#define DYN_INFER_PREDICATE(OP)                                                \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types) {                                          \
    types.push_back(cast<DynTensorType>(adaptor.getInput().getType())          \
                        .clone(IntegerType::get(context, 1)));                 \
    return success();                                                          \
  }

#define DYN_INFER_BINARY(OP)                                                   \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types) {                                          \
    if (failed(checkSameElementType(location, adaptor.getLhs(),                \
                                    adaptor.getRhs())))                        \
      return failure();                                                        \
    return inferElementwise(                                                   \
        location, context, adaptor.getOperands(),                              \
        cast<DynTensorType>(adaptor.getLhs().getType()).getElementType(),      \
        types);                                                                \
  }

#define DYN_INFER_COMPARE(OP)                                                  \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types) {                                          \
    if (failed(checkSameElementType(location, adaptor.getLhs(),                \
                                    adaptor.getRhs())))                        \
      return failure();                                                        \
    return inferElementwise(location, context, adaptor.getOperands(),          \
                            IntegerType::get(context, 1), types);              \
  }

DYN_INFER_UNARY(AbsOp)
DYN_INFER_UNARY(NegOp)
DYN_INFER_UNARY(SignOp)
DYN_INFER_UNARY(NotOp)
DYN_INFER_UNARY(CeilOp)
DYN_INFER_UNARY(FloorOp)
DYN_INFER_UNARY(RoundOp)
DYN_INFER_UNARY(SqrtOp)
DYN_INFER_UNARY(ExpOp)
DYN_INFER_UNARY(LogOp)
DYN_INFER_UNARY(ErfOp)
DYN_INFER_UNARY(SigmoidOp)
DYN_INFER_UNARY(TanhOp)
DYN_INFER_UNARY(SinOp)
DYN_INFER_UNARY(CosOp)
DYN_INFER_UNARY(TanOp)
DYN_INFER_UNARY(AtanOp)
DYN_INFER_PREDICATE(IsNaNOp)
DYN_INFER_PREDICATE(IsInfOp)

DYN_INFER_BINARY(AddOp)
DYN_INFER_BINARY(SubOp)
DYN_INFER_BINARY(MulOp)
DYN_INFER_BINARY(DivOp)
DYN_INFER_BINARY(ModOp)
DYN_INFER_BINARY(FmodOp)
DYN_INFER_BINARY(MinOp)
DYN_INFER_BINARY(MaxOp)
DYN_INFER_BINARY(AndOp)
DYN_INFER_BINARY(OrOp)
DYN_INFER_BINARY(XorOp)
DYN_INFER_BINARY(ShiftLeftOp)
DYN_INFER_BINARY(ShiftRightOp)

DYN_INFER_COMPARE(EqualOp)
DYN_INFER_COMPARE(LessOp)
DYN_INFER_COMPARE(LessEqualOp)

LogicalResult PowOp::inferReturnTypes(MLIRContext *context,
                                      std::optional<Location> location,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  return inferElementwise(
      location, context, adaptor.getOperands(),
      cast<DynTensorType>(adaptor.getLhs().getType()).getElementType(), types);
}

LogicalResult ConvertOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> location,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  // convert_c1
  if (!DynTensorType::isValidElementType(adaptor.getElementType()))
    return emitOptionalError(location,
                             "expects an element type of dyn tensors, got ",
                             adaptor.getElementType());
  types.push_back(cast<DynTensorType>(adaptor.getInput().getType())
                      .clone(adaptor.getElementType()));
  return success();
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  if (failed(checkSameElementType(location, adaptor.getOnTrue(),
                                  adaptor.getOnFalse())))
    return failure();
  return inferElementwise(
      location, context, adaptor.getOperands(),
      cast<DynTensorType>(adaptor.getOnTrue().getType()).getElementType(),
      types);
}
