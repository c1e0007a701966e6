//===- ConstantFolding.cpp - Operations on small constants ----------------===//
//
// The arithmetic that exporters emit around shapes works on small integer
// tensors; here it is done at compile time on numbers and sizes alike. What
// happens to single elements is in ElementFolding.cpp; here is where they go.
//
//===----------------------------------------------------------------------===//

#include "ConstantFolding.h"
#include "ConstantTensor.h"
#include "Inference.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::dyn;

// Each fold below fills `result.elements`, given the result's shape and element
// type; it fails where the elements cannot be told before the run.
using Operands = ArrayRef<ConstantTensor>;

/// The elements of a constant as numbers, nullopt if one is a symbolic size.
static std::optional<SmallVector<int64_t>>
getNumbers(const ConstantTensor &tensor) {
  SmallVector<int64_t> numbers;
  for (Attribute element : tensor.elements) {
    std::optional<int64_t> number = cast<DimAttr>(element).getConstant();
    if (!number)
      return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

//===----------------------------------------------------------------------===//
// Elementwise and reductions
//===----------------------------------------------------------------------===//

static LogicalResult foldElementwise(Operation *op, ElementFn function,
                                     Operands operands,
                                     ConstantTensor &result) {
  ElementContext context{result.elementType, getSymbols(op)};
  SmallVector<Attribute> elements;
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    elements.clear();
    for (const ConstantTensor &operand : operands)
      elements.push_back(operand.elements[getPosition(index, operand.shape)]);
    result.elements.push_back(function(elements, context));
  });
  return success(!llvm::is_contained(result.elements, Attribute()));
}

/// Integers only: the order in which floats are summed is the lowering's.
/// `initial` is the result over no elements; without it there has to be one.
static LogicalResult foldReduce(Operation *op, ArrayRef<int64_t> axes,
                                ElementFn function,
                                std::optional<int64_t> initial,
                                Operands operands, ConstantTensor &result) {
  const ConstantTensor &input = operands.front();
  if (isa<FloatType>(input.elementType))
    return failure();
  MLIRContext *mlir = op->getContext();
  ElementContext context{result.elementType, getSymbols(op)};
  SmallVector<int64_t> kept(input.shape);
  for (int64_t axis : axes)
    kept[axis] = 1;
  result.elements.assign(countElements(kept),
                         initial ? DimAttr::get(mlir, *initial) : DimAttr());
  bool failed = false;
  forEachIndex(input.shape, [&](ArrayRef<int64_t> index) {
    Attribute &sum = result.elements[getPosition(index, kept)];
    Attribute element = input.elements[getPosition(index, input.shape)];
    sum = sum ? function({sum, element}, context) : element;
    failed |= !sum;
  });
  return success(!failed && !llvm::is_contained(result.elements, Attribute()));
}

//===----------------------------------------------------------------------===//
// Operations that move elements
//===----------------------------------------------------------------------===//

static LogicalResult foldTranspose(TransposeOp op, Operands operands,
                                   ConstantTensor &result) {
  const ConstantTensor &input = operands.front();
  SmallVector<int64_t> source(input.shape.size());
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    for (auto [to, from] : llvm::enumerate(op.getPermutation()))
      source[from] = index[to];
    result.elements.push_back(input.elements[getPosition(source, input.shape)]);
  });
  return success();
}

static LogicalResult foldBroadcast(Operands operands, ConstantTensor &result) {
  const ConstantTensor &input = operands.front();
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    result.elements.push_back(input.elements[getPosition(index, input.shape)]);
  });
  return success();
}

static LogicalResult foldConcat(ConcatOp op, Operands operands,
                                ConstantTensor &result) {
  int64_t axis = op.getAxis();
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> source(index);
    for (const ConstantTensor &operand : operands) {
      if (source[axis] < operand.shape[axis]) {
        result.elements.push_back(
            operand.elements[getPosition(source, operand.shape)]);
        return;
      }
      source[axis] -= operand.shape[axis];
    }
  });
  return success();
}

static LogicalResult foldSlice(SliceOp op, Operands operands,
                               ConstantTensor &result) {
  const ConstantTensor &input = operands[0];
  auto starts = getNumbers(operands[1]), steps = getNumbers(operands[3]);
  if (!starts || !steps)
    return failure();
  SmallVector<int64_t> first(input.shape.size(), 0),
      stride(input.shape.size(), 1);
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    int64_t size = input.shape[axis], start = (*starts)[i];
    stride[axis] = (*steps)[i];
    if (start < 0)
      start = std::max<int64_t>(start, -size) + size;
    first[axis] = std::min(start, stride[axis] < 0 ? size - 1 : size);
  }
  SmallVector<int64_t> source(input.shape.size());
  bool inside = true;
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    for (auto [axis, i] : llvm::enumerate(index)) {
      source[axis] = first[axis] + i * stride[axis];
      inside &= source[axis] >= 0 && source[axis] < input.shape[axis];
    }
    if (inside)
      result.elements.push_back(
          input.elements[getPosition(source, input.shape)]);
  });
  return success(inside);
}

static LogicalResult foldGather(GatherOp op, Operands operands,
                                ConstantTensor &result) {
  const ConstantTensor &input = operands[0], &indices = operands[1];
  auto numbers = getNumbers(indices);
  int64_t axis = op.getAxis(), size = input.shape[axis],
          rank = indices.shape.size();
  // An index out of range is the run's to report.
  if (!numbers || llvm::any_of(*numbers, [&](int64_t index) {
        return index < -size || index >= size;
      }))
    return failure();
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> source(index.take_front(axis));
    int64_t picked =
        (*numbers)[getPosition(index.slice(axis, rank), indices.shape)];
    source.push_back(picked < 0 ? picked + size : picked);
    llvm::append_range(source, index.drop_front(axis + rank));
    result.elements.push_back(input.elements[getPosition(source, input.shape)]);
  });
  return success();
}

static LogicalResult foldPad(Operands operands, ConstantTensor &result) {
  const ConstantTensor &input = operands[0];
  auto pads = getNumbers(operands[1]);
  if (!pads)
    return failure();
  SmallVector<int64_t> source(input.shape.size());
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    bool inside = true;
    for (auto [axis, i] : llvm::enumerate(index)) {
      source[axis] = i - (*pads)[axis];
      inside &= source[axis] >= 0 && source[axis] < input.shape[axis];
    }
    result.elements.push_back(
        inside ? input.elements[getPosition(source, input.shape)]
               : operands[2].elements.front());
  });
  return success();
}

static LogicalResult foldTile(Operands operands, ConstantTensor &result) {
  const ConstantTensor &input = operands[0];
  SmallVector<int64_t> source(input.shape.size());
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    for (auto [axis, i] : llvm::enumerate(index))
      source[axis] = i % input.shape[axis];
    result.elements.push_back(input.elements[getPosition(source, input.shape)]);
  });
  return success();
}

static LogicalResult foldIota(IotaOp op, Operands operands,
                              ConstantTensor &result) {
  if (isa<FloatType>(result.elementType))
    return failure();
  ElementContext context{result.elementType, getSymbols(op)};
  DimAttr start = operands[0].getDim(0), step = operands[2].getDim(0);
  for (int64_t i = 0; i < result.shape[0]; ++i)
    result.elements.push_back(
        wrapToType(start + DimAttr::get(op.getContext(), i) * step, context));
  return success(!llvm::is_contained(result.elements, Attribute()));
}

//===----------------------------------------------------------------------===//
// Table
//===----------------------------------------------------------------------===//

static LogicalResult foldConstants(Operation *op, Operands operands,
                                   ConstantTensor &result) {
  if (ElementFn function = getElementFn(op))
    return foldElementwise(op, function, operands, result);
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](ReduceSumOp op) {
        return foldReduce(op, op.getAxes(), foldAddElements, 0, operands,
                          result);
      })
      .Case([&](ReduceProdOp op) {
        return foldReduce(op, op.getAxes(), foldMulElements, 1, operands,
                          result);
      })
      .Case([&](ReduceMaxOp op) {
        return foldReduce(op, op.getAxes(), foldMaxElements, std::nullopt,
                          operands, result);
      })
      .Case([&](ReduceMinOp op) {
        return foldReduce(op, op.getAxes(), foldMinElements, std::nullopt,
                          operands, result);
      })
      .Case([&](ReshapeOp) {
        result.elements = operands.front().elements;
        return success();
      })
      .Case([&](TransposeOp op) { return foldTranspose(op, operands, result); })
      .Case([&](BroadcastToOp) { return foldBroadcast(operands, result); })
      .Case([&](ConcatOp op) { return foldConcat(op, operands, result); })
      .Case([&](SliceOp op) { return foldSlice(op, operands, result); })
      .Case([&](GatherOp op) { return foldGather(op, operands, result); })
      .Case([&](PadOp) { return foldPad(operands, result); })
      .Case([&](TileOp) { return foldTile(operands, result); })
      .Case([&](IotaOp op) { return foldIota(op, operands, result); })
      .Default(failure());
}

LogicalResult
ConstantFoldInterface::fold(Operation *op, ArrayRef<Attribute> operands,
                            SmallVectorImpl<OpFoldResult> &results) const {
  if (op->getNumResults() != 1 || operands.empty() ||
      llvm::is_contained(operands, Attribute()))
    return failure();
  auto type = dyn_cast<DynTensorType>(op->getResult(0).getType());
  std::optional<SmallVector<int64_t>> shape =
      type ? getSmallShape(type) : std::nullopt;
  if (!shape || !hasInferredType(op))
    return failure();
  SmallVector<ConstantTensor> inputs;
  for (auto [value, attribute] : llvm::zip(op->getOperands(), operands)) {
    auto operandType = dyn_cast<DynTensorType>(value.getType());
    std::optional<ConstantTensor> input =
        operandType ? ConstantTensor::get(attribute, operandType)
                    : std::nullopt;
    if (!input)
      return failure();
    inputs.push_back(std::move(*input));
  }
  ConstantTensor result{*shape, type.getElementType(), {}};
  if (failed(foldConstants(op, inputs, result)) ||
      static_cast<int64_t>(result.elements.size()) !=
          countElements(result.shape))
    return failure();
  Attribute value = result.toAttribute();
  if (!value)
    return failure();
  results.push_back(value);
  return success();
}
