//===- ToylaToLinalg.cpp - toyla to linalg on tensors ---------------------===//

#include "Toyla.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;

namespace {

/// Builds the scalar code of a linalg.generic from one element per operand.
using Body = function_ref<Value(OpBuilder &, Location, ValueRange)>;

/// `tensor.empty` of `type`, its dynamic sizes those of `sizes`.
Value emptyTensor(OpBuilder &builder, Location loc, RankedTensorType type,
                  ArrayRef<OpFoldResult> sizes) {
  return tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
}

Value zeros(OpBuilder &builder, Location loc, RankedTensorType type,
            ArrayRef<OpFoldResult> sizes) {
  Value zero = arith::ConstantOp::create(
      builder, loc, builder.getZeroAttr(type.getElementType()));
  Value empty = emptyTensor(builder, loc, type, sizes);
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

/// A linalg.generic over the elements of `init`, which `maps` give an operand
/// each, `init` last.
Value generic(OpBuilder &builder, Location loc, ValueRange inputs, Value init,
              ArrayRef<AffineMap> maps, ArrayRef<utils::IteratorType> iterators,
              Body body) {
  return linalg::GenericOp::create(
             builder, loc, init.getType(), inputs, init, maps, iterators,
             [&](OpBuilder &nested, Location loc, ValueRange elements) {
               linalg::YieldOp::create(nested, loc,
                                       body(nested, loc, elements));
             })
      .getResult(0);
}

/// The maps of a matrix's elements and of its rows or columns.
struct MatrixMaps {
  explicit MatrixMaps(MLIRContext *context)
      : element(AffineMap::getMultiDimIdentityMap(2, context)),
        row(element.getSubMap({0})), column(element.getSubMap({1})) {}
  AffineMap element, row, column;
};

constexpr utils::IteratorType kParallel = utils::IteratorType::parallel;
constexpr utils::IteratorType kReduction = utils::IteratorType::reduction;

struct LowerAffine : OpRewritePattern<toyla::AffineOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(toyla::AffineOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MatrixMaps maps(getContext());
    OpFoldResult sizes[] = {
        tensor::getMixedSize(rewriter, loc, op.getInput(), 0),
        tensor::getMixedSize(rewriter, loc, op.getWeight(), 1)};
    auto type = cast<RankedTensorType>(op.getType());
    Value product =
        linalg::MatmulOp::create(rewriter, loc,
                                 ValueRange{op.getInput(), op.getWeight()},
                                 zeros(rewriter, loc, type, sizes))
            .getResult(0);
    Value sum = generic(
        rewriter, loc, {product, op.getBias()},
        emptyTensor(rewriter, loc, type, sizes),
        {maps.element, maps.column, maps.element}, {kParallel, kParallel},
        [](OpBuilder &builder, Location loc, ValueRange elements) -> Value {
          return arith::AddFOp::create(builder, loc, elements[0], elements[1]);
        });
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, type, sum);
    return success();
  }
};

struct LowerRectify : OpRewritePattern<toyla::RectifyOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(toyla::RectifyOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MatrixMaps maps(getContext());
    auto type = cast<RankedTensorType>(op.getType());
    Value zero =
        arith::ConstantOp::create(rewriter, loc, rewriter.getF32FloatAttr(0));
    Value result = generic(
        rewriter, loc, op.getInput(),
        emptyTensor(rewriter, loc, type,
                    tensor::getMixedSizes(rewriter, loc, op.getInput())),
        {maps.element, maps.element}, {kParallel, kParallel},
        [&](OpBuilder &builder, Location loc, ValueRange elements) -> Value {
          return arith::MaximumFOp::create(builder, loc, elements[0], zero);
        });
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, type, result);
    return success();
  }
};

struct LowerCenter : OpRewritePattern<toyla::CenterOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(toyla::CenterOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MatrixMaps maps(getContext());
    auto type = cast<RankedTensorType>(op.getType());
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, op.getInput());
    Value sums = generic(
        rewriter, loc, op.getInput(), zeros(rewriter, loc, type, sizes.front()),
        {maps.element, maps.row}, {kParallel, kReduction},
        [](OpBuilder &builder, Location loc, ValueRange elements) -> Value {
          return arith::AddFOp::create(builder, loc, elements[1], elements[0]);
        });
    Value columns = arith::IndexCastOp::create(
        rewriter, loc, rewriter.getI64Type(),
        getValueOrCreateConstantIndexOp(rewriter, loc, sizes.back()));
    Value count =
        arith::SIToFPOp::create(rewriter, loc, rewriter.getF32Type(), columns);
    Value result = generic(
        rewriter, loc, {op.getInput(), sums},
        emptyTensor(rewriter, loc, type, sizes),
        {maps.element, maps.row, maps.element}, {kParallel, kParallel},
        [&](OpBuilder &builder, Location loc, ValueRange elements) -> Value {
          Value mean = arith::DivFOp::create(builder, loc, elements[1], count);
          return arith::SubFOp::create(builder, loc, elements[0], mean);
        });
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, type, result);
    return success();
  }
};

struct ToylaToLinalgPass
    : PassWrapper<ToylaToLinalgPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ToylaToLinalgPass)

  StringRef getArgument() const override { return "toyla-to-linalg"; }

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, linalg::LinalgDialect,
                    tensor::TensorDialect>();
  }

  void runOnOperation() override {
    ConversionTarget target(getContext());
    target.addIllegalDialect<toyla::ToylaDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerAffine, LowerRectify, LowerCenter>(&getContext());
    if (failed(
            applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> toyla::createToylaToLinalgPass() {
  return std::make_unique<ToylaToLinalgPass>();
}
