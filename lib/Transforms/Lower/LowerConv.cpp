//===- LowerConv.cpp - Convolutions ---------------------------------------===//
//
// A convolution is a product whose left side is a view of the input.
//
// Filters that are a weight are columns, which go into the lanes of vectors,
// and places are rows, of which each step of the sum reads one element: so
// strides, dilations and the width of an image cost nothing. The result has
// filters last, and is transposed.
//
// Other filters, and those of groups, are rows, and what lies side by side in
// the input and in the result is in the lanes. With a stride along that
// dimension the places of each tap are put side by side first, which copies as
// much as the filter has taps along it. A filter of one tap is a product as it
// is.
//
//===----------------------------------------------------------------------===//

#include "../Panels.h"
#include "Lowering.h"
#include "Scalars.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::dyn;

namespace {
/// The loops of a convolution, and how its operands are read in them.
struct ConvLoops {
  explicit ConvLoops(Emitter &e) : e(e) {}

  AffineExpr add(DimAttr size, utils::IteratorType type) {
    iterators.push_back(type);
    if (type == utils::IteratorType::parallel)
      sizes.push_back(size);
    return e.getAffineDimExpr(iterators.size() - 1);
  }
  AffineExpr addParallel(DimAttr size) {
    result.push_back(add(size, utils::IteratorType::parallel));
    return result.back();
  }
  AffineExpr addReduction(DimAttr size) {
    return add(size, utils::IteratorType::reduction);
  }

  /// The sum of products over `init`, in its type.
  SizedTensor emit(Value x, Value w, Value init) {
    SmallVector<AffineMap> maps;
    for (ArrayRef<AffineExpr> exprs :
         {ArrayRef(input), ArrayRef(filter), ArrayRef(result)})
      maps.push_back(
          AffineMap::get(iterators.size(), 0, exprs, e.getContext()));
    auto loops = linalg::GenericOp::create(
        e, init.getType(), ValueRange{x, w}, init, maps, iterators,
        [&](OpBuilder &builder, Location loc, ValueRange args) {
          ImplicitLocOpBuilder b(loc, builder);
          Type type = args[2].getType();
          Value product = arith::MulFOp::create(
              b, emitConvert(b, args[0], args[0].getType(), type),
              emitConvert(b, args[1], args[1].getType(), type));
          linalg::YieldOp::create(
              b, Value(arith::AddFOp::create(b, args[2], product)));
        });
    return {loops.getResult(0), sizes};
  }

  Emitter &e;
  SmallVector<utils::IteratorType> iterators;
  SmallVector<DimAttr> sizes;
  SmallVector<AffineExpr> input, filter, result;
};
} // namespace

/// For each tap along the last dimension, the elements that it meets, side by
/// side: `[..., taps, size]`.
static SizedTensor gatherTaps(Emitter &e, const SizedTensor &input,
                              DimAttr taps, DimAttr size, int64_t stride,
                              int64_t dilation) {
  int64_t last = input.getRank() - 1;
  SmallVector<DimAttr> sizes(input.sizes);
  sizes.back() = taps;
  sizes.push_back(size);
  SmallVector<AffineExpr> exprs;
  for (int64_t axis = 0; axis < last; ++axis)
    exprs.push_back(e.getAffineDimExpr(axis));
  exprs.push_back(e.getAffineDimExpr(last + 1) * stride +
                  e.getAffineDimExpr(last) * dilation);
  return e.generic(
      input, AffineMap::get(last + 2, 0, exprs, e.getContext()), sizes,
      input.getElementType(),
      [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; });
}

/// Whether filters are worth being columns: those of a weight, which
/// `dyn-pack-weights` lays out as panels, if they fill one.
static bool areColumns(ConvOp op, DimAttr filters) {
  return op.getGroups() == 1 && op.getFilter().getDefiningOp<GetWeightOp>() &&
         filters.getConstant().value_or(0) >= kPanelColumns;
}

/// The sizes of the result; fails the run unless the operands fit.
static SmallVector<DimAttr>
checkConv(Emitter &e, ConvOp op, const SizedTensor &x, const SizedTensor &w) {
  DimAttr groups = e.number(op.getGroups());
  // conv_c3, conv_c4, conv_c5
  e.requireEqual(w.sizes[0], w.sizes[0].floorDiv(groups) * groups,
                 "divides {0} filters into groups, together {1}");
  e.requireEqual(x.sizes[1], w.sizes[1] * groups,
                 "convolves {0} channels with {1}");
  SmallVector<DimAttr> sizes{x.sizes[0], w.sizes[0]};
  for (auto [i, stride, dilation] :
       llvm::enumerate(op.getStrides(), op.getDilations())) {
    DimAttr size = x.sizes[i + 2];
    DimAttr extent =
        (w.sizes[i + 2] - e.number(1)) * e.number(dilation) + e.number(1);
    e.requireAtMost(extent, size,
                    "expects dimension " + Twine(i + 2) +
                        " to be as large as the filter, {0}, got {1}");
    sizes.push_back((size - extent).floorDiv(e.number(stride)) + e.number(1));
  }
  return sizes;
}

static SizedTensor lowerConv(ConvOp op, ConvOp::Adaptor adaptor, Emitter &e) {
  SizedTensor x = e.tensor(adaptor.getInput()),
              w = e.tensor(adaptor.getFilter());
  SmallVector<DimAttr> sizes = checkConv(e, op, x, w);
  ArrayRef<DimAttr> taps = ArrayRef(w.sizes).drop_front(2),
                    places = ArrayRef(sizes).drop_front(2);
  SmallVector<int64_t> strides(op.getStrides()), dilations(op.getDilations());

  // One tap: nothing but the places that it meets, as one dimension.
  bool isSingle =
      llvm::all_of(taps, [](DimAttr size) { return size.isConstant(1); });
  DimAttr place = e.product(places);
  if (isSingle) {
    if (llvm::any_of(strides, [](int64_t stride) { return stride != 1; })) {
      SmallVector<DimAttr> kept{x.sizes[0], x.sizes[1]};
      kept.append(places.begin(), places.end());
      SmallVector<int64_t> steps{1, 1};
      steps.append(strides);
      x = e.slice(x, SmallVector<DimAttr>(kept.size(), e.number(0)), kept,
                  steps);
    }
    taps = {};
    places = place;
  }
  bool hasColumns = !isSingle && areColumns(op, w.sizes[0]);
  bool gathers = !isSingle && !hasColumns && strides.back() != 1;
  if (gathers)
    x = gatherTaps(e, x, taps.back(), places.back(), strides.back(),
                   dilations.back());

  // Groups are a dimension of their own; channels and filters are none where a
  // group has but one.
  DimAttr groups = e.number(op.getGroups()), channels = w.sizes[1],
          filters = w.sizes[0].floorDiv(groups);
  ConvLoops loops(e);
  AffineExpr batch = loops.addParallel(sizes[0]);
  loops.input.push_back(batch);
  SmallVector<DimAttr> inputSizes{sizes[0]}, filterSizes;
  if (op.getGroups() != 1) {
    AffineExpr group = loops.addParallel(groups);
    loops.input.push_back(group);
    loops.filter.push_back(group);
    inputSizes.push_back(groups);
    filterSizes.push_back(groups);
  }
  auto addFilters = [&] {
    loops.filter.push_back(loops.addParallel(filters));
    filterSizes.push_back(filters);
  };
  if (!hasColumns && (op.getGroups() == 1 || !filters.isConstant(1)))
    addFilters();
  SmallVector<AffineExpr> placeLoops;
  for (DimAttr size : places)
    placeLoops.push_back(loops.addParallel(size));
  if (hasColumns)
    addFilters();
  if (op.getGroups() == 1 || !channels.isConstant(1)) {
    AffineExpr channel = loops.addReduction(channels);
    loops.input.push_back(channel);
    loops.filter.push_back(channel);
    inputSizes.push_back(channels);
    filterSizes.push_back(channels);
  }
  if (isSingle)
    loops.input.push_back(placeLoops[0]);
  for (auto [i, size] : llvm::enumerate(taps)) {
    AffineExpr tap = loops.addReduction(size);
    loops.filter.push_back(tap);
    if (gathers && i + 1 == taps.size())
      loops.input.append({tap, placeLoops[i]});
    else
      loops.input.push_back(placeLoops[i] * strides[i] + tap * dilations[i]);
  }
  if (isSingle)
    inputSizes.push_back(place);
  else
    inputSizes.append(x.sizes.begin() + 2, x.sizes.end());
  filterSizes.append(taps.begin(), taps.end());

  Type type = x.getElementType();
  Value zeros =
      e.filled(loops.sizes, e.constant(getNumberAttr(getComputeType(type), 0)));
  SizedTensor result = loops.emit(e.reshape(x, inputSizes).value,
                                  e.reshape(w, filterSizes).value, zeros);
  if (result.getElementType() != type)
    result = e.map(result, result.sizes, type,
                   [&](ImplicitLocOpBuilder &b, ValueRange args) {
                     return emitConvert(b, args[0], args[0].getType(), type);
                   });
  if (hasColumns) {
    auto order = llvm::to_vector<4>(llvm::seq<unsigned>(0, sizes.size()));
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
    return e.generic(
        result, AffineMap::getPermutationMap(order, e.getContext()), sizes,
        type, [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; });
  }
  return e.reshape(result, sizes);
}

void dyn::populateLowerConv(LoweringPatterns &patterns) {
  patterns.add<ConvOp>(lowerConv);
}
