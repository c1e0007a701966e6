//===- Decide.cpp - A configuration for every op that needs one -----------===//

#include "../Panels.h"
#include "../PassTarget.h"
#include "Dyn/Transforms/LoweringConfig.h"
#include "Dyn/Transforms/Passes.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNDECIDEPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

namespace {
struct DynDecidePass : dyn::impl::DynDecidePassBase<DynDecidePass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<const Target *> cpu = getTarget(getOperation(), target);
    if (failed(cpu))
      return signalPassFailure();
    WalkResult result = getOperation()->walk([&](linalg::LinalgOp op) {
      bool isElementwise =
          op.getNumReductionLoops() == 0 && !isa<linalg::FillOp>(op);
      if (!op->hasAttr(LoweringConfig::kAttrName) && !isElementwise &&
          !isContraction(op) && !linalg::isaConvolutionOpInterface(op))
        return WalkResult::advance();
      FailureOr<LoweringConfig> config = getLoweringConfig(op, **cpu);
      if (failed(config))
        return WalkResult::interrupt();
      op->setAttr(LoweringConfig::kAttrName, config->getAttr(op));
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
