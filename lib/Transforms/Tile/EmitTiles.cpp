//===- EmitTiles.cpp - What a tile computes, in registers -----------------===//

#include "LoopEmitter.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Before and after a reduction
//===----------------------------------------------------------------------===//

SmallVector<Value>
LoopEmitter::branch(Value condition, TypeRange types,
                    function_ref<SmallVector<Value>()> then,
                    function_ref<SmallVector<Value>()> otherwise) {
  auto ifOp = scf::IfOp::create(b, loc, types, condition,
                                /*addThenBlock=*/true, /*addElseBlock=*/true);
  for (auto [block, body] : {std::pair(ifOp.thenBlock(), then),
                             std::pair(ifOp.elseBlock(), otherwise)}) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(block);
    cache.clear();
    scf::YieldOp::create(b, loc, body());
  }
  cache.clear();
  return ifOp.getResults();
}

/// What the outputs hold; null where nothing asks for it.
SmallVector<Value> LoopEmitter::readInits(const Tile &tile) {
  SmallVector<Value> values;
  forEachCell(tile, [&](Cell cell) {
    for (OpOperand &init : op.getDpsInitsMutable())
      values.push_back(op.payloadUsesValueFromOperand(&init) ||
                               !reductions.empty() || plan.lanesReduce
                           ? asVector(read(init, tile, cell), tile)
                           : Value());
  });
  return values;
}

/// What a reduction starts from: of several blocks of it, the first does so
/// from what the output is filled with.
SmallVector<Value> LoopEmitter::readStart(const Tile &tile) {
  if (!surroundings.fill)
    return readInits(tile);
  linalg::FillOp fill = surroundings.fill;
  Value start = asVector(fill.value(), tile);
  SmallVector<Value> values(tile.rows * tile.columns * tile.vectors, start);
  if (!reduceFrom)
    return values;
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                        reduceFrom, constant(0));
  return branch(
      isFirst, ValueRange(values).getTypes(), [&] { return values; },
      [&] { return readInits(tile); });
}

void LoopEmitter::writeOuts(ValueRange values, const Tile &tile) {
  int64_t next = 0;
  forEachCell(tile, [&](Cell cell) {
    for (OpOperand &init : op.getDpsInitsMutable())
      write(init, values[next++], tile, cell);
  });
}

/// What emits `other` as if its own loops stood where those of the reduction
/// do, which has `operand` in common with it.
LoopEmitter LoopEmitter::makeInnerEmitter(linalg::LinalgOp other,
                                          OpOperand &operand) {
  LoopEmitter inner(b, other, plan);
  inner.plan.rowDim = inner.plan.columnDim = std::nullopt;
  inner.plan.lanesDim = other.getNumLoops();
  inner.plan.rowsAhead.clear();
  inner.columnIndices = columnIndices;
  inner.sizes.resize(other.getNumLoops());
  for (auto [own, dim] : llvm::enumerate(getCommonDims(op, operand, other))) {
    inner.point[own] = point[dim];
    inner.sizes[own] = sizes[dim];
    if (dim == plan.rowDim)
      inner.plan.rowDim = own;
    if (dim == plan.columnDim)
      inner.plan.columnDim = own;
    if (dim == plan.lanesDim)
      inner.plan.lanesDim = own;
  }
  return inner;
}

/// What `epilogue` makes of `sums`.
SmallVector<Value> LoopEmitter::finish(linalg::LinalgOp epilogue,
                                       ValueRange sums, const Tile &tile) {
  LoopEmitter inner = makeInnerEmitter(epilogue, *op.getDpsInitOperand(0));
  SmallVector<Value> results;
  forEachCell(tile, [&](Cell cell) {
    Value sum = sums[results.size()];
    for (OpOperand &operand : epilogue->getOpOperands())
      if (operand.get() == op.getDpsInits().front())
        inner.findRead(operand, tile, cell) = sum;
    results.push_back(asVector(inner.payload(sum, tile, cell).front(), tile));
  });
  return results;
}

/// Computes and writes what the reduction then finds in registers.
void LoopEmitter::computePrologue(const Tile &tile) {
  if (!surroundings.prologue)
    return;
  OpOperand &read = *surroundings.prologueResult;
  LoopEmitter inner = makeInnerEmitter(surroundings.prologue, read);
  // It multiplies and adds as it does alone.
  inner.plan.lanesReduce = false;
  inner.plan.rowsAhead = plan.prologueRowsAhead;
  forEachCell(tile, [&](Cell cell) {
    Value result = asVector(inner.payload(Value(), tile, cell).front(), tile);
    inner.write(*surroundings.prologue.getDpsInitOperand(0), result, tile,
                cell);
    findRead(read, tile, cell) = result;
  });
}

/// Writes sums: the last of several blocks after what is done to them.
void LoopEmitter::writeFinished(ValueRange values, const Tile &tile) {
  auto writeSums = [&] {
    writeOuts(values, tile);
    return SmallVector<Value>();
  };
  if (surroundings.epilogue.empty()) {
    writeSums();
    return;
  }
  auto writeResults = [&] {
    SmallVector<Value> results(values);
    for (linalg::LinalgOp epilogue : surroundings.epilogue)
      results = finish(epilogue, results, tile);
    writeOuts(results, tile);
    return SmallVector<Value>();
  };
  if (!reduceTo) {
    writeResults();
    return;
  }
  Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                       reduceTo, sizes[reductions.front()]);
  branch(isLast, TypeRange(), writeResults, writeSums);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// The payload of all cells, whose outputs are `outs`.
SmallVector<Value> LoopEmitter::computeCells(ValueRange outs,
                                             const Tile &tile) {
  int64_t numOuts = op.getNumDpsInits();
  SmallVector<Value> results;
  forEachCell(tile, [&](Cell cell) {
    for (Value result :
         payload(outs.slice(results.size(), numOuts), tile, cell))
      results.push_back(asVector(result, tile));
  });
  return results;
}

/// Lanes along an output dimension.
void LoopEmitter::emitTile(const Tile &tile) {
  cache.clear();
  if (tile.rows > 1)
    for (unsigned operand : plan.turned)
      readTurned(op->getOpOperand(operand), tile);
  auto compute = [&](ValueRange inner) { return computeCells(inner, tile); };
  if (reductions.empty())
    return writeOuts(compute(readInits(tile)), tile);
  SmallVector<Value> start = readStart(tile);
  auto computeWide = [&](ValueRange inner) {
    prefetchSteps(tile);
    return compute(inner);
  };
  bool isWide = tile.vectors > plan.vectors;
  writeFinished(findPanels(op) && plan.prefetchDistance
                    ? reducePanels(tile, start, compute)
                : isWide ? reduceOver(reductions, start, computeWide)
                         : reduceOver(reductions, start, compute),
                tile);
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
  auto reduce = [&] {
    return reduceOver(reductions, accumulators, [&](ValueRange inner) {
      return emitReducingLanes(tile, inner);
    });
  };
  TypeRange types = ValueRange(accumulators).getTypes();
  accumulators = emitVersions(types, plan.rowsAhead, [&] {
    return emitVersions(types, plan.prologueRowsAhead, reduce);
  });

  // The vectors of one cell, then its lanes, then what the output held.
  cache.clear();
  Tile outs;
  outs.rows = tile.rows;
  outs.columns = tile.columns;
  LoopPlan reducing = plan;
  if (hasLinesOfColumns(tile)) {
    // A row's columns lie side by side: they are the lanes now.
    plan.lanesDim = *plan.columnDim;
    plan.columnDim = std::nullopt;
    outs.lanes = plan.lanes = std::exchange(outs.columns, 1);
    std::optional<int64_t> size = staticSize(plan.lanesDim);
    if (!size || *size % outs.lanes != 0)
      outs.masks = makeMasks(1);
  }
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
    totals[i] = combineLanes(combiners[i], vectors, outs.lanes);
  }
  SmallVector<Value> starts = readStart(outs), results;
  for (auto [index, start] : llvm::enumerate(starts))
    results.push_back(combine(combiners[index % numOuts], start,
                              totals[index % numOuts][index / numOuts]));
  writeFinished(results, outs);
  plan = reducing;
}

SmallVector<Value> LoopEmitter::emitReducingLanes(Tile tile,
                                                  ValueRange accumulators) {
  unsigned dim = plan.lanesDim;
  int64_t numOuts = op.getNumDpsInits();
  int64_t step = tile.vectors * tile.lanes;
  std::optional<int64_t> size = staticSize(dim);
  auto compute = [&](ValueRange inner) {
    computePrologue(tile);
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

/// Whether the columns of a tile that reduces are what a vector reads and
/// writes at once.
bool LoopEmitter::hasLinesOfColumns(const Tile &tile) {
  return plan.columnDim && tile.columns == plan.columns &&
         llvm::isPowerOf2_64(tile.columns) && tile.columns <= plan.lanes &&
         llvm::all_of(op.getDpsInitsMutable(), [&](OpOperand &init) {
           return laneStride(op, init, *plan.columnDim) == LaneStride::Unit;
         });
}

/// Combines the lanes of each vector: halves against halves, log2(lanes) steps,
/// an order fixed by the width. Two vectors at a time share their steps, which
/// pairs the same elements as each would alone. Gives `width` totals a value.
SmallVector<Value> LoopEmitter::combineLanes(Operation *combiner,
                                             ArrayRef<Value> vectors,
                                             int64_t width) {
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
    for (size_t i = 0; i < count; i += width)
      totals.push_back(
          width == 1
              ? vector::ExtractOp::create(b, loc, group.front(), i).getResult()
              : vector::ExtractStridedSliceOp::create(b, loc, group.front(), i,
                                                      width, 1));
  }
  return totals;
}
