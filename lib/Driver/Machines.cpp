//===- Machines.cpp - The CPUs that --target knows
//-------------------------===//

#include "Dyn/Driver/Compiler.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::dyn;

/// Best first among those of one architecture.
static std::vector<Machine> getMachines() {
  const std::string x86 = "x86_64-unknown-linux-gnu",
                    arm = "aarch64-unknown-linux-gnu";
  return {{x86,
           "skylake-avx512",
           512,
           {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "bmi",
            "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt"}},
          {x86,
           "znver2",
           256,
           {"avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt"}},
          {arm,
           "neoverse-n1",
           128,
           {"neon", "fullfp16", "dotprod", "lse", "rcpc", "rdm"}}};
}

static bool canHostRun(const Machine &machine) {
  llvm::Triple host(llvm::sys::getProcessTriple());
  if (host.getArch() != llvm::Triple(machine.triple).getArch())
    return false;
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return llvm::all_of(machine.features, [&](const std::string &feature) {
    return features.lookup(feature);
  });
}

Result<Machine> dyn::findMachine(llvm::StringRef cpu) {
  std::vector<Machine> machines = getMachines();
  std::vector<std::string> names{"native"};
  for (const Machine &machine : machines) {
    if (cpu == "native" ? canHostRun(machine) : machine.cpu == cpu)
      return machine;
    names.push_back(machine.cpu);
  }
  if (cpu == "native")
    return Error("this machine (" + llvm::sys::getHostCPUName().str() +
                 ") runs the code of no target: choose one of " +
                 llvm::join(llvm::drop_begin(names), ", ") + " with --target");
  return Error("unknown target '" + cpu.str() + "', expects one of " +
               llvm::join(names, ", "));
}
