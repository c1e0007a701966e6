//===- AttentionPayload.cpp - What happens to scores before the softmax ---===//

#include "AttentionEmitter.h"
#include "Transposition.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::dyn;

/// Turns what the payload reads for each query and key, a mask say, so that
/// queries stand in its lanes as in those of the scores.
void AttentionEmitter::turnPayloadOperands(Value firstKey, Value count) {
  if (!a.payload || inPowersOfTwo)
    return;
  Value last = arith::SubIOp::create(b, loc, numQueries, constant(1));
  auto maskType = VectorType::get({lanes}, b.getI1Type());
  for (OpOperand *in : a.payload.getDpsInputOperands()) {
    AffineMap map = a.payload.getMatchingIndexingMap(in);
    if (in == a.payloadScores || !isa<MemRefType>(in->get().getType()) ||
        !getElementTypeOrSelf(in->get()).isF32() ||
        !map.isFunctionOfDim(a.payloadQuery) ||
        !isContiguous(a.payload, *in, a.payloadKey))
      continue;
    Value &turned = turnedOperands[in->getOperandNumber()];
    if (!turned)
      turned = scratch({kBlockKeys, mostVectors * lanes});
    forQueryVectors([&](Value query) {
      loop(constant(0), count, constant(lanes), {},
           [&](Value key, ValueRange) -> Vectors {
             Value left = arith::SubIOp::create(b, loc, count, key);
             Value mask = vector::CreateMaskOp::create(b, loc, maskType, left);
             Vectors block;
             for (int64_t lane = 0; lane < lanes; ++lane) {
               Value row =
                   arith::MinUIOp::create(b, loc, add(query, lane), last);
               block.push_back(vector::MaskedLoadOp::create(
                   b, loc, vector, in->get(),
                   place(a.payload, *in,
                         {{a.payloadQuery, row},
                          {a.payloadKey, add(firstKey, key)}}),
                   mask, splat(0)));
             }
             transposeInRegisters(b, loc, block);
             for (int64_t i = 0; i < lanes; ++i)
               vector::StoreOp::create(b, loc, block[i], turned,
                                       ValueRange{add(key, i), query});
             return {};
           });
    });
  }
}

/// What the payload reads for a vector of scores. Lanes beyond the last query
/// or key read what that one does.
Value AttentionEmitter::payloadOperand(OpOperand &operand,
                                       const Lanes &scores) {
  linalg::LinalgOp op = a.payload;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (!isa<MemRefType>(operand.get().getType()))
    return operand.get();
  auto loadAt = [&](Value query, Value key) -> Value {
    return memref::LoadOp::create(
        b, loc, operand.get(),
        place(op, operand, {{a.payloadQuery, query}, {a.payloadKey, key}}));
  };
  if (!map.isFunctionOfDim(scores.areKeys ? a.payloadKey : a.payloadQuery))
    return broadcast(loadAt(scores.query, scores.key));
  if (Value turned = turnedOperands.lookup(operand.getOperandNumber());
      turned && !scores.areKeys)
    return vector::LoadOp::create(b, loc, vector, turned,
                                  ValueRange{scores.row, scores.query});
  Value last = arith::SubIOp::create(
      b, loc, scores.areKeys ? numKeys : numQueries, constant(1));
  Vectors elements;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    auto clamp = [&](Value first) -> Value {
      return b.createOrFold<arith::MinUIOp>(loc, add(first, lane), last);
    };
    elements.push_back(scores.areKeys
                           ? loadAt(scores.query, clamp(scores.key))
                           : loadAt(clamp(scores.query), scores.key));
  }
  auto type = VectorType::get({lanes}, elements.front().getType());
  return vector::FromElementsOp::create(b, loc, type, elements);
}

/// The payload on a vector of scores.
Value AttentionEmitter::transform(Value score, const Lanes &scores) {
  if (!a.payload || inPowersOfTwo)
    return score;
  IRMapping values;
  Block *body = a.payload.getBody();
  for (OpOperand *in : a.payload.getDpsInputOperands())
    if (a.payload.payloadUsesValueFromOperand(in))
      values.map(a.payload.getMatchingBlockArgument(in),
                 in == a.payloadScores ? score : payloadOperand(*in, scores));
  auto asVector = [&](Value value) {
    return isa<VectorType>(value.getType()) ? value : broadcast(value);
  };
  auto inLanes = [&](Value first) -> Value {
    auto step = vector::StepOp::create(
        b, loc, VectorType::get({lanes}, b.getIndexType()));
    return arith::AddIOp::create(b, loc, broadcast(first), step);
  };
  for (Operation &op : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      Value value = constant(0);
      if (index.getDim() == a.payloadKey)
        value = scores.areKeys ? inLanes(scores.key) : scores.key;
      if (index.getDim() == a.payloadQuery)
        value = scores.areKeys ? scores.query : inLanes(scores.query);
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
