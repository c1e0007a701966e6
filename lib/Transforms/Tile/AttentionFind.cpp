//===- AttentionFind.cpp - A softmax between two contractions -------------===//

#include "Attention.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNFINDATTENTIONPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

/// The generic op behind `value` with `numInputs` inputs and one result.
static linalg::GenericOp genericOf(Value value, int64_t numInputs) {
  auto op = value.getDefiningOp<linalg::GenericOp>();
  return op && op.getNumDpsInputs() == numInputs && op.getNumResults() == 1
             ? op
             : nullptr;
}

static bool isIdentity(linalg::GenericOp op, unsigned operand) {
  return op.getIndexingMapsArray()[operand].isIdentity();
}

/// `op(block argument lhs, block argument rhs)`, in any order if it commutes.
template <typename... Ops>
static bool combinesArguments(Operation *op, Block *body, unsigned lhs,
                              unsigned rhs) {
  if (!isa_and_nonnull<Ops...>(op))
    return false;
  Value a = body->getArgument(lhs), c = body->getArgument(rhs);
  return (op->getOperand(0) == a && op->getOperand(1) == c) ||
         (op->hasTrait<OpTrait::IsCommutative>() && op->getOperand(0) == c &&
          op->getOperand(1) == a);
}

static Operation *yielded(linalg::GenericOp op) {
  return op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
}

/// Whether `op` reduces its input along one dimension by one of `Ops`, starting
/// from `start`.
template <typename... Ops>
static bool isReduction(linalg::GenericOp op,
                        function_ref<bool(const APFloat &)> isStart) {
  if (!op || op.getNumReductionLoops() != 1 || !isIdentity(op, 0) ||
      !llvm::hasSingleElement(op.getBody()->without_terminator()) ||
      !combinesArguments<Ops...>(yielded(op), op.getBody(), 0, 1))
    return false;
  auto fill = op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  APFloat value(0.0f);
  return fill && matchPattern(fill.value(), m_ConstantFloat(&value)) &&
         isStart(value);
}

std::optional<WrittenSoftmax>
mlir::dyn::matchSoftmax(linalg::GenericOp division) {
  if (division.getNumDpsInputs() != 2 || division.getNumReductionLoops() ||
      !isIdentity(division, 0) || !isIdentity(division, 2) ||
      !llvm::hasSingleElement(division.getBody()->without_terminator()) ||
      !combinesArguments<arith::DivFOp>(yielded(division), division.getBody(),
                                        0, 1))
    return std::nullopt;
  linalg::GenericOp exponential = genericOf(division.getOperand(0), 2);
  linalg::GenericOp sum = genericOf(division.getOperand(1), 1);
  if (!exponential || exponential.getNumReductionLoops() ||
      !isIdentity(exponential, 0) || !isIdentity(exponential, 2) ||
      !isReduction<arith::AddFOp>(
          sum, [](const APFloat &start) { return start.isZero(); }) ||
      sum.getOperand(0) != division.getOperand(0) ||
      llvm::range_size(exponential->getUsers()) != 2)
    return std::nullopt;
  auto exp = dyn_cast_or_null<math::ExpOp>(yielded(exponential));
  if (!exp || llvm::range_size(exponential.getBody()->getOperations()) != 3 ||
      !combinesArguments<arith::SubFOp>(exp.getOperand().getDefiningOp(),
                                        exponential.getBody(), 0, 1))
    return std::nullopt;
  linalg::GenericOp maximum = genericOf(exponential.getOperand(1), 1);
  if (!isReduction<arith::MaximumFOp, arith::MaxNumFOp>(
          maximum,
          [](const APFloat &start) {
            return start.isNegative() &&
                   (start.isInfinity() || start.isLargest());
          }) ||
      maximum.getOperand(0) != exponential.getOperand(0))
    return std::nullopt;
  // All four agree on what a row is.
  AffineMap rows = maximum.getIndexingMapsArray()[1];
  if (sum.getIndexingMapsArray()[1] != rows ||
      exponential.getIndexingMapsArray()[1] != rows ||
      division.getIndexingMapsArray()[1] != rows)
    return std::nullopt;
  SmallVector<unsigned> reduced;
  maximum.getReductionDims(reduced);
  return WrittenSoftmax{maximum, exponential, division, reduced.front()};
}

static bool isContraction(Operation *op) {
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  return linalgOp && linalg::isaContractionOpInterface(linalgOp);
}

/// Whether `value` is made of a contraction by elementwise ops and reshapes.
static bool comesFromContraction(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isContraction(op))
    return op;
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
    return comesFromContraction(op->getOperand(0));
  auto elementwise = dyn_cast<linalg::LinalgOp>(op);
  return elementwise && !elementwise.getNumReductionLoops() &&
         llvm::any_of(elementwise.getDpsInputs(), comesFromContraction);
}

static bool goesToContraction(Value value) {
  if (!value.hasOneUse())
    return false;
  Operation *user = *value.getUsers().begin();
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(user))
    return goesToContraction(user->getResult(0));
  return isContraction(user);
}

namespace {
struct DynFindAttentionPass
    : dyn::impl::DynFindAttentionPassBase<DynFindAttentionPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<Operation *> candidates;
    getOperation()->walk([&](Operation *op) {
      if (isa<linalg::GenericOp, linalg::SoftmaxOp>(op))
        candidates.push_back(op);
    });
    for (Operation *op : candidates) {
      auto softmax = dyn_cast<linalg::SoftmaxOp>(op);
      std::optional<WrittenSoftmax> written;
      if (auto generic = dyn_cast<linalg::GenericOp>(op);
          generic && op->getNumResults() == 1)
        written = matchSoftmax(generic);
      if ((!softmax && !written) || op->getNumResults() != 1)
        continue;
      Value input =
          written ? written->maximum.getOperand(0) : Value(softmax.getInput());
      if (!comesFromContraction(input))
        continue;
      if (!goesToContraction(op->getResult(0))) {
        noteNoAttention(op->getResult(0), "the softmax is read by several ops");
        continue;
      }
      if (written) {
        rewriter.setInsertionPoint(op);
        softmax = linalg::SoftmaxOp::create(
            rewriter, op->getLoc(), op->getResultTypes(), input,
            written->division.getDpsInits()[0], written->dim);
        rewriter.replaceOp(op, softmax);
      }
      softmax->setAttr(kAttentionAttr, rewriter.getUnitAttr());
    }
  }
};
} // namespace
