//===- RuntimeCalls.cpp - Between buffers and the runtime's C functions ---===//

#include "RuntimeCalls.h"

using namespace mlir;
using namespace mlir::dyn;

static LowerToLLVMOptions getOptions(MLIRContext *context) {
  LowerToLLVMOptions options(context);
  options.overrideIndexBitwidth(64);
  return options;
}

LoweredTypes::LoweredTypes(MLIRContext *context)
    : converter(context, getOptions(context)) {}

static Value cast(OpBuilder &builder, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  return UnrealizedConversionCastOp::create(builder, loc, type, value)
      .getResult(0);
}

Value LoweredTypes::toLowered(OpBuilder &builder, Location loc,
                              Value value) const {
  return ::cast(builder, loc, value, get(value.getType()));
}

Value LoweredTypes::fromLowered(OpBuilder &builder, Location loc, Value lowered,
                                Type type) const {
  return ::cast(builder, loc, lowered, type);
}

func::FuncOp dyn::declareFunction(ModuleOp module, StringRef name,
                                  FunctionType type) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(name))
    return existing;
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  auto function = func::FuncOp::create(builder, module.getLoc(), name, type);
  function.setPrivate();
  return function;
}
