//===- FuseElementwise.cpp - Fewer, larger linalg ops ---------------------===//
//
// Upstream's fusion patterns under a rule of our own for what is worth fusing:
// `linalg-fuse-elementwise-ops` never duplicates a producer, however cheap, and
// knows no contraction.
//
//===----------------------------------------------------------------------===//

#include "../Tile/Attention.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "Dyn/Transforms/Passes.h"
#include "FactorScales.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNFUSEELEMENTWISEPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

/// Whether the payload only moves its input.
static bool isMovement(linalg::LinalgOp op) {
  return op.getNumReductionLoops() == 0 && op->getNumResults() == 1 &&
         llvm::hasSingleElement(*op.getBlock()) &&
         isa<BlockArgument>(op.getBlock()->getTerminator()->getOperand(0));
}

/// Whether computing the payload again costs less than storing and loading its
/// result.
static bool isCheap(linalg::LinalgOp op) {
  int64_t count = 0;
  if (op.getNumDpsInputs() > 2 ||
      llvm::count_if(op.getDpsInputOperands(), [&](OpOperand *operand) {
        return op.getRank(operand) == op.getNumLoops();
      }) > 1)
    return false;
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (isa<math::MathDialect>(inner.getDialect()) ||
        isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp,
            arith::RemUIOp, arith::RemFOp, tensor::ExtractOp>(inner))
      return false;
    count += !inner.hasTrait<OpTrait::ConstantLike>();
  }
  return count <= 4;
}

/// Whether the payload only converts a weight to a wider type: in registers
/// that costs less than the wider weight's way through memory.
static bool widensWeight(linalg::LinalgOp op) {
  if (op.getNumReductionLoops() != 0 || op->getNumResults() != 1 ||
      op.getNumDpsInputs() != 1)
    return false;
  auto weight = dyn_cast<BlockArgument>(op.getDpsInputs()[0]);
  auto function =
      weight ? dyn_cast<FunctionOpInterface>(weight.getOwner()->getParentOp())
             : FunctionOpInterface();
  return function &&
         function.getArgAttr(weight.getArgNumber(), dyn::kWeightAttr) &&
         !llvm::hasSingleElement(*op.getBlock()) &&
         llvm::all_of(
             op.getBlock()->without_terminator(),
             llvm::IsaPred<arith::ExtFOp, arith::ExtSIOp, arith::ExtUIOp,
                           arith::SIToFPOp, arith::UIToFPOp>);
}

static bool isWorthFusing(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
  auto consumer = dyn_cast<linalg::LinalgOp>(operand->getOwner());
  if (!producer || !consumer || producer->getBlock() != consumer->getBlock())
    return false;
  if (linalg::isaContractionOpInterface(consumer) ||
      linalg::isaConvolutionOpInterface(consumer))
    return (isMovement(producer) || widensWeight(producer)) &&
           linalg::isaContractionOpInterface(consumer);
  bool recomputes = !producer->getResult(0).hasOneUse() ||
                    producer.getNumLoops() < consumer.getNumLoops();
  return !recomputes || isCheap(producer);
}

static bool isMarked(Operation *op) {
  return isa_and_nonnull<linalg::SoftmaxOp>(op) && op->hasAttr(kAttentionAttr);
}

/// Whether `op` is on the way to a marked softmax, with reshapes and
/// elementwise ops between.
static bool isBeforeAttention(Operation *op) {
  if (op->getNumResults() != 1 || !op->hasOneUse())
    return false;
  Operation *user = *op->user_begin();
  if (isMarked(user))
    return true;
  auto elementwise = dyn_cast<linalg::GenericOp>(user);
  return (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(user) ||
          (elementwise && !elementwise.getNumReductionLoops())) &&
         isBeforeAttention(user);
}

/// Whether `op` reads a marked softmax, with reshapes between.
static bool isBehindAttention(Operation *op) {
  return llvm::any_of(op->getOperands(), [](Value operand) {
    Operation *producer = operand.getDefiningOp();
    while (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
        producer))
      producer = producer->getOperand(0).getDefiningOp();
    return isMarked(producer);
  });
}

/// Whether the elementwise op or reduction that reads an `expand_shape` should
/// work on what was expanded: then it can share a tile with the op in front.
static bool readsThroughExpansion(OpOperand *operand) {
  auto reshape = operand->get().getDefiningOp<tensor::ExpandShapeOp>();
  auto reader = dyn_cast<linalg::GenericOp>(operand->getOwner());
  return reshape && reader && reshape->hasOneUse() &&
         !isBeforeAttention(reader) &&
         reshape.getSrc().getDefiningOp<linalg::LinalgOp>() &&
         !linalg::isaContractionOpInterface(reader);
}

/// Whether `operand` of a contraction is a transposition of which dimensions
/// were collapsed: with those loops apart, the contraction reads it in place.
static bool readsCollapsedMovement(OpOperand *operand) {
  auto reshape = operand->get().getDefiningOp<tensor::CollapseShapeOp>();
  auto reader = dyn_cast<linalg::LinalgOp>(operand->getOwner());
  if (!reshape || !reader || !linalg::isaContractionOpInterface(reader))
    return false;
  // Contractions and softmax walk the same loops.
  if (isBeforeAttention(reader) || isBehindAttention(reader))
    return true;
  auto source = reshape.getSrc().getDefiningOp<linalg::LinalgOp>();
  if (!source || !isMovement(source))
    return false;
  // What a contraction wrote, it can write in that order itself.
  Value moved = source.getDpsInputs()[0];
  while (Operation *inner = moved.getDefiningOp()) {
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(inner))
      return !linalg::isaContractionOpInterface(
          dyn_cast<linalg::LinalgOp>(inner));
    moved = inner->getOperand(0);
  }
  return true;
}

/// Tells code generation what the ops of `softmax` are part of.
static void markSoftmax(const WrittenSoftmax &softmax) {
  auto mark = UnitAttr::get(softmax.division->getContext());
  for (linalg::GenericOp op :
       {softmax.maximum, softmax.exponential, softmax.division})
    for (Operation &inner : op.getBody()->without_terminator())
      if (isa<arith::MaximumFOp, arith::MaxNumFOp, math::ExpOp, arith::DivFOp>(
              inner))
        inner.setAttr(kSoftmaxAttr, mark);
}

namespace {

/// Named ops whose structure nothing below asks for become generic, so that one
/// set of patterns fuses them.
struct Generalize : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::LinalgOp op,
                                PatternRewriter &rewriter) const override {
    if (isa<linalg::GenericOp, linalg::FillOp>(op) ||
        !op.hasPureTensorSemantics() || linalg::isaConvolutionOpInterface(op))
      return failure();
    // A contraction stays named until there is something to fuse into it.
    if (linalg::isaContractionOpInterface(op) &&
        llvm::none_of(op.getDpsInputOperands(), [](OpOperand *operand) {
          auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
          return (producer &&
                  (isMovement(producer) || widensWeight(producer))) ||
                 readsCollapsedMovement(operand);
        }))
      return failure();
    return linalg::generalizeNamedOp(rewriter, op);
  }
};

/// Ops of several linalg ops, such as softmax, become those.
struct Decompose : OpInterfaceRewritePattern<linalg::AggregatedOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::AggregatedOpInterface op,
                                PatternRewriter &rewriter) const override {
    // A marked softmax is tiled with the contractions around it.
    if (isa<linalg::PackOp, linalg::UnPackOp>(op) ||
        op->hasAttr(kAttentionAttr))
      return failure();
    FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
    if (failed(results))
      return failure();
    rewriter.replaceOp(op, *results);
    return success();
  }
};

/// A transposition of a contraction's result becomes the contraction's own
/// order of writing.
struct TransposeIntoContraction : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (!isMovement(op) || op.getNumDpsInputs() != 1 ||
        op->getOperand(0) == op->getOperand(1))
      return failure();
    auto producer = op.getDpsInputs()[0].getDefiningOp<linalg::LinalgOp>();
    if (!producer || !producer->hasOneUse() ||
        !linalg::isaContractionOpInterface(producer))
      return failure();
    auto fill = producer.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
    AffineMap in = op.getIndexingMapsArray()[0],
              out = op.getIndexingMapsArray()[1];
    if (!fill || !in.isPermutation() || !out.isPermutation())
      return failure();
    // The result's dimensions, as functions of the producer's result's.
    AffineMap permutation = out.compose(inversePermutation(in));
    Value init = op.getDpsInits()[0];
    if (!init.getDefiningOp<tensor::EmptyOp>())
      return failure();
    rewriter.setInsertionPoint(op);
    Value zero =
        linalg::FillOp::create(rewriter, fill.getLoc(), fill.value(), init)
            .getResult(0);
    SmallVector<AffineMap> maps = producer.getIndexingMapsArray();
    maps.back() = permutation.compose(maps.back());
    auto generic = linalg::GenericOp::create(
        rewriter, producer.getLoc(), op->getResultTypes(),
        producer.getDpsInputs(), zero, maps, producer.getIteratorTypesArray());
    IRMapping mapping;
    producer->getRegion(0).cloneInto(&generic.getRegion(), mapping);
    rewriter.replaceOp(op, generic);
    return success();
  }
};

struct DynFuseElementwisePass
    : dyn::impl::DynFuseElementwisePassBase<DynFuseElementwisePass> {
  void runOnOperation() override {
    getOperation()->walk([](linalg::GenericOp op) {
      if (std::optional<WrittenSoftmax> softmax = matchSoftmax(op))
        markSoftmax(*softmax);
    });
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<Generalize, Decompose, TransposeIntoContraction>(context);
    populateFactorScalesPatterns(patterns);
    linalg::populateElementwiseOpsFusionPatterns(patterns, isWorthFusing);
    linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns,
                                                       readsThroughExpansion);
    linalg::populateFoldReshapeOpsByExpansionPatterns(patterns,
                                                      readsCollapsedMovement);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::populateFoldTensorEmptyPatterns(patterns);
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    linalg::populateEraseUnnecessaryInputsPatterns(patterns);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, context);
    tensor::EmptyOp::getCanonicalizationPatterns(patterns, context);
    affine::AffineApplyOp::getCanonicalizationPatterns(patterns, context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
