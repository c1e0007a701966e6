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
    return emitByLength();
  emitLanesOrStreams();
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

/// Few rows in wide blocks, if the plan has some; else narrow ones.
void LoopEmitter::emitLanes() {
  std::optional<int64_t> rows = plan.rowDim ? staticSize(*plan.rowDim) : 1;
  int64_t few = plan.wide.size();
  if (few == 0 || (rows && (*rows == 0 || *rows > few)))
    return emitStrips(plan.vectors);
  auto emitWide = [&](int64_t rows) {
    allRows = rows;
    emitStrips(plan.wide[rows - 1]);
    allRows = std::nullopt;
  };
  if (rows)
    return emitWide(*rows);
  auto cases = llvm::to_vector(llvm::seq<int64_t>(1, few + 1));
  auto versions = scf::IndexSwitchOp::create(
      b, loc, TypeRange{}, sizes[*plan.rowDim], cases, cases.size());
  for (auto [index, region] : llvm::enumerate(versions->getRegions())) {
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&region);
    // The default region comes first.
    if (index == 0)
      emitStrips(plan.vectors);
    else
      emitWide(cases[index - 1]);
    scf::YieldOp::create(b, loc);
  }
}

/// Full blocks of `vectors` first, then narrower ones for what is left of the
/// dimension, at last one of those that `plan` asks for with a mask.
void LoopEmitter::emitStrips(int64_t vectors) {
  unsigned dim = plan.lanesDim;
  std::optional<int64_t> size = staticSize(dim);
  Value from = constant(0);
  for (; vectors > plan.vectors; vectors /= 2) {
    int64_t step = vectors * plan.lanes;
    if (size && *size < step)
      continue;
    Tile tile;
    tile.vectors = vectors;
    tile.lanes = plan.lanes;
    Value end = floorTo(sizes[dim], step);
    loop(from, end, constant(step), dim, [&] { emitReductionBlocks(tile); });
    if (size && *size % step == 0)
      return;
    from = end;
  }
  if (size)
    vectors =
        std::clamp<int64_t>(llvm::divideCeil(*size, plan.lanes), 1, vectors);
  int64_t step = vectors * plan.lanes;
  Tile full;
  full.vectors = vectors;
  full.lanes = plan.lanes;
  Value end = floorTo(sizes[dim], step);
  if (!size || *size >= step)
    loop(from, end, constant(step), dim, [&] { emitReductionBlocks(full); });
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
  if (plan.transposed)
    return emitTransposedStrip(tile);
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
  if (!plan.turned.empty()) {
    // Whole blocks, then one by one what is no block, or has no vectors.
    Value end = constant(0);
    if (tile.lanes == plan.rows) {
      end = floorTo(sizes[dim], plan.rows);
      tile.rows = plan.rows;
      loop(constant(0), end, constant(tile.rows), dim, [&] { emitTile(tile); });
      tile.rows = 1;
    }
    if (std::optional<int64_t> size = staticSize(dim);
        !size || *size % plan.rows != 0 || tile.lanes == 1)
      loop(end, sizes[dim], constant(1), dim, [&] { emitTile(tile); });
    return;
  }
  if (allRows) {
    tile.rows = *allRows;
    Value outside = std::exchange(point[dim], constant(0));
    emitColumns(tile);
    point[dim] = outside;
    return;
  }
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
  // Some of `shorter` rows, before them `longer` of one more. One block, as
  // most calls have, needs no division.
  Value areSeveral = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ugt,
                                           sizes[dim], constant(plan.rows));
  Type index = b.getIndexType();
  auto division = scf::IfOp::create(b, loc, TypeRange{index, index, index},
                                    areSeveral, true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(division.thenBlock());
    Value blocks =
        arith::CeilDivUIOp::create(b, loc, sizes[dim], constant(plan.rows));
    Value shorter = arith::DivUIOp::create(b, loc, sizes[dim], blocks);
    Value longer = arith::RemUIOp::create(b, loc, sizes[dim], blocks);
    scf::YieldOp::create(b, loc, ValueRange{blocks, shorter, longer});
    b.setInsertionPointToEnd(division.elseBlock());
    Value atMostOne = arith::MinUIOp::create(b, loc, sizes[dim], constant(1));
    scf::YieldOp::create(b, loc,
                         ValueRange{atMostOne, sizes[dim], constant(0)});
  }
  Value blocks = division.getResult(0), shorter = division.getResult(1),
        longer = division.getResult(2);
  loop(constant(0), blocks, constant(1), dim, [&] {
    rowBlocks = blocks;
    rowBlock = point[dim];
    Value isLonger = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                           rowBlock, longer);
    Value one =
        arith::IndexCastUIOp::create(b, loc, b.getIndexType(), isLonger);
    Value rows = arith::AddIOp::create(b, loc, shorter, one);
    Value before = arith::MinUIOp::create(b, loc, rowBlock, longer);
    point[dim] = arith::AddIOp::create(
        b, loc, arith::MulIOp::create(b, loc, rowBlock, shorter), before);
    // Of more rows than one block takes, each takes half of that or more.
    int64_t few = plan.wide.size();
    int64_t fewest = few < (plan.rows + 1) / 2 ? few + 1 : 1;
    auto cases = llvm::to_vector(llvm::seq<int64_t>(fewest, plan.rows));
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

/// The rows of a block, and of a reduction the lanes, as views, in which their
/// numbers are constants: so one register and constants address them where the
/// stride is a constant.
void LoopEmitter::viewTile(const Tile &tile) {
  views.clear();
  bool viewsRows = plan.rowDim && tile.rows > 1;
  bool viewsLanes = !plan.lanesReduce && !reductions.empty() &&
                    tile.lanes > 1 && tile.masks.empty();
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    AffineMap map = op.getMatchingIndexingMap(&operand);
    bool hasRows = viewsRows && map.isFunctionOfDim(*plan.rowDim);
    bool hasLanes = viewsLanes && map.isFunctionOfDim(plan.lanesDim);
    if (!type || !(hasRows || hasLanes) || !map.isProjectedPermutation())
      continue;
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    SmallVector<OpFoldResult> offsets, lengths;
    for (AffineExpr expr : map.getResults()) {
      unsigned dim = cast<AffineDimExpr>(expr).getPosition();
      bool isRow = hasRows && dim == *plan.rowDim;
      bool isLane = hasLanes && dim == plan.lanesDim;
      offsets.push_back(isRow || isLane ? getAsOpFoldResult(point[dim]) : zero);
      lengths.push_back(isRow    ? b.getIndexAttr(tile.rows)
                        : isLane ? b.getIndexAttr(tile.vectors * tile.lanes)
                                 : getAsOpFoldResult(sizes[dim]));
    }
    SmallVector<OpFoldResult> strides(offsets.size(), one);
    Value view = memref::SubViewOp::create(b, loc, operand.get(), offsets,
                                           lengths, strides);
    views[operand.getOperandNumber()] = {view, hasRows, hasLanes};
  }
}

void LoopEmitter::emitColumns(Tile tile) {
  viewTile(tile);
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
  if (surroundings.prologue)
    b.eraseOp(surroundings.prologue);
}

void mlir::dyn::emitLoops(RewriterBase &rewriter, linalg::LinalgOp op,
                          const LoopPlan &plan,
                          const Accumulation &surroundings) {
  LoopEmitter(rewriter, op, plan, surroundings).emit();
}
