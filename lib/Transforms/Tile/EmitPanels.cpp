//===- EmitPanels.cpp - Reading and prefetching panels of columns ---------===//

#include "LoopEmitter.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

/// Where the vector of `cell` starts. Tiles that are a whole number of panels
/// start with one, so that places in it are constants.
SmallVector<Value> LoopEmitter::panelIndices(const PanelAccess &access,
                                             const Tile &tile, Cell cell) {
  auto panels = cast<MemRefType>(findPanels(op)->get().getType());
  int64_t offset = cell.vector * tile.lanes, step = plan.vectors * tile.lanes;
  int64_t period = kPanelStreams * access.width;
  AffineExpr column = b.getAffineSymbolExpr(0);
  auto apply = [&](AffineExpr expr, Value value) {
    return getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedAffineApply(b, loc, expr,
                                              {getAsOpFoldResult(value)}));
  };
  Value start = point[access.column];
  Value lane = step % access.width == 0
                   ? constant(offset % access.width)
                   : apply((column + offset) % access.width, start);
  auto place = [&](Value stream, Value pair) {
    SmallVector<Value> indices{stream, pair};
    for (unsigned row : access.rows)
      indices.push_back(point[row]);
    indices.push_back(lane);
    return indices;
  };
  // A tile of a single panel.
  if (panels.getDimSize(0) == 1)
    return place(constant(0), constant(0));
  bool isAligned = step % period == 0;
  Value stream =
      isAligned
          ? constant(offset / access.width % kPanelStreams)
          : apply((column + offset).floorDiv(access.width) % kPanelStreams,
                  start);
  Value pair = isAligned
                   ? apply(column.floorDiv(period) + offset / period, start)
                   : apply((column + offset).floorDiv(period), start);
  if (!tile.masks.empty() && offset >= (isAligned ? period : 1)) {
    // A vector whose lanes are all masked may stand behind the last panel.
    Value last = apply((column - 1).floorDiv(period), sizes[access.column]);
    pair = arith::MinUIOp::create(b, loc, pair, last);
  }
  return place(stream, pair);
}

/// Bytes of a panel for each row of a block, beyond which it looks ahead. From
/// memory, 9 to 13 rows: 5% over 4096 bytes for any number of them.
static constexpr int64_t kAheadPerRow = 640;

/// Asks for what is done to the sums in the end and is the same for all rows (a
/// bias): little, but from memory, and nobody else asks for it in time.
void LoopEmitter::prefetchEpilogues(const Tile &tile) {
  for (linalg::LinalgOp epilogue : surroundings.epilogue) {
    LoopEmitter inner = makeInnerEmitter(epilogue, *op.getDpsInitOperand(0));
    for (OpOperand *in : epilogue.getDpsInputOperands()) {
      auto type = dyn_cast<MemRefType>(in->get().getType());
      AffineMap map = epilogue.getMatchingIndexingMap(in);
      if (!type || !map.isFunctionOfDim(inner.plan.lanesDim) ||
          (inner.plan.rowDim && map.isFunctionOfDim(*inner.plan.rowDim)))
        continue;
      for (int64_t vector = 0; vector < tile.vectors; ++vector)
        memref::PrefetchOp::create(
            b, loc, in->get(), inner.indices(*in, tile, {0, 0, vector}),
            /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
    }
  }
}

/// Sums over the rows of panels, and asks for what is read later, a line a
/// panel and step. What follows a panel in memory is what its stream goes on
/// with, so that a prefetch just moves on.
///
/// A single block of rows asks for what it reads `prefetchDistance` bytes
/// later, the further the more rows work on a line: from memory few rows are
/// as fast without, from the third level of the cache 6 to 20% slower.
/// Prefetches come behind the step's own loads, which would wait for them (from
/// memory, 8 and 14 rows: 2%). Several blocks share what comes behind this part
/// of the reduction evenly: else the first of them would wait for memory, and
/// memory for the others. A turn of several steps asks for the lines next to
/// each other: one address for all of them, and where blocks share, some lines
/// a little early.
SmallVector<Value> LoopEmitter::reducePanels(const Tile &tile,
                                             ValueRange values, Bodies body) {
  OpOperand *operand = findPanels(op);
  PanelAccess access = *matchPanels(op, *operand);
  auto type = cast<MemRefType>(operand->get().getType());
  Value from = reduceFrom ? reduceFrom : constant(0);
  Value to = reduceTo ? reduceTo : sizes[reductions.front()];
  // A step of the first reduction is so many elements of a panel.
  Value stride = constant(access.width);
  for (unsigned dim : ArrayRef(reductions).drop_front())
    stride = arith::MulIOp::create(b, loc, stride, sizes[dim]);
  auto mul = [&](Value lhs, Value rhs) -> Value {
    return arith::MulIOp::create(b, loc, lhs, rhs);
  };

  prefetchEpilogues(tile);

  // Places in elements behind the first row of a panel.
  int64_t elementBytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  int64_t distance = 0;
  if (tile.rows >= plan.prefetchRows)
    distance = std::max(plan.prefetchDistance, tile.rows * kAheadPerRow) /
               elementBytes;
  Value place =
      arith::AddIOp::create(b, loc, mul(from, stride), constant(distance));
  Value step = constant(access.width);
  if (rowBlocks) {
    // A branch, not a selection: most calls have one block, and small ones
    // would notice the divisions.
    Value isOnly = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                         rowBlocks, constant(1));
    auto choice = scf::IfOp::create(
        b, loc, TypeRange{b.getIndexType(), b.getIndexType()}, isOnly, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(choice.thenBlock());
    scf::YieldOp::create(b, loc, ValueRange{place, step});
    b.setInsertionPointToEnd(choice.elseBlock());
    Value length = mul(arith::SubIOp::create(b, loc, to, from), stride);
    Value share =
        arith::DivUIOp::create(b, loc, mul(length, rowBlock), rowBlocks);
    Value shared = arith::AddIOp::create(b, loc, mul(to, stride), share);
    Value shorter = arith::CeilDivUIOp::create(b, loc, step, rowBlocks);
    scf::YieldOp::create(b, loc, ValueRange{shared, shorter});
    place = choice.getResult(0);
    step = choice.getResult(1);
  }
  // Values behind one step more; asks for what lies at `place`.
  auto takeStep = [&](ValueRange values, Value place) {
    SmallVector<Value> after = body(values);
    for (int64_t at = 0; at < tile.vectors * tile.lanes; at += access.width) {
      SmallVector<Value> where =
          panelIndices(access, tile, {0, 0, at / tile.lanes});
      for (Value &row : MutableArrayRef(where).drop_front(2).drop_back())
        row = constant(0);
      where.back() = place;
      memref::PrefetchOp::create(b, loc, operand->get(), where,
                                 /*isWrite=*/false, /*localityHint=*/3,
                                 /*isDataCache=*/true);
    }
    return after;
  };
  auto advance = [&](ValueRange before) {
    Value place = before.back();
    SmallVector<Value> after = takeStep(before.drop_back(), place);
    after.push_back(arith::AddIOp::create(b, loc, place, step));
    return after;
  };
  SmallVector<Value> current(values);
  current.push_back(place);
  unsigned dim = reductions.back();
  auto advanceSteps = [&](ValueRange inner) {
    SmallVector<Value> values(inner.drop_back());
    Value first = point[dim], place = inner.back();
    auto lines = readLines(tile, dim, plan.unrolledSteps);
    for (int64_t i = 0; i < plan.unrolledSteps; ++i) {
      cache.clear();
      for (auto [operand, cell, line] : lines)
        findRead(*operand, tile, cell) =
            vector::ExtractOp::create(b, loc, line, i);
      if (i)
        point[dim] = arith::AddIOp::create(b, loc, first, constant(i));
      Value ahead =
          i ? arith::AddIOp::create(b, loc, place, constant(i * access.width))
                  .getResult()
            : place;
      values = takeStep(values, ahead);
    }
    point[dim] = first;
    values.push_back(arith::AddIOp::create(
        b, loc, place, mul(constant(plan.unrolledSteps), step)));
    return values;
  };
  auto reduceLast = [&](Value from, Value to, ValueRange values) {
    Value unrolledEnd = to;
    if (plan.unrolledSteps > 1) {
      Value length = arith::SubIOp::create(b, loc, to, from);
      unrolledEnd = arith::AddIOp::create(b, loc, from,
                                          floorTo(length, plan.unrolledSteps));
    }
    SmallVector<Value> results =
        accumulate(from, unrolledEnd, constant(plan.unrolledSteps), dim, values,
                   advanceSteps);
    if (unrolledEnd != to)
      results = accumulate(unrolledEnd, to, constant(1), dim, results, advance);
    return results;
  };
  std::function<SmallVector<Value>(ArrayRef<unsigned>, Value, Value,
                                   ValueRange)>
      reduce = [&](ArrayRef<unsigned> dims, Value from, Value to,
                   ValueRange values) {
        if (dims.size() == 1)
          return reduceLast(from, to, values);
        return accumulate(from, to, constant(1), dims.front(), values,
                          [&](ValueRange inner) {
                            return reduce(dims.drop_front(), constant(0),
                                          sizes[dims[1]], inner);
                          });
      };
  current = reduce(reductions, from, to, current);
  current.pop_back();
  return current;
}
