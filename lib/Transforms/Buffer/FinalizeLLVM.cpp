//===- FinalizeLLVM.cpp - LLVM dialect as an artifact's code --------------===//

#include "Dyn/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNFINALIZELLVMPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Vectors of i1 in memory
//===----------------------------------------------------------------------===//

/// The vector of bytes for a vector of i1, null for all other types.
static VectorType getBytesType(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector || !vector.getElementType().isInteger(1))
    return {};
  return vector.clone(IntegerType::get(type.getContext(), 8));
}

namespace {
struct LoadBytes : OpRewritePattern<LLVM::LoadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::LoadOp op,
                                PatternRewriter &rewriter) const override {
    VectorType bytes = getBytesType(op.getType());
    if (!bytes)
      return rewriter.notifyMatchFailure(op, "no vector of i1");
    Value loaded = LLVM::LoadOp::create(rewriter, op.getLoc(), bytes,
                                        op.getAddr(), /*alignment=*/1);
    rewriter.replaceOpWithNewOp<LLVM::TruncOp>(op, op.getType(), loaded);
    return success();
  }
};

struct StoreBytes : OpRewritePattern<LLVM::StoreOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::StoreOp op,
                                PatternRewriter &rewriter) const override {
    VectorType bytes = getBytesType(op.getValue().getType());
    if (!bytes)
      return rewriter.notifyMatchFailure(op, "no vector of i1");
    Value stored =
        LLVM::ZExtOp::create(rewriter, op.getLoc(), bytes, op.getValue());
    rewriter.replaceOpWithNewOp<LLVM::StoreOp>(op, stored, op.getAddr(),
                                               /*alignment=*/1);
    return success();
  }
};

struct MaskedLoadBytes : OpRewritePattern<LLVM::MaskedLoadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::MaskedLoadOp op,
                                PatternRewriter &rewriter) const override {
    VectorType bytes = getBytesType(op.getType());
    if (!bytes)
      return rewriter.notifyMatchFailure(op, "no vector of i1");
    Value passThrough = op.getPassThru();
    if (passThrough)
      passThrough =
          LLVM::ZExtOp::create(rewriter, op.getLoc(), bytes, passThrough);
    Value loaded = LLVM::MaskedLoadOp::create(
        rewriter, op.getLoc(), bytes, op.getData(), op.getMask(), passThrough,
        rewriter.getI32IntegerAttr(1), /*nontemporal=*/UnitAttr());
    rewriter.replaceOpWithNewOp<LLVM::TruncOp>(op, op.getType(), loaded);
    return success();
  }
};

struct MaskedStoreBytes : OpRewritePattern<LLVM::MaskedStoreOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::MaskedStoreOp op,
                                PatternRewriter &rewriter) const override {
    VectorType bytes = getBytesType(op.getValue().getType());
    if (!bytes)
      return rewriter.notifyMatchFailure(op, "no vector of i1");
    Value stored =
        LLVM::ZExtOp::create(rewriter, op.getLoc(), bytes, op.getValue());
    rewriter.replaceOpWithNewOp<LLVM::MaskedStoreOp>(
        op, stored, op.getData(), op.getMask(), /*alignment=*/1);
    return success();
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Allocation by the runtime
//===----------------------------------------------------------------------===//

// Names in upstream's Dialect/LLVMIR/FunctionCallUtils.
static constexpr StringLiteral kGenericAlloc =
    "_mlir_memref_to_llvm_aligned_alloc";
static constexpr StringLiteral kGenericFree = "_mlir_memref_to_llvm_free";

/// Upstream's (alignment, bytes) becomes the runtime's (bytes, alignment).
static void useRuntimeAllocation(ModuleOp module) {
  if (auto alloc = module.lookupSymbol<LLVM::LLVMFuncOp>(kGenericAlloc)) {
    module.walk([&](LLVM::CallOp call) {
      if (call.getCallee() != kGenericAlloc)
        return;
      Value alignment = call.getOperand(0), bytes = call.getOperand(1);
      call.setOperand(0, bytes);
      call.setOperand(1, alignment);
    });
    (void)SymbolTable::replaceAllSymbolUses(
        alloc, StringAttr::get(module.getContext(), "dyn_rt_alloc"), module);
    alloc.setSymName("dyn_rt_alloc");
  }
  if (auto free = module.lookupSymbol<LLVM::LLVMFuncOp>(kGenericFree)) {
    (void)SymbolTable::replaceAllSymbolUses(
        free, StringAttr::get(module.getContext(), "dyn_rt_free"), module);
    free.setSymName("dyn_rt_free");
  }
}

namespace {
struct DynFinalizeLLVMPass
    : dyn::impl::DynFinalizeLLVMPassBase<DynFinalizeLLVMPass> {
  using DynFinalizeLLVMPassBase::DynFinalizeLLVMPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (runtimeAlloc)
      useRuntimeAllocation(module);
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (function.isPrivate() && !function.isExternal())
        function.setLinkage(LLVM::Linkage::Internal);
    RewritePatternSet patterns(&getContext());
    patterns.add<LoadBytes, StoreBytes, MaskedLoadBytes, MaskedStoreBytes>(
        &getContext());
    if (failed(applyPatternsGreedily(module, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
