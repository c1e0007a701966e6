//===- Object.h - From the LLVM dialect to object code ----------*- C++ -*-===//

#ifndef DYN_CODEGEN_OBJECT_H
#define DYN_CODEGEN_OBJECT_H

#include "Dyn/Codegen/TargetMachine.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"

namespace mlir::dyn {

/// Functions that an artifact may call: the runtime's, and three of the C
/// library that LLVM makes up by itself.
llvm::ArrayRef<llvm::StringRef> getAllowedCalls();

/// Translates a module of the LLVM dialect. Other ops without code in them, as
/// `dyn.weight`, are left out. Functions with a body are hidden: an artifact
/// exports none.
Result<std::unique_ptr<llvm::Module>>
translateToLLVMIR(ModuleOp module, const Target &target,
                  const llvm::TargetMachine &machine,
                  llvm::LLVMContext &context);

/// LLVM's optimizations for the machine. Makes no calls but allowed ones.
void optimize(llvm::Module &module, llvm::TargetMachine &machine);

/// Object code or assembly.
Result<llvm::SmallString<0>> emitCode(llvm::Module &module,
                                      llvm::TargetMachine &machine,
                                      llvm::CodeGenFileType type);

/// Errors if an object calls a function that an artifact may not: "the code for
/// 'main' would call 'fmodf', ...".
Result<> checkCalls(llvm::StringRef object);

} // namespace mlir::dyn

#endif // DYN_CODEGEN_OBJECT_H
