//===- EmitTransposed.cpp - Short sums over columns that are far apart ----===//
//
// Where the columns of an operand are far apart (A * B^T), lanes run along the
// reduction. If that is short, combining the lanes takes as long as the sums
// themselves, and columns go into the lanes: a block of some steps of a strip
// of them is transposed in registers and stays there while all rows pass by,
// whose sums rest in the output between blocks. One row at a time is enough:
// it waits for its own sums, but not for those of the row before. Which form it
// is depends on the length of the reduction alone, so that a row has the same
// bits whatever the number of rows.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Transforms/LoweringConfig.h"
#include "LoopEmitter.h"
#include "Transposition.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

/// A reduction in the lanes, or columns if it is short.
void LoopEmitter::emitByLength() {
  if (!plan.transposed)
    return emitRows({});
  unsigned dim = plan.lanesDim;
  int64_t most = plan.transposed->mostSteps;
  if (std::optional<int64_t> length = staticSize(dim))
    return *length <= most ? emitTransposed() : emitRows({});
  Value isShort = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule,
                                        sizes[dim], constant(most));
  isShort.getDefiningOp()->setAttr(kTileSizesAttr,
                                   b.getDenseI64ArrayAttr({most}));
  branch(
      isShort, TypeRange(),
      [&] {
        emitTransposed();
        return SmallVector<Value>();
      },
      [&] {
        emitRows({});
        return SmallVector<Value>();
      });
}

void LoopEmitter::emitTransposed() {
  LoopPlan reducing = plan;
  reductions = {plan.lanesDim};
  plan.lanesReduce = false;
  plan.lanesDim = *std::exchange(plan.columnDim, std::nullopt);
  plan.vectors = plan.transposed->vectors;
  plan.turned = {plan.transposed->operand};
  emitStrips(plan.vectors);
  plan = reducing;
  reductions.clear();
}

/// All rows of a strip, block after block of the reduction.
void LoopEmitter::emitTransposedStrip(const Tile &tile) {
  unsigned dim = reductions.front();
  int64_t steps = plan.transposed->steps;
  std::optional<int64_t> size = staticSize(dim);
  Value end = floorTo(sizes[dim], steps);
  if (!size || *size >= steps)
    loop(constant(0), end, constant(steps), dim, [&] {
      reduceFrom = point[dim];
      reduceTo = arith::AddIOp::create(b, loc, reduceFrom, constant(steps));
      emitTransposedBlock(tile, Value());
    });
  // The last steps; a sum of nothing starts and ends here, too.
  if (!size || *size % steps || *size == 0) {
    Value last = arith::MaxUIOp::create(b, loc, sizes[dim], constant(1));
    loop(end, last, constant(steps), dim, [&] {
      reduceFrom = point[dim];
      reduceTo = sizes[dim];
      Value left = arith::SubIOp::create(b, loc, reduceTo, reduceFrom);
      auto type = VectorType::get({steps}, b.getI1Type());
      emitTransposedBlock(tile,
                          vector::CreateMaskOp::create(b, loc, type, left));
    });
  }
  reduceFrom = reduceTo = Value();
}

/// All rows of a block; `mask` has the steps there are, null for all. Others
/// add the product of two zeros.
void LoopEmitter::emitTransposedBlock(const Tile &tile, Value mask) {
  OpOperand &operand = op->getOpOperand(plan.turned.front());
  int64_t steps = plan.transposed->steps;
  SmallVector<SmallVector<Value>> block;
  for (int64_t vector = 0; vector < tile.vectors; ++vector)
    block.push_back(readTransposed(operand, tile, vector, mask));
  unsigned dim = reductions.front();
  loop(constant(0), sizes[*plan.rowDim], constant(1), *plan.rowDim, [&] {
    SmallVector<Value> sums = readStart(tile);
    Value first = point[dim];
    auto lines = readLines(tile, dim, steps, mask);
    for (int64_t step = 0; step < steps; ++step) {
      cache.clear();
      for (auto [in, cell, line] : lines)
        findRead(*in, tile, cell) =
            vector::ExtractOp::create(b, loc, line, step);
      for (auto [vector, columns] : llvm::enumerate(block))
        findRead(operand, tile, {0, 0, int64_t(vector)}) = columns[step];
      if (step)
        point[dim] = arith::AddIOp::create(b, loc, first, constant(step));
      sums = computeCells(sums, tile);
    }
    point[dim] = first;
    cache.clear();
    writeFinished(sums, tile);
  });
}

/// A vector of columns for each step of a block.
SmallVector<Value> LoopEmitter::readTransposed(OpOperand &operand,
                                               const Tile &tile, int64_t vector,
                                               Value mask) {
  auto type = VectorType::get({plan.transposed->steps},
                              getElementTypeOrSelf(operand.get()));
  Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Value first = point[plan.lanesDim], last;
  if (!tile.masks.empty())
    last = arith::SubIOp::create(b, loc, sizes[plan.lanesDim], constant(1));
  Tile start = tile;
  start.masks.clear();
  SmallVector<Value> columns;
  for (int64_t lane = 0; lane < tile.lanes; ++lane) {
    int64_t column = vector * tile.lanes + lane;
    if (column && last) {
      // What a masked lane holds is dropped, but must be in the buffer.
      Value index = arith::AddIOp::create(b, loc, first, constant(column));
      point[plan.lanesDim] = arith::MinUIOp::create(b, loc, index, last);
    }
    SmallVector<Value> where =
        indices(operand, start, {0, 0, 0}, last ? 0 : column);
    columns.push_back(
        mask ? vector::MaskedLoadOp::create(b, loc, type, operand.get(), where,
                                            mask, zeros)
                   .getResult()
             : vector::LoadOp::create(b, loc, type, operand.get(), where)
                   .getResult());
  }
  point[plan.lanesDim] = first;
  transposeInRegisters(b, loc, columns);
  return columns;
}
