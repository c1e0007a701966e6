//===- LowerIndexing.cpp - Gathers, ranges, triangles ---------------------===//
//
// Indices are looked at before the loops that read with them: one reduction
// finds the least and the greatest, a run with one out of range fails, and what
// the loops see is counted from the start and clamped. So they have no side
// effect and read nothing that is not there.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "Scalars.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

/// Whether all elements of a constant are in [-size, size).
static bool isProvenInRange(Emitter &e, const SizedTensor &indices,
                            DimAttr size) {
  DenseElementsAttr constant;
  if (!matchPattern(indices.value, m_Constant(&constant)))
    return false;
  int64_t least = e.getScope().getBounds(size).min;
  return llvm::all_of(constant.getValues<APInt>(), [&](const APInt &number) {
    return number.getSExtValue() >= -least && number.getSExtValue() < least;
  });
}

/// Fails the run if an index is not in [-size, size).
static void checkIndices(Emitter &e, SizedTensor indices, DimAttr size) {
  Type i64 = e.getI64Type();
  SmallVector<int64_t> axes =
      llvm::to_vector(llvm::seq<int64_t>(0, indices.getRank()));
  // No index at all is in range: -1 and 0 are their extremes.
  auto extreme = [&](int64_t start, auto combine) -> Value {
    SizedTensor init{e.filled({}, e.constant(e.getI64IntegerAttr(start))), {}};
    SizedTensor found =
        e.reduce(indices, init, axes,
                 [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                   Value index =
                       emitConvert(b, args[0], args[0].getType(), i64);
                   return combine(b, args[1], index, i64);
                 });
    return tensor::ExtractOp::create(e, found.value, ValueRange());
  };
  Value least = extreme(0, emitMin), greatest = extreme(-1, emitMax);
  Value length = arith::IndexCastOp::create(e, i64, e.index(size));
  Value negated =
      arith::SubIOp::create(e, e.constant(e.getI64IntegerAttr(0)), length);
  Value tooSmall = e.compare(arith::CmpIPredicate::slt, least, negated);
  Value tooLarge = e.compare(arith::CmpIPredicate::sge, greatest, length);
  Value bad = arith::OrIOp::create(e, tooSmall, tooLarge);
  Value culprit = arith::SelectOp::create(e, tooLarge, greatest, least);
  StringRef message = "index {0} is out of range for an axis of size {1}";
  // There is no element to read instead on an empty axis.
  if (e.getScope().getBounds(size).min >= 1)
    e.reportIf(bad, message, culprit, length);
  else
    e.failIf(bad, message, culprit, length);
}

/// `indices` checked, counted from the start, as i64.
static SizedTensor makeSafeIndices(Emitter &e, const SizedTensor &indices,
                                   DimAttr size) {
  Type i64 = e.getI64Type();
  bool proven = isProvenInRange(e, indices, size);
  if (!proven)
    checkIndices(e, indices, size);
  Value length = arith::IndexCastOp::create(e, i64, e.index(size));
  return e.map(indices, indices.sizes, i64,
               [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                 Value zero = getNumber(b, i64, 0);
                 Value index = emitConvert(b, args[0], args[0].getType(), i64);
                 Value fromEnd = arith::AddIOp::create(b, index, length);
                 index = arith::SelectOp::create(
                     b, emitLess(b, index, zero, i64), fromEnd, index);
                 if (proven)
                   return index;
                 Value last =
                     arith::SubIOp::create(b, length, getNumber(b, i64, 1));
                 index = arith::MinSIOp::create(b, index, last);
                 return arith::MaxSIOp::create(b, index, zero);
               });
}

//===----------------------------------------------------------------------===//
// Gathers
//===----------------------------------------------------------------------===//

/// One slice, at an index that is a size: a view.
static SizedTensor lowerPick(Emitter &e, SizedTensor input, int64_t axis,
                             DimAttr index, bool isScalar) {
  DimAttr size = input.sizes[axis], zero = e.number(0);
  SymbolScope &scope = e.getScope();
  Value i = e.index(index), n = e.index(size);
  DimAttr at = index;
  if (scope.getBounds(index).max < 0) {
    at = index + size;
  } else if (scope.getBounds(index).min < 0) {
    Value isNegative = e.compare(arith::CmpIPredicate::slt, i, e.index(zero));
    at = scope.bind(arith::SelectOp::create(e, isNegative,
                                            arith::AddIOp::create(e, i, n), i),
                    /*isSigned=*/true);
  }
  if (scope.getBounds(at).min < 0 || scope.getBounds(size - at).min < 1) {
    Value value = e.index(at);
    // As an unsigned number a negative one is too large as well.
    e.failIf(e.compare(arith::CmpIPredicate::uge, value, n),
             "index {0} is out of range for an axis of size {1}", i, n);
  }
  int64_t rank = input.getRank();
  SmallVector<DimAttr> offsets(rank, zero), sizes(input.sizes);
  offsets[axis] = at;
  sizes[axis] = e.number(1);
  if (!isScalar)
    return e.slice(input, offsets, sizes, SmallVector<int64_t>(rank, 1));
  SmallVector<DimAttr> kept(sizes);
  kept.erase(kept.begin() + axis);
  SmallVector<OpFoldResult> strides(rank, e.getIndexAttr(1));
  return {tensor::ExtractSliceOp::create(
              e, e.getType(kept, input.getElementType()), input.value,
              e.fold(offsets), e.fold(sizes), strides),
          kept};
}

static SizedTensor lowerGather(GatherOp op, GatherOp::Adaptor adaptor,
                               Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput()),
              indices = e.tensor(adaptor.getIndices());
  int64_t axis = op.getAxis(), depth = indices.getRank();
  auto contents = e.getScope().getContents(adaptor.getIndices());
  // Elements of a value of sizes are sizes.
  if (auto from = e.getScope().getContents(adaptor.getInput());
      from && contents && input.getRank() == 1) {
    SmallVector<DimAttr> picked;
    for (DimAttr index : *contents) {
      int64_t at = index.getConstant().value_or(INT64_MAX);
      at += at < 0 ? from->size() : 0;
      if (at >= 0 && at < static_cast<int64_t>(from->size()))
        picked.push_back((*from)[at]);
    }
    if (picked.size() == contents->size() && depth <= 1)
      return e.fromSizes(picked, op.getResult().getType());
  }
  if (contents && contents->size() == 1 && depth <= 1)
    return lowerPick(e, input, axis, contents->front(), depth == 0);

  SmallVector<DimAttr> sizes(ArrayRef(input.sizes).take_front(axis));
  llvm::append_range(sizes, indices.sizes);
  llvm::append_range(sizes, ArrayRef(input.sizes).drop_front(axis + 1));
  SizedTensor safe = makeSafeIndices(e, indices, input.sizes[axis]);
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < depth; ++i)
    exprs.push_back(e.getAffineDimExpr(axis + i));
  AffineMap map = AffineMap::get(sizes.size(), 0, exprs, e.getContext());
  return e.generic(safe, map, sizes, input.getElementType(),
                   [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                     SmallVector<Value> at;
                     for (int64_t i = 0; i < input.getRank(); ++i)
                       at.push_back(
                           i == axis ? Value(arith::IndexCastOp::create(
                                           b, b.getIndexType(), args[0]))
                                     : Value(linalg::IndexOp::create(
                                           b, i < axis ? i : i + depth - 1)));
                     return tensor::ExtractOp::create(b, input.value, at);
                   });
}

static SizedTensor lowerGatherElements(GatherElementsOp op,
                                       GatherElementsOp::Adaptor adaptor,
                                       Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput()),
              indices = e.tensor(adaptor.getIndices());
  int64_t axis = op.getAxis(), rank = input.getRank();
  // gather_elements_c2
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      e.requireAtMost(indices.sizes[i], input.sizes[i],
                      "has {0} indices along dimension " + Twine(i) +
                          " of an input of size {1}");
  SizedTensor safe = makeSafeIndices(e, indices, input.sizes[axis]);
  return e.generic(safe, e.getMultiDimIdentityMap(rank), indices.sizes,
                   input.getElementType(),
                   [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                     SmallVector<Value> at;
                     for (int64_t i = 0; i < rank; ++i)
                       at.push_back(i == axis
                                        ? Value(arith::IndexCastOp::create(
                                              b, b.getIndexType(), args[0]))
                                        : Value(linalg::IndexOp::create(b, i)));
                     return tensor::ExtractOp::create(b, input.value, at);
                   });
}

static SizedTensor lowerGatherND(GatherNDOp op, GatherNDOp::Adaptor adaptor,
                                 Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput()),
              indices = e.tensor(adaptor.getIndices());
  int64_t batch = op.getBatchDims(), rows = indices.getRank() - 1;
  int64_t depth = *indices.sizes.back().getConstant();
  for (int64_t i = 0; i < batch; ++i)
    e.requireEqual(input.sizes[i], indices.sizes[i],
                   "shares batch size {0} with {1}");
  SmallVector<DimAttr> sizes(ArrayRef(indices.sizes).drop_back());
  llvm::append_range(sizes, ArrayRef(input.sizes).drop_front(batch + depth));
  // The indices into each dimension on their own: each has its own range.
  SmallVector<SizedTensor> safe;
  SmallVector<DimAttr> offsets(rows + 1, e.number(0)), part(indices.sizes);
  part.back() = e.number(1);
  SmallVector<DimAttr> kept(ArrayRef(indices.sizes).drop_back());
  for (int64_t d = 0; d < depth; ++d) {
    offsets.back() = e.number(d);
    SizedTensor component =
        e.slice(indices, offsets, part, SmallVector<int64_t>(rows + 1, 1));
    safe.push_back(
        makeSafeIndices(e, e.reshape(component, kept), input.sizes[batch + d]));
  }
  AffineMap map =
      AffineMap::getMultiDimIdentityMap(sizes.size(), e.getContext())
          .getMajorSubMap(rows);
  if (rows == 0)
    map = AffineMap::get(sizes.size(), 0, e.getContext());
  return e.generic(
      safe, SmallVector<AffineMap>(depth, map), sizes, input.getElementType(),
      [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
        SmallVector<Value> at;
        for (int64_t i = 0; i < batch; ++i)
          at.push_back(linalg::IndexOp::create(b, i));
        for (Value index : args)
          at.push_back(arith::IndexCastOp::create(b, b.getIndexType(), index));
        for (int64_t i = rows; i < static_cast<int64_t>(sizes.size()); ++i)
          at.push_back(linalg::IndexOp::create(b, i));
        return tensor::ExtractOp::create(b, input.value, at);
      });
}

//===----------------------------------------------------------------------===//
// Elements from their positions
//===----------------------------------------------------------------------===//

/// The number of elements of a range that only the run knows.
static DimAttr countRange(Emitter &e, Value start, Value limit, Value step,
                          Type type) {
  Type i64 = e.getI64Type();
  Value count;
  if (isa<FloatType>(type)) {
    Type f64 = e.getF64Type();
    Value distance = arith::SubFOp::create(e, limit, start);
    Value quotient = arith::DivFOp::create(
        e, emitConvert(e, distance, distance.getType(), f64),
        emitConvert(e, step, step.getType(), f64));
    count = emitConvert(e, math::CeilOp::create(e, quotient), f64, i64);
  } else {
    auto wide = [&](Value value) { return emitConvert(e, value, type, i64); };
    Value distance = arith::SubIOp::create(e, wide(limit), wide(start));
    count = arith::CeilDivSIOp::create(e, distance, wide(step));
  }
  count = arith::MaxSIOp::create(e, count, e.constant(e.getI64IntegerAttr(0)));
  return e.getScope().bind(
      arith::IndexCastOp::create(e, e.getIndexType(), count));
}

static SizedTensor lowerIota(IotaOp op, IotaOp::Adaptor adaptor, Emitter &e) {
  DynTensorType resultType = op.getResult().getType();
  Type type = resultType.getElementType();
  auto read = [&](Value tensor) -> Value {
    if (auto contents = e.getScope().getContents(tensor))
      return arith::IndexCastOp::create(
          e, cast<RankedTensorType>(tensor.getType()).getElementType(),
          e.index(contents->front()));
    Value element = tensor::ExtractOp::create(e, tensor, ValueRange());
    return emitConvert(e, element, element.getType(),
                       getComputeType(element.getType()));
  };
  Value start = read(adaptor.getStart()), limit = read(adaptor.getLimit()),
        step = read(adaptor.getStep());
  TypedAttr constantStep;
  DenseElementsAttr steps;
  if (matchPattern(adaptor.getStep(), m_Constant(&steps)))
    constantStep = cast<TypedAttr>(steps.getSplatValue<Attribute>());
  DimAttr size = resultType.getDim(0);
  Value zero = e.index(e.number(0));
  if (!constantStep)
    e.failIf(emitEqual(e, step, getNumber(e, step.getType(), 0)),
             "expects a step other than 0", zero, zero);
  if (size.isUnknown())
    size = countRange(e, start, limit, step, type);
  Type stored = resultType.toBuiltin().getElementType();
  return e.generate(
      {size}, stored, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
        Value position =
            arith::IndexCastOp::create(b, b.getI64Type(), at.front());
        Type wide = start.getType();
        Value offset =
            emitMul(b, emitConvert(b, position, b.getI64Type(), wide), step);
        return emitConvert(b, emitAdd(b, start, offset), wide, stored);
      });
}

static SizedTensor lowerTrilu(TriluOp op, TriluOp::Adaptor adaptor,
                              Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  int64_t rank = input.getRank();
  Value k = e.index(e.readElements(adaptor.getK()).front());
  return e.generic(input, e.getMultiDimIdentityMap(rank), input.sizes,
                   input.getElementType(),
                   [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                     Value row = linalg::IndexOp::create(b, rank - 2),
                           column = linalg::IndexOp::create(b, rank - 1);
                     Value diagonal = arith::SubIOp::create(b, column, row);
                     Value keep = arith::CmpIOp::create(
                         b,
                         op.getUpper() ? arith::CmpIPredicate::sge
                                       : arith::CmpIPredicate::sle,
                         diagonal, k);
                     return arith::SelectOp::create(
                         b, keep, args[0], getNumber(b, args[0].getType(), 0));
                   });
}

void dyn::populateLowerIndexing(LoweringPatterns &patterns) {
  patterns.add<GatherOp>(lowerGather);
  patterns.add<GatherElementsOp>(lowerGatherElements);
  patterns.add<GatherNDOp>(lowerGatherND);
  patterns.add<IotaOp>(lowerIota);
  patterns.add<TriluOp>(lowerTrilu);
}
