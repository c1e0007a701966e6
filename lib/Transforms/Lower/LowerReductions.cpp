//===- LowerReductions.cpp - Reductions and normalizations ----------------===//
//
// Every reduction is a `linalg.generic` over the input's dimensions in their
// order, so that the order of a sum is a function of the reduced index alone.
// f16 and bf16 accumulate in f32.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "Scalars.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static SmallVector<DimAttr> dropAxes(ArrayRef<DimAttr> sizes,
                                     ArrayRef<int64_t> axes) {
  SmallVector<DimAttr> kept;
  for (auto [axis, size] : llvm::enumerate(sizes))
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      kept.push_back(size);
  return kept;
}

/// A reduced tensor with a dimension of 1 for each of `axes`, of `rank` in all.
static SizedTensor keepAxes(Emitter &e, SizedTensor reduced,
                            ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<DimAttr> sizes;
  SmallVector<ReassociationIndices> groups(reduced.getRank());
  int64_t next = 0;
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool isReduced = llvm::is_contained(axes, axis);
    sizes.push_back(isReduced ? e.number(1) : reduced.sizes[next]);
    // A dimension of 1 joins the one before it, the first ones that after it.
    if (!groups.empty())
      groups[isReduced ? std::max<int64_t>(next - 1, 0) : next].push_back(axis);
    next += !isReduced;
  }
  return e.expand(reduced, groups, sizes);
}

static SmallVector<int64_t> axesFrom(int64_t first, int64_t rank) {
  return llvm::to_vector(llvm::seq(first, rank));
}

//===----------------------------------------------------------------------===//
// Steps that several ops share
//===----------------------------------------------------------------------===//

using Combine =
    std::function<Value(ImplicitLocOpBuilder &, Value, Value, Type)>;

/// Combines the elements along `axes`, in f32 for f16 and bf16.
static SizedTensor accumulate(Emitter &e, const SizedTensor &input,
                              ArrayRef<int64_t> axes, TypedAttr identity,
                              Type type, const Combine &combine) {
  SmallVector<DimAttr> kept = dropAxes(input.sizes, axes);
  SizedTensor init{e.filled(kept, e.constant(identity)), kept};
  return e.reduce(
      input, init, axes, [&](ImplicitLocOpBuilder &b, ValueRange args) {
        Value element = emitConvert(b, args[0], args[0].getType(),
                                    getComputeType(args[0].getType()));
        return combine(b, args[1], element, type);
      });
}

static Value combineAdd(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type) {
  return emitAdd(b, lhs, rhs);
}

static SizedTensor sum(Emitter &e, const SizedTensor &input,
                       ArrayRef<int64_t> axes) {
  Type type = input.getElementType();
  return accumulate(e, input, axes, getNumberAttr(getComputeType(type), 0),
                    type, combineAdd);
}

/// The number of elements along `axes` as a float.
static Value countElements(Emitter &e, SizedTensor input,
                           ArrayRef<int64_t> axes, Type type) {
  DimAttr count = e.number(1);
  for (int64_t axis : axes)
    count = count * input.sizes[axis];
  Value number = arith::IndexCastOp::create(e, e.getI64Type(), e.index(count));
  return arith::SIToFPOp::create(e, type, number);
}

/// Elementwise on tensors of one shape, in f32 for f16 and bf16.
static SizedTensor compute(Emitter &e, ArrayRef<SizedTensor> inputs,
                           ArrayRef<DimAttr> sizes, Type type,
                           Emitter::Body body) {
  return e.map(inputs, sizes, type,
               [&](ImplicitLocOpBuilder &b, ValueRange args) {
                 SmallVector<Value> wide;
                 for (Value arg : args)
                   wide.push_back(emitConvert(b, arg, arg.getType(),
                                              getComputeType(arg.getType())));
                 Value result = body(b, wide);
                 return emitConvert(b, result, result.getType(), type);
               });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

static SizedTensor finishReduce(Emitter &e, SizedTensor reduced,
                                const SizedTensor &input,
                                ArrayRef<int64_t> axes, bool keepDims) {
  if (reduced.getElementType() != input.getElementType())
    reduced = compute(
        e, reduced, reduced.sizes, input.getElementType(),
        [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; });
  return keepDims ? keepAxes(e, reduced, axes, input.getRank()) : reduced;
}

template <typename OpTy>
static void addReduction(LoweringPatterns &patterns,
                         const std::function<TypedAttr(Type)> &identity,
                         const Combine &combine) {
  patterns.add<OpTy>([=](OpTy op, OpTy::Adaptor adaptor, Emitter &e) {
    SizedTensor input = e.tensor(adaptor.getInput());
    Type type = op.getInput().getType().getElementType();
    SizedTensor reduced = accumulate(
        e, input, op.getAxes(), identity(getComputeType(type)), type, combine);
    return finishReduce(e, reduced, input, op.getAxes(), op.getKeepDims());
  });
}

/// The larger one; `lhs`, which never is a NaN, if `rhs` is. A single
/// instruction does that.
static Value combineMax(ImplicitLocOpBuilder &b, Value lhs, Value rhs,
                        Type type) {
  if (!isa<FloatType>(lhs.getType()))
    return emitMax(b, lhs, rhs, type);
  Value larger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, rhs, lhs);
  return arith::SelectOp::create(b, larger, rhs, lhs);
}

/// Reductions of windows, of which each tap is a step. An operand that nothing
/// reads says how many there are.
template <typename OpTy>
static void addWindow(LoweringPatterns &patterns,
                      const std::function<TypedAttr(Type)> &identity,
                      const Combine &combine) {
  patterns.add<OpTy>([=](OpTy op, OpTy::Adaptor adaptor, Emitter &e) {
    SizedTensor input = e.tensor(adaptor.getInput());
    Type type = op.getInput().getType().getElementType();
    int64_t rank = input.getRank(), count = op.getTaps().size();
    SmallVector<DimAttr> sizes(input.sizes), taps;
    SmallVector<AffineExpr> places, steps;
    for (int64_t dim = 0; dim < rank; ++dim)
      places.push_back(e.getAffineDimExpr(dim));
    SmallVector<utils::IteratorType> iterators(rank,
                                               utils::IteratorType::parallel);
    for (int64_t i = 0; i < count; ++i) {
      int64_t dim = rank - count + i, dilation = op.getDilations()[i];
      DimAttr extent = e.number((op.getTaps()[i] - 1) * dilation + 1);
      e.requireAtMost(extent, sizes[dim],
                      "expects dimension " + Twine(dim) +
                          " to be as large as the window, {0}, got {1}");
      DimAttr stride = e.number(op.getStrides()[i]);
      sizes[dim] = (sizes[dim] - extent).floorDiv(stride) + e.number(1);
      taps.push_back(e.number(op.getTaps()[i]));
      steps.push_back(e.getAffineDimExpr(rank + i));
      iterators.push_back(utils::IteratorType::reduction);
      places[dim] = places[dim] * op.getStrides()[i] + steps[i] * dilation;
    }
    auto map = [&](ArrayRef<AffineExpr> exprs) {
      return AffineMap::get(rank + count, 0, exprs, e.getContext());
    };
    AffineMap result = AffineMap::get(
        rank + count, 0, e.getMultiDimIdentityMap(rank).getResults(),
        e.getContext());
    Value init = e.filled(sizes, e.constant(identity(getComputeType(type))));
    auto loops = linalg::GenericOp::create(
        e, init.getType(), ValueRange{input.value, e.empty(taps, type)}, init,
        ArrayRef{map(places), map(steps), result}, iterators,
        [&](OpBuilder &builder, Location loc, ValueRange args) {
          ImplicitLocOpBuilder b(loc, builder);
          Value element =
              emitConvert(b, args[0], args[0].getType(), args[2].getType());
          linalg::YieldOp::create(b, combine(b, args[2], element, type));
        });
    return finishReduce(e, {loops.getResult(0), sizes}, input, {}, false);
  });
}

static SizedTensor lowerMean(ReduceMeanOp op, ReduceMeanOp::Adaptor adaptor,
                             Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  Type type = op.getInput().getType().getElementType();
  SizedTensor total = sum(e, input, op.getAxes());
  Type computeType = total.getElementType();
  Value count;
  if (isa<FloatType>(type)) {
    count = countElements(e, input, op.getAxes(), computeType);
  } else {
    DimAttr elements = e.number(1);
    for (int64_t axis : op.getAxes())
      elements = elements * input.sizes[axis];
    count = arith::IndexCastOp::create(e, computeType, e.index(elements));
  }
  SizedTensor mean =
      compute(e, total, total.sizes, input.getElementType(),
              [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                if (isa<FloatType>(type))
                  return arith::DivFOp::create(b, args[0], count);
                return emitIntDiv(b, args[0], count, type);
              });
  return finishReduce(e, mean, input, op.getAxes(), op.getKeepDims());
}

/// The index of the greatest or least element: a reduction of pairs, whatever
/// the order. NaN is greater and less than all else, as in NumPy.
template <typename OpTy, bool isMax>
static SizedTensor lowerArgReduce(OpTy op, typename OpTy::Adaptor adaptor,
                                  Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  Type type = op.getInput().getType().getElementType();
  Type valueType = input.getElementType(), i64 = e.getI64Type();
  int64_t axis = op.getAxis(), rank = input.getRank();
  bool last = op.getSelectLast();
  SmallVector<DimAttr> kept = dropAxes(input.sizes, axis);
  TypedAttr worst = isMax ? getLowest(type) : getHighest(type);
  // An index that loses against every other.
  TypedAttr none = last ? TypedAttr(e.getI64IntegerAttr(-1))
                        : TypedAttr(e.getI64IntegerAttr(INT64_MAX));
  Value values = e.filled(kept, e.constant(worst)),
        indices = e.filled(kept, e.constant(none));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators[axis] = utils::IteratorType::reduction;
  AffineMap identity = e.getMultiDimIdentityMap(rank);
  AffineMap outer = identity.dropResult(axis);
  auto loops = linalg::GenericOp::create(
      e, TypeRange{values.getType(), indices.getType()}, input.value,
      ValueRange{values, indices}, ArrayRef{identity, outer, outer}, iterators,
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        ImplicitLocOpBuilder b(loc, builder);
        Value x = args[0], best = args[1], at = args[2];
        Value index = arith::IndexCastOp::create(
            b, i64, linalg::IndexOp::create(b, axis));
        Type wide = getComputeType(valueType);
        Value l = emitConvert(b, x, valueType, wide),
              r = emitConvert(b, best, valueType, wide);
        Value better =
            isMax ? emitLess(b, r, l, type) : emitLess(b, l, r, type);
        Value same = emitEqual(b, l, r);
        if (isa<FloatType>(type)) {
          auto isNaN = [&](Value v) -> Value {
            return arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, v, v);
          };
          Value lhsNaN = isNaN(l), rhsNaN = isNaN(r);
          Value bothNaN = arith::AndIOp::create(b, lhsNaN, rhsNaN);
          Value onlyLhs = arith::CmpIOp::create(b, arith::CmpIPredicate::ugt,
                                                lhsNaN, rhsNaN);
          better = arith::OrIOp::create(b, better, onlyLhs);
          same = arith::OrIOp::create(b, same, bothNaN);
        }
        Value wins =
            last ? emitLess(b, at, index, i64) : emitLess(b, index, at, i64);
        Value take = arith::OrIOp::create(b, better,
                                          arith::AndIOp::create(b, same, wins));
        linalg::YieldOp::create(
            b, ValueRange{arith::SelectOp::create(b, take, x, best),
                          arith::SelectOp::create(b, take, index, at)});
      });
  SizedTensor result{loops.getResult(1), kept};
  return op.getKeepDims() ? keepAxes(e, result, axis, rank) : result;
}

//===----------------------------------------------------------------------===//
// Normalizations
//===----------------------------------------------------------------------===//

static SizedTensor lowerSoftmax(SoftmaxOp op, SoftmaxOp::Adaptor adaptor,
                                Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  Type type = input.getElementType(), wide = getComputeType(type);
  int64_t axis = op.getAxis(), rank = input.getRank();
  SizedTensor highest =
      keepAxes(e,
               accumulate(e, input, axis, getLowest(wide), type,
                          [](ImplicitLocOpBuilder &b, Value lhs, Value rhs,
                             Type type) { return emitMax(b, lhs, rhs, type); }),
               axis, rank);
  SizedTensor exps =
      compute(e, {input, highest}, input.sizes, wide,
              [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                return math::ExpOp::create(
                    b, arith::SubFOp::create(b, args[0], args[1]));
              });
  SizedTensor total = keepAxes(e, sum(e, exps, axis), axis, rank);
  return compute(e, {exps, total}, input.sizes, type,
                 [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                   return arith::DivFOp::create(b, args[0], args[1]);
                 });
}

static SizedTensor lowerLayerNorm(LayerNormOp op, LayerNormOp::Adaptor adaptor,
                                  Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  Type type = input.getElementType(), wide = getComputeType(type);
  int64_t rank = input.getRank();
  SmallVector<int64_t> axes = axesFrom(op.getAxis(), rank);
  Value count = countElements(e, input, axes, wide);
  auto perRow = [&](const SizedTensor &total, Emitter::Body body) {
    return keepAxes(e, compute(e, total, total.sizes, wide, body), axes, rank);
  };
  SizedTensor mean =
      perRow(sum(e, input, axes),
             [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
               return arith::DivFOp::create(b, args[0], count);
             });
  SizedTensor squares =
      compute(e, {input, mean}, input.sizes, wide,
              [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                Value difference = arith::SubFOp::create(b, args[0], args[1]);
                return arith::MulFOp::create(b, difference, difference);
              });
  double epsilon = op.getEpsilon().convertToDouble();
  SizedTensor scale =
      perRow(sum(e, squares, axes),
             [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
               Value variance = arith::DivFOp::create(b, args[0], count);
               Value shifted = arith::AddFOp::create(
                   b, variance, getNumber(b, wide, epsilon));
               return arith::DivFOp::create(b, getNumber(b, wide, 1),
                                            math::SqrtOp::create(b, shifted));
             });
  SmallVector<SizedTensor> operands{input, mean, scale,
                                    e.tensor(adaptor.getScale())};
  if (adaptor.getBias())
    operands.push_back(e.tensor(adaptor.getBias()));
  for (const SizedTensor &operand : ArrayRef(operands).drop_front(3))
    e.requireBroadcastTo(operand.sizes, input.sizes); // layer_norm_c3
  return compute(e, operands, input.sizes, type,
                 [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                   Value centered = arith::SubFOp::create(b, args[0], args[1]);
                   Value normal = arith::MulFOp::create(b, centered, args[2]);
                   Value scaled = arith::MulFOp::create(b, normal, args[3]);
                   if (args.size() == 4)
                     return scaled;
                   return arith::AddFOp::create(b, scaled, args[4]);
                 });
}

//===----------------------------------------------------------------------===//
// Running sums
//===----------------------------------------------------------------------===//

/// A loop over the axis that carries one slice, the sum so far, and the result.
static SizedTensor lowerCumSum(CumSumOp op, CumSumOp::Adaptor adaptor,
                               Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  Type type = input.getElementType(), wide = getComputeType(type);
  int64_t axis = op.getAxis(), rank = input.getRank();
  SmallVector<DimAttr> sliceSizes(input.sizes);
  sliceSizes[axis] = e.number(1);
  DimAttr length = input.sizes[axis];
  Value zero = e.index(e.number(0)), one = e.index(e.number(1)),
        end = e.index(length), last = e.index(length - e.number(1));
  Value sums = e.filled(sliceSizes, e.constant(getNumberAttr(wide, 0)));
  Value result = e.empty(input.sizes, type);
  SmallVector<OpFoldResult> sizes = e.fold(sliceSizes);
  auto loop = scf::ForOp::create(
      e, zero, end, one, ValueRange{sums, result},
      [&](OpBuilder &builder, Location loc, Value step, ValueRange carried) {
        OpBuilder::InsertionGuard guard(e);
        e.setInsertionPoint(builder.getInsertionBlock(),
                            builder.getInsertionPoint());
        Value position = step;
        if (op.getReverse())
          position = arith::SubIOp::create(e, last, step);
        SmallVector<OpFoldResult> offsets(rank, e.getIndexAttr(0)),
            strides(rank, e.getIndexAttr(1));
        offsets[axis] = position;
        SizedTensor slice{tensor::ExtractSliceOp::create(
                              e, input.value, offsets, sizes, strides),
                          sliceSizes};
        auto write = [&](SizedTensor value) -> Value {
          if (wide != type)
            value = compute(e, value, sliceSizes, type,
                            [](ImplicitLocOpBuilder &, ValueRange args) {
                              return args[0];
                            });
          return tensor::InsertSliceOp::create(e, value.value, carried[1],
                                               offsets, sizes, strides);
        };
        // The sum is updated in place: what is written before that is read
        // before.
        SizedTensor before{carried[0], sliceSizes};
        Value inserted = op.getExclusive() ? write(before) : Value();
        SizedTensor after = e.reduce(
            slice, before, {}, [&](ImplicitLocOpBuilder &b, ValueRange args) {
              Value element = emitConvert(b, args[0], type, wide);
              return emitAdd(b, args[1], element);
            });
        if (!op.getExclusive())
          inserted = write(after);
        scf::YieldOp::create(e, ValueRange{after.value, inserted});
      });
  return {loop.getResult(1), input.sizes};
}

void dyn::populateLowerReductions(LoweringPatterns &patterns) {
  auto number = [](double value) {
    return [=](Type type) { return getNumberAttr(type, value); };
  };
  addReduction<ReduceSumOp>(patterns, number(0), combineAdd);
  addReduction<ReduceProdOp>(
      patterns, number(1),
      [](auto &b, Value lhs, Value rhs, Type) { return emitMul(b, lhs, rhs); });
  addReduction<ReduceMaxOp>(patterns, getLowest, emitMax);
  addReduction<ReduceMinOp>(patterns, getHighest, emitMin);
  patterns.add<ReduceMeanOp>(lowerMean);
  addWindow<WindowMaxOp>(patterns, getLowest, combineMax);
  addWindow<WindowSumOp>(patterns, number(0), combineAdd);
  patterns.add<ArgMaxOp>(lowerArgReduce<ArgMaxOp, true>);
  patterns.add<ArgMinOp>(lowerArgReduce<ArgMinOp, false>);
  patterns.add<SoftmaxOp>(lowerSoftmax);
  patterns.add<LayerNormOp>(lowerLayerNorm);
  patterns.add<CumSumOp>(lowerCumSum);
}
