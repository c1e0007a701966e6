//===- EmitTransposed.cpp - Short sums over columns that are far apart ----===//
//
// Where the columns of an operand are far apart (A * B^T), lanes run along the
// reduction. If that is short, combining the lanes takes as long as the sums
// themselves, and columns go into the lanes: a block of some steps of a strip
// of them is transposed in registers and stays there while all rows pass by.
// Between blocks their sums rest side by side in the first cache, which could
// not keep rows of the result that are a power of two apart. One row at a time
// is enough: it waits for its own sums, but not for those of the row before.
// Which form it is depends on the length of the reduction alone, so that a row
// has the same bits whatever the number of rows.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Transforms/LoweringConfig.h"
#include "LoopEmitter.h"
#include "Transposition.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::dyn;

/// Of memory that vectors are read from: a cache line.
static constexpr int64_t kScratchAlignment = 64;

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

/// Some rows at a time, as many as there is memory for the sums of.
void LoopEmitter::emitTransposed() {
  LoopPlan reducing = plan;
  reductions = {plan.lanesDim};
  plan.lanesReduce = false;
  plan.lanesDim = *std::exchange(plan.columnDim, std::nullopt);
  plan.vectors = plan.transposed->vectors;
  plan.turned = {plan.transposed->operand};
  unsigned rows = *plan.rowDim;
  int64_t most = TransposedColumns::kRows;
  {
    // Memory of the function's own: the loops around run many times.
    OpBuilder::InsertionGuard guard(b);
    auto function = op->getParentOfType<FunctionOpInterface>();
    b.setInsertionPointToStart(&function.getFunctionBody().front());
    Type element = getElementTypeOrSelf(op.getDpsInits().front());
    restingSums = memref::AllocaOp::create(
        b, loc, MemRefType::get({most, plan.vectors * plan.lanes}, element),
        b.getI64IntegerAttr(kScratchAlignment));
  }
  loop(constant(0), sizes[rows], constant(most), rows, [&] {
    firstRow = point[rows];
    endRow = arith::MinUIOp::create(
        b, loc, arith::AddIOp::create(b, loc, firstRow, constant(most)),
        sizes[rows]);
    emitStrips(plan.vectors);
  });
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
    loop(constant(0), end, constant(steps), dim,
         [&] { emitTransposedBlock(tile, Value()); });
  // The last steps; a sum of nothing starts and ends here, too.
  if (!size || *size % steps || *size == 0) {
    Value last = arith::MaxUIOp::create(b, loc, sizes[dim], constant(1));
    loop(end, last, constant(steps), dim, [&] {
      Value left = arith::SubIOp::create(b, loc, sizes[dim], point[dim]);
      auto type = VectorType::get({steps}, b.getI1Type());
      emitTransposedBlock(tile,
                          vector::CreateMaskOp::create(b, loc, type, left));
    });
  }
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
  Value first = point[dim];
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, first,
                                        constant(0));
  Value behind = arith::AddIOp::create(b, loc, first, constant(steps));
  Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge,
                                       behind, sizes[dim]);
  auto type = VectorType::get({tile.lanes},
                              getElementTypeOrSelf(op.getDpsInits().front()));
  SmallVector<Type> types(tile.vectors, type);
  loop(firstRow, endRow, constant(1), *plan.rowDim, [&] {
    Value row = arith::SubIOp::create(b, loc, point[*plan.rowDim], firstRow);
    auto resting = [&](int64_t vector) {
      return SmallVector<Value>{row, constant(vector * tile.lanes)};
    };
    auto wake = [&] {
      SmallVector<Value> sums;
      for (int64_t vector = 0; vector < tile.vectors; ++vector)
        sums.push_back(
            vector::LoadOp::create(b, loc, type, restingSums, resting(vector)));
      return sums;
    };
    SmallVector<Value> sums =
        branch(isFirst, types, [&] { return readStart(tile); }, wake);
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
    auto finish = [&] {
      writeFinished(sums, tile);
      return SmallVector<Value>();
    };
    auto rest = [&] {
      for (auto [vector, sum] : llvm::enumerate(sums))
        vector::StoreOp::create(b, loc, sum, restingSums, resting(vector));
      return SmallVector<Value>();
    };
    branch(isLast, TypeRange(), finish, rest);
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
