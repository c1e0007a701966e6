//===- Structural.cpp - Operations that move elements ---------------------===//

#include "Inference.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::dyn;

static DimAttr unknown(MLIRContext *context) {
  return DimAttr::getUnknown(context);
}

LogicalResult ReshapeOp::inferReturnTypes(MLIRContext *context,
                                          std::optional<Location> location,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType());
  // reshape_c1
  FailureOr<int64_t> rank =
      getVectorSize(location, adaptor.getShape(), "shape");
  if (failed(rank))
    return failure();
  std::optional<SmallVector<DimAttr>> shape =
      getConstantDims(adaptor.getShape());
  if (!shape) {
    types.push_back(input.clone(SmallVector<DimAttr>(*rank, unknown(context))));
    return success();
  }
  std::optional<size_t> open;
  DimAttr product = DimAttr::get(context, 1);
  for (auto [axis, dim] : llvm::enumerate(*shape)) {
    std::optional<int64_t> size = dim.getConstant();
    // reshape_c3
    if (size && *size < -1)
      return emitOptionalError(location, "expects sizes of at least -1, got ",
                               *size);
    if (size && *size == -1) {
      if (open)
        return emitOptionalError(location,
                                 "expects at most one size of -1, got ",
                                 formatShape(*shape));
      open = axis;
      continue;
    }
    product = product * dim;
  }
  DimAttr elements = input.getNumElements();
  DictionaryAttr symbols = getSymbols(adaptor.getOperands());
  // reshape_c2
  std::optional<int64_t> have = elements.getConstant(),
                         want = product.getConstant();
  bool divides =
      !have || !want || (*want == 0 ? *have == 0 : *have % *want == 0);
  if (open ? !divides : areEqual(elements, product, symbols) == false)
    return emitOptionalError(location, "expects a shape of ", elements.str(),
                             " elements, got ", formatShape(*shape));
  if (open)
    (*shape)[*open] = product.isConstant(0)
                          ? DimAttr::get(context, 0)
                          : simplify(elements.floorDiv(product), symbols);
  types.push_back(input.clone(*shape));
  return success();
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  // transpose_c1
  if (static_cast<int64_t>(permutation.size()) != input.getRank())
    return emitOptionalError(location, "expects a permutation of ",
                             input.getRank(), " axes, got ",
                             permutation.size());
  if (failed(checkAxes(location, permutation, input.getRank())))
    return failure();
  SmallVector<DimAttr> shape;
  for (int64_t axis : permutation)
    shape.push_back(input.getDim(axis));
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult BroadcastToOp::inferReturnTypes(MLIRContext *context,
                                              std::optional<Location> location,
                                              Adaptor adaptor,
                                              SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType());
  // broadcast_to_c1
  FailureOr<int64_t> rank =
      getVectorSize(location, adaptor.getShape(), "shape");
  if (failed(rank))
    return failure();
  SmallVector<DimAttr> target(*rank, unknown(context));
  if (std::optional<SmallVector<DimAttr>> constant =
          getConstantDims(adaptor.getShape()))
    target = *constant;
  // broadcast_to_c2
  if (failed(checkSizes(location, target)))
    return failure();
  // broadcast_c1
  FailureOr<SmallVector<DimAttr>> shape =
      inferBroadcast(location, context, getSymbols(adaptor.getOperands()),
                     {input.getShape(), target});
  if (failed(shape))
    return failure();
  types.push_back(input.clone(*shape));
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  // concat_c1
  if (adaptor.getInputs().empty())
    return emitOptionalError(location, "expects an operand");
  auto first = cast<DynTensorType>(adaptor.getInputs().front().getType());
  int64_t axis = adaptor.getAxis();
  // concat_c2
  if (failed(checkAxis(location, axis, first.getRank())))
    return failure();
  SmallVector<DimAttr> shape(first.getShape());
  for (Value input : adaptor.getInputs().drop_front()) {
    auto type = cast<DynTensorType>(input.getType());
    // concat_c1
    if (type.getRank() != first.getRank() ||
        type.getElementType() != first.getElementType())
      return emitOptionalError(
          location, "expects operands of one rank and element type, got ",
          first, " and ", type);
    for (int64_t i = 0; i < first.getRank(); ++i) {
      // concat_c3
      shape[i] = i == axis ? shape[i] + type.getDim(i)
                           : inferEqual(location, shape[i], type.getDim(i),
                                        "joins size");
      if (!shape[i])
        return failure();
    }
  }
  types.push_back(first.clone(shape));
  return success();
}

/// `bound` as slicing reads it: counted from the end if negative and clamped to
/// `[low, high]`. `?` if its sign is not known.
static DimAttr clampBound(DimAttr bound, DimAttr size, DimAttr low,
                          DimAttr high, DictionaryAttr symbols) {
  // The end of the axis, however it is written: ends of INT64_MAX and the like
  // need no min() even where the axis is not bounded.
  std::optional<int64_t> constant = bound.getConstant();
  if (constant && *constant >= INT32_MAX)
    return high;
  if (constant && *constant <= INT32_MIN)
    return low;
  DimBounds bounds = computeBounds(bound, symbols);
  if (bounds.min >= 0)
    return DimAttr::min(bound, high);
  if (bounds.max >= 0)
    return DimAttr::getUnknown(bound.getContext());
  return DimAttr::min(DimAttr::max(bound + size, low), high);
}

/// Number of elements that `start:end:step` takes from an axis of `size`; `?`
/// where an operand is.
static DimAttr inferSliceSize(DimAttr size, DimAttr start, DimAttr end,
                              int64_t step, DictionaryAttr symbols) {
  auto number = [&](int64_t value) {
    return DimAttr::get(size.getContext(), value);
  };
  DimAttr low = number(step > 0 ? 0 : -1),
          high = step > 0 ? size : size - number(1);
  DimAttr from = clampBound(start, size, step > 0 ? low : number(0), high,
                            symbols),
          to = clampBound(end, size, low, high, symbols);
  // Two's complement has no -INT64_MIN; one element is all such a step takes.
  int64_t stride = step > 0 ? step : step == INT64_MIN ? INT64_MAX : -step;
  DimAttr length = (step > 0 ? to - from : from - to).ceilDiv(number(stride));
  return length.isUnknown()
             ? length
             : simplify(DimAttr::max(length, number(0)), symbols);
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location> location,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType());
  ArrayRef<int64_t> axes = adaptor.getAxes();
  // slice_c2
  if (failed(checkAxes(location, axes, input.getRank())))
    return failure();
  // slice_c1
  for (auto [operand, name] : {std::pair(adaptor.getStarts(), "starts"),
                               std::pair(adaptor.getEnds(), "ends"),
                               std::pair(adaptor.getSteps(), "steps")}) {
    FailureOr<int64_t> size = getVectorSize(location, operand, name);
    if (failed(size))
      return failure();
    if (*size != static_cast<int64_t>(axes.size()))
      return emitOptionalError(location, "expects '", name, "' of ",
                               axes.size(), " elements, one an axis, got ",
                               *size);
  }
  auto starts = getConstantDims(adaptor.getStarts()),
       ends = getConstantDims(adaptor.getEnds()),
       steps = getConstantDims(adaptor.getSteps());
  DictionaryAttr symbols = getSymbols(adaptor.getOperands());
  SmallVector<DimAttr> shape(input.getShape());
  for (auto [index, axis] : llvm::enumerate(axes)) {
    std::optional<int64_t> step =
        steps ? (*steps)[index].getConstant() : std::nullopt;
    // slice_c3
    if (step && *step == 0)
      return emitOptionalError(location, "expects steps other than 0");
    shape[axis] = starts && ends && step
                      ? inferSliceSize(shape[axis], (*starts)[index],
                                       (*ends)[index], *step, symbols)
                      : unknown(context);
  }
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType()),
       indices = cast<DynTensorType>(adaptor.getIndices().getType());
  int64_t axis = adaptor.getAxis();
  // gather_c1
  if (failed(checkAxis(location, axis, input.getRank())))
    return failure();
  SmallVector<DimAttr> shape(input.getShape().take_front(axis));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, input.getShape().drop_front(axis + 1));
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult GatherElementsOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType()),
       indices = cast<DynTensorType>(adaptor.getIndices().getType());
  int64_t axis = adaptor.getAxis();
  // gather_elements_c1
  if (failed(checkAxis(location, axis, input.getRank())))
    return failure();
  if (input.getRank() != indices.getRank())
    return emitOptionalError(location, "expects indices of rank ",
                             input.getRank(), ", got ", indices.getRank());
  // gather_elements_c2
  for (int64_t i = 0; i < input.getRank(); ++i) {
    std::optional<int64_t> have = input.getDim(i).getConstant(),
                           want = indices.getDim(i).getConstant();
    if (i != axis && have && want && *want > *have)
      return emitOptionalError(location, "expects at most ", *have,
                               " indices along axis ", i, ", got ", *want);
  }
  types.push_back(input.clone(indices.getShape()));
  return success();
}

LogicalResult GatherNDOp::inferReturnTypes(MLIRContext *,
                                           std::optional<Location> location,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType()),
       indices = cast<DynTensorType>(adaptor.getIndices().getType());
  int64_t batch = adaptor.getBatchDims();
  // gather_nd_c2
  if (batch < 0 || batch >= std::min(input.getRank(), indices.getRank()))
    return emitOptionalError(location, "expects batch_dims between 0 and ",
                             std::min(input.getRank(), indices.getRank()) - 1,
                             ", got ", batch);
  SmallVector<DimAttr> shape;
  for (int64_t i = 0; i < batch; ++i) {
    shape.push_back(inferEqual(location, input.getDim(i), indices.getDim(i),
                               "shares batch size"));
    if (!shape.back())
      return failure();
  }
  // gather_nd_c1
  std::optional<int64_t> depth = indices.getShape().back().getConstant();
  if (!depth || *depth < 1 || *depth > input.getRank() - batch)
    return emitOptionalError(
        location, "expects a last size of indices between 1 and ",
        input.getRank() - batch, ", got ", indices.getShape().back().str());
  llvm::append_range(shape, indices.getShape().drop_front(batch).drop_back());
  llvm::append_range(shape, input.getShape().drop_front(batch + *depth));
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *context,
                                      std::optional<Location> location,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType()),
       value = cast<DynTensorType>(adaptor.getValue().getType());
  // pad_c1
  FailureOr<int64_t> size = getVectorSize(location, adaptor.getPads(), "pads");
  if (failed(size))
    return failure();
  if (*size != 2 * input.getRank())
    return emitOptionalError(location, "expects 'pads' of ",
                             2 * input.getRank(), " elements, got ", *size);
  // pad_c2
  if (value.getRank() != 0 || value.getElementType() != input.getElementType())
    return emitOptionalError(location, "expects a scalar ",
                             input.getElementType(), " to pad with, got ",
                             value);
  std::optional<SmallVector<DimAttr>> pads = getConstantDims(adaptor.getPads());
  SmallVector<DimAttr> shape;
  for (int64_t i = 0; i < input.getRank(); ++i)
    shape.push_back(pads ? input.getDim(i) + (*pads)[i] +
                               (*pads)[input.getRank() + i]
                         : unknown(context));
  // pad_c3
  if (failed(checkSizes(location, shape)))
    return failure();
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult TileOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType());
  // tile_c1
  FailureOr<int64_t> size =
      getVectorSize(location, adaptor.getRepeats(), "repeats");
  if (failed(size))
    return failure();
  if (*size != input.getRank())
    return emitOptionalError(location, "expects 'repeats' of ", input.getRank(),
                             " elements, got ", *size);
  std::optional<SmallVector<DimAttr>> repeats =
      getConstantDims(adaptor.getRepeats());
  // tile_c2
  if (repeats && failed(checkSizes(location, *repeats)))
    return failure();
  SmallVector<DimAttr> shape;
  for (int64_t i = 0; i < input.getRank(); ++i)
    shape.push_back(repeats ? input.getDim(i) * (*repeats)[i]
                            : unknown(context));
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult IotaOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  auto first = cast<DynTensorType>(adaptor.getStart().getType());
  // iota_c1
  for (Value operand : adaptor.getOperands()) {
    auto type = cast<DynTensorType>(operand.getType());
    if (type.getRank() != 0 || type.getElementType() != first.getElementType())
      return emitOptionalError(location,
                               "expects scalars of one element type, got ",
                               first, " and ", type);
  }
  auto start = getConstantDims(adaptor.getStart()),
       limit = getConstantDims(adaptor.getLimit()),
       step = getConstantDims(adaptor.getStep());
  DimAttr length = unknown(context);
  if (start && limit && step && (*step)[0].getConstant().value_or(0) != 0) {
    length = ((*limit)[0] - (*start)[0]).ceilDiv((*step)[0]);
    length = simplify(DimAttr::max(length, DimAttr::get(context, 0)),
                      getSymbols(adaptor.getOperands()));
  }
  types.push_back(DynTensorType::get(length, first.getElementType()));
  return success();
}

LogicalResult TriluOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> location,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  auto input = cast<DynTensorType>(adaptor.getInput().getType()),
       k = cast<DynTensorType>(adaptor.getK().getType());
  // trilu_c1
  if (input.getRank() < 2 || k.getRank() != 0)
    return emitOptionalError(location,
                             "expects a matrix and a scalar, got ranks ",
                             input.getRank(), " and ", k.getRank());
  types.push_back(input);
  return success();
}
