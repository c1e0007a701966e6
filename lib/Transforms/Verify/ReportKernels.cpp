//===- ReportKernels.cpp - What each linalg op becomes --------------------===//

#include "../PassTarget.h"
#include "../Tile/Attention.h"
#include "../Tile/LoopPlan.h"
#include "Dyn/Transforms/Passes.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNREPORTKERNELSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

static bool reduces(linalg::LinalgOp op) {
  return op.getNumReductionLoops() != 0;
}

/// Two inputs that are multiplied and summed.
static bool isContraction(linalg::LinalgOp op) {
  return reduces(op) && op.getNumDpsInputs() >= 2 &&
         llvm::all_of(op.getRegionInputArgs(),
                      [](Value input) { return !input.use_empty(); }) &&
         (linalg::isaContractionOpInterface(op) ||
          linalg::isaConvolutionOpInterface(op));
}

/// The ops around a softmax on buffers become one code with it.
static bool isInAttention(linalg::LinalgOp op) {
  return !op->getBlock()->getOps<linalg::SoftmaxOp>().empty();
}

static bool isCopy(linalg::LinalgOp op) {
  return !reduces(op) && llvm::hasSingleElement(*op.getBlock()) &&
         llvm::all_of(op.getBlock()->getTerminator()->getOperands(),
                      llvm::IsaPred<BlockArgument>);
}

static StringRef nameOf(linalg::LinalgOp op) {
  if (isContraction(op))
    return "contraction";
  if (reduces(op))
    return "reduction";
  return isCopy(op) ? "copy" : "elementwise";
}

namespace {
struct DynReportKernelsPass
    : dyn::impl::DynReportKernelsPassBase<DynReportKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    FailureOr<const Target *> cpu = getTarget(getOperation(), target);
    if (failed(cpu))
      return signalPassFailure();
    RegisterBudget budget(**cpu);
    getOperation()->walk([&](linalg::SoftmaxOp op) {
      op.emitRemark() << "attention: queries in the lanes of up to "
                      << budget.tile.vectors << " vectors of "
                      << budget.vectorBits / 32;
    });
    WalkResult done = getOperation()->walk([&](linalg::LinalgOp op) {
      if (!op.hasPureBufferSemantics() || isInAttention(op))
        return WalkResult::advance();
      RegisterBudget own = budget;
      if (failed(own.obey(op, **cpu)))
        return WalkResult::interrupt();
      report(op, own);
      return WalkResult::advance();
    });
    if (done.wasInterrupted())
      signalPassFailure();
  }

private:
  void report(linalg::LinalgOp op, const RegisterBudget &budget) {
    std::string whyNot;
    FailureOr<LoopPlan> plan = planLoops(op, budget, whyNot);
    InFlightDiagnostic remark = op.emitRemark();
    if (failed(plan)) {
      remark << "scalar loop: " << whyNot;
    } else {
      remark << nameOf(op) << ": ";
      if (plan->rowDim)
        remark << "blocks of up to " << plan->rows << " rows by ";
      if (plan->columnDim)
        remark << plan->columns << " columns, ";
      remark << plan->vectors << (plan->vectors == 1 ? " vector" : " vectors")
             << " of " << plan->lanes
             << (plan->lanesReduce ? " along the reduction" : "");
      if (!plan->maskable)
        remark << ", its end one by one";
    }
    if (auto reason = op->getAttrOfType<StringAttr>(kNoAttentionAttr))
      remark << "; no attention: " << reason.getValue();
  }
};
} // namespace
