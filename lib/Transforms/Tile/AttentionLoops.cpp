//===- AttentionLoops.cpp - Loops over rows, vectors and tiles ------------===//

#include "AttentionEmitter.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::dyn;

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

/// `body` gets the first query of each vector of them.
void AttentionEmitter::forQueryVectors(function_ref<void(Value)> body) {
  loop(constant(0), numQueries, constant(lanes), {},
       [&](Value query, ValueRange) -> Vectors {
         body(query);
         return {};
       });
}

/// `heights[i]` and `i` of the lowest tile that covers `rows`, as far as there
/// is one.
static std::pair<Value, Value> lowestCovering(OpBuilder &b, Location loc,
                                              Value rows,
                                              ArrayRef<int64_t> heights) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  int64_t last = heights.size() - 1;
  Value height = constant(heights[last]), version = constant(last);
  for (int64_t i = last - 1; i >= 0; --i) {
    Value covers = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule,
                                         rows, constant(heights[i]));
    height =
        arith::SelectOp::create(b, loc, covers, constant(heights[i]), height);
    version = arith::SelectOp::create(b, loc, covers, constant(i), version);
  }
  return {height, version};
}

/// Walks `size` rows in tiles of almost even height, with code for each of
/// `heights`, which rise. Where rows are not a sum of them, tiles overlap, or
/// the last one goes on behind the end.
void AttentionEmitter::emitTilesOf(Value size, ArrayRef<int64_t> heights,
                                   bool mayOverlap,
                                   function_ref<void(Value, int64_t)> body) {
  Value most = constant(heights.back());
  // The highest tile that fits into all rows.
  Value fits = constant(heights.front());
  if (mayOverlap)
    for (int64_t height : heights.drop_front()) {
      Value isHigher = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge,
                                             size, constant(height));
      fits = arith::SelectOp::create(b, loc, isHigher, constant(height), fits);
    }
  auto before = [&](OpBuilder &builder, Location, ValueRange at) {
    Value goesOn = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::ult, at[0], size);
    scf::ConditionOp::create(builder, loc, goesOn, at);
  };
  auto after = [&](OpBuilder &builder, Location, ValueRange at) {
    OpBuilder::InsertionGuard guard(b);
    b.restoreInsertionPoint(builder.saveInsertionPoint());
    Value left = arith::SubIOp::create(b, loc, size, at[0]);
    Value tiles = arith::CeilDivUIOp::create(b, loc, left, most);
    Value rows = arith::CeilDivUIOp::create(b, loc, left, tiles);
    if (mayOverlap)
      rows = arith::MinUIOp::create(b, loc, rows, fits);
    auto [height, version] = lowestCovering(b, loc, rows, heights);
    Value from = at[0];
    if (mayOverlap)
      from = arith::MinUIOp::create(
          b, loc, from, arith::SubIOp::create(b, loc, size, height));
    auto cases = llvm::to_vector(llvm::seq<int64_t>(0, heights.size() - 1));
    auto versions = scf::IndexSwitchOp::create(b, loc, TypeRange(), version,
                                               cases, cases.size());
    for (auto [index, region] : llvm::enumerate(versions->getRegions())) {
      OpBuilder::InsertionGuard inside(b);
      b.createBlock(&region);
      // The default region comes first and takes the last one.
      body(from, index == 0 ? heights.back() : heights[index - 1]);
      scf::YieldOp::create(b, loc);
    }
    scf::YieldOp::create(
        b, loc, arith::AddIOp::create(b, loc, from, height).getResult());
  };
  scf::WhileOp::create(b, loc, TypeRange{b.getIndexType()}, constant(0), before,
                       after);
}
