//===- AttentionCausal.cpp - Keys that no query of a block sees -----------===//
//
// Where scores become -inf for keys behind a query, as in
// `select(key > query, -inf, score)`, the keys behind the last query of a block
// have weights of exactly 0: leaving them out changes no bit of a sum.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::dyn;

static bool isInvariant(Value value, Block *body) {
  Operation *op = value.getDefiningOp();
  return value.getParentBlock() != body ||
         (op && op->hasTrait<OpTrait::ConstantLike>());
}

/// Whether `value` is the index along `loop` plus something that is the same
/// for all scores.
static bool isShiftedIndex(Value value, Block *body, unsigned loop) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != body)
    return false;
  if (auto index = dyn_cast<linalg::IndexOp>(op))
    return index.getDim() == loop;
  if (isa<arith::IndexCastOp>(op))
    return op->getResult(0).getType().isInteger(64) &&
           isShiftedIndex(op->getOperand(0), body, loop);
  if (!isa<arith::AddIOp, arith::SubIOp>(op))
    return false;
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  if (isa<arith::AddIOp>(op) && isInvariant(lhs, body))
    std::swap(lhs, rhs);
  return isInvariant(rhs, body) && isShiftedIndex(lhs, body, loop);
}

/// A shifted index where the loop stands at `position`.
static Value evaluateAt(OpBuilder &b, Value value, Block *body,
                        Value position) {
  Operation *op = value.getDefiningOp();
  if (value.getParentBlock() != body)
    return value;
  if (isa<linalg::IndexOp>(op))
    return position;
  IRMapping operands;
  for (Value operand : op->getOperands())
    operands.map(operand, evaluateAt(b, operand, body, position));
  return b.clone(*op, operands)->getResult(0);
}

/// Whether a score becomes -inf where its key is behind its query.
std::optional<AttentionEmitter::Causal> AttentionEmitter::matchCausal() {
  using Predicate = arith::CmpIPredicate;
  if (!a.payload)
    return std::nullopt;
  Block *body = a.payload.getBody();
  auto choice =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::SelectOp>();
  auto compare =
      choice ? choice.getCondition().getDefiningOp<arith::CmpIOp>() : nullptr;
  if (!compare || compare->getBlock() != body)
    return std::nullopt;
  // -inf where `predicate` holds.
  Predicate predicate = compare.getPredicate();
  if (!matchPattern(choice.getTrueValue(), m_NegInfFloat())) {
    if (!matchPattern(choice.getFalseValue(), m_NegInfFloat()))
      return std::nullopt;
    predicate = arith::invertPredicate(predicate);
  }
  Value key = compare.getLhs(), query = compare.getRhs();
  if (predicate == Predicate::slt || predicate == Predicate::sle) {
    std::swap(key, query);
    predicate = predicate == Predicate::slt ? Predicate::sgt : Predicate::sge;
  }
  if ((predicate != Predicate::sgt && predicate != Predicate::sge) ||
      !isShiftedIndex(key, body, a.payloadKey) ||
      !isShiftedIndex(query, body, a.payloadQuery))
    return std::nullopt;
  return Causal{key, query, /*seesEqual=*/predicate == Predicate::sgt};
}

/// How many of the first keys are all that the queries up to `lastQuery` see:
/// at least one, since somebody has to write a row that sees none.
Value AttentionEmitter::keysSeenBy(Value lastQuery) {
  if (!causal)
    return numKeys;
  Block *body = a.payload.getBody();
  auto asIndex = [&](Value value) -> Value {
    return value.getType().isIndex()
               ? value
               : arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
  };
  Value seen = arith::SubIOp::create(
      b, loc, asIndex(evaluateAt(b, causal->query, body, lastQuery)),
      asIndex(evaluateAt(b, causal->key, body, constant(0))));
  if (causal->seesEqual)
    seen = add(seen, 1);
  seen = arith::MaxSIOp::create(b, loc, seen, constant(1));
  return arith::MinSIOp::create(b, loc, seen, numKeys);
}

/// How many keys of the block the queries up to `lastQuery` see.
Value AttentionEmitter::seenOfBlock(const KeyBlock &keys, Value lastQuery) {
  if (!causal)
    return keys.count;
  Value seen = arith::SubIOp::create(b, loc, keysSeenBy(lastQuery), keys.first);
  seen = arith::MaxSIOp::create(b, loc, seen, constant(0));
  return arith::MinSIOp::create(b, loc, seen, keys.count);
}
