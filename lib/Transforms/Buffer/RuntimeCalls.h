//===- RuntimeCalls.h - Buffers and C functions -----------------*- C++ -*-===//

#ifndef DYN_LIB_TRANSFORMS_BUFFER_RUNTIMECALLS_H
#define DYN_LIB_TRANSFORMS_BUFFER_RUNTIMECALLS_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::dyn {

/// Types as the lowering to LLVM will convert them, 64-bit index. Values of
/// converted types are made by casts that this lowering resolves.
class LoweredTypes {
public:
  explicit LoweredTypes(MLIRContext *context);
  Type get(Type type) const { return converter.convertType(type); }
  Value toLowered(OpBuilder &builder, Location loc, Value value) const;
  Value fromLowered(OpBuilder &builder, Location loc, Value lowered,
                    Type type) const;

private:
  LLVMTypeConverter converter;
};

/// The declaration of a C function, added to the module if it is not there.
func::FuncOp declareFunction(ModuleOp module, StringRef name,
                             FunctionType type);

} // namespace mlir::dyn

#endif // DYN_LIB_TRANSFORMS_BUFFER_RUNTIMECALLS_H
