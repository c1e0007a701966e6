//===- InternalizeWeights.cpp - The data travel with the IR ---------------===//

#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNINTERNALIZEWEIGHTSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

/// An attribute that shares the bytes of `blob`, and keeps them.
static DenseResourceElementsAttr
makeResource(StringRef name, RankedTensorType type, const Blob &blob) {
  std::span<const std::byte> bytes = blob.bytes();
  return DenseResourceElementsAttr::get(
      type, name,
      UnmanagedAsmResourceBlob::allocateWithAlign(
          ArrayRef<char>(reinterpret_cast<const char *>(bytes.data()),
                         bytes.size()),
          getFileAlignment(bytes.size()), [blob](void *, size_t, size_t) {}));
}

namespace {
struct InternalizeWeightsPass
    : dyn::impl::DynInternalizeWeightsPassBase<InternalizeWeightsPass> {
  using DynInternalizeWeightsPassBase::DynInternalizeWeightsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTableCollection tables;
    SymbolUserMap users(tables, module);
    for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>())) {
      Result<Blob> blob = readWeight(weight, weightsDir);
      if (!blob) {
        weight.emitError() << blob.error().message();
        return signalPassFailure();
      }
      ArrayRef<Operation *> uses = users.getUsers(weight);
      unsigned numReplaced = makeConstants(weight, uses, *blob);
      if (numReplaced != 0 && numReplaced == uses.size())
        weight.erase();
      else if (weight.getSource().getReference())
        setWeight(weight, *std::move(blob));
    }
  }

  /// Replaces uses that are of builtin type by constants; returns how many of
  /// `uses` are gone.
  unsigned makeConstants(WeightOp weight, ArrayRef<Operation *> uses,
                         const Blob &blob) {
    DenseResourceElementsAttr resource;
    unsigned numReplaced = 0;
    for (Operation *use : uses) {
      auto get = dyn_cast<GetWeightOp>(use);
      if (!get)
        continue;
      for (Operation *user : llvm::make_early_inc_range(get->getUsers())) {
        auto cast = dyn_cast<ToBuiltinOp>(user);
        if (!cast)
          continue;
        if (!resource)
          resource = makeResource(weight.getSymName(),
                                  weight.getTensorType().toBuiltin(), blob);
        OpBuilder builder(cast);
        cast.replaceAllUsesWith(
            arith::ConstantOp::create(builder, cast.getLoc(), resource)
                .getResult());
        cast.erase();
      }
      if (get->use_empty() && resource) {
        get.erase();
        ++numReplaced;
      }
    }
    return numReplaced;
  }
};
} // namespace
