//===- FinalizeLLVM.cpp - LLVM dialect as an artifact's code --------------===//

#include "Dyn/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

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
// bf16 as its bits
//===----------------------------------------------------------------------===//

/// Puts i16 for bf16 into every type and constant. No arithmetic on bf16 is
/// left here, but LLVM makes some of its own: a select between bf16 values, as
/// which it likes to write one between their bits, goes through f32 on x86-64
/// and back by a call of `__truncsfbf2`.
static void useBitsOfBFloat(ModuleOp module) {
  auto bits = IntegerType::get(module.getContext(), 16);
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](BFloat16Type) -> Type { return bits; });
  replacer.addReplacement(
      [&](FloatAttr attr) -> std::optional<std::pair<Attribute, WalkResult>> {
        if (!attr.getType().isBF16())
          return std::nullopt;
        return std::pair(
            IntegerAttr::get(bits, attr.getValue().bitcastToAPInt()),
            WalkResult::skip());
      });
  replacer.addReplacement(
      [&](DenseElementsAttr attr)
          -> std::optional<std::pair<Attribute, WalkResult>> {
        if (!attr.getElementType().isBF16())
          return std::nullopt;
        return std::pair(attr.bitcast(bits), WalkResult::skip());
      });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

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
    useBitsOfBFloat(module);
    RewritePatternSet patterns(&getContext());
    patterns.add<LoadBytes, StoreBytes, MaskedLoadBytes, MaskedStoreBytes>(
        &getContext());
    walkAndApplyPatterns(module, std::move(patterns));
  }
};
} // namespace
