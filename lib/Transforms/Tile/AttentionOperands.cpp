//===- AttentionOperands.cpp - Values and operands of attention -----------===//

#include "AttentionEmitter.h"
#include "ElementaryFunctions.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The larger one; `rhs` if they do not compare: NaN in `rhs` stays. One
/// instruction on x86, where arith.maximumf is several.
Value AttentionEmitter::maximum(Value lhs, Value rhs) {
  Value larger =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, lhs, rhs);
  return arith::SelectOp::create(b, loc, larger, lhs, rhs);
}

/// 2^power for powers up to 0, within 1 unit in the last place: the nearest
/// integer goes to the exponent, a polynomial takes the rest (minimax of degree
/// 6 on [-1/2, 1/2] with p(0) = 1). Exactly 1 for 0; exactly 0 from -127 down
/// or, where results may be denormal, from -151 down.
Value AttentionEmitter::exp2(Value power) {
  auto polynomial = [&](Value rest) {
    constexpr float kCoefficients[] = {0.00015353362f,
                                       0.0013398875f,
                                       0.00961843692f,
                                       0.0555033237f,
                                       0.240226477f,
                                       0.693147182f,
                                       1.0f};
    Value result = splat(kCoefficients[0]);
    for (float coefficient : ArrayRef(kCoefficients).drop_front())
      result = math::FmaOp::create(b, loc, result, rest, splat(coefficient));
    return result;
  };
  if (scalef) {
    Value integer = math::RoundEvenOp::create(b, loc, power);
    Value rest = arith::SubFOp::create(b, loc, power, integer);
    return scaleByPower(b, loc, polynomial(rest), integer);
  }
  power = maximum(splat(-127), power);
  // Adding 1.5 * 2^23 rounds to an integer, which then is the low bits.
  Value magic = splat(12582912.0f);
  Value shifted = arith::AddFOp::create(b, loc, power, magic);
  Value integer = arith::SubFOp::create(b, loc, shifted, magic);
  Value rest = arith::SubFOp::create(b, loc, power, integer);
  auto integers = VectorType::get({lanes}, b.getI32Type());
  auto bits = [&](Value value) -> Value {
    return arith::BitcastOp::create(b, loc, integers, value);
  };
  Value exponentPlace = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(integers, int32_t(23)));
  Value exponent = arith::ShLIOp::create(b, loc, bits(shifted), exponentPlace);
  Value result =
      arith::AddIOp::create(b, loc, bits(polynomial(rest)), exponent);
  return arith::BitcastOp::create(b, loc, vector, result);
}

/// What a score counts, where `most` counts 1.
Value AttentionEmitter::weightOf(Value score, Value most) {
  Value power = arith::SubFOp::create(b, loc, score, most);
  if (!inPowersOfTwo)
    power = arith::MulFOp::create(b, loc, power, splat(llvm::numbers::log2ef));
  return exp2(power);
}

Value AttentionEmitter::sizeOf(linalg::LinalgOp op, unsigned loop) {
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    if (auto position =
            map.getResultPosition(getAffineDimExpr(loop, b.getContext())))
      return b.createOrFold<memref::DimOp>(loc, operand.get(), *position);
  }
  llvm_unreachable("every loop of a contraction walks an operand");
}

/// Memory of the function's own: the loops around run many times.
Value AttentionEmitter::scratch(ArrayRef<int64_t> shape) {
  OpBuilder::InsertionGuard guard(b);
  auto function = a.softmax->getParentOfType<FunctionOpInterface>();
  b.setInsertionPointToStart(&function.getFunctionBody().front());
  return memref::AllocaOp::create(
      b, loc, MemRefType::get(shape, b.getF32Type()), b.getI64IntegerAttr(64));
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Indices of `operand` where its op's loops stand as given, the others at 0.
SmallVector<Value>
AttentionEmitter::place(linalg::LinalgOp op, OpOperand &operand,
                        ArrayRef<std::pair<unsigned, Value>> loops) {
  SmallVector<OpFoldResult> positions(op.getNumLoops(), b.getIndexAttr(0));
  for (auto [loop, value] : loops)
    positions[loop] = value;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<Value> indices;
  for (unsigned i = 0; i < map.getNumResults(); ++i)
    indices.push_back(getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedAffineApply(b, loc, map.getSubMap({i}),
                                              positions)));
  return indices;
}

/// Whether consecutive steps of `loop` are consecutive elements of `operand`.
bool AttentionEmitter::isContiguous(linalg::LinalgOp op, OpOperand &operand,
                                    unsigned loop) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
  return last && last.getPosition() == loop &&
         cast<MemRefType>(operand.get().getType()).isLastDimUnitStride();
}

/// The vector that begins where the loops stand and goes on along `lanesLoop`.
Value AttentionEmitter::loadRow(linalg::LinalgOp op, OpOperand &operand,
                                ArrayRef<std::pair<unsigned, Value>> loops,
                                unsigned lanesLoop) {
  if (isContiguous(op, operand, lanesLoop))
    return vector::LoadOp::create(b, loc, vector, operand.get(),
                                  place(op, operand, loops));
  Vectors elements;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<std::pair<unsigned, Value>> moved(loops);
    for (auto &[loop, value] : moved)
      if (loop == lanesLoop)
        value = add(value, lane);
    elements.push_back(memref::LoadOp::create(b, loc, operand.get(),
                                              place(op, operand, moved)));
  }
  return vector::FromElementsOp::create(b, loc, vector, elements);
}

/// Asks for the cache line where the loops stand, which may be behind the end.
void AttentionEmitter::prefetch(linalg::LinalgOp op, OpOperand &operand,
                                ArrayRef<std::pair<unsigned, Value>> loops) {
  memref::PrefetchOp::create(b, loc, operand.get(), place(op, operand, loops),
                             /*isWrite=*/false, /*localityHint=*/3,
                             /*isDataCache=*/true);
}

void AttentionEmitter::storeRow(Value row,
                                ArrayRef<std::pair<unsigned, Value>> loops) {
  OpOperand &out = *a.result.getDpsInitOperand(0);
  if (isContiguous(a.result, out, a.resultColumn)) {
    vector::StoreOp::create(b, loc, row, out.get(),
                            place(a.result, out, loops));
    return;
  }
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<std::pair<unsigned, Value>> moved(loops);
    for (auto &[loop, value] : moved)
      if (loop == a.resultColumn)
        value = add(value, lane);
    Value element = vector::ExtractOp::create(b, loc, row, lane);
    memref::StoreOp::create(b, loc, element, out.get(),
                            place(a.result, out, moved));
  }
}
