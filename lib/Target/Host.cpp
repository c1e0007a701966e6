//===- Host.cpp - The record of the machine that runs this ----------------===//

#include "llvm/TargetParser/Host.h"
#include "Dyn/Target/Target.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir::dyn;

llvm::Expected<const Target *> mlir::dyn::hostTarget() {
  llvm::Triple host(llvm::sys::getProcessTriple());
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  for (const Target &target : allTargets())
    if (llvm::Triple(target.triple).getArch() == host.getArch() &&
        llvm::all_of(target.required, [&](llvm::StringRef feature) {
          return features.lookup(feature);
        }))
      return &target;
  std::string known =
      llvm::join(llvm::map_range(allTargets(),
                                 [](const Target &t) { return t.name.str(); }),
                 ", ");
  return llvm::createStringError(
      "this machine (%s, %s) can run none of the targets: %s",
      host.getArchName().str().c_str(),
      llvm::sys::getHostCPUName().str().c_str(), known.c_str());
}
