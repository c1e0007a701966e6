//===- dyn-opt.cpp - mlir-opt with Dyn's dialect and passes ---------------===//

#include "Dyn/InitAll.h"
#include "Dyn/Tools/OptMain.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  mlir::dyn::registerAllDialects(registry);
  mlir::dyn::registerAllPasses();
  return failed(
      mlir::dyn::optMain(argc, argv, "Dyn's optimizer driver\n", registry));
}
