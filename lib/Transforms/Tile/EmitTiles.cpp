//===- EmitTiles.cpp - What a tile computes, in registers -----------------===//

#include "LoopEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

/// Lanes along an output dimension.
void LoopEmitter::emitTile(const Tile &tile) {
  int64_t numOuts = op.getNumDpsInits();
  cache.clear();
  SmallVector<Value> values;
  forEachCell(tile, [&](Cell cell) {
    for (int64_t i = 0; i < numOuts; ++i)
      values.push_back(
          op.payloadUsesValueFromOperand(op.getDpsInitOperand(i)) ||
                  !reductions.empty()
              ? asVector(read(*op.getDpsInitOperand(i), tile, cell), tile)
              : Value());
  });
  auto compute = [&](ValueRange inner) {
    prefetchPanels(tile);
    SmallVector<Value> results;
    forEachCell(tile, [&](Cell cell) {
      for (Value result :
           payload(inner.slice(results.size(), numOuts), tile, cell))
        results.push_back(asVector(result, tile));
    });
    return results;
  };
  if (reductions.empty()) {
    // Absent initial values are no values yet.
    SmallVector<Value> results;
    forEachCell(tile, [&](Cell cell) {
      SmallVector<Value> outs(values.begin() + results.size(),
                              values.begin() + results.size() + numOuts);
      for (Value result : payload(outs, tile, cell))
        results.push_back(asVector(result, tile));
    });
    values = results;
  } else {
    values = reduceOver(reductions, values, compute);
  }
  int64_t next = 0;
  forEachCell(tile, [&](Cell cell) {
    for (int64_t i = 0; i < numOuts; ++i)
      write(*op.getDpsInitOperand(i), values[next++], tile, cell);
  });
}

/// Lanes along a reduction. Lane l of vector u takes the elements whose index
/// is u * lanes + l modulo lanes * vectors, whatever the length: that, and the
/// tree at the end, is the order of the reduction.
void LoopEmitter::emitReducingTile(const Tile &outer) {
  int64_t numOuts = op.getNumDpsInits();
  Tile tile = outer;
  tile.vectors = plan.vectors;
  tile.lanes = plan.lanes;
  SmallVector<Operation *> combiners;
  SmallVector<Value> neutral;
  for (int64_t i = 0; i < numOuts; ++i) {
    combiners.push_back(matchCombiner(op, i));
    auto value = *arith::getNeutralElement(combiners.back());
    neutral.push_back(arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(VectorType::get({tile.lanes}, value.getType()),
                               Attribute(value))));
  }
  SmallVector<Value> accumulators;
  forEachCell(tile, [&](Cell) { llvm::append_range(accumulators, neutral); });
  accumulators = reduceOver(reductions, accumulators, [&](ValueRange inner) {
    return emitReducingLanes(tile, inner);
  });

  // The vectors of one cell, then its lanes, then what the output held.
  SmallVector<Value> results;
  cache.clear();
  Tile scalar;
  scalar.rows = tile.rows;
  scalar.columns = tile.columns;
  SmallVector<SmallVector<Value>> totals(numOuts);
  for (int64_t i = 0; i < numOuts; ++i) {
    SmallVector<Value> vectors;
    for (size_t first = i; first < accumulators.size();
         first += tile.vectors * numOuts) {
      SmallVector<Value> parts;
      for (int64_t u = 0; u < tile.vectors; ++u)
        parts.push_back(accumulators[first + u * numOuts]);
      for (size_t half = parts.size() / 2; half > 0; half /= 2)
        for (size_t u = 0; u < half; ++u)
          parts[u] = combine(combiners[i], parts[u], parts[u + half]);
      vectors.push_back(parts[0]);
    }
    totals[i] = combineLanes(combiners[i], vectors);
  }
  int64_t cellIndex = 0;
  forEachCell(scalar, [&](Cell cell) {
    for (int64_t i = 0; i < numOuts; ++i)
      results.push_back(combine(combiners[i],
                                read(*op.getDpsInitOperand(i), scalar, cell),
                                totals[i][cellIndex]));
    ++cellIndex;
  });
  int64_t next = 0;
  forEachCell(scalar, [&](Cell cell) {
    for (int64_t i = 0; i < numOuts; ++i)
      write(*op.getDpsInitOperand(i), results[next++], scalar, cell);
  });
}

SmallVector<Value> LoopEmitter::emitReducingLanes(Tile tile,
                                                  ValueRange accumulators) {
  unsigned dim = plan.lanesDim;
  int64_t numOuts = op.getNumDpsInits();
  int64_t step = tile.vectors * tile.lanes;
  std::optional<int64_t> size = staticSize(dim);
  auto compute = [&](ValueRange inner) {
    SmallVector<Value> results;
    forEachCell(tile, [&](Cell cell) {
      size_t first = results.size();
      for (auto [index, result] :
           llvm::enumerate(payload(inner.slice(first, numOuts), tile, cell))) {
        Value vector = asVector(result, tile);
        if (!tile.masks.empty())
          vector = arith::SelectOp::create(b, loc, tile.masks[cell.vector],
                                           vector, inner[first + index]);
        results.push_back(vector);
      }
    });
    return results;
  };
  SmallVector<Value> values(accumulators);
  Value end = floorTo(sizes[dim], step);
  if (!size || *size >= step)
    values = accumulate(constant(0), end, constant(step), dim, values, compute);
  if (size && *size % step == 0)
    return values;
  return accumulate(end, sizes[dim], constant(step), dim, values,
                    [&](ValueRange inner) {
                      tile.masks = makeMasks(tile.vectors);
                      return compute(inner);
                    });
}

/// Combines the lanes of each vector: halves against halves, log2(lanes) steps,
/// an order fixed by the width. Two vectors at a time share their steps, which
/// pairs the same elements as each would alone.
SmallVector<Value> LoopEmitter::combineLanes(Operation *combiner,
                                             ArrayRef<Value> vectors) {
  SmallVector<Value> totals;
  int64_t lanes = cast<VectorType>(vectors.front().getType()).getNumElements();
  for (size_t first = 0; first < vectors.size(); first += lanes) {
    SmallVector<Value> group(
        vectors.slice(first, std::min<size_t>(lanes, vectors.size() - first)));
    size_t count = group.size();
    // `segments` vectors lie side by side in each of `group`.
    for (int64_t segments = 1; segments < lanes; segments *= 2) {
      int64_t length = lanes / segments, half = length / 2;
      bool pairs = group.size() > 1;
      SmallVector<int64_t> low, high;
      for (int64_t from = 0; from < (pairs ? 2 : 1) * lanes; from += length)
        for (int64_t lane = 0; lane < half; ++lane) {
          low.push_back(from + lane);
          high.push_back(from + half + lane);
        }
      // A single vector is combined with itself to stay as wide.
      if (!pairs)
        for (auto *mask : {&low, &high})
          mask->append(SmallVector<int64_t>(*mask));
      SmallVector<Value> next;
      for (size_t i = 0; i < group.size(); i += 2) {
        Value a = group[i], c = i + 1 < group.size() ? group[i + 1] : a;
        next.push_back(combine(combiner,
                               vector::ShuffleOp::create(b, loc, a, c, low),
                               vector::ShuffleOp::create(b, loc, a, c, high)));
      }
      group = next;
    }
    for (size_t i = 0; i < count; ++i)
      totals.push_back(vector::ExtractOp::create(b, loc, group.front(), i));
  }
  return totals;
}
