//===- EmitEntry.cpp - The function that the runtime calls ----------------===//

#include "Dyn/Transforms/EntryAttributes.h"
#include "Dyn/Transforms/Passes.h"
#include "RuntimeCalls.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNEMITENTRYPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

static bool isModel(func::FuncOp function) {
  if (function.isPrivate() || function.isExternal())
    return false;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (function.getArgAttr(i, kTypeAttr))
      return true;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (function.getResultAttr(i, kTypeAttr))
      return true;
  return false;
}

namespace {
/// The order of an entry's descriptors: inputs and weights, results by their
/// number, the arena.
struct DescriptorOrder {
  SmallVector<unsigned> ofArgument, ofResult;

  explicit DescriptorOrder(func::FuncOp function) {
    unsigned inputs = 0, results = 0;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      results += static_cast<bool>(function.getArgAttr(i, kResultAttr));
      inputs += !function.getArgAttr(i, kResultAttr) &&
                !function.getArgAttr(i, kArenaAttr);
    }
    results += function.getNumResults();
    unsigned nextInput = 0;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      if (auto number = function.getArgAttrOfType<IntegerAttr>(i, kResultAttr))
        ofArgument.push_back(inputs + number.getInt());
      else if (function.getArgAttr(i, kArenaAttr))
        ofArgument.push_back(inputs + results);
      else
        ofArgument.push_back(nextInput++);
    }
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      ofResult.push_back(
          inputs +
          function.getResultAttrOfType<IntegerAttr>(i, kResultAttr).getInt());
  }
};
} // namespace

static LogicalResult checkSignature(func::FuncOp function) {
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (!isa<MemRefType>(type))
      return function.emitOpError() << "expects memrefs as arguments, got "
                                    << type << " as argument " << i;
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    if (!isa<MemRefType>(type) || !function.getResultAttr(i, kResultAttr))
      return function.emitOpError()
             << "expects results that dyn-results-to-destinations left, got "
             << type << " as result " << i;
  return success();
}

static void emitEntry(func::FuncOp model, StringRef name) {
  MLIRContext *context = model.getContext();
  Location loc = model.getLoc();
  LoweredTypes types(context);
  Type pointer = LLVM::LLVMPointerType::get(context);
  OpBuilder builder(context);
  builder.setInsertionPointAfter(model);
  auto entry = func::FuncOp::create(
      builder, loc, name,
      builder.getFunctionType({pointer}, {builder.getI32Type()}));
  builder.setInsertionPointToStart(entry.addEntryBlock());
  DescriptorOrder order(model);
  auto getDescriptor = [&](unsigned i) -> Value {
    Value slot =
        LLVM::GEPOp::create(builder, loc, pointer, pointer,
                            entry.getArgument(0), ArrayRef<LLVM::GEPArg>(i));
    return LLVM::LoadOp::create(builder, loc, pointer, slot);
  };
  SmallVector<Value> arguments;
  for (auto [i, type] : llvm::zip(order.ofArgument, model.getArgumentTypes())) {
    Value descriptor =
        LLVM::LoadOp::create(builder, loc, types.get(type), getDescriptor(i));
    arguments.push_back(types.fromLowered(builder, loc, descriptor, type));
  }
  auto call = func::CallOp::create(builder, loc, model, arguments);
  for (auto [i, result] : llvm::zip(order.ofResult, call.getResults()))
    LLVM::StoreOp::create(builder, loc, types.toLowered(builder, loc, result),
                          getDescriptor(i));
  Value success =
      arith::ConstantIntOp::create(builder, loc, builder.getI32Type(), 0);
  func::ReturnOp::create(builder, loc, success);
}

namespace {
struct DynEmitEntryPass : dyn::impl::DynEmitEntryPassBase<DynEmitEntryPass> {
  using DynEmitEntryPassBase::DynEmitEntryPassBase;

  void runOnOperation() override {
    func::FuncOp model;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!isModel(function))
        continue;
      if (model) {
        auto diagnostic =
            function.emitOpError("is a second model's function: expects one");
        diagnostic.attachNote(model.getLoc()) << "the first one is here";
        return signalPassFailure();
      }
      model = function;
    }
    if (!model)
      return;
    if (getOperation().lookupSymbol(symbol)) {
      model.emitOpError() << "needs the name '" << symbol
                          << "' for its entry, which the module has already";
      return signalPassFailure();
    }
    if (failed(checkSignature(model)))
      return signalPassFailure();
    emitEntry(model, symbol);
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.getSymName() != symbol)
        function.setPrivate();
  }
};
} // namespace
