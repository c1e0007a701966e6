//===- EmitOperands.cpp - Reads and writes of one position in a tile ------===//

#include "LoopEmitter.h"
#include "Transposition.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

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
  View view = views.lookup(operand.getOperandNumber());
  SmallVector<AffineExpr> shifted;
  SmallVector<OpFoldResult> dims;
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim) {
    AffineExpr expr = b.getAffineDimExpr(dim);
    Value index = point[dim];
    if (plan.rowDim == dim) {
      expr = expr + cell.row;
      if (view.hasRows)
        index = Value();
    }
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
        if (view.hasLanes)
          index = Value();
      }
    }
    shifted.push_back(expr);
    // Lanes that reduce have no index of their own outside their loop; views
    // begin at 0.
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

/// Lanes a few elements apart: vectors as long as those of the lanes, of which
/// each has some, and the last ends with the last lane.
Value LoopEmitter::loadSteps(OpOperand &operand, const Tile &tile, Cell cell) {
  int64_t steps = countLaneSteps(op, operand, plan.lanesDim);
  int64_t lanes = tile.lanes, lanesEach = llvm::divideCeil(lanes, steps);
  Value buffer = bufferOf(operand);
  Tile start = tile;
  start.masks.clear();
  SmallVector<Value> where = indices(operand, start, cell);
  Value first = where.back(), left;
  if (!tile.masks.empty()) {
    // Elements up to that of the last lane that is not masked.
    Value done = laneIndex(start, cell);
    left = arith::SubIOp::create(b, loc, sizes[plan.lanesDim], done);
    left = arith::MulIOp::create(b, loc, left, constant(steps));
  }
  Value picked;
  for (int64_t lane = 0; lane < lanes; lane += lanesEach) {
    int64_t offset = std::min(lane * steps, (lanes - 1) * (steps - 1));
    where.back() = arith::AddIOp::create(b, loc, first, constant(offset));
    Tile part = tile;
    if (left) {
      Value count =
          arith::SubIOp::create(b, loc, left, constant(offset + steps - 1));
      part.masks[cell.vector] = vector::CreateMaskOp::create(
          b, loc, VectorType::get({lanes}, b.getI1Type()), count);
    }
    Value vector =
        loadVector(buffer, where, getElementTypeOrSelf(buffer), part, cell);
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, lanes));
    for (int64_t to = lane; to < std::min(lane + lanesEach, lanes); ++to)
      order[to] = (picked ? lanes : 0) + to * steps - offset;
    picked = vector::ShuffleOp::create(b, loc, picked ? picked : vector, vector,
                                       order);
  }
  return picked;
}

/// Where it is kept what was read of `operand`; null if nothing was.
Value &LoopEmitter::findRead(OpOperand &operand, const Tile &tile, Cell cell) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  auto moves = [&](std::optional<unsigned> dim) {
    return dim && map.isFunctionOfDim(*dim);
  };
  bool inLanes = moves(plan.lanesDim) && tile.lanes > 1;
  return cache[{operand.getOperandNumber(), moves(plan.rowDim) ? cell.row : 0,
                moves(plan.columnDim) ? cell.column : 0,
                inLanes ? cell.vector : 0}];
}

Value LoopEmitter::read(OpOperand &operand, const Tile &tile, Cell cell) {
  if (!isa<MemRefType>(operand.get().getType()))
    return operand.get();
  Value &value = findRead(operand, tile, cell);
  if (value)
    return value;
  bool inLanes =
      tile.lanes > 1 &&
      op.getMatchingIndexingMap(&operand).isFunctionOfDim(plan.lanesDim);
  Value buffer = bufferOf(operand);
  Type element = getElementTypeOrSelf(buffer);
  if (!inLanes) {
    value =
        memref::LoadOp::create(b, loc, buffer, indices(operand, tile, cell));
  } else if (laneStride(op, operand, plan.lanesDim) == LaneStride::Unit) {
    Tile start = tile;
    start.masks.clear();
    if (std::optional<PanelAccess> access = matchPanels(op, operand))
      // Padded: no lane is beyond the end.
      value = loadVector(buffer, panelIndices(*access, tile, cell), element,
                         start, cell);
    else
      // Only lanes past the first move, so the unmasked index is the right one.
      value = loadVector(buffer, indices(operand, start, cell), element, tile,
                         cell);
  } else if (laneStride(op, operand, plan.lanesDim) == LaneStride::Few) {
    value = loadSteps(operand, tile, cell);
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

/// Reads a block of as many rows as lanes: where the lanes are, a vector of
/// rows each, which are then transposed.
void LoopEmitter::readTurned(OpOperand &operand, const Tile &tile) {
  auto type =
      VectorType::get({tile.lanes}, getElementTypeOrSelf(operand.get()));
  Value last;
  if (!tile.masks.empty())
    last = arith::SubIOp::create(b, loc, sizes[plan.lanesDim], constant(1));
  Tile start = tile;
  start.masks.clear();
  SmallVector<Value> vectors;
  Value first = point[plan.lanesDim];
  for (int64_t lane = 0; lane < tile.lanes; ++lane) {
    if (lane && last) {
      // What a masked lane holds is dropped, but must be in the buffer.
      Value index = arith::AddIOp::create(b, loc, first, constant(lane));
      point[plan.lanesDim] = arith::MinUIOp::create(b, loc, index, last);
    }
    vectors.push_back(vector::LoadOp::create(
        b, loc, type, operand.get(),
        indices(operand, start, {0, 0, 0}, last ? 0 : lane)));
  }
  point[plan.lanesDim] = first;
  transposeInRegisters(b, loc, vectors);
  for (auto [row, vector] : llvm::enumerate(vectors))
    findRead(operand, tile, {int64_t(row), 0, 0}) = vector;
}

/// What `steps` along `dim` read of inputs that the lanes share, if these are
/// as many as lanes: a load a row then, of which a multiply-add takes one
/// element where processors can do that (NEON). With `mask`, which has the
/// steps there are, whatever their number; others read zeros.
SmallVector<std::tuple<OpOperand *, Cell, Value>>
LoopEmitter::readLines(const Tile &tile, unsigned dim, int64_t steps,
                       Value mask) {
  SmallVector<std::tuple<OpOperand *, Cell, Value>> lines;
  if (steps != tile.lanes && !mask)
    return lines;
  for (OpOperand *in : op.getDpsInputOperands()) {
    if (laneStride(op, *in, dim) != LaneStride::Unit ||
        laneStride(op, *in, plan.lanesDim) != LaneStride::None)
      continue;
    auto type = VectorType::get({steps}, getElementTypeOrSelf(in->get()));
    bool hasRows = plan.rowDim &&
                   op.getMatchingIndexingMap(in).isFunctionOfDim(*plan.rowDim);
    for (int64_t row = 0; row < (hasRows ? tile.rows : 1); ++row) {
      Cell cell{row, 0, 0};
      SmallVector<Value> where = indices(*in, tile, cell);
      Value line;
      if (mask)
        line = vector::MaskedLoadOp::create(
            b, loc, type, bufferOf(*in), where, mask,
            arith::ConstantOp::create(b, loc, b.getZeroAttr(type)));
      else
        line = vector::LoadOp::create(b, loc, type, bufferOf(*in), where);
      lines.push_back({in, cell, line});
    }
  }
  return lines;
}

void LoopEmitter::write(OpOperand &operand, Value value, const Tile &tile,
                        Cell cell) {
  Tile start = tile;
  start.masks.clear();
  SmallVector<Value> where = indices(operand, start, cell);
  Value base = bufferOf(operand);
  if (tile.lanes == 1) {
    memref::StoreOp::create(b, loc, value, base, where);
    return;
  }
  Value buffer = bytesOf(base);
  if (buffer != base)
    value = arith::ExtUIOp::create(
        b, loc, VectorType::get({tile.lanes}, b.getI8Type()), value);
  if (tile.masks.empty())
    storeVector(value, buffer, where);
  else
    vector::MaskedStoreOp::create(b, loc, buffer, where,
                                  tile.masks[cell.vector], value);
}

/// Asks for what a wide block reads some steps of the reduction later: its
/// pieces of rows are too far apart for processors to see that they follow each
/// other.
void LoopEmitter::prefetchSteps(const Tile &tile) {
  if (!plan.prefetchDistance || reductions.size() != 1)
    return;
  unsigned dim = reductions.front();
  for (OpOperand *in : op.getDpsInputOperands()) {
    if (laneStride(op, *in, plan.lanesDim) != LaneStride::Unit ||
        laneStride(op, *in, dim) == LaneStride::None)
      continue;
    int64_t vectorBytes = llvm::divideCeil(
        tile.lanes * getElementTypeOrSelf(in->get()).getIntOrFloatBitWidth(),
        8);
    int64_t steps = std::max<int64_t>(1, plan.prefetchDistance /
                                             (tile.vectors * vectorBytes));
    Value outside = std::exchange(
        point[dim], arith::AddIOp::create(b, loc, point[dim], constant(steps)));
    for (int64_t vector = 0; vector < tile.vectors; ++vector)
      memref::PrefetchOp::create(b, loc, bufferOf(*in),
                                 indices(*in, tile, {0, 0, vector}),
                                 /*isWrite=*/false, /*localityHint=*/3,
                                 /*isDataCache=*/true);
    point[dim] = outside;
  }
}
