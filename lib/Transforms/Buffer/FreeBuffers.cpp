//===- FreeBuffers.cpp - Free allocations after their last use ------------===//

#include "Dyn/Transforms/Passes.h"
#include "Lifetime.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNFREEBUFFERSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

namespace {
struct DynFreeBuffersPass
    : dyn::impl::DynFreeBuffersPassBase<DynFreeBuffersPass> {
  void runOnOperation() override {
    BufferViewFlowAnalysis views(getOperation());
    SmallVector<std::pair<Value, Operation *>> freed;
    getOperation().walk([&](memref::AllocOp op) {
      Value buffer = op.getMemref();
      for (Value view : views.resolve(buffer))
        if (llvm::any_of(view.getUsers(), llvm::IsaPred<memref::DeallocOp>))
          return;
      std::optional<Lifetime> life = getLifetime(buffer, op->getBlock(), views);
      if (life && !life->last->hasTrait<OpTrait::IsTerminator>())
        freed.emplace_back(buffer, life->last);
    });
    OpBuilder builder(&getContext());
    for (auto [buffer, last] : freed) {
      builder.setInsertionPointAfter(last);
      memref::DeallocOp::create(builder, buffer.getLoc(), buffer);
    }
  }
};
} // namespace
