//===- LowerMatmul.cpp - Matrix products ----------------------------------===//
//
// A right-hand side without batch dimensions, as weights have, makes one big
// product: all other dimensions of the left one are rows. Batches that pair up
// become one batch dimension; a batch dimension that only one side has is left
// to the indexing maps of a `linalg.contract`, so nothing is repeated in
// memory.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "Scalars.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::dyn;

/// Zeros to accumulate into: f32 for f16 and bf16.
static Value makeAccumulator(Emitter &e, ArrayRef<DimAttr> sizes, Type type) {
  return e.filled(sizes, e.constant(getNumberAttr(getComputeType(type), 0)));
}

/// The accumulated product in the operands' type.
static SizedTensor round(Emitter &e, SizedTensor product, Type type) {
  if (product.getElementType() == type)
    return product;
  return e.map(product, product.sizes, type,
               [&](ImplicitLocOpBuilder &b, ValueRange args) {
                 return emitConvert(b, args[0], args[0].getType(), type);
               });
}

/// [0 .. count), the rest on their own.
static SmallVector<ReassociationIndices> groupLeading(int64_t count,
                                                      int64_t rank) {
  SmallVector<ReassociationIndices> groups;
  groups.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(0, count)));
  for (int64_t axis = count; axis < rank; ++axis)
    groups.push_back({axis});
  return groups;
}

/// [..., M, K] x [K, N].
static SizedTensor lowerPlain(Emitter &e, SizedTensor lhs, SizedTensor rhs) {
  int64_t rank = lhs.getRank();
  SmallVector<ReassociationIndices> rows = groupLeading(rank - 1, rank);
  Type type = lhs.getElementType();
  SmallVector<DimAttr> sizes(lhs.sizes);
  sizes.back() = rhs.sizes.back();
  lhs = e.collapse(lhs, rows);
  SmallVector<DimAttr> flat{lhs.sizes[0], rhs.sizes[1]};
  Value product = linalg::MatmulOp::create(e, ValueRange{lhs.value, rhs.value},
                                           makeAccumulator(e, flat, type))
                      .getResult(0);
  return e.expand(round(e, {product, flat}, type), rows, sizes);
}

/// [B, M, K] x [B, K, N] for any number of equal batch dimensions.
static SizedTensor lowerBatched(Emitter &e, SizedTensor lhs, SizedTensor rhs) {
  int64_t rank = lhs.getRank();
  SmallVector<ReassociationIndices> batches = groupLeading(rank - 2, rank);
  Type type = lhs.getElementType();
  SmallVector<DimAttr> sizes(lhs.sizes);
  sizes.back() = rhs.sizes.back();
  lhs = e.collapse(lhs, batches);
  rhs = e.collapse(rhs, batches);
  SmallVector<DimAttr> flat{lhs.sizes[0], lhs.sizes[1], rhs.sizes[2]};
  Value product =
      linalg::BatchMatmulOp::create(e, ValueRange{lhs.value, rhs.value},
                                    makeAccumulator(e, flat, type))
          .getResult(0);
  return e.expand(round(e, {product, flat}, type), batches, sizes);
}

/// Both sides with batch dimensions of which some are one side's alone.
static SizedTensor lowerContract(Emitter &e, SizedTensor lhs, SizedTensor rhs,
                                 ArrayRef<DimAttr> batch) {
  int64_t depth = batch.size();
  AffineExpr m = e.getAffineDimExpr(depth), n = e.getAffineDimExpr(depth + 1),
             k = e.getAffineDimExpr(depth + 2);
  // Batch dimensions of one operand: those of the loops but the repeated ones.
  auto prepare = [&](SizedTensor side, AffineExpr outer, AffineExpr inner) {
    SmallVector<DimAttr> target(batch);
    target.append(side.sizes.end() - 2, side.sizes.end());
    auto [operand, map] = e.prepareBroadcast(side, target);
    SmallVector<AffineExpr> exprs(map.getResults().drop_back(2));
    exprs.append({outer, inner});
    return std::pair(operand,
                     AffineMap::get(depth + 3, 0, exprs, e.getContext()));
  };
  auto [left, leftMap] = prepare(lhs, m, k);
  auto [right, rightMap] = prepare(rhs, k, n);
  SmallVector<AffineExpr> exprs;
  for (int64_t axis = 0; axis < depth; ++axis)
    exprs.push_back(e.getAffineDimExpr(axis));
  exprs.append({m, n});
  AffineMap resultMap = AffineMap::get(depth + 3, 0, exprs, e.getContext());
  SmallVector<DimAttr> sizes(batch);
  sizes.push_back(lhs.sizes[lhs.getRank() - 2]);
  sizes.push_back(rhs.sizes.back());
  Type type = lhs.getElementType();
  Value init = makeAccumulator(e, sizes, type);
  Value product =
      linalg::ContractOp::create(
          e, init.getType(), ValueRange{left.value, right.value}, init,
          e.getAffineMapArrayAttr({leftMap, rightMap, resultMap}))
          .getResult(0);
  return round(e, {product, sizes}, type);
}

static SizedTensor lowerMatmul(MatmulOp, MatmulOp::Adaptor adaptor,
                               Emitter &e) {
  SizedTensor lhs = e.tensor(adaptor.getLhs()),
              rhs = e.tensor(adaptor.getRhs());
  // A vector is a row on the left and a column on the right.
  bool isRow = lhs.getRank() == 1, isColumn = rhs.getRank() == 1;
  if (isRow)
    lhs = e.expand(lhs, {{0, 1}}, {e.number(1), lhs.sizes[0]});
  if (isColumn)
    rhs = e.expand(rhs, {{0, 1}}, {rhs.sizes[0], e.number(1)});
  // matmul_c2
  e.requireEqual(lhs.sizes.back(), rhs.sizes[rhs.getRank() - 2],
                 "contracts {0} with {1}");

  ArrayRef<DimAttr> lhsBatch = ArrayRef(lhs.sizes).drop_back(2),
                    rhsBatch = ArrayRef(rhs.sizes).drop_back(2);
  SmallVector<DimAttr> batch = e.requireBroadcast({lhsBatch, rhsBatch});
  SmallVector<DimAttr> sizes(batch);
  sizes.push_back(lhs.sizes[lhs.getRank() - 2]);
  sizes.push_back(rhs.sizes.back());
  auto isOne = [](DimAttr size) { return size.isConstant(1); };
  bool pairs = lhsBatch.size() == rhsBatch.size();
  for (auto [l, r] : llvm::zip(lhsBatch, rhsBatch))
    pairs &= e.getScope().areEqual(l, r);

  SizedTensor result;
  if (llvm::all_of(rhsBatch, isOne) && rhsBatch.size() <= lhsBatch.size()) {
    if (!rhsBatch.empty())
      rhs = e.collapse(rhs, groupLeading(rhs.getRank() - 1, rhs.getRank()));
    result = lowerPlain(e, lhs, rhs);
  } else if (pairs) {
    result = lowerBatched(e, lhs, rhs);
  } else {
    result = lowerContract(e, lhs, rhs, batch);
  }

  if (!isRow && !isColumn)
    return result;
  // The dimensions of 1 that made matrices of vectors go again.
  SmallVector<DimAttr> kept(batch);
  if (!isRow)
    kept.push_back(sizes[sizes.size() - 2]);
  if (!isColumn)
    kept.push_back(sizes.back());
  return e.reshape(result, kept);
}

void dyn::populateLowerMatmul(LoweringPatterns &patterns) {
  patterns.add<MatmulOp>(lowerMatmul);
}
