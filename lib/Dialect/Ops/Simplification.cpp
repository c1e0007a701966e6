//===- Simplification.cpp - Folds that look at structure ------------------===//
//
// Operations that do nothing and pairs that are one. What operations do with
// constant operands is in ConstantFolding.cpp.
//
// A fold replaces a value by another of the same type. Types with `?` may be
// the same and the sizes not, so folds that argue with types exclude them.
//
//===----------------------------------------------------------------------===//

#include "Inference.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::dyn;

static bool hasKnownShape(DynTensorType type) {
  return llvm::none_of(type.getShape(),
                       [](DimAttr dim) { return dim.isUnknown(); });
}

/// Whether broadcasting `value` with a constant of `other`'s shape leaves its
/// shape alone, `result` being the type of the two broadcast.
static bool keepsShape(Value value, Value other, DynTensorType result) {
  if (value.getType() != result)
    return false;
  auto otherType = cast<DynTensorType>(other.getType());
  return hasKnownShape(result) ||
         llvm::all_of(otherType.getShape(),
                      [](DimAttr dim) { return dim.isConstant(1); });
}

/// Whether all elements of `constant`, if it is one, are `value`. The sign of a
/// floating-point zero counts.
static bool isSplat(Attribute constant, double value) {
  if (auto dims = dyn_cast_or_null<DimsAttr>(constant))
    return llvm::all_of(dims.getDims(), [&](DimAttr dim) {
      return dim.isConstant(static_cast<int64_t>(value));
    });
  auto dense = dyn_cast_or_null<DenseElementsAttr>(constant);
  if (!dense || !dense.isSplat())
    return false;
  if (isa<FloatType>(dense.getElementType())) {
    auto element = dense.getSplatValue<APFloat>();
    APFloat wanted(value);
    bool lossy;
    wanted.convert(element.getSemantics(), APFloat::rmNearestTiesToEven,
                   &lossy);
    return element.bitwiseIsEqual(wanted);
  }
  auto element = dense.getSplatValue<APInt>();
  return element == APInt(element.getBitWidth(), static_cast<int64_t>(value),
                          /*isSigned=*/true, /*implicitTrunc=*/true);
}

/// `lhs` where `rhs` is the neutral element `neutral`.
static Value foldNeutral(Operation *op, Attribute rhs, double neutral) {
  Value lhs = op->getOperand(0);
  auto type = cast<DynTensorType>(op->getResult(0).getType());
  return isSplat(rhs, neutral) && keepsShape(lhs, op->getOperand(1), type)
             ? lhs
             : Value();
}

/// The same for operations whose operands commute.
static Value foldNeutralEither(Operation *op, ArrayRef<Attribute> operands,
                               double neutral) {
  if (Value lhs = foldNeutral(op, operands[1], neutral))
    return lhs;
  auto type = cast<DynTensorType>(op->getResult(0).getType());
  return isSplat(operands[0], neutral) &&
                 keepsShape(op->getOperand(1), op->getOperand(0), type)
             ? op->getOperand(1)
             : Value();
}

static bool isFloat(DynTensorType type) {
  return isa<FloatType>(type.getElementType());
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  // x + 0.0 turns -0.0 into 0.0; x + -0.0 is x.
  return foldNeutralEither(*this, adaptor.getOperands(),
                           isFloat(getType()) ? -0.0 : 0.0);
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  return foldNeutral(*this, adaptor.getRhs(), 0.0);
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  return foldNeutralEither(*this, adaptor.getOperands(), 1.0);
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  return foldNeutral(*this, adaptor.getRhs(), 1.0);
}

OpFoldResult AndOp::fold(FoldAdaptor adaptor) {
  return foldNeutralEither(*this, adaptor.getOperands(), -1.0);
}

OpFoldResult OrOp::fold(FoldAdaptor adaptor) {
  return foldNeutralEither(*this, adaptor.getOperands(), 0.0);
}

OpFoldResult NegOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<NegOp>();
  return inner && inner.getInput().getType() == getType() ? inner.getInput()
                                                          : Value();
}

OpFoldResult NotOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<NotOp>();
  return inner && inner.getInput().getType() == getType() ? inner.getInput()
                                                          : Value();
}

OpFoldResult ConvertOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? getInput() : Value();
}

OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  bool isFalse = isSplat(adaptor.getCondition(), 0.0);
  if (!isFalse && !isSplat(adaptor.getCondition(), 1.0))
    return {};
  Value taken = isFalse ? getOnFalse() : getOnTrue();
  // With `?` only the taken branch's shape is that of the result for sure where
  // the others are scalars.
  Value other = isFalse ? getOnTrue() : getOnFalse();
  return keepsShape(taken, getCondition(), getType()) &&
                 keepsShape(taken, other, getType())
             ? taken
             : Value();
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())) &&
      getInput().getType() == getType())
    return getInput();
  auto inner = getInput().getDefiningOp<TransposeOp>();
  if (!inner)
    return {};
  SmallVector<int64_t> composed;
  for (int64_t axis : permutation)
    composed.push_back(inner.getPermutation()[axis]);
  setPermutation(composed);
  getInputMutable().assign(inner.getInput());
  return getResult();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType() && hasKnownShape(getType()) &&
      hasInferredType(*this))
    return getInput();
  // Without the inner reshape its check of the number of elements is gone: it
  // has to be decided, and the shape has to follow from the new input as well.
  auto inner = getInput().getDefiningOp<ReshapeOp>();
  if (!inner ||
      areEqual(inner.getInput().getType().getNumElements(),
               inner.getType().getNumElements(), getSymbols(*this)) != true)
    return {};
  Value input = getInput();
  getInputMutable().assign(inner.getInput());
  if (hasInferredType(*this))
    return getResult();
  getInputMutable().assign(input);
  return {};
}

OpFoldResult BroadcastToOp::fold(FoldAdaptor adaptor) {
  std::optional<SmallVector<DimAttr>> shape =
      getConstantDims(adaptor.getShape());
  if (!shape || getInput().getType() != getType() || !hasInferredType(*this))
    return {};
  bool keeps =
      hasKnownShape(getType()) ||
      (static_cast<int64_t>(shape->size()) <= getType().getRank() &&
       llvm::all_of(*shape, [](DimAttr dim) { return dim.isConstant(1); }));
  return keeps ? getInput() : Value();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  if (getInputs().size() == 1 && getInputs().front().getType() == getType())
    return getInputs().front();
  // An operand of size 0 adds nothing, and its other sizes say nothing that the
  // rest do not say if they are the same.
  auto off = [&](DynTensorType type) {
    SmallVector<DimAttr> shape(type.getShape());
    shape.erase(shape.begin() + getAxis());
    return shape;
  };
  for (auto [index, input] : llvm::enumerate(getInputs())) {
    auto type = cast<DynTensorType>(input.getType());
    if (getInputs().size() == 1 || !type.getDim(getAxis()).isConstant(0) ||
        off(type) != off(getType()) || !hasKnownShape(type))
      continue;
    getInputsMutable().erase(index);
    return getResult();
  }
  return {};
}

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  // All of an axis: the same size, in the same order.
  auto steps = getConstantDims(adaptor.getSteps());
  bool forward = steps && llvm::all_of(*steps, [](DimAttr step) {
                   return step.isConstant(1);
                 });
  return forward && getInput().getType() == getType() &&
                 hasKnownShape(getType()) && hasInferredType(*this)
             ? getInput()
             : Value();
}

OpFoldResult PadOp::fold(FoldAdaptor adaptor) {
  return isSplat(adaptor.getPads(), 0.0) && getInput().getType() == getType()
             ? getInput()
             : Value();
}

OpFoldResult TileOp::fold(FoldAdaptor adaptor) {
  return isSplat(adaptor.getRepeats(), 1.0) && getInput().getType() == getType()
             ? getInput()
             : Value();
}

//===----------------------------------------------------------------------===//
// Reductions over no axis
//===----------------------------------------------------------------------===//

template <typename OpTy> static Value foldReduceNothing(OpTy op) {
  return op.getAxes().empty() && op.getInput().getType() == op.getType()
             ? op.getInput()
             : Value();
}

OpFoldResult ReduceSumOp::fold(FoldAdaptor) { return foldReduceNothing(*this); }
OpFoldResult ReduceMeanOp::fold(FoldAdaptor) {
  return foldReduceNothing(*this);
}
OpFoldResult ReduceProdOp::fold(FoldAdaptor) {
  return foldReduceNothing(*this);
}
OpFoldResult ReduceMaxOp::fold(FoldAdaptor) { return foldReduceNothing(*this); }
OpFoldResult ReduceMinOp::fold(FoldAdaptor) { return foldReduceNothing(*this); }
