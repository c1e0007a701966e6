//===- AttentionOneQuery.cpp - Attention with keys in the lanes -----------===//
//
// A block of one query, as when text is generated word by word, has nothing to
// fill lanes with. Keys stand in them instead, transposed in registers, and the
// machine's limit is the stream of keys and values. Every sum takes the same
// terms in the same order as in a block of many queries, so bits are the same.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"
#include "Transposition.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::dyn;

/// How many keys ahead keys and values are asked for: they come from the second
/// cache or from behind it, in pieces too short to be recognized as a stream.
constexpr int64_t kKeysAhead = 24;

/// Accumulators of a row: enough to hide the latency of a multiply-add.
constexpr int64_t kMostColumns = 8;

/// Scores of the keys from `firstKey` on go to `weights`; the larger one of
/// `most` and of all of them, in all lanes.
Value AttentionEmitter::emitKeysInLanes(Value firstKey, Value count,
                                        Value most) {
  Value zero = constant(0);
  Value lastKey =
      arith::SubIOp::create(b, loc, add(firstKey, count), constant(1));
  auto maskType = VectorType::get({lanes}, b.getI1Type());
  bool alongKeys = isContiguous(a.scores, *a.keys, a.scoresKey);
  auto body = [&](Value at, ValueRange carried) -> Vectors {
    Value left = arith::SubIOp::create(b, loc, count, at);
    Value mask = vector::CreateMaskOp::create(b, loc, maskType, left);
    Value first = add(firstKey, at);
    Vectors keys;
    for (int64_t lane = 0; lane < lanes; ++lane)
      keys.push_back(arith::MinUIOp::create(b, loc, add(first, lane), lastKey));
    auto product = [&](Value column, Value depth, Value sum) -> Value {
      Value query = broadcast(
          memref::LoadOp::create(b, loc, transposed, ValueRange{zero, depth}));
      return math::FmaOp::create(b, loc, column, query, sum);
    };
    auto step = [&](Value depth, ValueRange sums) -> Vectors {
      Value sum = sums.front();
      if (alongKeys) {
        Value column = vector::MaskedLoadOp::create(
            b, loc, vector, a.keys->get(),
            place(a.scores, *a.keys,
                  {{a.scoresKey, first}, {a.scoresDepth, depth}}),
            mask, splat(0));
        return {product(column, depth, sum)};
      }
      Vectors block;
      for (Value key : keys)
        block.push_back(loadRow(a.scores, *a.keys,
                                {{a.scoresKey, key}, {a.scoresDepth, depth}},
                                a.scoresDepth));
      for (int64_t lane = 0; lane < lanes; ++lane)
        prefetch(a.scores, *a.keys,
                 {{a.scoresKey, add(first, kKeysAhead + lane)},
                  {a.scoresDepth, depth}});
      transposeInRegisters(b, loc, block);
      for (auto [i, column] : llvm::enumerate(block))
        sum = product(column, add(depth, i), sum);
      return {sum};
    };
    Value score = loop(zero, constant(a.depth), constant(alongKeys ? 1 : lanes),
                       Value(splat(0)), step)[0];
    score = transform(score, {/*areKeys=*/true, zero, first, /*row=*/{}});
    score = arith::SelectOp::create(
        b, loc, mask, score, splat(-std::numeric_limits<float>::infinity()));
    vector::StoreOp::create(b, loc, score, weights, ValueRange{zero, at});
    return {maximum(carried.front(), score)};
  };
  most = loop(zero, count, constant(lanes), most, body)[0];
  for (int64_t half = lanes / 2; half > 0; half /= 2) {
    SmallVector<int64_t> others;
    for (int64_t lane = 0; lane < lanes; ++lane)
      others.push_back(lane ^ half);
    most = maximum(most, vector::ShuffleOp::create(b, loc, most, most, others));
  }
  return most;
}

/// Adds weights times values to `sums`; the sum of the weights.
Value AttentionEmitter::emitRow(Value firstKey, Value count, Value factor) {
  Value zero = constant(0), total;
  int64_t width = std::min(kMostColumns, a.columns / lanes);
  while (a.columns / lanes % width)
    --width;
  for (int64_t from = 0; from < a.columns; from += width * lanes) {
    auto at = [&](int64_t c) { return constant(from + c * lanes); };
    Vectors start;
    for (int64_t c = 0; c < width; ++c)
      start.push_back(arith::MulFOp::create(
          b, loc,
          vector::LoadOp::create(b, loc, vector, sums, ValueRange{zero, at(c)}),
          factor));
    if (!total)
      start.push_back(splat(0));
    Vectors results =
        loop(zero, count, constant(1), start, [&](Value key, ValueRange inner) {
          Value row = add(firstKey, key);
          Value weight = broadcast(
              memref::LoadOp::create(b, loc, weights, ValueRange{zero, key}));
          Vectors next;
          for (int64_t c = 0; c < width; ++c) {
            Value value = loadRow(a.result, *a.values,
                                  {{a.resultKey, row}, {a.resultColumn, at(c)}},
                                  a.resultColumn);
            prefetch(
                a.result, *a.values,
                {{a.resultKey, add(row, kKeysAhead)}, {a.resultColumn, at(c)}});
            next.push_back(
                math::FmaOp::create(b, loc, weight, value, inner[c]));
          }
          if (!total)
            next.push_back(arith::AddFOp::create(b, loc, inner.back(), weight));
          return next;
        });
    for (int64_t c = 0; c < width; ++c)
      vector::StoreOp::create(b, loc, results[c], sums,
                              ValueRange{zero, at(c)});
    if (!total)
      total = results.back();
  }
  return total;
}

void AttentionEmitter::emitOneQuery() {
  transposed = scratch({1, a.depth});
  weights = scratch({1, kBlockKeys});
  sums = scratch({1, a.columns});
  Value zero = constant(0), width = constant(lanes);
  loop(zero, constant(a.depth), width, {},
       [&](Value depth, ValueRange) -> Vectors {
         Value query = loadRow(a.scores, *a.queries,
                               {{a.scoresQuery, zero}, {a.scoresDepth, depth}},
                               a.scoresDepth);
         if (scale != 1)
           query = arith::MulFOp::create(b, loc, query, splat(scale));
         vector::StoreOp::create(b, loc, query, transposed,
                                 ValueRange{zero, depth});
         return {};
       });
  loop(zero, constant(a.columns), width, {},
       [&](Value column, ValueRange) -> Vectors {
         vector::StoreOp::create(b, loc, splat(0), sums,
                                 ValueRange{zero, column});
         return {};
       });
  Vectors state{splat(-std::numeric_limits<float>::max()), splat(0)};
  state = loop(
      zero, keysSeen, constant(kBlockKeys), state,
      [&](Value firstKey, ValueRange before) -> Vectors {
        Value left = arith::SubIOp::create(b, loc, keysSeen, firstKey);
        Value count =
            arith::MinUIOp::create(b, loc, left, constant(kBlockKeys));
        Value most = emitKeysInLanes(firstKey, count, before[0]);
        Value factor = weightOf(before[0], most);
        loop(zero, count, width, {}, [&](Value at, ValueRange) -> Vectors {
          Value score = vector::LoadOp::create(b, loc, vector, weights,
                                               ValueRange{zero, at});
          vector::StoreOp::create(b, loc, weightOf(score, most), weights,
                                  ValueRange{zero, at});
          return {};
        });
        Value total = emitRow(firstKey, count, factor);
        return {most, math::FmaOp::create(b, loc, before[1], factor, total)};
      });
  Value inverse = arith::DivFOp::create(b, loc, splat(1), state[1]);
  loop(zero, constant(a.columns), width, {},
       [&](Value column, ValueRange) -> Vectors {
         Value sum = vector::LoadOp::create(b, loc, vector, sums,
                                            ValueRange{zero, column});
         storeRow(arith::MulFOp::create(b, loc, sum, inverse),
                  {{a.resultQuery, zero}, {a.resultColumn, column}});
         return {};
       });
}
