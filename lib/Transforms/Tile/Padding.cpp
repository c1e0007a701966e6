//===- Padding.cpp - Padded inputs, whole or tile by tile -----------------===//
//
// Upstream tiles `tensor.pad` to smaller ones, behind a branch for tiles that
// are nothing but padding, and lowers what is left to a fill of all of it and a
// copy over most of that. Here each vector is written once, borders with it.
//
//===----------------------------------------------------------------------===//

#include "Padding.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Tile by tile
//===----------------------------------------------------------------------===//

/// Bytes of what a tile reads: they stay in the first cache, on the stack.
static constexpr int64_t kMostBytes = 16384;
/// Sizes of tiles; fewer rows would read too many borders twice.
static constexpr int64_t kMostColumns = 64, kMostLine = 1024, kMostRows = 64,
                         kFewestRows = 8;

/// How much `op` reads of an operand if its loops have `sizes`.
static SmallVector<int64_t> measureRead(linalg::LinalgOp op, OpOperand &operand,
                                        ArrayRef<int64_t> sizes) {
  SmallVector<AffineExpr> last;
  for (int64_t size : sizes)
    last.push_back(
        getAffineConstantExpr(std::max<int64_t>(size, 1) - 1, op.getContext()));
  SmallVector<int64_t> read;
  for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults())
    read.push_back(cast<AffineConstantExpr>(expr.replaceDims(last)).getValue() +
                   1);
  return read;
}

static int64_t countLanes(tensor::PadOp pad, int64_t vectorBits) {
  Type element = pad.getResultType().getElementType();
  return vectorBits /
         (element.isIndex() ? 64 : element.getIntOrFloatBitWidth());
}

std::optional<PaddedInput>
mlir::dyn::findPaddedInput(linalg::LinalgOp op, ArrayRef<unsigned> tiled,
                           unsigned column, std::optional<unsigned> row,
                           int64_t vectorBits) {
  for (OpOperand *in : op.getDpsInputOperands()) {
    auto pad = in->get().getDefiningOp<tensor::PadOp>();
    AffineMap map = op.getMatchingIndexingMap(in);
    if (!pad || !pad->hasOneUse() || pad->getBlock() != op->getBlock() ||
        !pad.getConstantPaddingValue() ||
        !llvm::all_of(tiled,
                      [&](unsigned dim) { return map.isFunctionOfDim(dim); }))
      continue;
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    for (unsigned dim : tiled)
      sizes[dim] = 1;
    if (llvm::any_of(sizes, ShapedType::isDynamic))
      continue;
    int64_t lanes = countLanes(pad, vectorBits);
    sizes[column] = row ? kMostColumns : kMostLine;
    int64_t rows = row ? kMostRows : 1, fewest = row ? kFewestRows : 1;
    for (; rows >= fewest; rows /= 2) {
      if (row)
        sizes[*row] = rows;
      SmallVector<int64_t> read = measureRead(op, *in, sizes);
      // The last vector of a row is written as a whole.
      read.back() = llvm::alignTo(read.back(), lanes);
      int64_t bytes = vectorBits / 8 / lanes;
      for (int64_t size : read)
        bytes *= size;
      if (bytes <= kMostBytes)
        return PaddedInput{in, pad, lanes, rows, sizes[column], read};
    }
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

namespace {
/// One dimension of a part of a padded tensor: `before` elements of padding,
/// `length` of the source from `from` on, and `after` of padding.
struct Stretch {
  OpFoldResult before, from, length, after;
};
} // namespace

static Stretch findStretch(OpBuilder &b, tensor::PadOp pad, int64_t dim,
                           OpFoldResult offset, OpFoldResult size) {
  Location loc = pad.getLoc();
  OpFoldResult low = pad.getMixedLowPad()[dim],
               high = pad.getMixedHighPad()[dim], zero = b.getIndexAttr(0);
  if (isZeroInteger(low) && isZeroInteger(high))
    return {zero, offset, size, zero};
  OpFoldResult source = tensor::getMixedSize(b, loc, pad.getSource(), dim);
  AffineExpr d0, d1, d2, s0;
  bindDims(b.getContext(), d0, d1, d2);
  bindSymbols(b.getContext(), s0);
  auto limit = [&](AffineExpr expr, ArrayRef<OpFoldResult> operands,
                   OpFoldResult most) {
    auto map = [&](ArrayRef<AffineExpr> exprs) {
      return AffineMap::get(3, 0, exprs, b.getContext());
    };
    SmallVector<OpFoldResult> all(operands);
    all.resize(3, zero);
    OpFoldResult least = affine::makeComposedFoldedAffineMax(
        b, loc, map({expr, b.getAffineConstantExpr(0)}), all);
    return affine::makeComposedFoldedAffineMin(b, loc, map({d0, d1}),
                                               {least, most, zero});
  };
  auto apply = [&](AffineExpr expr, ArrayRef<OpFoldResult> operands) {
    return affine::makeComposedFoldedAffineApply(b, loc, expr, operands);
  };
  OpFoldResult before = limit(d0 - d1, {low, offset}, size);
  OpFoldResult from = limit(d0 - d1, {offset, low}, source);
  OpFoldResult to = limit(d0 + d1 - d2, {offset, size, low}, source);
  OpFoldResult length = apply(d0 - d1, {to, from});
  return {before, from, length, apply(d0 - d1 - d2, {size, before, length})};
}

/// The stretches of the whole result.
static Stretch getWhole(OpBuilder &b, tensor::PadOp pad, int64_t dim) {
  return {pad.getMixedLowPad()[dim], b.getIndexAttr(0),
          tensor::getMixedSize(b, pad.getLoc(), pad.getSource(), dim),
          pad.getMixedHighPad()[dim]};
}

/// Whether `index` is in the source of `stretch`, and where.
static std::pair<Value, Value> locate(OpBuilder &b, Location loc,
                                      const Stretch &stretch, Value index) {
  auto toValue = [&](OpFoldResult size) {
    return getValueOrCreateConstantIndexOp(b, loc, size);
  };
  Value inside = arith::SubIOp::create(b, loc, index, toValue(stretch.before));
  // Of an index in front of it, as an unsigned number, it is not less either.
  Value isInside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                         inside, toValue(stretch.length));
  return {isInside,
          arith::AddIOp::create(b, loc, inside, toValue(stretch.from))};
}

namespace {
/// Writes a part of a padded tensor vector by vector: each is read under a mask
/// of what is in the source, if not all of it is, and written at once.
class PaddingEmitter {
public:
  PaddingEmitter(OpBuilder &b, tensor::PadOp pad, ArrayRef<Stretch> stretches,
                 ArrayRef<OpFoldResult> sizes, int64_t lanes, bool hasRoom)
      : b(b), loc(pad.getLoc()), pad(pad), stretches(stretches), sizes(sizes),
        type(VectorType::get({lanes}, pad.getResultType().getElementType())),
        hasRoom(hasRoom) {}

  Value emit(Value target) {
    Value always =
        arith::ConstantOp::create(b, loc, b.getBoolAttr(true)).getResult();
    return emitLoop(target, always);
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  /// The loop over the next dimension and those inside.
  Value emitLoop(Value target, Value isInside) {
    size_t dim = indices.size();
    bool isLast = dim + 1 == sizes.size();
    Value end = getValueOrCreateConstantIndexOp(b, loc, sizes[dim]);
    Value step = constant(isLast ? type.getNumElements() : 1);
    auto loop = scf::ForOp::create(b, loc, constant(0), end, step, target);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(loop.getBody());
    Value index = loop.getInductionVar(), inner = loop.getRegionIterArg(0);
    auto [isHere, place] = locate(b, loc, stretches[dim], index);
    indices.push_back(index);
    places.push_back(place);
    if (isLast)
      inner = copyVector(inner, isInside);
    else
      inner = emitLoop(inner, arith::AndIOp::create(b, loc, isInside, isHere));
    scf::YieldOp::create(b, loc, inner);
    indices.pop_back();
    places.pop_back();
    return loop.getResult(0);
  }

  Value copyVector(Value target, Value isInside) {
    const Stretch &stretch = stretches.back();
    Value before = getValueOrCreateConstantIndexOp(b, loc, stretch.before),
          length = getValueOrCreateConstantIndexOp(b, loc, stretch.length);
    Value first = arith::SubIOp::create(b, loc, indices.back(), before);
    // Signed: it may begin in front of the source.
    Value last =
        arith::AddIOp::create(b, loc, first, constant(type.getNumElements()));
    Value isWhole = arith::AndIOp::create(
        b, loc, isInside,
        arith::AndIOp::create(
            b, loc,
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, first,
                                  constant(0)),
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, last,
                                  length)));
    auto read = [&](Value mask) {
      auto identity =
          AffineMap::getMinorIdentityMap(places.size(), 1, b.getContext());
      return vector::TransferReadOp::create(
                 b, loc, type, pad.getSource(), places,
                 AffineMapAttr::get(identity), pad.getConstantPaddingValue(),
                 mask, b.getBoolArrayAttr({true}))
          .getResult();
    };
    auto branch = scf::IfOp::create(b, loc, TypeRange{type}, isWhole, true);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(branch.thenBlock());
      scf::YieldOp::create(b, loc, read(Value()));
      b.setInsertionPointToEnd(branch.elseBlock());
      scf::YieldOp::create(b, loc, read(makeMask(isInside, first, length)));
    }
    return vector::TransferWriteOp::create(b, loc, branch.getResult(0), target,
                                           indices, ArrayRef(hasRoom))
        .getResult();
  }

  /// The lanes from `first` on that are less than `length`, unsigned.
  Value makeMask(Value isInside, Value first, Value length) {
    Type index = VectorType::get(type.getShape(), b.getIndexType());
    auto spread = [&](Value value) {
      return vector::BroadcastOp::create(b, loc, index, value);
    };
    Value lanes = arith::AddIOp::create(
        b, loc, vector::StepOp::create(b, loc, cast<VectorType>(index)),
        spread(first));
    Value mask = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, lanes,
                                       spread(length));
    Value none =
        arith::ConstantOp::create(b, loc, b.getZeroAttr(mask.getType()));
    return arith::SelectOp::create(b, loc, isInside, mask, none);
  }

  OpBuilder &b;
  Location loc;
  tensor::PadOp pad;
  ArrayRef<Stretch> stretches;
  ArrayRef<OpFoldResult> sizes;
  VectorType type;
  /// Whether the last vector may be written as a whole.
  bool hasRoom;
  SmallVector<Value> indices, places;
};
} // namespace

Value mlir::dyn::padTile(OpBuilder &b, const PaddedInput &padded,
                         ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> sizes) {
  tensor::PadOp pad = padded.pad;
  Location loc = pad.getLoc();
  SmallVector<Stretch> stretches;
  for (auto [dim, offset, size] : llvm::enumerate(offsets, sizes))
    stretches.push_back(findStretch(b, pad, dim, offset, size));
  Value memory = tensor::EmptyOp::create(b, loc, padded.sizes,
                                         pad.getResultType().getElementType());
  Value tile = PaddingEmitter(b, pad, stretches, sizes, padded.lanes,
                              /*hasRoom=*/true)
                   .emit(memory);
  return tensor::ExtractSliceOp::create(
      b, loc, tile, SmallVector<OpFoldResult>(sizes.size(), b.getIndexAttr(0)),
      sizes, SmallVector<OpFoldResult>(sizes.size(), b.getIndexAttr(1)));
}

void mlir::dyn::expandPadding(RewriterBase &b, tensor::PadOp pad,
                              int64_t vectorBits) {
  Location loc = pad.getLoc();
  int64_t lanes = countLanes(pad, vectorBits);
  b.setInsertionPoint(pad);
  SmallVector<Stretch> stretches;
  SmallVector<OpFoldResult> sizes;
  for (int64_t dim = 0; dim < pad.getResultType().getRank(); ++dim) {
    const Stretch &stretch = stretches.emplace_back(getWhole(b, pad, dim));
    AffineExpr sum =
        b.getAffineDimExpr(0) + b.getAffineDimExpr(1) + b.getAffineDimExpr(2);
    sizes.push_back(affine::makeComposedFoldedAffineApply(
        b, loc, sum, {stretch.before, stretch.length, stretch.after}));
  }
  int64_t leading = 0;
  while (leading + 1 < int64_t(sizes.size()) &&
         isZeroInteger(stretches[leading].before) &&
         isZeroInteger(stretches[leading].after))
    ++leading;
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  SmallVector<OpFoldResult> ones(sizes.size(), one),
      offsets(sizes.size(), zero);
  Value target = tensor::EmptyOp::create(b, loc, sizes,
                                         pad.getResultType().getElementType());
  auto loop =
      scf::ForallOp::create(b, loc, SmallVector<OpFoldResult>(leading, zero),
                            ArrayRef(sizes).take_front(leading),
                            SmallVector<OpFoldResult>(leading, one), target,
                            /*mapping=*/std::nullopt);
  b.setInsertionPointToStart(loop.getBody());
  for (int64_t dim = 0; dim < leading; ++dim) {
    offsets[dim] = stretches[dim].from = loop.getInductionVar(dim);
    stretches[dim].length = sizes[dim] = one;
  }
  Value whole = loop.getRegionIterArgs().front();
  Value part =
      tensor::ExtractSliceOp::create(b, loc, whole, offsets, sizes, ones);
  part = PaddingEmitter(b, pad, stretches, sizes, lanes, /*hasRoom=*/false)
             .emit(part);
  b.setInsertionPointToEnd(loop.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(b, loc, part, whole, offsets, sizes,
                                        ones);
  b.setInsertionPoint(pad);
  Value result = loop.getResult(0);
  if (result.getType() != pad.getType())
    result = tensor::CastOp::create(b, loc, pad.getType(), result);
  b.replaceOp(pad, result);
}
