//===- Vectorize.cpp - linalg on buffers to loops over vectors ------------===//

#include "../PassTarget.h"
#include "Attention.h"
#include "Dyn/Transforms/LoweringConfig.h"
#include "Dyn/Transforms/Passes.h"
#include "ElementaryFunctions.h"
#include "LoopPlan.h"
#include "Transposition.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
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

/// Copies of parts of buffers become linalg, and vectors; memcpy is for whole
/// ones.
static void expandStridedCopies(RewriterBase &rewriter, Operation *root) {
  SmallVector<memref::CopyOp> copies;
  root->walk([&](memref::CopyOp op) {
    auto source = dyn_cast<MemRefType>(op.getSource().getType()),
         target = dyn_cast<MemRefType>(op.getTarget().getType());
    if (source && target && source.getRank() > 1 &&
        source.isLastDimUnitStride() && target.isLastDimUnitStride() &&
        !(source.getLayout().isIdentity() && target.getLayout().isIdentity()))
      copies.push_back(op);
  });
  for (memref::CopyOp op : copies) {
    rewriter.setInsertionPoint(op);
    linalg::makeMemRefCopyOp(rewriter, op.getLoc(), op.getSource(),
                             op.getTarget());
    rewriter.eraseOp(op);
  }
}

/// The exponentials of softmax in the form that only some CPUs have.
static void expandByScalef(RewriterBase &rewriter, Operation *root) {
  root->walk([&](math::ExpOp op) {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!op->hasAttr(kSoftmaxAttr) || !type || !type.getElementType().isF32() ||
        type.getShape() != ArrayRef<int64_t>{16})
      return;
    ImplicitLocOpBuilder builder(op.getLoc(), op);
    ElementaryFunctions functions(builder, type, /*scalef=*/true);
    rewriter.replaceOp(op, functions.expForSoftmax(op.getOperand()));
  });
}

namespace {
struct DynVectorizePass : dyn::impl::DynVectorizePassBase<DynVectorizePass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<const Target *> cpu = getTarget(getOperation(), target);
    if (failed(cpu))
      return signalPassFailure();
    RegisterBudget budget(**cpu);
    if (rows)
      budget.tile.rows = rows;
    if (vectors)
      budget.tile.vectors = vectors;
    IRRewriter rewriter(&getContext());
    expandStridedCopies(rewriter, getOperation());
    SmallVector<linalg::SoftmaxOp> attentions;
    getOperation()->walk([&](linalg::SoftmaxOp op) {
      if (op.hasPureBufferSemantics())
        attentions.push_back(op);
    });
    for (linalg::SoftmaxOp op : attentions)
      if (failed(emitAttention(rewriter, op, **cpu)))
        return signalPassFailure();
    // Reductions first: they take fills and elementwise ops with them.
    SmallVector<linalg::LinalgOp> ops, others;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics())
        (op.getNumReductionLoops() ? ops : others).push_back(op);
    });
    ops.append(others);
    DenseSet<Operation *> taken;
    // Of ops next to each other, before the first of them is gone.
    DenseMap<Operation *, SmallVector<RowAhead>> rowsAhead;
    DenseMap<Operation *, int64_t> streams;
    for (linalg::LinalgOp op : ops) {
      if (!op->hasAttr(LoweringConfig::kAttrName) || !mayStream(op))
        continue;
      FailureOr<LoweringConfig> config = getLoweringConfig(op, **cpu);
      if (failed(config))
        return signalPassFailure();
      streams[op] = config->stream;
    }
    for (linalg::LinalgOp op : ops)
      rowsAhead[op] = findRowsAhead(op, streams);
    for (linalg::LinalgOp op : ops) {
      if (taken.contains(op) ||
          emitTransposition(rewriter, op, budget.vectorBits))
        continue;
      std::string whyNot;
      RegisterBudget own = budget;
      if (failed(own.obey(op, **cpu)))
        return signalPassFailure();
      FailureOr<LoopPlan> plan = planLoops(op, own, whyNot);
      if (failed(plan)) {
        if (report)
          op.emitRemark() << "'" << op->getName()
                          << "' stays scalar: " << whyNot;
        continue;
      }
      Accumulation surroundings = matchAccumulation(op);
      if (plan->lanesReduce && !plan->rowDim && !plan->columnDim) {
        std::tie(surroundings.prologue, surroundings.prologueResult) =
            matchPrologue(op);
        if (linalg::LinalgOp prologue = surroundings.prologue) {
          FailureOr<LoopPlan> alone = planLoops(prologue, budget, whyNot);
          if (succeeded(alone) && alone->maskable) {
            plan->prologueRowsAhead = rowsAhead.lookup(prologue);
            taken.insert(prologue);
          } else {
            surroundings.prologue = {};
          }
        }
      }
      taken.insert_range(surroundings.epilogue);
      if (surroundings.fill)
        taken.insert(surroundings.fill);
      plan->stream = streams.lookup(op);
      plan->rowsAhead = rowsAhead.lookup(op);
      emitLoops(rewriter, op, *plan, surroundings);
    }
    if ((*cpu)->scalef)
      expandByScalef(rewriter, getOperation());
  }
};
} // namespace
