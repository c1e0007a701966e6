//===- EmitLoops.cpp - The loops around a tile ----------------------------===//

#include "LoopEmitter.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

void LoopEmitter::loop(Value from, Value to, Value step, unsigned dim,
                       function_ref<void()> body) {
  auto forOp = scf::ForOp::create(b, loc, from, to, step);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(forOp.getBody()->getTerminator());
  Value outside = std::exchange(point[dim], forOp.getInductionVar());
  body();
  point[dim] = outside;
}

SmallVector<Value> LoopEmitter::accumulate(Value from, Value to, Value step,
                                           unsigned dim, ValueRange values,
                                           Bodies body) {
  auto forOp = scf::ForOp::create(b, loc, from, to, step, values);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(forOp.getBody());
  Value outside = std::exchange(point[dim], forOp.getInductionVar());
  cache.clear();
  SmallVector<Value> results = body(forOp.getRegionIterArgs());
  scf::YieldOp::create(b, loc, results);
  cache.clear();
  point[dim] = outside;
  return forOp.getResults();
}

SmallVector<Value> LoopEmitter::reduceOver(ArrayRef<unsigned> dims,
                                           ValueRange values, Bodies body) {
  if (dims.empty())
    return body(values);
  bool isFirst = dims.size() == reductions.size();
  Value from = isFirst && reduceFrom ? reduceFrom : constant(0);
  Value to = isFirst && reduceTo ? reduceTo : sizes[dims.front()];
  return accumulate(from, to, constant(1), dims.front(), values,
                    [&](ValueRange inner) {
                      return reduceOver(dims.drop_front(), inner, body);
                    });
}

void LoopEmitter::emitOuter(ArrayRef<unsigned> dims) {
  if (!dims.empty())
    return loop(constant(0), sizes[dims.front()], constant(1), dims.front(),
                [&] { emitOuter(dims.drop_front()); });
  if (plan.lanesReduce)
    return emitRows({});
  emitLanes();
}

SmallVector<Value> LoopEmitter::makeMasks(int64_t vectors) {
  auto type = VectorType::get({plan.lanes}, b.getI1Type());
  SmallVector<Value> masks;
  Value left =
      arith::SubIOp::create(b, loc, sizes[plan.lanesDim], point[plan.lanesDim]);
  for (int64_t i = 0; i < vectors; ++i) {
    Value count =
        i == 0 ? left
               : arith::SubIOp::create(b, loc, left, constant(i * plan.lanes))
                     .getResult();
    masks.push_back(vector::CreateMaskOp::create(b, loc, type, count));
  }
  return masks;
}

/// The largest multiple of `step` that is not above `size`.
Value LoopEmitter::floorTo(Value size, int64_t step) {
  AffineExpr symbol = b.getAffineSymbolExpr(0);
  return getValueOrCreateConstantIndexOp(
      b, loc,
      affine::makeComposedFoldedAffineApply(
          b, loc, symbol.floorDiv(step) * step, {getAsOpFoldResult(size)}));
}

/// Full vectors first, then what is left of the dimension.
void LoopEmitter::emitLanes() {
  unsigned dim = plan.lanesDim;
  std::optional<int64_t> size = staticSize(dim);
  int64_t vectors = plan.vectors;
  if (size)
    vectors =
        std::clamp<int64_t>(llvm::divideCeil(*size, plan.lanes), 1, vectors);
  int64_t step = vectors * plan.lanes;
  Tile full;
  full.vectors = vectors;
  full.lanes = plan.lanes;
  Value end = floorTo(sizes[dim], step);
  if (!size || *size >= step)
    loop(constant(0), end, constant(step), dim,
         [&] { emitReductionBlocks(full); });
  if (size && *size % step == 0)
    return;
  if (!plan.maskable) {
    Tile scalar;
    return loop(end, sizes[dim], constant(1), dim,
                [&] { emitReductionBlocks(scalar); });
  }
  // At most one iteration.
  loop(end, sizes[dim], constant(step), dim, [&] {
    Tile last = full;
    if (size)
      last.vectors = llvm::divideCeil(*size % step, plan.lanes);
    if (!size || *size % plan.lanes != 0)
      last.masks = makeMasks(last.vectors);
    emitReductionBlocks(last);
  });
}

/// A long reduction in even blocks, between which the accumulators rest in the
/// output: what one block reads of the panels stays in the cache while all rows
/// pass over it. The sum's order is that of one loop.
void LoopEmitter::emitReductionBlocks(Tile tile) {
  if (!plan.reductionBlock || reductions.size() != 1)
    return emitRows(tile);
  unsigned dim = reductions.front();
  int64_t length = plan.reductionBlock;
  if (std::optional<int64_t> size = staticSize(dim)) {
    if (*size <= length)
      return emitRows(tile);
    length = llvm::divideCeil(*size, llvm::divideCeil(*size, length));
  }
  // A sum of nothing has one block, in which it starts and ends.
  Value end = staticSize(dim)
                  ? sizes[dim]
                  : arith::MaxUIOp::create(b, loc, sizes[dim], constant(1));
  loop(constant(0), end, constant(length), dim, [&] {
    reduceFrom = point[dim];
    reduceTo = arith::AddIOp::create(b, loc, reduceFrom, constant(length));
    if (std::optional<int64_t> size = staticSize(dim);
        !size || *size % length != 0)
      reduceTo = arith::MinUIOp::create(b, loc, reduceTo, sizes[dim]);
    emitRows(tile);
    reduceFrom = reduceTo = Value();
  });
}

/// Rows in even blocks of at most `plan.rows`: 16 rows on 14 are 8 and 8, not
/// 14 and 2, so that no block re-reads the other operand for next to nothing.
void LoopEmitter::emitRows(Tile tile) {
  if (!plan.rowDim)
    return emitColumns(tile);
  unsigned dim = *plan.rowDim;
  if (std::optional<int64_t> size = staticSize(dim)) {
    int64_t blocks = std::max<int64_t>(1, llvm::divideCeil(*size, plan.rows));
    tile.rows = std::max<int64_t>(1, llvm::divideCeil(*size, blocks));
    int64_t step = tile.rows, end = *size - *size % step;
    auto body = [&] {
      if (blocks > 1) {
        rowBlocks = constant(blocks);
        rowBlock = arith::DivUIOp::create(b, loc, point[dim], constant(step));
      }
      emitColumns(tile);
      rowBlock = rowBlocks = Value();
    };
    loop(constant(0), constant(end), constant(step), dim, body);
    tile.rows = *size - end;
    if (tile.rows)
      loop(constant(end), sizes[dim], constant(step), dim, body);
    return;
  }
  Value one = constant(1);
  Value blocks =
      arith::CeilDivUIOp::create(b, loc, sizes[dim], constant(plan.rows));
  blocks = arith::MaxUIOp::create(b, loc, blocks, one);
  Value step = arith::CeilDivUIOp::create(b, loc, sizes[dim], blocks);
  step = arith::MaxUIOp::create(b, loc, step, one);
  loop(constant(0), sizes[dim], step, dim, [&] {
    Value left = arith::SubIOp::create(b, loc, sizes[dim], point[dim]);
    Value rows = arith::MinUIOp::create(b, loc, left, step);
    rowBlocks = blocks;
    rowBlock = arith::DivUIOp::create(b, loc, point[dim], step);
    auto cases = llvm::to_vector(llvm::seq<int64_t>(1, plan.rows));
    auto versions = scf::IndexSwitchOp::create(b, loc, TypeRange{}, rows, cases,
                                               cases.size());
    for (auto [index, region] : llvm::enumerate(versions->getRegions())) {
      OpBuilder::InsertionGuard guard(b);
      b.createBlock(&region);
      // The default region comes first and takes the full count.
      tile.rows = index == 0 ? plan.rows : cases[index - 1];
      emitColumns(tile);
      scf::YieldOp::create(b, loc);
    }
    rowBlock = rowBlocks = Value();
  });
}

/// The rows of a block as views, in which their numbers are constants: so one
/// register and constants address them where the stride is a constant.
void LoopEmitter::viewRows(const Tile &tile) {
  rowViews.clear();
  if (!plan.rowDim || tile.rows == 1)
    return;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    AffineMap map = op.getMatchingIndexingMap(&operand);
    if (!type || !map.isFunctionOfDim(*plan.rowDim) ||
        !map.isProjectedPermutation())
      continue;
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    SmallVector<OpFoldResult> offsets, lengths;
    for (AffineExpr expr : map.getResults()) {
      unsigned dim = cast<AffineDimExpr>(expr).getPosition();
      bool isRow = dim == plan.rowDim;
      offsets.push_back(isRow ? getAsOpFoldResult(point[dim]) : zero);
      lengths.push_back(isRow ? b.getIndexAttr(tile.rows)
                              : getAsOpFoldResult(sizes[dim]));
    }
    SmallVector<OpFoldResult> strides(offsets.size(), one);
    rowViews[operand.getOperandNumber()] = memref::SubViewOp::create(
        b, loc, operand.get(), offsets, lengths, strides);
  }
}

void LoopEmitter::emitColumns(Tile tile) {
  viewRows(tile);
  if (!plan.columnDim)
    return plan.lanesReduce ? emitReducingTile(tile) : emitTile(tile);
  unsigned dim = *plan.columnDim;
  tile.columns = plan.columns;
  if (std::optional<int64_t> size = staticSize(dim))
    tile.columns = std::clamp<int64_t>(*size, 1, tile.columns);
  loop(constant(0), sizes[dim], constant(tile.columns), dim, [&] {
    Value last = arith::SubIOp::create(b, loc, sizes[dim], constant(1));
    columnIndices.assign({point[dim]});
    for (int64_t i = 1; i < tile.columns; ++i) {
      Value next = arith::AddIOp::create(b, loc, point[dim], constant(i));
      columnIndices.push_back(arith::MinUIOp::create(b, loc, next, last));
    }
    emitReducingTile(tile);
  });
}

void LoopEmitter::emit() {
  b.setInsertionPoint(surroundings.getLast(op));
  SmallVector<unsigned> outer;
  for (auto [dim, type] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (dim == plan.lanesDim)
      continue;
    if (type == utils::IteratorType::reduction)
      reductions.push_back(dim);
    else if (plan.rowDim != dim && plan.columnDim != dim)
      outer.push_back(dim);
  }
  for (Range &range : op.createLoopRanges(b, loc))
    sizes.push_back(getValueOrCreateConstantIndexOp(b, loc, range.size));
  emitOuter(outer);
  for (linalg::LinalgOp epilogue : llvm::reverse(surroundings.epilogue))
    b.eraseOp(epilogue);
  b.eraseOp(op);
  if (surroundings.fill)
    b.eraseOp(surroundings.fill);
}

void mlir::dyn::emitLoops(RewriterBase &rewriter, linalg::LinalgOp op,
                          const LoopPlan &plan,
                          const Accumulation &surroundings) {
  LoopEmitter(rewriter, op, plan, surroundings).emit();
}
