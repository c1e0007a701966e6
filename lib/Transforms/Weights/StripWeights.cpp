//===- StripWeights.cpp - Programs without their data ---------------------===//

#include "Dyn/Dialect/Dyn.h"
#include "Dyn/Transforms/Passes.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNSTRIPWEIGHTSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

namespace {
struct StripWeightsPass : dyn::impl::DynStripWeightsPassBase<StripWeightsPass> {
  void runOnOperation() override {
    WeightOp weight = getOperation();
    if (weight.getSource().isAbsent())
      return;
    ExternalAttr reference = weight.getSource().getReference();
    if (reference && reference.getKey() &&
        reference.getKey() != weight.getSymNameAttr())
      weight->setAttr(DynDialect::kKeyAttr, reference.getKey());
    weight.setSource(WeightSource());
    ++numStripped;
  }
};
} // namespace
