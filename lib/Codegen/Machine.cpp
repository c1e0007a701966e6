//===- Machine.cpp - LLVM's code generator for a CPU
//-----------------------===//

#include "Dyn/Codegen/Machine.h"
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
dyn::createTargetMachine(const Machine &machine) {
  initializeTargets();
  llvm::Triple triple(machine.triple);
  std::string message;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return Error("LLVM cannot generate code for '" + machine.triple +
                 "': " + message);
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget(
      target->createMCSubtargetInfo(triple, /*CPU=*/"", /*Features=*/""));
  if (!subtarget || !subtarget->isCPUStringValid(machine.cpu))
    return Error("LLVM knows no CPU '" + machine.cpu + "' of " +
                 machine.triple);
  llvm::TargetOptions options;
  // Fused only where the IR says so: results do not depend on the optimizer.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> result(target->createTargetMachine(
      triple, machine.cpu, /*Features=*/"", options, llvm::Reloc::PIC_,
      /*CM=*/std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!result)
    return Error("LLVM cannot generate code for CPU '" + machine.cpu + "'");
  return result;
}
