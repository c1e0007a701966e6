//===- Pipelines.cpp - The only place where passes are put in order -------===//

#include "Dyn/Transforms/Pipelines.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

bool dyn::verifiesByDefault() {
#ifdef NDEBUG
  return false;
#else
  return true;
#endif
}

void dyn::buildGraphPipeline(OpPassManager &manager,
                             const PipelineOptions &options) {
  manager.addPass(createInlinerPass());
  manager.addPass(createDynRefineShapesPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createSymbolDCEPass());
  manager.addPass(createDynLowerToLinalgPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

/// linalg on tensors to parallel loops over tiles.
static void addTiling(OpPassManager &manager,
                      const dyn::PipelineOptions &options) {
  OpPassManager &functions = manager.nest<func::FuncOp>();
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  functions.addPass(dyn::createDynFindAttentionPass());
  functions.addPass(dyn::createDynFuseElementwisePass());
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  manager.addPass(dyn::createDynPackWeightsPass());
  dyn::DynTilePassOptions tile;
  tile.target = options.target;
  OpPassManager &tiled = manager.nest<func::FuncOp>();
  dyn::DynDecidePassOptions decide;
  decide.target = options.target;
  tiled.addPass(dyn::createDynDecidePass(decide));
  tiled.addPass(dyn::createDynTilePass(tile));
  tiled.addPass(createCanonicalizerPass());
  tiled.addPass(createCSEPass());
}

/// Tensors to buffers: results into the caller's memory, temporaries into the
/// arena.
static void addBufferization(OpPassManager &manager) {
  manager.addPass(dyn::createDynResultsToDestinationsPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addNestedPass<func::FuncOp>(dyn::createDynSeparateEmptiesPass());
  manager.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  // Kernels take whole tensors; dynamic strides would keep vectors out of them.
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  bufferize.unknownTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  manager.addPass(bufferization::createOneShotBufferizePass(bufferize));
  manager.addPass(bufferization::createDropEquivalentBufferResultsPass());
  manager.addPass(memref::createResolveShapedTypeResultDimsPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(dyn::createDynPlanArenaPass());
  manager.addNestedPass<func::FuncOp>(dyn::createDynFreeBuffersPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void dyn::buildCodegenPipeline(OpPassManager &manager,
                               const PipelineOptions &options) {
  addTiling(manager, options);
  addBufferization(manager);
  // Before vectors make code large: equal loops are compiled once.
  DynParallelToRuntimePassOptions parallel;
  parallel.threads = options.runtime;
  manager.addPass(createDynParallelToRuntimePass(parallel));
  if (options.reportKernels) {
    DynReportKernelsPassOptions report;
    report.target = options.target;
    manager.addNestedPass<func::FuncOp>(createDynReportKernelsPass(report));
  }
  DynVectorizePassOptions vectorize;
  vectorize.target = options.target;
  manager.addNestedPass<func::FuncOp>(createDynVectorizePass(vectorize));
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  if (options.verifyNoSpecialization) {
    DynVerifyNoSpecializationPassOptions verify;
    verify.target = options.target;
    manager.addPass(createDynVerifyNoSpecializationPass(verify));
  }
}

/// Ops without a counterpart in LLVM, and those whose counterpart calls a
/// library.
static void addExpansions(OpPassManager &functions) {
  functions.addPass(createConvertLinalgToLoopsPass());
  functions.addPass(dyn::createDynExpandForLLVMPass());
  functions.addPass(dyn::createDynExpandMathPass());
  VectorTransferToSCFOptions transfers;
  transfers.enableFullUnroll();
  functions.addPass(createConvertVectorToSCFPass(transfers));
  arith::ArithEmulateUnsupportedFloatsOptions emulate;
  emulate.sourceTypeStrs = {"bf16"};
  emulate.targetTypeStr = "f32";
  functions.addPass(arith::createArithEmulateUnsupportedFloats(emulate));
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  functions.addPass(arith::createArithExpandOpsPass(expand));
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
}

void dyn::buildToLLVMPipeline(OpPassManager &manager,
                              const PipelineOptions &options) {
  DynEmitEntryPassOptions entry;
  entry.symbol = options.entrySymbol;
  manager.addPass(createDynEmitEntryPass(entry));
  addExpansions(manager.nest<func::FuncOp>());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addNestedPass<func::FuncOp>(createConvertVectorToLLVMPass());
  FinalizeMemRefToLLVMConversionPassOptions memory;
  memory.useAlignedAlloc = options.runtime;
  memory.useGenericFunctions = options.runtime;
  manager.addPass(createFinalizeMemRefToLLVMConversionPass(memory));
  // The rest at once: a pass a dialect takes three times as long.
  manager.addPass(createConvertToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  DynFinalizeLLVMPassOptions finalize;
  finalize.runtimeAlloc = options.runtime;
  manager.addPass(createDynFinalizeLLVMPass(finalize));
  manager.addPass(createCSEPass());
}

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
