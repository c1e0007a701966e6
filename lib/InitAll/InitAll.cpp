//===- InitAll.cpp - The one list of what Dyn registers -------------------===//

#include "Dyn/InitAll.h"
#include "Dyn/Dialect/Dyn.h"
#include "Dyn/Transforms/Passes.h"
#include "Dyn/Transforms/Pipelines.h"

using namespace mlir;

void dyn::registerAllDialects(DialectRegistry &registry) {
  registry.insert<DynDialect>();
}

void dyn::registerAllPasses() {
  registerDynPasses();
  registerPipelines();
}
