//===- Machine.h - LLVM's code generator for a CPU --------------*- C++ -*-===//

#ifndef DYN_CODEGEN_MACHINE_H
#define DYN_CODEGEN_MACHINE_H

#include "Dyn/Resources/Result.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <string>
#include <vector>

namespace mlir::dyn {

/// A CPU in LLVM's words.
struct Machine {
  std::string triple; ///< "x86_64-unknown-linux-gnu"
  std::string cpu;    ///< "znver2"
  /// Width in bits of the vectors that the CPU runs best. LLVM by itself keeps
  /// to 256 on some that have 512.
  unsigned vectorBits;
  /// What a machine must have to run the code, by LLVM's names: "avx2", "fma".
  std::vector<std::string> features;
};

/// LLVM's code generator: position-independent, nothing but what the CPU has.
/// Errors: a CPU or triple that LLVM does not know.
Result<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const Machine &machine);

} // namespace mlir::dyn

#endif // DYN_CODEGEN_MACHINE_H
