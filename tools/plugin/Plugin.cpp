//===- Plugin.cpp - Dyn as a dialect and pass plugin of stock mlir-opt ----===//

#include "Dyn/InitAll.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

extern "C" LLVM_ATTRIBUTE_WEAK
    LLVM_ATTRIBUTE_VISIBILITY_DEFAULT mlir::DialectPluginLibraryInfo
    mlirGetDialectPluginInfo() {
  // Passes as well: mlir-opt reaches them with this flag alone.
  return {MLIR_PLUGIN_API_VERSION, "Dyn", LLVM_VERSION_STRING,
          [](mlir::DialectRegistry *registry) {
            mlir::dyn::registerAllDialects(*registry);
            mlir::dyn::registerAllPasses();
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK
    LLVM_ATTRIBUTE_VISIBILITY_DEFAULT mlir::PassPluginLibraryInfo
    mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "DynPasses", LLVM_VERSION_STRING,
          [] { mlir::dyn::registerAllPasses(); }};
}
