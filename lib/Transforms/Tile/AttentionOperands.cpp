//===- AttentionOperands.cpp - Values and operands of attention -----------===//

#include "AttentionEmitter.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The larger one; `rhs` if they do not compare: NaN in `rhs` stays. One
/// instruction on x86, where arith.maximumf is several.
Value AttentionEmitter::maximum(Value lhs, Value rhs) {
  Value larger =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, lhs, rhs);
  return arith::SelectOp::create(b, loc, larger, lhs, rhs);
}

/// 2^power for powers up to 0, within 1 unit in the last place: the nearest
/// integer goes to the exponent, a polynomial takes the rest (minimax of degree
/// 6 on [-1/2, 1/2] with p(0) = 1). Exactly 1 for 0, exactly 0 from -127 down.
Value AttentionEmitter::exp2(Value power) {
  constexpr float kCoefficients[] = {0.00015353362f,
                                     0.0013398875f,
                                     0.00961843692f,
                                     0.0555033237f,
                                     0.240226477f,
                                     0.693147182f,
                                     1.0f};
  power = maximum(splat(-127), power);
  // Adding 1.5 * 2^23 rounds to an integer, which then is the low bits.
  Value magic = splat(12582912.0f);
  Value shifted = arith::AddFOp::create(b, loc, power, magic);
  Value integer = arith::SubFOp::create(b, loc, shifted, magic);
  Value rest = arith::SubFOp::create(b, loc, power, integer);
  Value polynomial = splat(kCoefficients[0]);
  for (float coefficient : ArrayRef(kCoefficients).drop_front())
    polynomial =
        math::FmaOp::create(b, loc, polynomial, rest, splat(coefficient));
  auto integers = VectorType::get({lanes}, b.getI32Type());
  auto bits = [&](Value value) -> Value {
    return arith::BitcastOp::create(b, loc, integers, value);
  };
  Value exponentPlace = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(integers, int32_t(23)));
  Value exponent = arith::ShLIOp::create(b, loc, bits(shifted), exponentPlace);
  Value result = arith::AddIOp::create(b, loc, bits(polynomial), exponent);
  return arith::BitcastOp::create(b, loc, vector, result);
}

Value AttentionEmitter::sizeOf(linalg::LinalgOp op, unsigned loop) {
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    if (auto position =
            map.getResultPosition(getAffineDimExpr(loop, b.getContext())))
      return b.createOrFold<memref::DimOp>(loc, operand.get(), *position);
  }
  llvm_unreachable("every loop of a contraction walks an operand");
}

/// Memory of the function's own: the loops around run many times.
Value AttentionEmitter::scratch(int64_t outer, int64_t inner) {
  OpBuilder::InsertionGuard guard(b);
  auto function = a.softmax->getParentOfType<FunctionOpInterface>();
  b.setInsertionPointToStart(&function.getFunctionBody().front());
  return memref::AllocaOp::create(
      b, loc, MemRefType::get({outer, inner}, b.getF32Type()),
      b.getI64IntegerAttr(64));
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Indices of `operand` where its op's loops stand as given, the others at 0.
SmallVector<Value>
AttentionEmitter::place(linalg::LinalgOp op, OpOperand &operand,
                        ArrayRef<std::pair<unsigned, Value>> loops) {
  SmallVector<OpFoldResult> positions(op.getNumLoops(), b.getIndexAttr(0));
  for (auto [loop, value] : loops)
    positions[loop] = value;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<Value> indices;
  for (unsigned i = 0; i < map.getNumResults(); ++i)
    indices.push_back(getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedAffineApply(b, loc, map.getSubMap({i}),
                                              positions)));
  return indices;
}

/// Whether consecutive steps of `loop` are consecutive elements of `operand`.
static bool isContiguous(linalg::LinalgOp op, OpOperand &operand,
                         unsigned loop) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
  return last && last.getPosition() == loop &&
         cast<MemRefType>(operand.get().getType()).isLastDimUnitStride();
}

/// The vector that begins where the loops stand and goes on along `lanesLoop`.
Value AttentionEmitter::loadRow(linalg::LinalgOp op, OpOperand &operand,
                                ArrayRef<std::pair<unsigned, Value>> loops,
                                unsigned lanesLoop) {
  if (isContiguous(op, operand, lanesLoop))
    return vector::LoadOp::create(b, loc, vector, operand.get(),
                                  place(op, operand, loops));
  Vectors elements;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<std::pair<unsigned, Value>> moved(loops);
    for (auto &[loop, value] : moved)
      if (loop == lanesLoop)
        value = add(value, lane);
    elements.push_back(memref::LoadOp::create(b, loc, operand.get(),
                                              place(op, operand, moved)));
  }
  return vector::FromElementsOp::create(b, loc, vector, elements);
}

void AttentionEmitter::storeRow(Value row,
                                ArrayRef<std::pair<unsigned, Value>> loops) {
  OpOperand &out = *a.result.getDpsInitOperand(0);
  if (isContiguous(a.result, out, a.resultColumn)) {
    vector::StoreOp::create(b, loc, row, out.get(),
                            place(a.result, out, loops));
    return;
  }
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<std::pair<unsigned, Value>> moved(loops);
    for (auto &[loop, value] : moved)
      if (loop == a.resultColumn)
        value = add(value, lane);
    Value element = vector::ExtractOp::create(b, loc, row, lane);
    memref::StoreOp::create(b, loc, element, out.get(),
                            place(a.result, out, moved));
  }
}

/// What the payload reads for a vector of queries and one key. Queries beyond
/// the last one read what that one does.
Value AttentionEmitter::payloadOperand(OpOperand &operand, Value key,
                                       int64_t vectorIndex) {
  linalg::LinalgOp op = a.payload;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (!isa<MemRefType>(operand.get().getType()))
    return operand.get();
  auto loadAt = [&](Value query) -> Value {
    return memref::LoadOp::create(
        b, loc, operand.get(),
        place(op, operand, {{a.payloadQuery, query}, {a.payloadKey, key}}));
  };
  if (!map.isFunctionOfDim(a.payloadQuery))
    return broadcast(loadAt(constant(0)));
  Value last = arith::SubIOp::create(b, loc, numQueries, constant(1));
  Vectors elements;
  for (int64_t lane = 0; lane < lanes; ++lane)
    elements.push_back(loadAt(arith::MinUIOp::create(
        b, loc, constant(vectorIndex * lanes + lane), last)));
  auto type = VectorType::get({lanes}, elements.front().getType());
  return vector::FromElementsOp::create(b, loc, type, elements);
}

/// The payload on a vector of scores.
Value AttentionEmitter::transform(Value score, Value key, int64_t vectorIndex) {
  if (!a.payload || inPowersOfTwo)
    return score;
  IRMapping values;
  Block *body = a.payload.getBody();
  for (OpOperand *in : a.payload.getDpsInputOperands())
    if (a.payload.payloadUsesValueFromOperand(in))
      values.map(a.payload.getMatchingBlockArgument(in),
                 in == a.payloadScores ? score
                                       : payloadOperand(*in, key, vectorIndex));
  auto asVector = [&](Value value) {
    return isa<VectorType>(value.getType()) ? value : broadcast(value);
  };
  for (Operation &op : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      Value value = constant(0);
      if (index.getDim() == a.payloadKey)
        value = key;
      if (index.getDim() == a.payloadQuery)
        value = arith::AddIOp::create(
            b, loc, broadcast(constant(vectorIndex * lanes)),
            vector::StepOp::create(b, loc,
                                   VectorType::get({lanes}, b.getIndexType())));
      values.map(index.getResult(), value);
      continue;
    }
    Vectors operands;
    bool isVector = false;
    for (Value operand : op.getOperands()) {
      operands.push_back(values.lookupOrDefault(operand));
      isVector |= isa<VectorType>(operands.back().getType());
    }
    Type type = op.getResult(0).getType();
    if (isVector) {
      for (Value &operand : operands)
        operand = asVector(operand);
      type = VectorType::get({lanes}, type);
    }
    OperationState state(loc, op.getName(), operands, {type}, op.getAttrs());
    values.map(op.getResult(0), b.create(state)->getResult(0));
  }
  return asVector(values.lookupOrDefault(body->getTerminator()->getOperand(0)));
}
