//===- AttentionTile.cpp - Attention, a block of queries at a time --------===//

#include "Attention.h"
#include "Groups.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// One loop around them
//===----------------------------------------------------------------------===//

namespace {
/// Where a tile begins and how large it is, per loop of the result.
struct Tile {
  SmallVector<OpFoldResult> offsets, sizes;
};
} // namespace

/// The tile of an op whose loops `loops` are those of the softmax's dimensions;
/// its other loops run in full.
static Tile tileOf(OpBuilder &b, linalg::LinalgOp op, ArrayRef<unsigned> loops,
                   const Tile &rows) {
  Tile tile;
  tile.sizes = loopSizes(b, op);
  tile.offsets.assign(tile.sizes.size(), b.getIndexAttr(0));
  for (auto [position, loop] : llvm::enumerate(loops)) {
    tile.offsets[loop] = rows.offsets[position];
    tile.sizes[loop] = rows.sizes[position];
  }
  return tile;
}

/// `op` on a tile, with `inputs` for what earlier ops of the tile computed and
/// `init` as its destination.
static Value computeTile(OpBuilder &b, linalg::LinalgOp op, const Tile &tile,
                         const IRMapping &inputs, Value init) {
  SmallVector<Value> operands = linalg::makeTiledShapes(
      b, op.getLoc(), op, op->getOperands(), tile.offsets, tile.sizes,
      /*sizeBounds=*/{}, /*omitPartialTileCheck=*/true);
  auto replace = [&](OpOperand &operand, Value value) {
    Operation *slice = operands[operand.getOperandNumber()].getDefiningOp();
    operands[operand.getOperandNumber()] = value;
    if (slice && isOpTriviallyDead(slice))
      slice->erase();
  };
  for (OpOperand *in : op.getDpsInputOperands())
    if (Value computed = inputs.lookupOrNull(in->get()))
      replace(*in, computed);
  replace(*op.getDpsInitOperand(0), init);
  Operation *tiled = mlir::clone(b, op, {init.getType()}, operands);
  // Not linalg::offsetIndices: its affine.apply has no form on vectors.
  OpBuilder::InsertionGuard guard(b);
  for (auto index :
       llvm::to_vector(tiled->getRegion(0).getOps<linalg::IndexOp>())) {
    OpFoldResult offset = tile.offsets[index.getDim()];
    if (isConstantIntValue(offset, 0))
      continue;
    b.setInsertionPointAfter(index);
    Value moved = arith::AddIOp::create(
        b, op.getLoc(), index,
        getValueOrCreateConstantIndexOp(b, op.getLoc(), offset));
    index.getResult().replaceAllUsesExcept(moved, moved.getDefiningOp());
  }
  return tiled->getResult(0);
}

static Value makeEmpty(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes,
                       AffineMap map, Type element) {
  SmallVector<OpFoldResult> shape;
  for (AffineExpr expr : map.getResults())
    shape.push_back(sizes[cast<AffineDimExpr>(expr).getPosition()]);
  return tensor::EmptyOp::create(b, loc, shape, element);
}

static AffineMap outMap(linalg::LinalgOp op) {
  return op.getMatchingIndexingMap(op.getDpsInitOperand(0));
}

/// Whether `op` only moves elements, each once.
static bool isPermutation(linalg::LinalgOp op) {
  return op.getNumDpsInputs() == 1 && op.getNumDpsInits() == 1 &&
         !op.getNumReductionLoops() && llvm::hasSingleElement(*op.getBlock()) &&
         op.getBlock()->getTerminator()->getOperand(0) ==
             op.getBlock()->getArgument(0) &&
         llvm::all_of(op.getIndexingMapsArray(),
                      [](AffineMap map) { return map.isPermutation(); });
}

/// A result that is only read to be permuted is written in that order: heads
/// side by side in a row, as the next product reads them.
static void foldPermutation(RewriterBase &b, Attention &a) {
  Value value = a.result->getResult(0);
  auto user = value.hasOneUse()
                  ? dyn_cast<linalg::LinalgOp>(*value.getUsers().begin())
                  : nullptr;
  if (!user || !isPermutation(user) || user->getBlock() != a.result->getBlock())
    return;
  OpOperand &in = *user.getDpsInputOperand(0),
            &out = *user.getDpsInitOperand(0);
  SmallVector<AffineMap> maps = a.result.getIndexingMapsArray();
  maps.back() =
      user.getMatchingIndexingMap(&out)
          .compose(inversePermutation(user.getMatchingIndexingMap(&in)))
          .compose(maps.back());
  b.setInsertionPoint(user);
  Location loc = a.result.getLoc();
  auto fill = a.result.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  Value init =
      linalg::FillOp::create(b, loc, fill.value(), out.get()).getResult(0);
  auto permuted =
      linalg::GenericOp::create(b, loc, init.getType(), a.result.getDpsInputs(),
                                init, maps, a.result.getIteratorTypesArray());
  b.cloneRegionBefore(a.result->getRegion(0), permuted.getRegion(),
                      permuted.getRegion().begin());
  a.weights = &permuted->getOpOperand(a.weights->getOperandNumber());
  a.values = &permuted->getOpOperand(a.values->getOperandNumber());
  b.replaceOp(user, permuted.getResults());
  b.eraseOp(a.result);
  a.result = permuted;
}

/// The sizes of the loops of the result, from operands that stay.
static SmallVector<OpFoldResult> resultSizes(OpBuilder &b, Attention &a) {
  SmallVector<OpFoldResult> sizes(a.result.getNumLoops());
  auto fill = a.result.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  for (auto [value, map] :
       {std::pair(fill.getDpsInits()[0], outMap(a.result)),
        std::pair(a.values->get(), a.result.getMatchingIndexingMap(a.values))})
    for (auto [position, expr] : llvm::enumerate(map.getResults()))
      if (auto &size = sizes[cast<AffineDimExpr>(expr).getPosition()]; !size) {
        auto empty = value.getDefiningOp<tensor::EmptyOp>();
        size =
            empty ? empty.getMixedSizes()[position]
                  : tensor::getMixedSize(b, a.result.getLoc(), value, position);
      }
  return sizes;
}

static void tile(RewriterBase &b, Attention &a, int64_t blockRows) {
  b.setInsertionPoint(a.result);
  Location loc = a.softmax.getLoc();
  SmallVector<OpFoldResult> sizes = resultSizes(b, a);

  // One iteration a block of queries, and each of what else the rows have.
  SmallVector<unsigned> outer;
  for (unsigned loop = 0; loop < a.result.getNumLoops(); ++loop)
    if (loop != a.resultKey && loop != a.resultColumn && loop != a.resultQuery)
      outer.push_back(loop);
  outer.push_back(a.resultQuery);
  SmallVector<OpFoldResult> lower(outer.size(), b.getIndexAttr(0)), upper,
      steps(outer.size(), b.getIndexAttr(1));
  steps.back() = b.getIndexAttr(blockRows);
  for (unsigned loop : outer)
    upper.push_back(sizes[loop]);
  auto fill = a.result.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  auto forall = scf::ForallOp::create(b, loc, lower, upper, steps,
                                      fill.getDpsInits()[0], std::nullopt);
  b.setInsertionPointToStart(forall.getBody());

  Tile whole;
  whole.sizes = sizes;
  whole.offsets.assign(sizes.size(), b.getIndexAttr(0));
  for (auto [loop, iv] : llvm::zip(outer, forall.getInductionVars())) {
    whole.offsets[loop] = iv;
    whole.sizes[loop] = b.getIndexAttr(1);
  }
  AffineExpr position = b.getAffineDimExpr(0), end = b.getAffineSymbolExpr(0);
  whole.sizes[a.resultQuery] = affine::makeComposedFoldedAffineMin(
      b, loc,
      AffineMap::get(1, 1, {b.getAffineConstantExpr(blockRows), end - position},
                     b.getContext()),
      {whole.offsets[a.resultQuery], sizes[a.resultQuery]});
  Tile rows;
  for (unsigned loop : a.resultLoops) {
    rows.offsets.push_back(whole.offsets[loop]);
    rows.sizes.push_back(whole.sizes[loop]);
  }

  IRMapping computed;
  Type f32 = b.getF32Type();
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  auto fillWithZero = [&](Value init) -> Value {
    return linalg::FillOp::create(b, loc, zero, init).getResult(0);
  };
  Tile scores = tileOf(b, a.scores, a.scoresLoops, rows);
  Value value = computeTile(
      b, a.scores, scores, computed,
      fillWithZero(makeEmpty(b, loc, scores.sizes, outMap(a.scores), f32)));
  computed.map(a.scores->getResult(0), value);
  if (a.payload) {
    Tile tile = tileOf(b, a.payload, a.payloadLoops, rows);
    value = computeTile(b, a.payload, tile, computed,
                        makeEmpty(b, loc, tile.sizes, outMap(a.payload), f32));
    computed.map(a.payload->getResult(0), value);
  }
  auto softmax = linalg::SoftmaxOp::create(
      b, loc, value.getType(), value,
      tensor::EmptyOp::create(b, loc, rows.sizes, f32),
      a.softmax.getDimension());
  softmax->setAttr(kAttentionAttr, b.getUnitAttr());
  computed.map(a.softmax->getResult(0), softmax->getResult(0));

  SmallVector<OpFoldResult> offsets, lengths;
  for (AffineExpr expr : outMap(a.result).getResults()) {
    unsigned loop = cast<AffineDimExpr>(expr).getPosition();
    offsets.push_back(whole.offsets[loop]);
    lengths.push_back(whole.sizes[loop]);
  }
  SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
  Value destination = forall.getRegionIterArgs()[0];
  Value slice = tensor::ExtractSliceOp::create(b, loc, destination, offsets,
                                               lengths, strides);
  value = computeTile(b, a.result, whole, computed, fillWithZero(slice));
  b.setInsertionPointToEnd(forall.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(b, loc, value, destination, offsets,
                                        lengths, strides);
  b.replaceOp(a.result, forall.getResults());
  b.eraseOp(a.softmax);
  if (a.payload)
    b.eraseOp(a.payload);
  b.eraseOp(a.scores);
}

void dyn::tileAttention(RewriterBase &rewriter, Block *block,
                        const Target &target) {
  for (auto softmax : llvm::to_vector(block->getOps<linalg::SoftmaxOp>())) {
    if (!softmax->hasAttr(kAttentionAttr))
      continue;
    std::string whyNot;
    std::optional<Attention> attention =
        findAttentionOnTensors(softmax, whyNot);
    if (attention && succeeded(analyzeAttention(*attention, target, whyNot))) {
      foldPermutation(rewriter, *attention);
      tile(rewriter, *attention, target.vectorBits / 32 * target.tile.vectors);
      continue;
    }
    noteNoAttention(softmax->getResult(0), whyNot);
    rewriter.setInsertionPoint(softmax);
    FailureOr<SmallVector<Value>> parts = softmax.decomposeOperation(rewriter);
    if (succeeded(parts))
      rewriter.replaceOp(softmax, *parts);
  }
}
