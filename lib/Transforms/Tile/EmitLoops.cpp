//===- EmitLoops.cpp - One linalg op on buffers as loops over vectors -----===//
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

#include "LoopPlan.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::dyn;

namespace {

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
  LoopEmitter(RewriterBase &rewriter, linalg::LinalgOp op, const LoopPlan &plan)
      : b(rewriter), loc(op.getLoc()), op(op), plan(plan),
        point(op.getNumLoops()) {}
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
  void emitRows(Tile tile);
  void emitColumns(Tile tile);
  void emitTile(const Tile &tile);
  void emitReducingTile(const Tile &tile);
  SmallVector<Value> emitReducingLanes(Tile tile, ValueRange accumulators);
  SmallVector<Value> makeMasks(int64_t vectors);
  std::optional<int64_t> staticSize(unsigned dim) {
    int64_t size = op.getStaticLoopRanges()[dim];
    return ShapedType::isDynamic(size) ? std::nullopt : std::optional(size);
  }

  // Operands and the payload.
  Value bytesOf(Value buffer);
  Value asVector(Value value, const Tile &tile);
  SmallVector<Value> indices(OpOperand &operand, const Tile &tile, Cell cell,
                             int64_t lane = 0);
  Value loadVector(Value buffer, ValueRange where, Type element,
                   const Tile &tile, Cell cell);
  Value read(OpOperand &operand, const Tile &tile, Cell cell);
  void write(OpOperand &operand, Value value, const Tile &tile, Cell cell);
  Value laneIndex(const Tile &tile, Cell cell);
  Value loadAtComputedIndex(memref::LoadOp load, const IRMapping &values,
                            const Tile &tile, Cell cell);
  SmallVector<Value> payload(ValueRange outs, const Tile &tile, Cell cell);
  SmallVector<Value> combineLanes(Operation *combiner, ArrayRef<Value> vectors);
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
  const LoopPlan &plan;
  SmallVector<Value> sizes;
  /// Where the loops stand, a value per loop dimension.
  SmallVector<Value> point;
  /// The columns of the current tile, clamped to the last one.
  SmallVector<Value> columnIndices;
  SmallVector<unsigned> reductions;
  /// What was read in the current region: (operand, row, column, vector).
  DenseMap<std::tuple<unsigned, int64_t, int64_t, int64_t>, Value> cache;
  DenseMap<Value, Value> byteBuffers;
};

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

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
  return accumulate(constant(0), sizes[dims.front()], constant(1), dims.front(),
                    values, [&](ValueRange inner) {
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
static Value floorTo(OpBuilder &b, Location loc, Value size, int64_t step) {
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
  Value end = floorTo(b, loc, sizes[dim], step);
  if (!size || *size >= step)
    loop(constant(0), end, constant(step), dim, [&] { emitRows(full); });
  if (size && *size % step == 0)
    return;
  if (!plan.maskable) {
    Tile scalar;
    return loop(end, sizes[dim], constant(1), dim, [&] { emitRows(scalar); });
  }
  // At most one iteration.
  loop(end, sizes[dim], constant(step), dim, [&] {
    Tile last = full;
    if (size)
      last.vectors = llvm::divideCeil(*size % step, plan.lanes);
    if (!size || *size % plan.lanes != 0)
      last.masks = makeMasks(last.vectors);
    emitRows(last);
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
    int64_t end = *size - *size % tile.rows;
    loop(constant(0), constant(end), constant(tile.rows), dim,
         [&] { emitColumns(tile); });
    tile.rows = *size - end;
    if (tile.rows)
      loop(constant(end), sizes[dim], constant(tile.rows), dim,
           [&] { emitColumns(tile); });
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
  });
}

void LoopEmitter::emitColumns(Tile tile) {
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

/// Lanes along an output dimension.
void LoopEmitter::emitTile(const Tile &tile) {
  int64_t numOuts = op.getNumDpsInits();
  cache.clear();
  SmallVector<Value> values;
  forEachCell(tile, [&](Cell cell) {
    for (int64_t i = 0; i < numOuts; ++i)
      values.push_back(
          op.payloadUsesValueFromOperand(op.getDpsInitOperand(i)) ||
                  !reductions.empty()
              ? asVector(read(*op.getDpsInitOperand(i), tile, cell), tile)
              : Value());
  });
  auto compute = [&](ValueRange inner) {
    SmallVector<Value> results;
    forEachCell(tile, [&](Cell cell) {
      for (Value result :
           payload(inner.slice(results.size(), numOuts), tile, cell))
        results.push_back(asVector(result, tile));
    });
    return results;
  };
  if (reductions.empty()) {
    // Absent initial values are no values yet.
    SmallVector<Value> results;
    forEachCell(tile, [&](Cell cell) {
      SmallVector<Value> outs(values.begin() + results.size(),
                              values.begin() + results.size() + numOuts);
      for (Value result : payload(outs, tile, cell))
        results.push_back(asVector(result, tile));
    });
    values = results;
  } else {
    values = reduceOver(reductions, values, compute);
  }
  int64_t next = 0;
  forEachCell(tile, [&](Cell cell) {
    for (int64_t i = 0; i < numOuts; ++i)
      write(*op.getDpsInitOperand(i), values[next++], tile, cell);
  });
}

/// Lanes along a reduction. Lane l of vector u takes the elements whose index
/// is u * lanes + l modulo lanes * vectors, whatever the length: that, and the
/// tree at the end, is the order of the reduction.
void LoopEmitter::emitReducingTile(const Tile &outer) {
  int64_t numOuts = op.getNumDpsInits();
  Tile tile = outer;
  tile.vectors = plan.vectors;
  tile.lanes = plan.lanes;
  SmallVector<Operation *> combiners;
  SmallVector<Value> neutral;
  for (int64_t i = 0; i < numOuts; ++i) {
    combiners.push_back(matchCombiner(op, i));
    auto value = *arith::getNeutralElement(combiners.back());
    neutral.push_back(arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(VectorType::get({tile.lanes}, value.getType()),
                               Attribute(value))));
  }
  SmallVector<Value> accumulators;
  forEachCell(tile, [&](Cell) { llvm::append_range(accumulators, neutral); });
  accumulators = reduceOver(reductions, accumulators, [&](ValueRange inner) {
    return emitReducingLanes(tile, inner);
  });

  // The vectors of one cell, then its lanes, then what the output held.
  SmallVector<Value> results;
  cache.clear();
  Tile scalar;
  scalar.rows = tile.rows;
  scalar.columns = tile.columns;
  SmallVector<SmallVector<Value>> totals(numOuts);
  for (int64_t i = 0; i < numOuts; ++i) {
    SmallVector<Value> vectors;
    for (size_t first = i; first < accumulators.size();
         first += tile.vectors * numOuts) {
      SmallVector<Value> parts;
      for (int64_t u = 0; u < tile.vectors; ++u)
        parts.push_back(accumulators[first + u * numOuts]);
      for (size_t half = parts.size() / 2; half > 0; half /= 2)
        for (size_t u = 0; u < half; ++u)
          parts[u] = combine(combiners[i], parts[u], parts[u + half]);
      vectors.push_back(parts[0]);
    }
    totals[i] = combineLanes(combiners[i], vectors);
  }
  int64_t cellIndex = 0;
  forEachCell(scalar, [&](Cell cell) {
    for (int64_t i = 0; i < numOuts; ++i)
      results.push_back(combine(combiners[i],
                                read(*op.getDpsInitOperand(i), scalar, cell),
                                totals[i][cellIndex]));
    ++cellIndex;
  });
  int64_t next = 0;
  forEachCell(scalar, [&](Cell cell) {
    for (int64_t i = 0; i < numOuts; ++i)
      write(*op.getDpsInitOperand(i), results[next++], scalar, cell);
  });
}

SmallVector<Value> LoopEmitter::emitReducingLanes(Tile tile,
                                                  ValueRange accumulators) {
  unsigned dim = plan.lanesDim;
  int64_t numOuts = op.getNumDpsInits();
  int64_t step = tile.vectors * tile.lanes;
  std::optional<int64_t> size = staticSize(dim);
  auto compute = [&](ValueRange inner) {
    SmallVector<Value> results;
    forEachCell(tile, [&](Cell cell) {
      size_t first = results.size();
      for (auto [index, result] :
           llvm::enumerate(payload(inner.slice(first, numOuts), tile, cell))) {
        Value vector = asVector(result, tile);
        if (!tile.masks.empty())
          vector = arith::SelectOp::create(b, loc, tile.masks[cell.vector],
                                           vector, inner[first + index]);
        results.push_back(vector);
      }
    });
    return results;
  };
  SmallVector<Value> values(accumulators);
  Value end = floorTo(b, loc, sizes[dim], step);
  if (!size || *size >= step)
    values = accumulate(constant(0), end, constant(step), dim, values, compute);
  if (size && *size % step == 0)
    return values;
  return accumulate(end, sizes[dim], constant(step), dim, values,
                    [&](ValueRange inner) {
                      tile.masks = makeMasks(tile.vectors);
                      return compute(inner);
                    });
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// A buffer of i1 holds a byte an element, while a vector of i1 is packed:
/// the cast, which vanishes with the conversion to LLVM, gives the bytes.
Value LoopEmitter::bytesOf(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.getElementType().isInteger(1))
    return buffer;
  Value &bytes = byteBuffers[buffer];
  if (!bytes) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(buffer);
    bytes =
        UnrealizedConversionCastOp::create(
            b, loc,
            TypeRange{MemRefType::get(type.getShape(), b.getI8Type(),
                                      type.getLayout(), type.getMemorySpace())},
            buffer)
            .getResult(0);
  }
  return bytes;
}

Value LoopEmitter::asVector(Value value, const Tile &tile) {
  if (tile.lanes == 1 || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(
      b, loc, VectorType::get({tile.lanes}, value.getType()), value);
}

SmallVector<Value> LoopEmitter::indices(OpOperand &operand, const Tile &tile,
                                        Cell cell, int64_t lane) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<AffineExpr> shifted;
  SmallVector<OpFoldResult> dims;
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim) {
    AffineExpr expr = b.getAffineDimExpr(dim);
    Value index = point[dim];
    if (plan.rowDim == dim)
      expr = expr + cell.row;
    if (plan.columnDim == dim)
      index = columnIndices[cell.column];
    if (dim == plan.lanesDim) {
      int64_t offset = cell.vector * tile.lanes + lane;
      if (offset && !tile.masks.empty()) {
        // Masked lanes must not leave the buffer.
        Value last = arith::SubIOp::create(b, loc, sizes[dim], constant(1));
        index = arith::AddIOp::create(b, loc, index, constant(offset));
        index = arith::MinUIOp::create(b, loc, index, last);
      } else {
        expr = expr + offset;
      }
    }
    shifted.push_back(expr);
    // Lanes that reduce have no index of their own outside their loop.
    dims.push_back(index ? getAsOpFoldResult(index)
                         : OpFoldResult(b.getIndexAttr(0)));
  }
  SmallVector<Value> result;
  for (AffineExpr expr : map.getResults())
    result.push_back(getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedAffineApply(
            b, loc,
            AffineMap::get(op.getNumLoops(), 0, expr.replaceDims(shifted)),
            dims)));
  return result;
}

Value LoopEmitter::loadVector(Value buffer, ValueRange where, Type element,
                              const Tile &tile, Cell cell) {
  Value bytes = bytesOf(buffer);
  auto type = VectorType::get(
      {tile.lanes}, cast<MemRefType>(bytes.getType()).getElementType());
  Value vector;
  if (tile.masks.empty()) {
    vector = vector::LoadOp::create(b, loc, type, bytes, where);
  } else {
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    vector = vector::MaskedLoadOp::create(b, loc, type, bytes, where,
                                          tile.masks[cell.vector], zero);
  }
  if (bytes == buffer)
    return vector;
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, vector, zero);
}

Value LoopEmitter::read(OpOperand &operand, const Tile &tile, Cell cell) {
  if (!isa<MemRefType>(operand.get().getType()))
    return operand.get();
  AffineMap map = op.getMatchingIndexingMap(&operand);
  auto moves = [&](std::optional<unsigned> dim) {
    return dim && map.isFunctionOfDim(*dim);
  };
  bool inLanes = moves(plan.lanesDim) && tile.lanes > 1;
  Value &value = cache[{
      operand.getOperandNumber(), moves(plan.rowDim) ? cell.row : 0,
      moves(plan.columnDim) ? cell.column : 0, inLanes ? cell.vector : 0}];
  if (value)
    return value;
  Value buffer = operand.get();
  Type element = getElementTypeOrSelf(buffer);
  if (!inLanes) {
    value =
        memref::LoadOp::create(b, loc, buffer, indices(operand, tile, cell));
  } else if (laneStride(op, operand, plan.lanesDim) == LaneStride::Unit) {
    // Only lanes past the first move, so the unmasked index is the right one.
    Tile start = tile;
    start.masks.clear();
    value =
        loadVector(buffer, indices(operand, start, cell), element, tile, cell);
  } else {
    SmallVector<Value> elements;
    for (int64_t lane = 0; lane < tile.lanes; ++lane)
      elements.push_back(memref::LoadOp::create(
          b, loc, buffer, indices(operand, tile, cell, lane)));
    value = vector::FromElementsOp::create(
        b, loc, VectorType::get({tile.lanes}, element), elements);
  }
  return value;
}

void LoopEmitter::write(OpOperand &operand, Value value, const Tile &tile,
                        Cell cell) {
  Tile start = tile;
  start.masks.clear();
  SmallVector<Value> where = indices(operand, start, cell);
  if (tile.lanes == 1) {
    memref::StoreOp::create(b, loc, value, operand.get(), where);
    return;
  }
  Value buffer = bytesOf(operand.get());
  if (buffer != operand.get())
    value = arith::ExtUIOp::create(
        b, loc, VectorType::get({tile.lanes}, b.getI8Type()), value);
  if (tile.masks.empty())
    vector::StoreOp::create(b, loc, value, buffer, where);
  else
    vector::MaskedStoreOp::create(b, loc, buffer, where,
                                  tile.masks[cell.vector], value);
}

//===----------------------------------------------------------------------===//
// The payload
//===----------------------------------------------------------------------===//

/// The index of the first lane of `cell` along the lanes' dimension.
Value LoopEmitter::laneIndex(const Tile &tile, Cell cell) {
  Value index = point[plan.lanesDim];
  if (int64_t offset = cell.vector * tile.lanes)
    index = arith::AddIOp::create(b, loc, index, constant(offset));
  return index;
}

/// A load inside the payload: of a row that all lanes share, it is a vector if
/// its last index is the lanes' own; otherwise one element at a time.
Value LoopEmitter::loadAtComputedIndex(memref::LoadOp load,
                                       const IRMapping &values,
                                       const Tile &tile, Cell cell) {
  SmallVector<Value> where;
  bool uniform = true;
  for (Value index : load.getIndices()) {
    where.push_back(values.lookupOrDefault(index));
    uniform &= !isa<VectorType>(where.back().getType());
  }
  Value buffer = load.getMemRef();
  if (uniform)
    return memref::LoadOp::create(b, loc, buffer, where);
  auto last = load.getIndices().back().getDefiningOp<linalg::IndexOp>();
  bool othersUniform =
      llvm::none_of(ArrayRef(where).drop_back(), [](Value index) {
        return isa<VectorType>(index.getType());
      });
  if (last && last.getDim() == plan.lanesDim && othersUniform &&
      load.getMemRefType().isLastDimUnitStride()) {
    where.back() = laneIndex(tile, cell);
    return loadVector(buffer, where, load.getType(), tile, cell);
  }
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < tile.lanes; ++lane) {
    SmallVector<Value> at;
    for (Value index : where)
      at.push_back(
          isa<VectorType>(index.getType())
              ? vector::ExtractOp::create(b, loc, index, lane).getResult()
              : index);
    elements.push_back(memref::LoadOp::create(b, loc, buffer, at));
  }
  return vector::FromElementsOp::create(
      b, loc, VectorType::get({tile.lanes}, load.getType()), elements);
}

/// A product that is added to an accumulator, if `add` adds one.
static arith::MulFOp productOf(arith::AddFOp add) {
  if (!isa<Float32Type, Float64Type>(add.getType()))
    return {};
  for (Value operand : add->getOperands())
    if (auto product = operand.getDefiningOp<arith::MulFOp>())
      if (product->hasOneUse() && product->getBlock() == add->getBlock())
        return product;
  return {};
}

SmallVector<Value> LoopEmitter::payload(ValueRange outs, const Tile &tile,
                                        Cell cell) {
  IRMapping values;
  Block *body = op.getBlock();
  for (OpOperand *in : op.getDpsInputOperands())
    if (op.payloadUsesValueFromOperand(in))
      values.map(op.getMatchingBlockArgument(in), read(*in, tile, cell));
  for (auto [argument, value] : llvm::zip(op.getRegionOutputArgs(), outs))
    if (value)
      values.map(argument, value);
  bool contracts = !reductions.empty() || plan.lanesReduce;
  for (Operation &inner : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      unsigned dim = index.getDim();
      Value value = point[dim];
      if (plan.rowDim == dim && cell.row)
        value = arith::AddIOp::create(b, loc, value, constant(cell.row));
      if (plan.columnDim == dim)
        value = columnIndices[cell.column];
      if (dim == plan.lanesDim && tile.lanes > 1) {
        auto type = VectorType::get({tile.lanes}, b.getIndexType());
        value =
            arith::AddIOp::create(b, loc, asVector(laneIndex(tile, cell), tile),
                                  vector::StepOp::create(b, loc, type));
      }
      values.map(index.getResult(), value);
      continue;
    }
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      values.map(load.getResult(),
                 loadAtComputedIndex(load, values, tile, cell));
      continue;
    }
    // One rounding where the processor has a fused operation; the same in
    // vectors, masked vectors and scalars, so that a remainder has the same
    // bits.
    if (auto add = dyn_cast<arith::AddFOp>(inner); add && contracts) {
      if (arith::MulFOp product = productOf(add)) {
        Value other =
            add.getLhs() == product.getResult() ? add.getRhs() : add.getLhs();
        SmallVector<Value> operands = {values.lookupOrDefault(product.getLhs()),
                                       values.lookupOrDefault(product.getRhs()),
                                       values.lookupOrDefault(other)};
        if (llvm::any_of(operands, [](Value value) {
              return isa<VectorType>(value.getType());
            }))
          for (Value &operand : operands)
            operand = asVector(operand, tile);
        values.map(
            add.getResult(),
            math::FmaOp::create(b, loc, operands[0], operands[1], operands[2])
                .getResult());
        continue;
      }
    }
    if (isa<arith::MulFOp>(inner) && contracts && inner.hasOneUse())
      if (auto add = dyn_cast<arith::AddFOp>(*inner.user_begin()))
        if (productOf(add) == &inner)
          continue;
    SmallVector<Value> operands;
    bool isVector = false;
    for (Value operand : inner.getOperands()) {
      operands.push_back(values.lookupOrDefault(operand));
      isVector |= isa<VectorType>(operands.back().getType());
    }
    SmallVector<Type> types(inner.getResultTypes());
    if (isVector) {
      for (Value &operand : operands)
        operand = asVector(operand, tile);
      for (Type &type : types)
        type = VectorType::get({tile.lanes}, type);
    }
    OperationState state(loc, inner.getName(), operands, types,
                         inner.getAttrs());
    Operation *copy = b.create(state);
    values.map(inner.getResults(), copy->getResults());
  }
  SmallVector<Value> results;
  for (Value value : body->getTerminator()->getOperands())
    results.push_back(values.lookupOrDefault(value));
  return results;
}

Value LoopEmitter::combine(Operation *combiner, Value lhs, Value rhs) {
  OperationState state(loc, combiner->getName(), {lhs, rhs}, {lhs.getType()},
                       combiner->getAttrs());
  return b.create(state)->getResult(0);
}

/// Combines the lanes of each vector: halves against halves, log2(lanes) steps,
/// an order fixed by the width. Two vectors at a time share their steps, which
/// pairs the same elements as each would alone.
SmallVector<Value> LoopEmitter::combineLanes(Operation *combiner,
                                             ArrayRef<Value> vectors) {
  SmallVector<Value> totals;
  int64_t lanes = cast<VectorType>(vectors.front().getType()).getNumElements();
  for (size_t first = 0; first < vectors.size(); first += lanes) {
    SmallVector<Value> group(
        vectors.slice(first, std::min<size_t>(lanes, vectors.size() - first)));
    size_t count = group.size();
    // `segments` vectors lie side by side in each of `group`.
    for (int64_t segments = 1; segments < lanes; segments *= 2) {
      int64_t length = lanes / segments, half = length / 2;
      bool pairs = group.size() > 1;
      SmallVector<int64_t> low, high;
      for (int64_t from = 0; from < (pairs ? 2 : 1) * lanes; from += length)
        for (int64_t lane = 0; lane < half; ++lane) {
          low.push_back(from + lane);
          high.push_back(from + half + lane);
        }
      // A single vector is combined with itself to stay as wide.
      if (!pairs)
        for (auto *mask : {&low, &high})
          mask->append(SmallVector<int64_t>(*mask));
      SmallVector<Value> next;
      for (size_t i = 0; i < group.size(); i += 2) {
        Value a = group[i], c = i + 1 < group.size() ? group[i + 1] : a;
        next.push_back(combine(combiner,
                               vector::ShuffleOp::create(b, loc, a, c, low),
                               vector::ShuffleOp::create(b, loc, a, c, high)));
      }
      group = next;
    }
    for (size_t i = 0; i < count; ++i)
      totals.push_back(vector::ExtractOp::create(b, loc, group.front(), i));
  }
  return totals;
}

void LoopEmitter::emit() {
  b.setInsertionPoint(op);
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
  b.eraseOp(op);
}

} // namespace

void mlir::dyn::emitLoops(RewriterBase &rewriter, linalg::LinalgOp op,
                          const LoopPlan &plan) {
  LoopEmitter(rewriter, op, plan).emit();
}
