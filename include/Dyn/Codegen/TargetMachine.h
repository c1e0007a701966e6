//===- TargetMachine.h - LLVM's code generator for a CPU --------*- C++ -*-===//

#ifndef DYN_CODEGEN_TARGETMACHINE_H
#define DYN_CODEGEN_TARGETMACHINE_H

#include "Dyn/Resources/Result.h"
#include "Dyn/Target/Target.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace mlir::dyn {

/// LLVM's code generator: position-independent, nothing but what the CPU has.
/// Errors: a CPU or triple that this LLVM does not know.
Result<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const Target &target);

} // namespace mlir::dyn

#endif // DYN_CODEGEN_TARGETMACHINE_H
