//===- Pipelines.cpp - The only place where passes are put in order
//--------===//

#include "Dyn/Transforms/Pipelines.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void dyn::buildGraphPipeline(OpPassManager &manager,
                             const PipelineOptions &options) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void dyn::buildCodegenPipeline(OpPassManager &manager,
                               const PipelineOptions &options) {}

void dyn::buildToLLVMPipeline(OpPassManager &manager,
                              const PipelineOptions &options) {}

void dyn::buildCompilePipeline(OpPassManager &manager,
                               const PipelineOptions &options) {
  buildGraphPipeline(manager, options);
  buildCodegenPipeline(manager, options);
  buildToLLVMPipeline(manager, options);
}

void dyn::registerPipelines() {
  PassPipelineRegistration<PipelineOptions>(
      "dyn-graph-pipeline", "dyn to linalg on tensors", buildGraphPipeline);
  PassPipelineRegistration<PipelineOptions>(
      "dyn-codegen-pipeline",
      "linalg on tensors to loops over vectors on buffers",
      buildCodegenPipeline);
  PassPipelineRegistration<PipelineOptions>(
      "dyn-to-llvm-pipeline", "loops over vectors to the LLVM dialect",
      buildToLLVMPipeline);
  PassPipelineRegistration<PipelineOptions>(
      "dyn-compile-pipeline", "dyn to the LLVM dialect", buildCompilePipeline);
}
