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
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::dyn;

/// How many keys ahead keys and values are asked for: they come from the second
/// cache or from behind it, in pieces too short to be recognized as a stream.
constexpr int64_t kKeysAhead = 16;

/// So few keys are not worth transposing a block: each is a sum of its own.
constexpr int64_t kFewKeys = 4;

/// Accumulators of a row: enough to hide the latency of a multiply-add.
constexpr int64_t kMostColumns = 8;

/// Products of the query and `count` keys from `firstKey` on, one a lane.
Value AttentionEmitter::emitKeyByKey(Value firstKey, Value count) {
  auto lanesType = VectorType::get({lanes}, b.getI32Type());
  auto numbers = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
  Value steps = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(lanesType, ArrayRef(numbers)));
  return loop(
      constant(0), count, constant(1), Value(splat(0)),
      [&](Value lane, ValueRange products) -> Vectors {
        Value key = add(firstKey, lane);
        Value sum =
            loop(constant(0), constant(a.depth), constant(lanes), scalar(0),
                 [&](Value depth, ValueRange inner) -> Vectors {
                   Value sum = inner.front();
                   for (int64_t i = 0; i < lanes; ++i) {
                     Value at = add(depth, i);
                     Value query = memref::LoadOp::create(
                         b, loc, transposed, ValueRange{constant(0), at});
                     Value element = memref::LoadOp::create(
                         b, loc, a.keys->get(),
                         place(a.scores, *a.keys,
                               {{a.scoresKey, key}, {a.scoresDepth, at}}));
                     sum = math::FmaOp::create(b, loc, element, query, sum);
                   }
                   return {sum};
                 })[0];
        Value number = arith::IndexCastOp::create(b, loc, b.getI32Type(), lane);
        Value isHere = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                             steps, broadcast(number));
        return {arith::SelectOp::create(b, loc, isHere, broadcast(sum),
                                        products.front())};
      })[0];
}

/// Products of the query and the keys from `firstKey` on, one a lane. Lanes
/// beyond the last key repeat it, or are 0.
Value AttentionEmitter::emitBlockOfKeys(Value firstKey, Value lastKey,
                                        Value isKey) {
  bool alongKeys = isContiguous(a.scores, *a.keys, a.scoresKey);
  Vectors keys;
  if (!alongKeys)
    for (int64_t lane = 0; lane < lanes; ++lane)
      keys.push_back(
          arith::MinUIOp::create(b, loc, add(firstKey, lane), lastKey));
  auto product = [&](Value column, Value depth, Value sum) -> Value {
    Value query = broadcast(memref::LoadOp::create(
        b, loc, transposed, ValueRange{constant(0), depth}));
    return math::FmaOp::create(b, loc, column, query, sum);
  };
  auto step = [&](Value depth, ValueRange sums) -> Vectors {
    Value sum = sums.front();
    if (alongKeys) {
      Value column = vector::MaskedLoadOp::create(
          b, loc, vector, a.keys->get(),
          place(a.scores, *a.keys,
                {{a.scoresKey, firstKey}, {a.scoresDepth, depth}}),
          isKey, splat(0));
      return {product(column, depth, sum)};
    }
    Vectors block;
    for (Value key : keys)
      block.push_back(loadRow(a.scores, *a.keys,
                              {{a.scoresKey, key}, {a.scoresDepth, depth}},
                              a.scoresDepth));
    for (int64_t lane = 0; lane < lanes; ++lane)
      prefetch(a.scores, *a.keys,
               {{a.scoresKey, add(firstKey, kKeysAhead + lane)},
                {a.scoresDepth, depth}});
    transposeInRegisters(b, loc, block);
    for (auto [i, column] : llvm::enumerate(block))
      sum = product(column, add(depth, i), sum);
    return {sum};
  };
  return loop(constant(0), constant(a.depth), constant(alongKeys ? 1 : lanes),
              Value(splat(0)), step)[0];
}

/// Scores of the keys from `firstKey` on go to `weights`; the larger one of
/// `most` and of all of them, in all lanes.
Value AttentionEmitter::emitKeysInLanes(Value firstKey, Value count,
                                        Value most) {
  Value zero = constant(0);
  Value lastKey =
      arith::SubIOp::create(b, loc, add(firstKey, count), constant(1));
  auto maskType = VectorType::get({lanes}, b.getI1Type());
  auto body = [&](Value at, ValueRange carried) -> Vectors {
    Value left = arith::SubIOp::create(b, loc, count, at);
    Value isKey = vector::CreateMaskOp::create(b, loc, maskType, left);
    Value first = add(firstKey, at);
    Value areFew = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule,
                                         left, constant(kFewKeys));
    auto form = scf::IfOp::create(b, loc, vector, areFew, true);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(form.thenBlock());
      scf::YieldOp::create(b, loc, emitKeyByKey(first, left));
      b.setInsertionPointToStart(form.elseBlock());
      scf::YieldOp::create(b, loc, emitBlockOfKeys(first, lastKey, isKey));
    }
    Value score = transform(form.getResult(0),
                            {/*areKeys=*/true, zero, first, /*row=*/{}});
    score = arith::SelectOp::create(
        b, loc, isKey, score, splat(-std::numeric_limits<float>::infinity()));
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

/// `sums` times `factor` plus weights times values; the sum of the weights
/// behind them.
Vectors AttentionEmitter::emitRow(Value firstKey, Value count, Value factor,
                                  ValueRange sums) {
  Value zero = constant(0), total;
  int64_t width = std::min<int64_t>(kMostColumns, sums.size());
  while (sums.size() % width)
    --width;
  Vectors row;
  for (int64_t from = 0; from < int64_t(sums.size()); from += width) {
    auto at = [&](int64_t c) { return constant((from + c) * lanes); };
    Vectors start;
    for (Value sum : sums.slice(from, width))
      start.push_back(arith::MulFOp::create(b, loc, sum, factor));
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
    if (!total)
      total = results.pop_back_val();
    row.append(results);
  }
  row.push_back(total);
  return row;
}

void AttentionEmitter::emitOneQuery() {
  transposed = scratch({1, a.depth});
  weights = scratch({1, kBlockKeys});
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
  // The largest score, the sum of the weights, the sums of each column.
  Vectors state(2 + a.columns / lanes, splat(0));
  state[0] = splat(kLeast);
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
        Vectors sums = emitRow(firstKey, count, factor, before.drop_front(2));
        Value total =
            math::FmaOp::create(b, loc, before[1], factor, sums.pop_back_val());
        Vectors after{most, total};
        after.append(sums);
        return after;
      });
  Value inverse = arith::DivFOp::create(b, loc, splat(1), state[1]);
  for (auto [i, sum] : llvm::enumerate(ArrayRef(state).drop_front(2)))
    storeRow(arith::MulFOp::create(b, loc, sum, inverse),
             {{a.resultQuery, zero}, {a.resultColumn, constant(i * lanes)}});
}
