//===- Transposition.cpp - Blocks transposed in registers -----------------===//

#include "Transposition.h"
#include "LoopPlan.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

/// Lanes of the smallest blocks.
constexpr int64_t kSmallestBlock = 4;

/// One behind the other.
static Value join(OpBuilder &b, Location loc, ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts.front();
  Value low = join(b, loc, parts.take_front(parts.size() / 2)),
        high = join(b, loc, parts.drop_front(parts.size() / 2));
  int64_t length = cast<VectorType>(low.getType()).getNumElements();
  return vector::ShuffleOp::create(
      b, loc, low, high, llvm::to_vector(llvm::seq<int64_t>(0, 2 * length)));
}

/// In each step the even elements of two rows come together in one row, the odd
/// ones in the other, first inside 128 bits, then whole 128 bits: one
/// instruction for each row, on x86 and on Arm, without a vector of indices.
/// Rows shorter than there are of them are joined first, so that each is a part
/// of what it will be at the end of those steps.
void dyn::transposeInRegisters(OpBuilder &b, Location loc,
                               SmallVectorImpl<Value> &rows) {
  int64_t lanes = rows.size();
  auto type = cast<VectorType>(rows.front().getType());
  int64_t inside =
      std::min<int64_t>(lanes, 128 / type.getElementTypeBitWidth());
  if (int64_t parts = lanes / type.getNumElements(); parts > 1) {
    SmallVector<Value> joined;
    for (int64_t row = 0; row < lanes; ++row) {
      if (row % (parts * inside) >= inside)
        continue;
      SmallVector<Value> side;
      for (int64_t part = 0; part < parts; ++part)
        side.push_back(rows[row + part * inside]);
      joined.push_back(join(b, loc, side));
    }
    rows.assign(joined);
  }
  for (int64_t distance = 1; distance < int64_t(rows.size()); distance *= 2) {
    // Elements of `unit` lanes, among those of `group` lanes.
    bool isInside = distance < inside;
    int64_t unit = isInside ? 1 : inside, group = isInside ? inside : lanes;
    SmallVector<int64_t> even, odd;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      int64_t place = lane % group / unit * 2 * unit;
      int64_t from = lane / group * group + place % group + lane % unit +
                     place / group * lanes;
      even.push_back(from);
      odd.push_back(from + unit);
    }
    for (int64_t i = 0; i < int64_t(rows.size()); ++i) {
      if (i & distance)
        continue;
      Value x = rows[i], y = rows[i + distance];
      rows[i] = vector::ShuffleOp::create(b, loc, x, y, even);
      rows[i + distance] = vector::ShuffleOp::create(b, loc, x, y, odd);
    }
  }
}

/// The loop along which `operand` is contiguous, if there is one.
static std::optional<unsigned> contiguousLoop(linalg::LinalgOp op,
                                              OpOperand &operand) {
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (laneStride(op, operand, loop) == LaneStride::Unit)
      return loop;
  return std::nullopt;
}

namespace {
class TranspositionEmitter {
public:
  TranspositionEmitter(RewriterBase &rewriter, linalg::LinalgOp op,
                       unsigned readLoop, unsigned writtenLoop, int64_t lanes)
      : b(rewriter), loc(op.getLoc()), op(op), readLoop(readLoop),
        writtenLoop(writtenLoop), lanes(lanes), point(op.getNumLoops()) {}

  void emit() {
    b.setInsertionPoint(op);
    for (Range &range : op.createLoopRanges(b, loc))
      sizes.push_back(getValueOrCreateConstantIndexOp(b, loc, range.size));
    SmallVector<unsigned> outer;
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (loop != readLoop && loop != writtenLoop)
        outer.push_back(loop);
    emitOuter(outer);
    b.eraseOp(op);
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  void loop(unsigned dim, Value from, Value to, int64_t step,
            function_ref<void()> body) {
    auto forOp = scf::ForOp::create(b, loc, from, to, constant(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(forOp.getBody()->getTerminator());
    point[dim] = forOp.getInductionVar();
    body();
  }

  void emitOuter(ArrayRef<unsigned> dims) {
    if (!dims.empty())
      return loop(dims.front(), constant(0), sizes[dims.front()], 1,
                  [&] { emitOuter(dims.drop_front()); });
    emitBlocks(constant(0), constant(0), lanes);
  }

  /// What is right of and below the given corner: whole blocks of `lanes`, then
  /// both rests in blocks of half the size, at last one by one.
  void emitBlocks(Value writtenFrom, Value readFrom, int64_t lanes) {
    if (isSame(writtenFrom, sizes[writtenLoop]) ||
        isSame(readFrom, sizes[readLoop]))
      return;
    if (lanes < std::min(kSmallestBlock, this->lanes)) {
      loop(writtenLoop, writtenFrom, sizes[writtenLoop], 1, [&] {
        loop(readLoop, readFrom, sizes[readLoop], 1, [&] { emitElement(); });
      });
      return;
    }
    Value readEnd = wholeBlocks(readLoop, lanes),
          writtenEnd = wholeBlocks(writtenLoop, lanes);
    loop(writtenLoop, writtenFrom, writtenEnd, lanes, [&] {
      loop(readLoop, readFrom, readEnd, lanes, [&] { emitBlock(lanes); });
    });
    // Beside the blocks, as far down as they go; then all that is below.
    Value below = std::exchange(sizes[writtenLoop], writtenEnd);
    emitBlocks(writtenFrom, readEnd, lanes / 2);
    sizes[writtenLoop] = below;
    emitBlocks(writtenEnd, readFrom, lanes / 2);
  }

  static bool isSame(Value lhs, Value rhs) {
    return isEqualConstantIntOrValue(getAsOpFoldResult(lhs),
                                     getAsOpFoldResult(rhs));
  }

  Value wholeBlocks(unsigned dim, int64_t lanes) {
    AffineExpr size = b.getAffineSymbolExpr(0);
    return getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedAffineApply(b, loc,
                                              size.floorDiv(lanes) * lanes,
                                              {getAsOpFoldResult(sizes[dim])}));
  }

  SmallVector<Value> place(OpOperand &operand, unsigned moved, int64_t by) {
    SmallVector<OpFoldResult> at(point.begin(), point.end());
    if (by)
      at[moved] =
          arith::AddIOp::create(b, loc, point[moved], constant(by)).getResult();
    AffineMap map = op.getMatchingIndexingMap(&operand);
    SmallVector<Value> indices;
    for (unsigned i = 0; i < map.getNumResults(); ++i)
      indices.push_back(
          getValueOrCreateConstantIndexOp(b, loc,
                                          affine::makeComposedFoldedAffineApply(
                                              b, loc, map.getSubMap({i}), at)));
    return indices;
  }

  void emitBlock(int64_t lanes) {
    OpOperand &in = *op.getDpsInputOperand(0), &out = *op.getDpsInitOperand(0);
    auto type = VectorType::get({lanes}, getElementTypeOrSelf(in.get()));
    SmallVector<Value> rows;
    for (int64_t i = 0; i < lanes; ++i)
      rows.push_back(vector::LoadOp::create(b, loc, type, in.get(),
                                            place(in, writtenLoop, i)));
    transposeInRegisters(b, loc, rows);
    for (int64_t i = 0; i < lanes; ++i)
      vector::StoreOp::create(b, loc, rows[i], out.get(),
                              place(out, readLoop, i));
  }

  void emitElement() {
    OpOperand &in = *op.getDpsInputOperand(0), &out = *op.getDpsInitOperand(0);
    Value element =
        memref::LoadOp::create(b, loc, in.get(), place(in, readLoop, 0));
    memref::StoreOp::create(b, loc, element, out.get(),
                            place(out, readLoop, 0));
  }

  RewriterBase &b;
  Location loc;
  linalg::LinalgOp op;
  const unsigned readLoop, writtenLoop;
  const int64_t lanes;
  SmallVector<Value> sizes, point;
};
} // namespace

bool dyn::emitTransposition(RewriterBase &rewriter, linalg::LinalgOp op,
                            int64_t vectorBits) {
  if (op.getNumReductionLoops() || op.getNumDpsInputs() != 1 ||
      op.getNumDpsInits() != 1 || !llvm::hasSingleElement(*op.getBlock()) ||
      op.getBlock()->getTerminator()->getOperand(0) !=
          op.getBlock()->getArgument(0))
    return false;
  OpOperand &in = *op.getDpsInputOperand(0), &out = *op.getDpsInitOperand(0);
  Type element = getElementTypeOrSelf(in.get());
  if (!isa<MemRefType>(in.get().getType()) || !element.isIntOrFloat() ||
      (element.getIntOrFloatBitWidth() != 32 &&
       element.getIntOrFloatBitWidth() != 64) ||
      !op.getMatchingIndexingMap(&in).isPermutation() ||
      !op.getMatchingIndexingMap(&out).isPermutation())
    return false;
  std::optional<unsigned> readLoop = contiguousLoop(op, in),
                          writtenLoop = contiguousLoop(op, out);
  if (!readLoop || !writtenLoop || *readLoop == *writtenLoop)
    return false;
  // Where a block does not fit, rows of what is written are better gathered.
  int64_t lanes = vectorBits / element.getIntOrFloatBitWidth();
  for (unsigned loop : {*readLoop, *writtenLoop})
    if (int64_t size = op.getStaticLoopRanges()[loop];
        !ShapedType::isDynamic(size) && size < lanes)
      return false;
  TranspositionEmitter(rewriter, op, *readLoop, *writtenLoop, lanes).emit();
  return true;
}
