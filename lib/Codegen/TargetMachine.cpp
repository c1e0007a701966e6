//===- TargetMachine.cpp - LLVM's code generator for a CPU ----------------===//

#include "Dyn/Codegen/TargetMachine.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include <mutex>

using namespace mlir;
using namespace mlir::dyn;

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
  });
}

Result<std::unique_ptr<llvm::TargetMachine>>
dyn::createTargetMachine(const Target &target) {
  initializeTargets();
  llvm::Triple triple(target.triple);
  std::string message;
  const llvm::Target *generator =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!generator)
    return Error("LLVM cannot generate code for '" + target.triple.str() +
                 "': " + message);
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget(
      generator->createMCSubtargetInfo(triple, /*CPU=*/"", /*Features=*/""));
  if (!subtarget || !subtarget->isCPUStringValid(target.name))
    return Error("LLVM knows no CPU '" + target.name.str() + "' of " +
                 target.triple.str());
  llvm::TargetOptions options;
  // Fused only where the IR says so: results do not depend on the optimizer.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> machine(generator->createTargetMachine(
      triple, target.name, target.features, options, llvm::Reloc::PIC_,
      /*CM=*/std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return Error("LLVM cannot generate code for CPU '" + target.name.str() +
                 "'");
  return machine;
}
