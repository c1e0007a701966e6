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
// The steps
//===----------------------------------------------------------------------===//

/// The lowest tile of several rows: fewer take as long, since multiply-adds
/// wait for one another, and each height is code of its own.
constexpr int64_t kFewRows = 4;

/// Blocks of as many queries as there are lanes, transposed in registers. Lanes
/// beyond the last query repeat it.
void AttentionEmitter::transposeQueries() {
  Value last = arith::SubIOp::create(b, loc, numQueries, constant(1));
  forQueryVectors([&](Value first) {
    Vectors queries;
    for (int64_t lane = 0; lane < lanes; ++lane)
      queries.push_back(arith::MinUIOp::create(b, loc, add(first, lane), last));
    loop(constant(0), constant(a.depth), constant(lanes), {},
         [&](Value depth, ValueRange) -> Vectors {
           Vectors block;
           for (Value query : queries) {
             Value row =
                 loadRow(a.scores, *a.queries,
                         {{a.scoresQuery, query}, {a.scoresDepth, depth}},
                         a.scoresDepth);
             if (scale != 1)
               row = arith::MulFOp::create(b, loc, row, splat(scale));
             block.push_back(row);
           }
           transposeInRegisters(b, loc, block);
           for (int64_t i = 0; i < lanes; ++i)
             vector::StoreOp::create(b, loc, block[i], transposed,
                                     ValueRange{add(depth, i), first});
           return {};
         });
  });
}

/// Scores of `count` keys from `firstKey + block` for `vectors` vectors of
/// queries from `firstQuery` on; the maxima with them.
void AttentionEmitter::emitScoreTile(Value firstKey, Value block, int64_t count,
                                     Value firstQuery, int64_t vectors) {
  Vectors accumulators(count * vectors, splat(0)), keys;
  for (int64_t i = 0; i < count; ++i)
    keys.push_back(add(add(firstKey, block), i));
  accumulators =
      loop(constant(0), constant(a.depth), constant(1), accumulators,
           [&](Value depth, ValueRange inner) {
             Vectors queries, results;
             for (int64_t v = 0; v < vectors; ++v)
               queries.push_back(vector::LoadOp::create(
                   b, loc, vector, transposed,
                   ValueRange{depth, add(firstQuery, v * lanes)}));
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
  for (int64_t v = 0; v < vectors; ++v) {
    Value first = add(firstQuery, v * lanes), most = loadAt(blockMaxima, first);
    for (int64_t i = 0; i < count; ++i) {
      Value row = add(block, i);
      Value score = transform(accumulators[i * vectors + v],
                              {/*areKeys=*/false, first, keys[i], row});
      vector::StoreOp::create(b, loc, score, weights, ValueRange{row, first});
      most = maximum(most, score);
    }
    storeAt(most, blockMaxima, first);
  }
}

void AttentionEmitter::emitScores(const KeyBlock &keys) {
  auto emitTiles = [&](Value from, Value count, Value firstQuery,
                       int64_t vectors) {
    // With fewer vectors in a row more rows fit, and are needed to hide the
    // latency of a multiply-add.
    int64_t most =
        std::max(rows, std::min(lanes, rows * mostVectors / vectors));
    // The last step but one is for long sequences, which come in full blocks.
    SmallVector<int64_t> heights{1};
    for (int64_t next = kFewRows; next < most - 2; next *= 2)
      heights.push_back(next);
    if (vectors == mostVectors && most - 2 > heights.back())
      heights.push_back(most - 2);
    heights.push_back(most);
    // A key may be in two tiles: its scores are the same in both.
    emitTilesOf(
        count, heights, /*mayOverlap=*/true, [&](Value at, int64_t height) {
          emitScoreTile(keys.first, add(from, at), height, firstQuery, vectors);
        });
  };
  Value zero = constant(0);
  if (mostVectors == 1)
    return emitTiles(zero, keys.count, zero, 1);
  // All vectors of queries at once, for the keys that the first one sees; the
  // other keys a vector at a time.
  Value isShort = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule,
                                        numQueries, constant(lanes));
  Value shared = arith::SelectOp::create(
      b, loc, isShort, zero, seenOfBlock(keys, constant(lanes - 1)));
  emitTiles(zero, shared, zero, mostVectors);
  forQueryVectors([&](Value query) {
    Value seen = seenOfBlock(keys, add(query, lanes - 1));
    emitTiles(shared, arith::SubIOp::create(b, loc, seen, shared), query, 1);
  });
}

/// Turns the rows of scores into weights, and corrects what earlier blocks
/// summed up by how much the maxima grew.
void AttentionEmitter::emitWeights(const KeyBlock &keys) {
  forQueryVectors([&](Value query) {
    Value earlier = loadAt(maxima, query);
    Value most = maximum(earlier, loadAt(blockMaxima, query));
    storeAt(most, maxima, query);
    storeAt(splat(kLeast), blockMaxima, query);
    Value factor = weightOf(earlier, most);
    storeAt(factor, correction, query);
    Value seen = seenOfBlock(keys, add(query, lanes - 1));
    Value sum = loop(
        constant(0), seen, constant(1), splat(0),
        [&](Value key, ValueRange inner) -> Vectors {
          SmallVector<Value> where{key, query};
          Value weight = weightOf(
              vector::LoadOp::create(b, loc, vector, weights, where), most);
          vector::StoreOp::create(b, loc, weight, weights, where);
          return {arith::AddFOp::create(b, loc, inner[0], weight)};
        })[0];
    // For tiles of the result with queries of this vector and of the next one.
    if (causal)
      loop(seen, keys.count, constant(1), {},
           [&](Value key, ValueRange) -> Vectors {
             vector::StoreOp::create(b, loc, splat(0), weights,
                                     ValueRange{key, query});
             return {};
           });
    Value total =
        math::FmaOp::create(b, loc, loadAt(totals, query), factor, sum);
    storeAt(total, totals, query);
    storeAt(arith::DivFOp::create(b, loc, splat(1), total), inverse, query);
  });
}

/// Weights times values, added to what earlier blocks gave: `count` keys,
/// `height` queries from `block` on, `width` vectors from `column` on. Queries
/// beyond the last one repeat it, and are written where it is.
void AttentionEmitter::emitResultTile(const KeyBlock &keys, Value block,
                                      int64_t height, Value column,
                                      int64_t width) {
  SmallVector<Type> types(height * width, vector);
  auto perCell = [&](auto function) {
    for (int64_t i = 0; i < height; ++i)
      for (int64_t c = 0; c < width; ++c)
        function(add(block, i), add(column, c * lanes), i * width + c);
  };
  auto start = scf::IfOp::create(b, loc, types, keys.isFirst, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(start.thenBlock());
  scf::YieldOp::create(b, loc, Vectors(types.size(), splat(0)));
  b.setInsertionPointToEnd(start.elseBlock());
  Vectors earlier;
  perCell([&](Value query, Value at, int64_t) {
    Value sum =
        vector::LoadOp::create(b, loc, vector, sums, ValueRange{query, at});
    Value factor = memref::LoadOp::create(b, loc, correction, query);
    earlier.push_back(arith::MulFOp::create(b, loc, sum, broadcast(factor)));
  });
  scf::YieldOp::create(b, loc, earlier);
  b.setInsertionPointAfter(start);

  Value seen = seenOfBlock(keys, add(block, height - 1));
  Vectors results =
      loop(constant(0), seen, constant(1), start.getResults(),
           [&](Value key, ValueRange inner) {
             Vectors row, next;
             for (int64_t c = 0; c < width; ++c)
               row.push_back(loadRow(a.result, *a.values,
                                     {{a.resultKey, add(keys.first, key)},
                                      {a.resultColumn, add(column, c * lanes)}},
                                     a.resultColumn));
             for (int64_t i = 0; i < height; ++i) {
               Value weight = broadcast(memref::LoadOp::create(
                   b, loc, weights, ValueRange{key, add(block, i)}));
               for (int64_t c = 0; c < width; ++c)
                 next.push_back(math::FmaOp::create(b, loc, weight, row[c],
                                                    inner[i * width + c]));
             }
             return next;
           });

  auto end = scf::IfOp::create(b, loc, keys.isLast, true);
  b.setInsertionPoint(end.thenYield());
  Value last = arith::SubIOp::create(b, loc, numQueries, constant(1));
  perCell([&](Value query, Value at, int64_t cell) {
    Value factor = memref::LoadOp::create(b, loc, inverse, query);
    Value row = b.createOrFold<arith::MinUIOp>(loc, query, last);
    storeRow(arith::MulFOp::create(b, loc, results[cell], broadcast(factor)),
             {{a.resultQuery, row}, {a.resultColumn, at}});
  });
  b.setInsertionPoint(end.elseYield());
  perCell([&](Value query, Value at, int64_t cell) {
    vector::StoreOp::create(b, loc, results[cell], sums, ValueRange{query, at});
  });
}

/// Where the tiles that `emitTilesOf` makes of `rows` end.
[[maybe_unused]] static int64_t endOfTiles(int64_t rows,
                                           ArrayRef<int64_t> heights) {
  int64_t end = 0;
  while (end < rows) {
    int64_t left = rows - end;
    int64_t even =
        llvm::divideCeil(left, llvm::divideCeil(left, heights.back()));
    end += *llvm::find_if(heights, [&](int64_t h) { return h >= even; });
  }
  return end;
}

void AttentionEmitter::emitResult(const KeyBlock &keys) {
  int64_t width = std::min(mostVectors, a.columns / lanes);
  // Whole steps only: the width of a head need not be a multiple.
  while (a.columns / lanes % width)
    --width;
  // A full block in even parts, and fewer rows.
  int64_t parts = llvm::divideCeil(mostVectors * lanes, rows);
  int64_t high = llvm::divideCeil(mostVectors * lanes, parts),
          low = mostVectors * lanes / parts;
  SmallVector<int64_t> heights;
  for (int64_t next = kFewRows; next < low; next *= 2)
    heights.push_back(next);
  heights.push_back(low);
  if (high != low)
    heights.push_back(high);
  assert(llvm::all_of(llvm::seq<int64_t>(1, mostVectors * lanes + 1),
                      [&](int64_t queries) {
                        return endOfTiles(queries, heights) <=
                               int64_t(llvm::alignTo(queries, lanes));
                      }) &&
         "a tile must not go on behind the lanes that repeat the last query");
  loop(constant(0), constant(a.columns), constant(width * lanes), {},
       [&](Value column, ValueRange) -> Vectors {
         emitTilesOf(numQueries, heights, /*mayOverlap=*/false,
                     [&](Value at, int64_t height) {
                       emitResultTile(keys, at, height, column, width);
                     });
         return {};
       });
}

void AttentionEmitter::emitBlock() {
  int64_t block = mostVectors * lanes;
  transposed = scratch({a.depth, block});
  weights = scratch({kBlockKeys, block});
  sums = scratch({block, a.columns});
  for (Value *each : {&maxima, &blockMaxima, &totals, &correction, &inverse})
    *each = scratch({block});
  transposeQueries();
  forQueryVectors([&](Value query) {
    storeAt(splat(kLeast), maxima, query);
    storeAt(splat(kLeast), blockMaxima, query);
    storeAt(splat(0), totals, query);
  });
  Value zero = constant(0), most = constant(kBlockKeys);
  loop(zero, keysSeen, most, {}, [&](Value firstKey, ValueRange) -> Vectors {
    Value left = arith::SubIOp::create(b, loc, keysSeen, firstKey);
    Value count = arith::MinUIOp::create(b, loc, left, most);
    using arith::CmpIPredicate;
    KeyBlock keys{
        firstKey, count,
        arith::CmpIOp::create(b, loc, CmpIPredicate::eq, firstKey, zero),
        arith::CmpIOp::create(b, loc, CmpIPredicate::eq, left, count)};
    turnPayloadOperands(firstKey, count);
    emitScores(keys);
    emitWeights(keys);
    emitResult(keys);
    return {};
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
  causal = matchCausal();
  keysSeen = keysSeenBy(arith::SubIOp::create(b, loc, numQueries, constant(1)));
  Value isOne = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                      numQueries, constant(1));
  auto form = scf::IfOp::create(b, loc, isOne, true);
  b.setInsertionPoint(form.thenYield());
  emitOneQuery();
  b.setInsertionPoint(form.elseYield());
  emitBlock();
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
