//===- AttentionEmit.cpp - Attention with queries in the lanes ------------===//
//
// Of a block of queries only these are transposed, once, into the lanes of one
// or several vectors; keys and values are read row by row where they are. So
// the softmax needs no sum across lanes, and a row of keys costs one load of a
// scalar per multiply-add of a vector. Keys come in blocks, with the maximum
// and the sum so far corrected between them (Milakov and Gimelshein, "Online
// normalizer calculation for softmax", 2018): what lies between the two
// products stays in the first caches whatever the length.
//
// A row's bits depend on the row, the keys and the order of keys alone: every
// sum runs over its index in order, and blocks begin at multiples of a
// constant. Keys behind the end that are masked to a weight of 0 change
// nothing.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"
#include "Transposition.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

Vectors AttentionEmitter::loop(Value from, Value to, Value step,
                               ValueRange values,
                               function_ref<Vectors(Value, ValueRange)> body) {
  auto forOp = scf::ForOp::create(b, loc, from, to, step, values);
  OpBuilder::InsertionGuard guard(b);
  if (values.empty())
    b.setInsertionPoint(forOp.getBody()->getTerminator());
  else
    b.setInsertionPointToEnd(forOp.getBody());
  Vectors results = body(forOp.getInductionVar(), forOp.getRegionIterArgs());
  if (!values.empty())
    scf::YieldOp::create(b, loc, results);
  return Vectors(forOp.getResults());
}

/// `size` rows in even blocks of at most `most`, with code for each count.
Vectors AttentionEmitter::inBlocks(
    Value size, int64_t most, ValueRange values,
    function_ref<Vectors(Value, int64_t, ValueRange)> body) {
  Value one = constant(1);
  Value blocks = arith::CeilDivUIOp::create(b, loc, size, constant(most));
  Value step = arith::CeilDivUIOp::create(
      b, loc, size, arith::MaxUIOp::create(b, loc, blocks, one));
  step = arith::MaxUIOp::create(b, loc, step, one);
  return loop(constant(0), size, step, values, [&](Value at, ValueRange inner) {
    Value left = arith::SubIOp::create(b, loc, size, at);
    Value count = arith::MinUIOp::create(b, loc, left, step);
    auto cases = llvm::to_vector(llvm::seq<int64_t>(1, most));
    auto versions = scf::IndexSwitchOp::create(
        b, loc, TypeRange(ValueRange(values)), count, cases, cases.size());
    for (auto [index, region] : llvm::enumerate(versions->getRegions())) {
      OpBuilder::InsertionGuard guard(b);
      b.createBlock(&region);
      // The default region comes first and takes the full count.
      Vectors results = body(at, index == 0 ? most : cases[index - 1], inner);
      scf::YieldOp::create(b, loc, results);
    }
    return Vectors(versions.getResults());
  });
}

//===----------------------------------------------------------------------===//
// The steps
//===----------------------------------------------------------------------===//

/// Blocks of as many queries as there are lanes, transposed in registers: step
/// by step the two halves of two rows change places. Rows beyond the last one
/// repeat it.
void AttentionEmitter::transposeQueries() {
  Value last = arith::SubIOp::create(b, loc, numQueries, constant(1));
  Value factor = splat(scale);
  for (int64_t v = 0; v < vectors; ++v) {
    Vectors queries;
    for (int64_t lane = 0; lane < lanes; ++lane)
      queries.push_back(
          arith::MinUIOp::create(b, loc, constant(v * lanes + lane), last));
    loop(constant(0), constant(a.depth), constant(lanes), {},
         [&](Value depth, ValueRange) -> Vectors {
           Vectors block;
           for (Value query : queries) {
             Value row =
                 loadRow(a.scores, *a.queries,
                         {{a.scoresQuery, query}, {a.scoresDepth, depth}},
                         a.scoresDepth);
             if (scale != 1)
               row = arith::MulFOp::create(b, loc, row, factor);
             block.push_back(row);
           }
           transposeInRegisters(b, loc, block);
           for (int64_t i = 0; i < lanes; ++i)
             vector::StoreOp::create(
                 b, loc, block[i], transposed,
                 ValueRange{add(depth, i), constant(v * lanes)});
           return {};
         });
  }
}

/// Scores of `count` keys from `firstKey + block`, and the maxima with them.
Vectors AttentionEmitter::emitScores(Value firstKey, Value block, int64_t count,
                                     ValueRange maxima) {
  Value zero = splat(0);
  Vectors accumulators(count * vectors, zero), keys;
  for (int64_t i = 0; i < count; ++i)
    keys.push_back(add(add(firstKey, block), i));
  accumulators =
      loop(constant(0), constant(a.depth), constant(1), accumulators,
           [&](Value depth, ValueRange inner) {
             Vectors queries, results;
             for (int64_t v = 0; v < vectors; ++v)
               queries.push_back(vector::LoadOp::create(
                   b, loc, vector, transposed,
                   ValueRange{depth, constant(v * lanes)}));
             for (int64_t i = 0; i < count; ++i) {
               Value key = broadcast(memref::LoadOp::create(
                   b, loc, a.keys->get(),
                   place(a.scores, *a.keys,
                         {{a.scoresKey, keys[i]}, {a.scoresDepth, depth}})));
               for (int64_t v = 0; v < vectors; ++v)
                 results.push_back(math::FmaOp::create(b, loc, key, queries[v],
                                                       inner[i * vectors + v]));
             }
             return results;
           });
  Vectors most(maxima);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t v = 0; v < vectors; ++v) {
      Value score = transform(
          accumulators[i * vectors + v],
          {/*areKeys=*/false, /*query=*/constant(v * lanes), /*key=*/keys[i]});
      vector::StoreOp::create(b, loc, score, weights,
                              ValueRange{add(block, i), constant(v * lanes)});
      most[v] = maximum(most[v], score);
    }
  return most;
}

/// Turns `count` rows of scores into weights; their sums.
Vectors AttentionEmitter::emitWeights(Value count, ValueRange maxima) {
  Vectors zeros(vectors, splat(0));
  return loop(
      constant(0), count, constant(1), zeros, [&](Value key, ValueRange inner) {
        Vectors results;
        for (int64_t v = 0; v < vectors; ++v) {
          SmallVector<Value> where{key, constant(v * lanes)};
          Value score = vector::LoadOp::create(b, loc, vector, weights, where);
          Value weight = weightOf(score, maxima[v]);
          vector::StoreOp::create(b, loc, weight, weights, where);
          results.push_back(arith::AddFOp::create(b, loc, inner[v], weight));
        }
        return results;
      });
}

/// Weights times values, added to what earlier blocks gave.
void AttentionEmitter::emitResult(Value firstKey, Value count, Value isFirst,
                                  Value isLast) {
  int64_t width = std::min(mostVectors, a.columns / lanes);
  // Whole steps only: the width of a head need not be a multiple.
  while (a.columns / lanes % width)
    --width;
  Value zeroIndex = constant(0);
  loop(
      zeroIndex, constant(a.columns), constant(width * lanes), {},
      [&](Value column, ValueRange) -> Vectors {
        auto body = [&](Value block, int64_t blockRows, ValueRange) -> Vectors {
          SmallVector<Type> types(blockRows * width, vector);
          auto perCell = [&](auto function) {
            for (int64_t i = 0; i < blockRows; ++i)
              for (int64_t c = 0; c < width; ++c)
                function(add(block, i), add(column, c * lanes), i * width + c);
          };
          auto start = scf::IfOp::create(b, loc, types, isFirst, true);
          b.setInsertionPointToEnd(start.thenBlock());
          scf::YieldOp::create(b, loc, Vectors(types.size(), splat(0)));
          b.setInsertionPointToEnd(start.elseBlock());
          Vectors earlier;
          perCell([&](Value query, Value at, int64_t) {
            Value sum = vector::LoadOp::create(b, loc, vector, sums,
                                               ValueRange{query, at});
            Value factor = memref::LoadOp::create(b, loc, correction,
                                                  ValueRange{zeroIndex, query});
            earlier.push_back(
                arith::MulFOp::create(b, loc, sum, broadcast(factor)));
          });
          scf::YieldOp::create(b, loc, earlier);
          b.setInsertionPointAfter(start);

          Vectors totals =
              loop(zeroIndex, count, constant(1), start.getResults(),
                   [&](Value key, ValueRange inner) {
                     Vectors row, results;
                     for (int64_t c = 0; c < width; ++c)
                       row.push_back(
                           loadRow(a.result, *a.values,
                                   {{a.resultKey, add(firstKey, key)},
                                    {a.resultColumn, add(column, c * lanes)}},
                                   a.resultColumn));
                     for (int64_t i = 0; i < blockRows; ++i) {
                       Value weight = broadcast(memref::LoadOp::create(
                           b, loc, weights, ValueRange{key, add(block, i)}));
                       for (int64_t c = 0; c < width; ++c)
                         results.push_back(math::FmaOp::create(
                             b, loc, weight, row[c], inner[i * width + c]));
                     }
                     return results;
                   });

          auto end = scf::IfOp::create(b, loc, isLast, true);
          b.setInsertionPoint(end.thenYield());
          perCell([&](Value query, Value at, int64_t cell) {
            Value factor = memref::LoadOp::create(b, loc, inverse,
                                                  ValueRange{zeroIndex, query});
            storeRow(
                arith::MulFOp::create(b, loc, totals[cell], broadcast(factor)),
                {{a.resultQuery, query}, {a.resultColumn, at}});
          });
          b.setInsertionPoint(end.elseYield());
          perCell([&](Value query, Value at, int64_t cell) {
            vector::StoreOp::create(b, loc, totals[cell], sums,
                                    ValueRange{query, at});
          });
          b.setInsertionPointAfter(end);
          return {};
        };
        inBlocks(numQueries, rows, {}, body);
        return {};
      });
}

void AttentionEmitter::emitBlock(int64_t blockVectors) {
  vectors = blockVectors;
  int64_t block = vectors * lanes;
  transposed = scratch(a.depth, block);
  weights = scratch(kBlockKeys, block);
  sums = scratch(block, a.columns);
  correction = scratch(1, block);
  inverse = scratch(1, block);
  transposeQueries();

  // With fewer vectors in a row more rows fit, and are needed to hide the
  // latency of a multiply-add.
  int64_t scoreRows =
      std::max(rows, std::min(lanes, rows * mostVectors / vectors));
  // Maxima and sums so far.
  Vectors state(vectors, splat(-std::numeric_limits<float>::max()));
  state.append(vectors, splat(0));
  Value zero = constant(0);
  loop(zero, keysSeen, constant(kBlockKeys), state,
       [&](Value firstKey, ValueRange before) {
         Value left = arith::SubIOp::create(b, loc, keysSeen, firstKey);
         Value count =
             arith::MinUIOp::create(b, loc, left, constant(kBlockKeys));
         Vectors maxima =
             inBlocks(count, scoreRows, before.take_front(vectors),
                      [&](Value at, int64_t keys, ValueRange inner) {
                        return emitScores(firstKey, at, keys, inner);
                      });
         Vectors factors;
         for (int64_t v = 0; v < vectors; ++v) {
           factors.push_back(weightOf(before[v], maxima[v]));
           vector::StoreOp::create(b, loc, factors.back(), correction,
                                   ValueRange{zero, constant(v * lanes)});
         }
         Vectors totals = emitWeights(count, maxima), after(maxima);
         for (int64_t v = 0; v < vectors; ++v)
           after.push_back(math::FmaOp::create(b, loc, before[vectors + v],
                                               factors[v], totals[v]));
         Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                               firstKey, zero);
         Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                              left, count);
         auto last = scf::IfOp::create(b, loc, isLast, false);
         {
           OpBuilder::InsertionGuard guard(b);
           b.setInsertionPoint(last.thenYield());
           for (int64_t v = 0; v < vectors; ++v)
             vector::StoreOp::create(
                 b, loc,
                 arith::DivFOp::create(b, loc, splat(1), after[vectors + v]),
                 inverse, ValueRange{zero, constant(v * lanes)});
         }
         emitResult(firstKey, count, isFirst, isLast);
         return after;
       });
}

void AttentionEmitter::emit() {
  b.setInsertionPoint(a.result);
  numQueries = sizeOf(a.scores, a.scoresQuery);
  numKeys = sizeOf(a.scores, a.scoresKey);

  // A payload that only scales belongs to the queries.
  inPowersOfTwo = !a.payload;
  if (a.payload &&
      llvm::hasSingleElement(a.payload.getBody()->without_terminator()))
    if (auto product = dyn_cast<arith::MulFOp>(a.payload.getBody()->front())) {
      APFloat factor(0.0f);
      Value scores = a.payload.getMatchingBlockArgument(a.payloadScores);
      for (auto [x, y] : {std::pair(product.getLhs(), product.getRhs()),
                          std::pair(product.getRhs(), product.getLhs())})
        if (x == scores && matchPattern(y, m_ConstantFloat(&factor))) {
          inPowersOfTwo = true;
          scale = factor.convertToFloat();
        }
    }
  if (inPowersOfTwo)
    scale *= llvm::numbers::log2ef;

  // Without keys every sum is empty.
  Value zero = constant(0);
  Value empty =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, numKeys, zero);
  auto ifEmpty = scf::IfOp::create(b, loc, empty, false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(ifEmpty.thenYield());
    linalg::FillOp::create(b, loc, scalar(0), a.result.getDpsInits()[0]);
  }
  keysSeen = seenKeys();
  Value isOne = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                      numQueries, constant(1));
  auto form = scf::IfOp::create(b, loc, isOne, true);
  b.setInsertionPoint(form.thenYield());
  emitOneQuery();
  b.setInsertionPoint(form.elseYield());
  if (mostVectors == 1)
    return emitBlock(1);
  Value isShort = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule,
                                        numQueries, constant(lanes));
  auto version = scf::IfOp::create(b, loc, isShort, true);
  b.setInsertionPoint(version.thenYield());
  emitBlock(1);
  b.setInsertionPoint(version.elseYield());
  emitBlock(mostVectors);
}

LogicalResult dyn::emitAttention(RewriterBase &rewriter,
                                 linalg::SoftmaxOp softmax,
                                 const Target &target) {
  std::optional<Attention> attention = findAttentionOnBuffers(softmax);
  std::string whyNot = "no contraction in front of it and behind it";
  if (!attention || failed(analyzeAttention(*attention, target, whyNot)))
    return softmax.emitOpError("marked as attention cannot be vectorized: ")
           << whyNot;
  AttentionEmitter(rewriter, *attention, target).emit();
  SmallVector<Value> written = {attention->scores.getDpsInits()[0],
                                attention->result.getDpsInits()[0]};
  for (Value buffer : written)
    for (Operation *user : llvm::make_early_inc_range(buffer.getUsers()))
      if (isa<linalg::FillOp>(user) &&
          user->getBlock() == softmax->getBlock() &&
          user->isBeforeInBlock(attention->result))
        rewriter.eraseOp(user);
  rewriter.eraseOp(attention->result);
  rewriter.eraseOp(softmax);
  if (attention->payload)
    rewriter.eraseOp(attention->payload);
  rewriter.eraseOp(attention->scores);
  return success();
}
