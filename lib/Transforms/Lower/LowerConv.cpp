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
// dimension of more than a few elements the places of each tap are put side by
// side first, which copies as much as the filter has taps along it. A filter of
// one tap is a product as it is.
//
//===----------------------------------------------------------------------===//

#include "../Panels.h"
#include "../Tile/LoopPlan.h"
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

  /// A dimension of the input of `size`, read at `place`.
  void addInput(AffineExpr place, DimAttr size) {
    input.push_back(place);
    inputSizes.push_back(size);
  }
  void addFilter(AffineExpr place, DimAttr size) {
    filter.push_back(place);
    filterSizes.push_back(size);
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
  SmallVector<DimAttr> sizes, inputSizes, filterSizes;
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

/// How a convolution becomes a product.
enum class Form {
  Single,   ///< Of one tap: nothing but the places that it meets, as one
            ///< dimension.
  Columns,  ///< Filters are columns, places rows.
  Gathered, ///< Filters are rows; the places of each tap lie side by side.
  Views,    ///< Filters are rows.
};

static Form chooseForm(ConvOp op, const SizedTensor &w) {
  if (llvm::all_of(ArrayRef(w.sizes).drop_front(2),
                   [](DimAttr size) { return size.isConstant(1); }))
    return Form::Single;
  if (areColumns(op, w.sizes[0]))
    return Form::Columns;
  return op.getStrides().back() > kMostLaneSteps ? Form::Gathered : Form::Views;
}

/// The places that the only tap of a filter meets.
static SizedTensor sliceSteps(Emitter &e, ConvOp op, const SizedTensor &x,
                              ArrayRef<DimAttr> places) {
  if (llvm::all_of(op.getStrides(), [](int64_t step) { return step == 1; }))
    return x;
  SmallVector<DimAttr> kept{x.sizes[0], x.sizes[1]};
  kept.append(places.begin(), places.end());
  SmallVector<int64_t> steps{1, 1};
  llvm::append_range(steps, op.getStrides());
  return e.slice(x, SmallVector<DimAttr>(kept.size(), e.number(0)), kept,
                 steps);
}

/// The loops of `op` over `x`, which `form` has made of its input.
static ConvLoops describeLoops(Emitter &e, ConvOp op, Form form,
                               const SizedTensor &x, const SizedTensor &w,
                               ArrayRef<DimAttr> sizes) {
  // Groups are a dimension of their own; channels and filters are none where a
  // group has but one.
  DimAttr groups = e.number(op.getGroups()), channels = w.sizes[1],
          filters = w.sizes[0].floorDiv(groups);
  ConvLoops loops(e);
  loops.addInput(loops.addParallel(sizes[0]), sizes[0]);
  if (op.getGroups() != 1) {
    AffineExpr group = loops.addParallel(groups);
    loops.addInput(group, groups);
    loops.addFilter(group, groups);
  }
  if (form != Form::Columns && (op.getGroups() == 1 || !filters.isConstant(1)))
    loops.addFilter(loops.addParallel(filters), filters);
  SmallVector<DimAttr> places(sizes.drop_front(2));
  if (form == Form::Single)
    places = {e.product(sizes.drop_front(2))};
  SmallVector<AffineExpr> placeLoops;
  for (DimAttr size : places)
    placeLoops.push_back(loops.addParallel(size));
  if (form == Form::Columns)
    loops.addFilter(loops.addParallel(filters), filters);
  if (op.getGroups() == 1 || !channels.isConstant(1)) {
    AffineExpr channel = loops.addReduction(channels);
    loops.addInput(channel, channels);
    loops.addFilter(channel, channels);
  }
  if (form == Form::Single) {
    loops.addInput(placeLoops[0], places[0]);
    return loops;
  }
  ArrayRef<DimAttr> taps = ArrayRef(w.sizes).drop_front(2);
  for (auto [i, size, stride, dilation] :
       llvm::enumerate(taps, op.getStrides(), op.getDilations())) {
    AffineExpr tap = loops.addReduction(size);
    loops.addFilter(tap, size);
    if (form == Form::Gathered && i + 1 == taps.size()) {
      loops.addInput(tap, size);
      loops.addInput(placeLoops[i], places[i]);
    } else {
      loops.addInput(placeLoops[i] * stride + tap * dilation, x.sizes[i + 2]);
    }
  }
  return loops;
}

static SizedTensor lowerConv(ConvOp op, ConvOp::Adaptor adaptor, Emitter &e) {
  SizedTensor x = e.tensor(adaptor.getInput()),
              w = e.tensor(adaptor.getFilter());
  SmallVector<DimAttr> sizes = checkConv(e, op, x, w);
  Form form = chooseForm(op, w);
  if (form == Form::Single)
    x = sliceSteps(e, op, x, ArrayRef(sizes).drop_front(2));
  else if (form == Form::Gathered)
    x = gatherTaps(e, x, w.sizes.back(), sizes.back(), op.getStrides().back(),
                   op.getDilations().back());
  ConvLoops loops = describeLoops(e, op, form, x, w, sizes);

  Type type = x.getElementType();
  Value zeros =
      e.filled(loops.sizes, e.constant(getNumberAttr(getComputeType(type), 0)));
  SizedTensor result = loops.emit(e.reshape(x, loops.inputSizes).value,
                                  e.reshape(w, loops.filterSizes).value, zeros);
  if (result.getElementType() != type)
    result = e.map(result, result.sizes, type,
                   [&](ImplicitLocOpBuilder &b, ValueRange args) {
                     return emitConvert(b, args[0], args[0].getType(), type);
                   });
  if (form != Form::Columns)
    return e.reshape(result, sizes);
  auto order = llvm::to_vector<4>(llvm::seq<unsigned>(0, sizes.size()));
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return e.generic(
      result, AffineMap::getPermutationMap(order, e.getContext()), sizes, type,
      [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; });
}

void dyn::populateLowerConv(LoweringPatterns &patterns) {
  patterns.add<ConvOp>(lowerConv);
}
