//===- ExpandForLLVM.cpp - No calls behind the compiler's back ------------===//

#include "Dyn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Utils/MemRefUtils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNEXPANDFORLLVMPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

namespace {
/// A copy that upstream lowers to a call of `memrefCopy` in its C runner
/// utilities becomes loops. Contiguous ones become memcpy.
struct ExpandStridedCopy : OpRewritePattern<memref::CopyOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::CopyOp op,
                                PatternRewriter &rewriter) const override {
    auto source = dyn_cast<MemRefType>(op.getSource().getType());
    auto target = dyn_cast<MemRefType>(op.getTarget().getType());
    if (!source || !target)
      return rewriter.notifyMatchFailure(op, "unranked");
    auto isDense = [](MemRefType type) {
      return type.getLayout().isIdentity() ||
             memref::isStaticShapeAndContiguousRowMajor(type);
    };
    if (isDense(source) && isDense(target))
      return rewriter.notifyMatchFailure(op, "becomes memcpy");
    auto copy = linalg::makeMemRefCopyOp(rewriter, op.getLoc(), op.getSource(),
                                         op.getTarget());
    FailureOr<linalg::LinalgLoops> loops =
        linalg::linalgOpToLoops(rewriter, copy);
    assert(succeeded(loops) && "a generic on buffers has loops");
    (void)loops;
    rewriter.eraseOp(copy);
    rewriter.eraseOp(op);
    return success();
  }
};

/// An expand_shape that splits one dimension into several dynamic ones becomes
/// a reinterpret_cast: upstream's expand-strided-metadata derives the one
/// unknown size of a group from the others, and crashes where two are unknown.
/// The operation names all its sizes.
struct ExpandDynamicExpandShape : OpRewritePattern<memref::ExpandShapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::ExpandShapeOp op,
                                PatternRewriter &rewriter) const override {
    MemRefType type = op.getResultType();
    SmallVector<ReassociationIndices> groups = op.getReassociationIndices();
    auto isDynamic = [&](int64_t dim) { return type.isDynamicDim(dim); };
    if (llvm::none_of(groups, [&](ArrayRef<int64_t> group) {
          return llvm::count_if(group, isDynamic) > 1;
        }))
      return rewriter.notifyMatchFailure(op, "upstream expands it");
    SmallVector<int64_t> knownStrides;
    int64_t knownOffset;
    if (failed(type.getStridesAndOffset(knownStrides, knownOffset)))
      return rewriter.notifyMatchFailure(op, "not strided");

    Location loc = op.getLoc();
    auto source =
        memref::ExtractStridedMetadataOp::create(rewriter, loc, op.getSrc());
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
    SmallVector<OpFoldResult> strides(type.getRank());
    for (auto [group, sourceStride] : llvm::zip(groups, source.getStrides())) {
      Value stride = sourceStride;
      for (int64_t dim : llvm::reverse(group)) {
        strides[dim] = ShapedType::isDynamic(knownStrides[dim])
                           ? OpFoldResult(stride)
                           : rewriter.getIndexAttr(knownStrides[dim]);
        Value size = getValueOrCreateConstantIndexOp(rewriter, loc, sizes[dim]);
        stride = arith::MulIOp::create(rewriter, loc, stride, size);
      }
    }
    OpFoldResult offset = ShapedType::isDynamic(knownOffset)
                              ? OpFoldResult(source.getOffset())
                              : rewriter.getIndexAttr(knownOffset);
    rewriter.replaceOpWithNewOp<memref::ReinterpretCastOp>(
        op, type, source.getBaseBuffer(), offset, sizes, strides);
    return success();
  }
};

/// remf(x, y) on scalars: takes off |y| * 2^k from |x| as long as it fits. Each
/// difference is exact, because it is between half and the whole of a number
/// that is representable (Sterbenz). Infinite x, zero y and NaN give NaN;
/// infinite y gives x.
struct ExpandRemF : OpRewritePattern<arith::RemFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::RemFOp op,
                                PatternRewriter &rewriter) const override {
    if (isa<VectorType>(op.getType()))
      return unroll(op, rewriter);
    if (!op.getType().isF32() && !op.getType().isF64())
      return widen(op, rewriter);
    Location loc = op.getLoc();
    Type type = op.getType();
    auto constant = [&](double value) -> Value {
      return arith::ConstantOp::create(rewriter, loc,
                                       rewriter.getFloatAttr(type, value));
    };
    auto compare = [&](arith::CmpFPredicate predicate, Value lhs,
                       Value rhs) -> Value {
      return arith::CmpFOp::create(rewriter, loc, predicate, lhs, rhs);
    };
    Value zero = constant(0.0), infinity = constant(HUGE_VAL);
    Value dividend = math::AbsFOp::create(rewriter, loc, op.getLhs());
    Value divisor = math::AbsFOp::create(rewriter, loc, op.getRhs());
    Value isRegular = arith::AndIOp::create(
        rewriter, loc, compare(arith::CmpFPredicate::OLT, dividend, infinity),
        compare(arith::CmpFPredicate::OGT, divisor, zero));
    auto result = scf::IfOp::create(rewriter, loc, type, isRegular,
                                    /*withElseRegion=*/true);
    rewriter.setInsertionPointToStart(result.thenBlock());
    scf::YieldOp::create(rewriter, loc,
                         emitRemainder(rewriter, loc, dividend, divisor));
    rewriter.setInsertionPointToStart(result.elseBlock());
    Value nan = constant(std::numeric_limits<double>::quiet_NaN());
    scf::YieldOp::create(rewriter, loc, nan);
    rewriter.setInsertionPointAfter(result);
    rewriter.replaceOpWithNewOp<math::CopySignOp>(op, result.getResult(0),
                                                  op.getLhs());
    return success();
  }

private:
  /// The remainder of finite `dividend` >= 0 and `divisor` > 0, perhaps
  /// infinite.
  static Value emitRemainder(PatternRewriter &rewriter, Location loc,
                             Value dividend, Value divisor) {
    Type type = dividend.getType();
    // Outer loop: while rest >= divisor. Inner loop: the largest divisor * 2^k
    // that is at most rest, found without a sum that could overflow or a half
    // that could round.
    auto outer = scf::WhileOp::create(
        rewriter, loc, type, dividend,
        [&](OpBuilder &b, Location l, ValueRange rest) {
          Value goOn = arith::CmpFOp::create(b, l, arith::CmpFPredicate::OGE,
                                             rest[0], divisor);
          scf::ConditionOp::create(b, l, goOn, rest);
        },
        [&](OpBuilder &b, Location l, ValueRange rest) {
          auto inner = scf::WhileOp::create(
              b, l, type, divisor,
              [&](OpBuilder &b, Location l, ValueRange scaled) {
                Value above = arith::SubFOp::create(b, l, rest[0], scaled[0]);
                Value goOn = arith::CmpFOp::create(
                    b, l, arith::CmpFPredicate::OLE, scaled[0], above);
                scf::ConditionOp::create(b, l, goOn, scaled);
              },
              [&](OpBuilder &b, Location l, ValueRange scaled) {
                Value twice = arith::AddFOp::create(b, l, scaled[0], scaled[0]);
                scf::YieldOp::create(b, l, twice);
              });
          Value less = arith::SubFOp::create(b, l, rest[0], inner.getResult(0));
          scf::YieldOp::create(b, l, less);
        });
    return outer.getResult(0);
  }

  /// f16 and bf16: f32 holds both operands and the result exactly.
  static LogicalResult widen(arith::RemFOp op, PatternRewriter &rewriter) {
    Location loc = op.getLoc();
    if (op.getType().getIntOrFloatBitWidth() >= 32)
      return rewriter.notifyMatchFailure(op, "no wider type");
    Type f32 = rewriter.getF32Type();
    Value lhs = arith::ExtFOp::create(rewriter, loc, f32, op.getLhs());
    Value rhs = arith::ExtFOp::create(rewriter, loc, f32, op.getRhs());
    Value result = arith::RemFOp::create(rewriter, loc, lhs, rhs);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), result);
    return success();
  }

  static LogicalResult unroll(arith::RemFOp op, PatternRewriter &rewriter) {
    auto type = cast<VectorType>(op.getType());
    if (type.isScalable())
      return rewriter.notifyMatchFailure(op, "scalable");
    Location loc = op.getLoc();
    SmallVector<Value> lhs =
        vector::ToElementsOp::create(rewriter, loc, op.getLhs()).getResults();
    SmallVector<Value> rhs =
        vector::ToElementsOp::create(rewriter, loc, op.getRhs()).getResults();
    SmallVector<Value> elements;
    for (auto [x, y] : llvm::zip(lhs, rhs))
      elements.push_back(arith::RemFOp::create(rewriter, loc, x, y));
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, type, elements);
    return success();
  }
};
} // namespace

/// Constant-size stack buffers to the entry: in a loop each iteration would
/// take more stack.
static void hoistStackBuffers(func::FuncOp function) {
  Block &entry = function.getBody().front();
  function.walk([&](memref::AllocaOp op) {
    if (op.getType().hasStaticShape() && op->getBlock() != &entry &&
        !op->getParentOfType<scf::ForallOp>() &&
        !op->getParentOfType<scf::ParallelOp>())
      op->moveBefore(&entry, entry.begin());
  });
}

namespace {
struct DynExpandForLLVMPass
    : dyn::impl::DynExpandForLLVMPassBase<DynExpandForLLVMPass> {
  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    hoistStackBuffers(getOperation());
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandStridedCopy, ExpandDynamicExpandShape, ExpandRemF>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
