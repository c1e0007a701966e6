//===- LowerStructural.cpp - Transpose, slice, concat, pad, tile ----------===//

#include "Lowering.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::dyn;

static SizedTensor lowerTranspose(TransposeOp op, TransposeOp::Adaptor adaptor,
                                  Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  ArrayRef<int64_t> permutation = op.getPermutation();
  if (llvm::is_sorted(permutation))
    return input;
  SmallVector<DimAttr> sizes;
  for (int64_t axis : permutation)
    sizes.push_back(input.sizes[axis]);
  Value init = e.empty(sizes, input.getElementType());
  auto transpose =
      linalg::TransposeOp::create(e, input.value, init, permutation);
  return {transpose->getResult(0), sizes};
}

static SizedTensor
lowerBroadcastTo(BroadcastToOp, BroadcastToOp::Adaptor adaptor, Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  SmallVector<DimAttr> target = e.readElements(adaptor.getShape());
  // A negative size is no size: the loops would not run and the result would
  // have a negative dimension.
  for (DimAttr size : target)
    if (e.getScope().isSigned(size))
      e.requireAtMost(e.number(0), size,
                      "broadcasts to size {1}, which is less than {0}");
  return e.broadcast(input, e.requireBroadcast({input.sizes, target}));
}

static SizedTensor lowerConcat(ConcatOp op, ConcatOp::Adaptor adaptor,
                               Emitter &e) {
  SmallVector<SizedTensor> inputs;
  for (Value input : adaptor.getInputs())
    inputs.push_back(e.tensor(input));
  int64_t axis = op.getAxis(), rank = inputs.front().getRank();
  if (inputs.size() == 1)
    return inputs.front();
  SmallVector<DimAttr> sizes(inputs.front().sizes);
  for (const SizedTensor &input : ArrayRef(inputs).drop_front())
    for (int64_t i = 0; i < rank; ++i) {
      if (i == axis) {
        sizes[i] = sizes[i] + input.sizes[i];
        continue;
      }
      e.requireEqual(sizes[i], input.sizes[i],
                     "joins size {0} with {1} along dimension " + Twine(i));
      if (input.sizes[i].getConstant())
        sizes[i] = input.sizes[i];
    }
  Value result = e.empty(sizes, inputs.front().getElementType());
  SmallVector<DimAttr> offsets(rank, e.number(0));
  for (SizedTensor &input : inputs) {
    SmallVector<DimAttr> part(sizes);
    part[axis] = input.sizes[axis];
    result = e.insert(e.sized(input.value, part), result, offsets);
    offsets[axis] = offsets[axis] + input.sizes[axis];
  }
  return {result, sizes};
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

namespace {
/// One axis of a slice: elements first, first + step, ... of which there are
/// `count`.
struct AxisRange {
  DimAttr first, count;
  std::optional<int64_t> step;
  /// The step where it is no constant.
  Value stepValue;
};
} // namespace

/// `bound` counted from the end if negative, clamped to [low, high].
static DimAttr clampBound(Emitter &e, DimAttr bound, DimAttr size, DimAttr low,
                          DimAttr high) {
  SymbolScope &scope = e.getScope();
  // The ends of an axis as exporters write them.
  if (std::optional<int64_t> number = bound.getConstant()) {
    if (*number >= INT32_MAX)
      return high;
    if (*number <= INT32_MIN)
      return low;
  }
  DimBounds bounds = scope.getBounds(bound);
  if (bounds.min >= 0)
    return scope.min(bound, high);
  if (bounds.max < 0)
    return scope.min(scope.max(bound + size, low), high);
  Value value = e.index(bound), zero = e.index(e.number(0));
  Value fromEnd = arith::AddIOp::create(e, value, e.index(size));
  Value isNegative = e.compare(arith::CmpIPredicate::slt, value, zero);
  value = arith::SelectOp::create(e, isNegative, fromEnd, value);
  value = arith::MaxSIOp::create(e, value, e.index(low));
  value = arith::MinSIOp::create(e, value, e.index(high));
  // The low end of a negative step is -1.
  return scope.bind(value, /*isSigned=*/!low.isConstant(0));
}

static AxisRange makeRange(Emitter &e, DimAttr size, DimAttr start, DimAttr end,
                           int64_t step) {
  SymbolScope &scope = e.getScope();
  DimAttr zero = e.number(0), one = e.number(1), from, to, count;
  if (step > 0) {
    from = clampBound(e, start, size, zero, size);
    to = clampBound(e, end, size, zero, size);
    count = (to - from).ceilDiv(e.number(step));
  } else {
    from = clampBound(e, start, size, zero, size - one);
    to = clampBound(e, end, size, zero - one, size - one);
    count = (from - to).ceilDiv(e.number(-step));
  }
  return {from, scope.max(count, zero), step, {}};
}

/// A step that only the run knows, its sign included.
static AxisRange makeRange(Emitter &e, DimAttr size, DimAttr start, DimAttr end,
                           DimAttr step) {
  SymbolScope &scope = e.getScope();
  Value zero = e.index(e.number(0)), one = e.index(e.number(1)),
        minusOne = e.index(e.number(-1));
  Value by = e.index(step), length = e.index(size);
  // slice_c3
  e.failIf(e.isEqual(by, zero), "expects steps other than 0", zero, zero);
  Value isDown = e.compare(arith::CmpIPredicate::slt, by, zero);
  Value last = arith::SubIOp::create(e, length, one);
  Value high = arith::SelectOp::create(e, isDown, last, length);
  Value low = arith::SelectOp::create(e, isDown, minusOne, zero);
  auto clamp = [&](DimAttr bound, Value low) -> Value {
    Value value = e.index(bound);
    Value isNegative = e.compare(arith::CmpIPredicate::slt, value, zero);
    Value fromEnd = arith::AddIOp::create(e, value, length);
    value = arith::SelectOp::create(e, isNegative, fromEnd, value);
    value = arith::MaxSIOp::create(e, value, low);
    return arith::MinSIOp::create(e, value, high);
  };
  Value from = clamp(start, zero), to = clamp(end, low);
  Value distance = arith::SubIOp::create(e, to, from);
  // ceil(distance / step), neither of which is large: one rounding up by sign.
  Value magnitude = arith::SelectOp::create(
      e, isDown, arith::SubIOp::create(e, zero, by), by);
  Value way = arith::SelectOp::create(
      e, isDown, arith::SubIOp::create(e, zero, distance), distance);
  way = arith::MaxSIOp::create(e, way, zero);
  // way + magnitude - 1 could overflow for a huge step.
  Value isSome = e.compare(arith::CmpIPredicate::sgt, way, zero);
  Value before = arith::SubIOp::create(e, way, one);
  before = arith::MaxSIOp::create(e, before, zero);
  Value count = arith::AddIOp::create(
      e, arith::DivUIOp::create(e, before, magnitude), one);
  count = arith::SelectOp::create(e, isSome, count, zero);
  return {scope.bind(from), scope.bind(count), std::nullopt, by};
}

/// Steps that a strided view cannot have: downwards, or not constant.
static SizedTensor gatherRanges(Emitter &e, SizedTensor input,
                                ArrayRef<AxisRange> ranges) {
  SmallVector<DimAttr> sizes;
  SmallVector<Value> firsts, steps;
  for (const AxisRange &range : ranges) {
    sizes.push_back(range.count);
    firsts.push_back(e.index(range.first));
    steps.push_back(range.stepValue ? range.stepValue
                                    : e.index(e.number(*range.step)));
  }
  return e.generate(sizes, input.getElementType(),
                    [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
                      SmallVector<Value> from;
                      for (auto [axis, range] : llvm::enumerate(ranges)) {
                        Value offset = at[axis];
                        if (range.step != 1)
                          offset =
                              arith::MulIOp::create(b, offset, steps[axis]);
                        if (!range.first.isConstant(0))
                          offset =
                              arith::AddIOp::create(b, firsts[axis], offset);
                        from.push_back(offset);
                      }
                      return tensor::ExtractOp::create(b, input.value, from);
                    });
}

static SizedTensor lowerSlice(SliceOp op, SliceOp::Adaptor adaptor,
                              Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  SmallVector<DimAttr> starts = e.readElements(adaptor.getStarts()),
                       ends = e.readElements(adaptor.getEnds()),
                       steps = e.readElements(adaptor.getSteps());
  SmallVector<AxisRange> ranges;
  for (DimAttr size : input.sizes)
    ranges.push_back({e.number(0), size, 1, {}});
  bool isView = true;
  for (auto [axis, start, end, step] :
       llvm::zip(op.getAxes(), starts, ends, steps)) {
    DimAttr size = input.sizes[axis];
    std::optional<int64_t> number = step.getConstant();
    ranges[axis] = number ? makeRange(e, size, start, end, *number)
                          : makeRange(e, size, start, end, step);
    isView &= number && *number > 0;
  }
  if (!isView)
    return gatherRanges(e, input, ranges);
  SmallVector<DimAttr> offsets, sizes;
  SmallVector<int64_t> strides;
  bool isAll = true;
  for (auto [range, size] : llvm::zip(ranges, input.sizes)) {
    offsets.push_back(range.first);
    sizes.push_back(range.count);
    strides.push_back(*range.step);
    isAll &= range.first.isConstant(0) && *range.step == 1 &&
             e.getScope().areEqual(range.count, size);
  }
  return isAll ? input : e.slice(input, offsets, sizes, strides);
}

//===----------------------------------------------------------------------===//
// Pads and tiles
//===----------------------------------------------------------------------===//

static SizedTensor lowerPad(PadOp, PadOp::Adaptor adaptor, Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  SmallVector<DimAttr> pads = e.readElements(adaptor.getPads());
  SymbolScope &scope = e.getScope();
  int64_t rank = input.getRank();
  DimAttr zero = e.number(0);
  // What stays of the input after negative amounts, and where it goes.
  SmallVector<DimAttr> from, kept, to, sizes;
  bool isCut = false;
  for (int64_t axis = 0; axis < rank; ++axis) {
    DimAttr before = pads[axis], after = pads[rank + axis];
    DimAttr size = input.sizes[axis] + before + after;
    if (scope.getBounds(size).min < 0)
      e.requireAtMost(zero, size,
                      "pads dimension " + Twine(axis) +
                          " to size {1}, which is less than {0}");
    sizes.push_back(size);
    to.push_back(scope.max(before, zero));
    DimAttr cutBefore = scope.max(zero - before, zero),
            cutAfter = scope.max(zero - after, zero);
    isCut |= !cutBefore.isConstant(0) || !cutAfter.isConstant(0);
    // One side's cut may reach into the other side's padding.
    from.push_back(scope.min(cutBefore, input.sizes[axis]));
    kept.push_back(scope.max(input.sizes[axis] - cutBefore - cutAfter, zero));
  }
  SymbolScope &s = scope;
  bool isSame = true;
  for (auto [size, have] : llvm::zip(sizes, input.sizes))
    isSame &= s.areEqual(size, have);
  if (isSame && !isCut)
    return input;
  SizedTensor rest =
      isCut ? e.slice(input, from, kept, SmallVector<int64_t>(rank, 1)) : input;
  Value value = tensor::ExtractOp::create(e, adaptor.getValue(), ValueRange());
  // A cut that reaches into the padding moves where the rest, which is empty
  // then, would go.
  for (int64_t axis = 0; isCut && axis < rank; ++axis)
    to[axis] = scope.min(to[axis], sizes[axis] - kept[axis]);
  // Vectors of i1 are packed while tensors are not: nothing to copy with.
  if (input.getElementType().isInteger(1))
    return {e.insert(rest, e.filled(sizes, value), to), sizes};
  SmallVector<DimAttr> behind;
  for (auto [size, before, have] : llvm::zip(sizes, to, kept))
    behind.push_back(size - before - have);
  return e.sized(
      tensor::PadOp::create(e, e.getType(sizes, input.getElementType()),
                            rest.value, e.fold(to), e.fold(behind), value),
      sizes);
}

/// Repeats are loops of their own around each dimension; together they are the
/// result's dimension.
static SizedTensor lowerTile(TileOp, TileOp::Adaptor adaptor, Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  SmallVector<DimAttr> repeats = e.readElements(adaptor.getRepeats()), sizes;
  SmallVector<ReassociationIndices> groups;
  SmallVector<AffineExpr> exprs;
  for (auto [axis, size, repeat] : llvm::enumerate(input.sizes, repeats)) {
    if (e.getScope().isSigned(repeat))
      e.requireAtMost(e.number(0), repeat,
                      "repeats dimension " + Twine(axis) +
                          " {1} times, which is less than {0}");
    ReassociationIndices &group = groups.emplace_back();
    if (!repeat.isConstant(1)) {
      group.push_back(sizes.size());
      sizes.push_back(repeat);
    }
    group.push_back(sizes.size());
    exprs.push_back(e.getAffineDimExpr(sizes.size()));
    sizes.push_back(size);
  }
  if (sizes.size() == input.sizes.size())
    return input;
  AffineMap map = AffineMap::get(sizes.size(), 0, exprs, e.getContext());
  SizedTensor repeated = e.generic(
      input, map, sizes, input.getElementType(),
      [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; });
  return e.collapse(repeated, groups);
}

void dyn::populateLowerStructural(LoweringPatterns &patterns) {
  patterns.add<TransposeOp>(lowerTranspose);
  patterns.add<BroadcastToOp>(lowerBroadcastTo);
  patterns.add<ConcatOp>(lowerConcat);
  patterns.add<SliceOp>(lowerSlice);
  patterns.add<PadOp>(lowerPad);
  patterns.add<TileOp>(lowerTile);
}
