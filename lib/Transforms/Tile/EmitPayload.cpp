//===- EmitPayload.cpp - The payload of one position in a tile ------------===//

#include "Attention.h"
#include "LoopEmitter.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

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

/// Whether a value of the payload is an input that does not move with the
/// lanes.
bool LoopEmitter::isSameForAllLanes(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != op.getBlock())
    return false;
  OpOperand *operand = op.getMatchingOpOperand(argument);
  return op.isDpsInput(operand) &&
         laneStride(op, *operand, plan.lanesDim) == LaneStride::None;
}

/// Asks for the lines of rows to come that lie where this one has `cell`.
void LoopEmitter::prefetchRowsAhead(const Tile &tile, Cell cell) {
  if (tile.lanes == 1)
    return;
  Tile start = tile;
  start.masks.clear();
  for (const RowAhead &row : plan.rowsAhead) {
    OpOperand &operand = op->getOpOperand(row.operand);
    if (laneStride(op, operand, plan.lanesDim) != LaneStride::Unit)
      continue;
    SmallVector<Value> where = indices(operand, start, cell);
    Value &index = where[row.dim];
    if (row.ahead)
      index = arith::AddIOp::create(b, loc, index, constant(row.ahead));
    memref::PrefetchOp::create(b, loc, row.buffer, where, row.isWritten,
                               row.locality, /*isDataCache=*/true);
  }
}

/// Where the lanes, row and column of `cell` are along the dimension that
/// `index` names.
Value LoopEmitter::payloadIndex(linalg::IndexOp index, const Tile &tile,
                                Cell cell) {
  unsigned dim = index.getDim();
  Value value = point[dim];
  if (plan.rowDim == dim && cell.row)
    value = arith::AddIOp::create(b, loc, value, constant(cell.row));
  if (plan.columnDim == dim)
    value = columnIndices[cell.column];
  if (dim != plan.lanesDim || tile.lanes == 1)
    return value;
  auto type = VectorType::get({tile.lanes}, b.getIndexType());
  return arith::AddIOp::create(b, loc, asVector(laneIndex(tile, cell), tile),
                               vector::StepOp::create(b, loc, type));
}

/// One rounding where the processor has a fused operation; the same in vectors,
/// masked vectors and scalars, so that a remainder has the same bits.
Value LoopEmitter::multiplyAdd(arith::AddFOp add, arith::MulFOp product,
                               const IRMapping &values, const Tile &tile) {
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
  return math::FmaOp::create(b, loc, operands[0], operands[1], operands[2]);
}

/// A division by what all lanes share: one a row.
Value LoopEmitter::multiplyByInverse(arith::DivFOp division,
                                     const IRMapping &values,
                                     const Tile &tile) {
  Value divisor = values.lookup(division.getRhs());
  Value one =
      arith::ConstantOp::create(b, loc, b.getFloatAttr(divisor.getType(), 1));
  Value inverse = arith::DivFOp::create(b, loc, one, divisor);
  Value dividend = values.lookupOrDefault(division.getLhs());
  if (isa<VectorType>(dividend.getType()))
    inverse = asVector(inverse, tile);
  return arith::MulFOp::create(b, loc, dividend, inverse);
}

/// `inner` on the mapped operands, in vectors if one of them is one.
void LoopEmitter::cloneInLanes(Operation &inner, IRMapping &values,
                               const Tile &tile) {
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
  OperationState state(loc, inner.getName(), operands, types, inner.getAttrs());
  values.map(inner.getResults(), b.create(state)->getResults());
}

SmallVector<Value> LoopEmitter::payload(ValueRange outs, const Tile &tile,
                                        Cell cell) {
  IRMapping values;
  Block *body = op.getBlock();
  prefetchRowsAhead(tile, cell);
  for (OpOperand *in : op.getDpsInputOperands())
    if (op.payloadUsesValueFromOperand(in))
      values.map(op.getMatchingBlockArgument(in), read(*in, tile, cell));
  for (auto [argument, value] : llvm::zip(op.getRegionOutputArgs(), outs))
    if (value)
      values.map(argument, value);
  bool contracts = !reductions.empty() || plan.lanesReduce;
  auto isPartOfSum = [&](Operation &inner) {
    if (!contracts || !isa<arith::MulFOp>(inner) || !inner.hasOneUse())
      return false;
    auto add = dyn_cast<arith::AddFOp>(*inner.user_begin());
    return add && productOf(add) == &inner;
  };
  for (Operation &inner : body->without_terminator()) {
    if (isPartOfSum(inner))
      continue;
    auto add = contracts ? dyn_cast<arith::AddFOp>(inner) : arith::AddFOp();
    auto division = dyn_cast<arith::DivFOp>(inner);
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      values.map(index.getResult(), payloadIndex(index, tile, cell));
    else if (auto load = dyn_cast<memref::LoadOp>(inner))
      values.map(load.getResult(),
                 loadAtComputedIndex(load, values, tile, cell));
    else if (arith::MulFOp product = add ? productOf(add) : arith::MulFOp())
      values.map(add.getResult(), multiplyAdd(add, product, values, tile));
    else if (division && division->hasAttr(kSoftmaxAttr) &&
             isSameForAllLanes(division.getRhs()))
      values.map(division.getResult(),
                 multiplyByInverse(division, values, tile));
    else
      cloneInLanes(inner, values, tile);
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
