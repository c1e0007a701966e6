//===- LoopEmitter.h - One linalg op on buffers as loops over vectors -----===//
//
// Upstream's route to the same code (tile, peel, mask, vectorize, hoist the
// accumulators, lower contractions) was measured and left: with a mask the
// accumulators of a contraction travel through memory at every step, unit
// dimensions keep contractions from being recognized, and each row count
// carries hundreds of operations through bufferization. Here the loops are
// written once, with the accumulators in registers and every mask made outside
// the reduction.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_TILE_LOOPEMITTER_H
#define DYN_TRANSFORMS_TILE_LOOPEMITTER_H

#include "../Panels.h"
#include "LoopPlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::dyn {

/// The block of iterations that one piece of straight-line code computes.
struct Tile {
  int64_t rows = 1, columns = 1, vectors = 1, lanes = 1;
  /// One mask a vector, or none at all.
  SmallVector<Value> masks;
};

/// A position inside a tile.
struct Cell {
  int64_t row, column, vector;
};

class LoopEmitter {
public:
  LoopEmitter(RewriterBase &rewriter, linalg::LinalgOp op, const LoopPlan &plan,
              const Accumulation &surroundings = {})
      : b(rewriter), loc(op.getLoc()), op(op), plan(plan),
        surroundings(surroundings), point(op.getNumLoops()) {}
  void emit();

private:
  using Bodies = function_ref<SmallVector<Value>(ValueRange)>;

  // Loops.
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  void loop(Value from, Value to, Value step, unsigned dim,
            function_ref<void()> body);
  SmallVector<Value> accumulate(Value from, Value to, Value step, unsigned dim,
                                ValueRange values, Bodies body);
  SmallVector<Value> reduceOver(ArrayRef<unsigned> dims, ValueRange values,
                                Bodies body);
  void emitOuter(ArrayRef<unsigned> dims);
  void emitLanes();
  void emitStrips(int64_t vectors);
  void emitLanesOrStreams();
  Value isLarge(Value buffer, int64_t stream);
  Value isStreamed(Value buffer, int64_t stream);
  SmallVector<Value> emitVersions(TypeRange types, SmallVector<RowAhead> &rows,
                                  function_ref<SmallVector<Value>()> body);
  void emitFence(Value buffer, int64_t stream);
  void emitReductionBlocks(Tile tile);
  void emitByLength();
  void emitTransposed();
  void emitTransposedStrip(const Tile &tile);
  void emitTransposedBlock(const Tile &tile, Value mask);
  SmallVector<Value> readTransposed(OpOperand &operand, const Tile &tile,
                                    int64_t vector, Value mask);
  void emitRows(Tile tile);
  void emitColumns(Tile tile);
  void emitTile(const Tile &tile);
  void emitReducingTile(const Tile &tile);
  SmallVector<Value> computeCells(ValueRange outs, const Tile &tile);
  SmallVector<Value> readInits(const Tile &tile);
  SmallVector<Value> readStart(const Tile &tile);
  void writeOuts(ValueRange values, const Tile &tile);
  void writeFinished(ValueRange values, const Tile &tile);
  LoopEmitter makeInnerEmitter(linalg::LinalgOp other, OpOperand &operand);
  void computePrologue(const Tile &tile);
  void prefetchEpilogues(const Tile &tile);
  SmallVector<Value> finish(linalg::LinalgOp epilogue, ValueRange sums,
                            const Tile &tile);
  /// An scf.if; `then` gives its results.
  SmallVector<Value> branch(Value condition, TypeRange types,
                            function_ref<SmallVector<Value>()> then,
                            function_ref<SmallVector<Value>()> otherwise);
  SmallVector<Value> emitReducingLanes(Tile tile, ValueRange accumulators);
  SmallVector<Value> makeMasks(int64_t vectors);
  Value floorTo(Value size, int64_t step);
  std::optional<int64_t> staticSize(unsigned dim) {
    int64_t size = op.getStaticLoopRanges()[dim];
    return ShapedType::isDynamic(size) ? std::nullopt : std::optional(size);
  }

  // Operands and the payload.
  Value bytesOf(Value buffer);
  Value asVector(Value value, const Tile &tile);
  SmallVector<Value> indices(OpOperand &operand, const Tile &tile, Cell cell,
                             int64_t lane = 0);
  SmallVector<Value> panelIndices(const PanelAccess &access, const Tile &tile,
                                  Cell cell);
  SmallVector<Value> reducePanels(const Tile &tile, ValueRange values,
                                  Bodies body);
  void viewTile(const Tile &tile);
  Value bufferOf(OpOperand &operand) {
    Value view = views.lookup(operand.getOperandNumber()).buffer;
    return view ? view : operand.get();
  }
  Value loadVector(Value buffer, ValueRange where, Type element,
                   const Tile &tile, Cell cell);
  Value loadSteps(OpOperand &operand, const Tile &tile, Cell cell);
  Value &findRead(OpOperand &operand, const Tile &tile, Cell cell);
  Value read(OpOperand &operand, const Tile &tile, Cell cell);
  void readTurned(OpOperand &operand, const Tile &tile);
  SmallVector<std::tuple<OpOperand *, Cell, Value>>
  readLines(const Tile &tile, unsigned dim, int64_t steps, Value mask = {});
  void write(OpOperand &operand, Value value, const Tile &tile, Cell cell);
  void storeVector(Value value, Value buffer, ValueRange where);
  Value laneIndex(const Tile &tile, Cell cell);
  Value loadAtComputedIndex(memref::LoadOp load, const IRMapping &values,
                            const Tile &tile, Cell cell);
  bool isSameForAllLanes(Value value);
  void prefetchRowsAhead(const Tile &tile, Cell cell);
  void prefetchSteps(const Tile &tile);
  Value payloadIndex(linalg::IndexOp index, const Tile &tile, Cell cell);
  Value multiplyAdd(arith::AddFOp add, arith::MulFOp product,
                    const IRMapping &values, const Tile &tile);
  Value multiplyByInverse(arith::DivFOp division, const IRMapping &values,
                          const Tile &tile);
  void cloneInLanes(Operation &inner, IRMapping &values, const Tile &tile);
  SmallVector<Value> payload(ValueRange outs, const Tile &tile, Cell cell);
  bool hasLinesOfColumns(const Tile &tile);
  SmallVector<Value> combineLanes(Operation *combiner, ArrayRef<Value> vectors,
                                  int64_t width);
  Value combine(Operation *combiner, Value lhs, Value rhs);

  template <typename Fn> void forEachCell(const Tile &tile, Fn fn) {
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t column = 0; column < tile.columns; ++column)
        for (int64_t vector = 0; vector < tile.vectors; ++vector)
          fn(Cell{row, column, vector});
  }

  RewriterBase &b;
  Location loc;
  linalg::LinalgOp op;
  LoopPlan plan;
  Accumulation surroundings;
  SmallVector<Value> sizes;
  /// Where the loops stand, a value per loop dimension.
  SmallVector<Value> point;
  /// The columns of the current tile, clamped to the last one.
  SmallVector<Value> columnIndices;
  SmallVector<unsigned> reductions;
  /// Whether vectors are aligned and written past the caches.
  bool streams = false;
  /// The part of the first reduction that is being computed.
  Value reduceFrom, reduceTo;
  /// Of columns that are transposed: the rows that pass by, and their sums
  /// between blocks, a strip of columns wide.
  Value firstRow, endRow, restingSums;
  /// The number of all rows, where code is made for it.
  std::optional<int64_t> allRows;
  /// The number of the current block of rows and of all of them; null if there
  /// is but one.
  Value rowBlock, rowBlocks;
  /// What was read in the current region: (operand, row, column, vector).
  DenseMap<std::tuple<unsigned, int64_t, int64_t, int64_t>, Value> cache;
  DenseMap<Value, Value> byteBuffers;
  /// What the current block reads and writes of operands, which begins with
  /// its first row and lane.
  struct View {
    Value buffer;
    bool hasRows = false, hasLanes = false;
  };
  DenseMap<unsigned, View> views;
};

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_LOOPEMITTER_H
