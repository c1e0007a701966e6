//===- Vectorize.cpp - linalg on buffers to loops over vectors ------------===//

#include "Dyn/Transforms/Passes.h"
#include "LoopPlan.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNVECTORIZEPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

namespace {
struct DynVectorizePass : dyn::impl::DynVectorizePassBase<DynVectorizePass> {
  using Base::Base;

  void runOnOperation() override {
    llvm::Expected<const Target *> cpu = lookupTarget(target);
    if (!cpu) {
      emitError(getOperation()->getLoc(), llvm::toString(cpu.takeError()));
      return signalPassFailure();
    }
    RegisterBudget budget;
    budget.vectorBits = (*cpu)->vectorBits;
    budget.tile = (*cpu)->tile;
    budget.dotTile = (*cpu)->dotTile;
    budget.prefetchDistance = (*cpu)->prefetchDistance;
    budget.reductionBlock = 1536;
    if (rows)
      budget.tile.rows = rows;
    if (vectors)
      budget.tile.vectors = vectors;
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics())
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      std::string whyNot;
      FailureOr<LoopPlan> plan = planLoops(op, budget, whyNot);
      if (failed(plan)) {
        if (report)
          op.emitRemark() << "'" << op->getName()
                          << "' stays scalar: " << whyNot;
        continue;
      }
      emitLoops(rewriter, op, *plan);
    }
  }
};
} // namespace
