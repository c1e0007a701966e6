//===- AttentionEmitter.h - Attention as loops over vectors -----*- C++ -*-===//

#ifndef DYN_TRANSFORMS_TILE_ATTENTIONEMITTER_H
#define DYN_TRANSFORMS_TILE_ATTENTIONEMITTER_H

#include "Attention.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::dyn {

using Vectors = SmallVector<Value>;

/// Keys in a block: their scores for one block of queries fill half of a first
/// cache, and what is done once a block is small beside them.
constexpr int64_t kBlockKeys = 128;

/// What a maximum starts from. No infinity: its difference to itself is none.
constexpr float kLeast = -std::numeric_limits<float>::max();

class AttentionEmitter {
public:
  AttentionEmitter(RewriterBase &rewriter, Attention &attention,
                   const Target &target)
      : b(rewriter), loc(attention.softmax.getLoc()), a(attention),
        rows(target.tile.rows), mostVectors(target.tile.vectors),
        lanes(target.vectorBits / 32), scalef(target.scalef),
        vector(VectorType::get({lanes}, rewriter.getF32Type())) {}
  void emit();

private:
  // Values.
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value scalar(float value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  }
  Value splat(float value) {
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(vector, value));
  }
  Value broadcast(Value value) {
    return vector::BroadcastOp::create(
        b, loc, VectorType::get({lanes}, value.getType()), value);
  }
  Value add(Value lhs, Value rhs) {
    return b.createOrFold<arith::AddIOp>(loc, lhs, rhs);
  }
  Value add(Value lhs, int64_t rhs) {
    return rhs ? add(lhs, constant(rhs)) : lhs;
  }
  Value maximum(Value lhs, Value rhs);
  Value exp2(Value power);
  Value weightOf(Value score, Value most);
  Value sizeOf(linalg::LinalgOp op, unsigned loop);
  Value scratch(ArrayRef<int64_t> shape);
  Value loadAt(Value row, Value index) {
    return vector::LoadOp::create(b, loc, vector, row, index);
  }
  void storeAt(Value value, Value row, Value index) {
    vector::StoreOp::create(b, loc, value, row, index);
  }

  // Causal attention.
  /// What is compared, at a key and at a query. A key where both are equal is
  /// seen or not.
  struct Causal {
    Value key, query;
    bool seesEqual;
  };
  struct KeyBlock {
    Value first, count, isFirst, isLast;
  };
  std::optional<Causal> matchCausal();
  Value keysSeenBy(Value lastQuery);
  Value seenOfBlock(const KeyBlock &keys, Value lastQuery);

  // Operands.
  SmallVector<Value> place(linalg::LinalgOp op, OpOperand &operand,
                           ArrayRef<std::pair<unsigned, Value>> loops);
  static bool isContiguous(linalg::LinalgOp op, OpOperand &operand,
                           unsigned loop);
  void prefetch(linalg::LinalgOp op, OpOperand &operand,
                ArrayRef<std::pair<unsigned, Value>> loops);
  Value loadRow(linalg::LinalgOp op, OpOperand &operand,
                ArrayRef<std::pair<unsigned, Value>> loops, unsigned lanesLoop);
  void storeRow(Value row, ArrayRef<std::pair<unsigned, Value>> loops);

  // Payload.
  /// What a vector of scores belongs to: queries from `query` on and one key,
  /// or one query and keys from `key` on.
  struct Lanes {
    bool areKeys;
    Value query, key;
    /// Where the key is in its block, if lanes are queries.
    Value row;
  };
  void turnPayloadOperands(Value firstKey, Value count);
  Value transform(Value score, const Lanes &scores);
  Value payloadOperand(OpOperand &operand, const Lanes &scores);

  // Loops.
  Vectors loop(Value from, Value to, Value step, ValueRange values,
               function_ref<Vectors(Value, ValueRange)> body);
  void forQueryVectors(function_ref<void(Value)> body);
  void emitTilesOf(Value size, ArrayRef<int64_t> heights, bool mayOverlap,
                   function_ref<void(Value, int64_t)> body);

  // One query.
  void emitOneQuery();
  Value emitKeyByKey(Value firstKey, Value count);
  Value emitKeysInLanes(Value firstKey, Value count, Value most);
  Value emitBlockOfKeys(Value firstKey, Value lastKey, Value isKey);
  Vectors emitRow(Value firstKey, Value count, Value factor, ValueRange sums);

  // Several queries.
  void emitBlock();
  void transposeQueries();
  void emitScores(const KeyBlock &keys);
  void emitScoreTile(Value firstKey, Value block, int64_t count,
                     Value firstQuery, int64_t vectors);
  void emitWeights(const KeyBlock &keys);
  void emitResult(const KeyBlock &keys);
  void emitResultTile(const KeyBlock &keys, Value block, int64_t height,
                      Value column, int64_t width);

  RewriterBase &b;
  Location loc;
  Attention &a;
  const int64_t rows, mostVectors, lanes;
  const bool scalef;
  const VectorType vector;

  std::optional<Causal> causal;
  /// Of this block of queries; of keys those that any of them sees.
  Value numQueries, numKeys, keysSeen;
  /// By what queries are multiplied, and whether that makes scores powers of
  /// two instead of powers of e.
  float scale = 1;
  bool inPowersOfTwo = false;

  /// Scratch memory: [depth, queries], [keys of a block, queries], [queries,
  /// columns], and for each query the largest score, the sum of the weights,
  /// what sums of earlier blocks are multiplied by, and one over the sum.
  Value transposed, weights, sums, maxima, blockMaxima, totals, correction,
      inverse;
  /// By operands of the payload: [keys of a block, queries].
  DenseMap<unsigned, Value> turnedOperands;
};

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_ATTENTIONEMITTER_H
