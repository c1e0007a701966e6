//===- Pipelines.h - Passes in order ----------------------------*- C++ -*-===//
//
// Each function appends one stage to a pass manager on `builtin.module`; tools
// and other compilers call them, and `registerAllPasses` registers each under
// its command-line name.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_PIPELINES_H
#define DYN_TRANSFORMS_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::dyn {

/// Whether pipelines verify what they make unless told otherwise: where Dyn's
/// assertions are on, as they are for tests.
bool verifiesByDefault();

struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> target{
      *this, "target",
      llvm::cl::desc(
          "CPU that code is made for: skylake-avx512, znver2 or neoverse-n1"),
      llvm::cl::init("skylake-avx512")};
  Option<bool> runtime{
      *this, "runtime",
      llvm::cl::desc("Take threads and memory from Dyn's runtime; if false, "
                     "parallel loops run in sequence and memory is malloc's"),
      llvm::cl::init(true)};
  Option<std::string> entrySymbol{
      *this, "entry-symbol",
      llvm::cl::desc("Name of the function that the runtime calls"),
      llvm::cl::init("dyn_entry")};
  Option<bool> verifyNoSpecialization{
      *this, "verify-no-specialization",
      llvm::cl::desc(
          "Fail if code is chosen by comparing a dynamic size with a "
          "constant; see dyn-verify-no-specialization"),
      llvm::cl::init(verifiesByDefault())};
  Option<bool> reportKernels{
      *this, "report-kernels",
      llvm::cl::desc("Remark on what each op becomes; see dyn-report-kernels"),
      llvm::cl::init(false)};
};

/// `--dyn-graph-pipeline`: dyn to dyn. Symbolic shapes are inferred and folded,
/// weights transformed, ops fused; then dyn becomes linalg on tensors, with
/// symbols as values computed once at each function's entry.
void buildGraphPipeline(OpPassManager &manager, const PipelineOptions &options);

/// `--dyn-codegen-pipeline`: linalg on tensors of any sizes to loops over
/// vectors on buffers. Needs no dyn op.
void buildCodegenPipeline(OpPassManager &manager,
                          const PipelineOptions &options);

/// `--dyn-to-llvm-pipeline`: what `dyn-codegen-pipeline` leaves to the LLVM
/// dialect. The context needs upstream's `registerAllExtensions`.
void buildToLLVMPipeline(OpPassManager &manager,
                         const PipelineOptions &options);

/// `--dyn-compile-pipeline`: the three above, one after the other.
void buildCompilePipeline(OpPassManager &manager,
                          const PipelineOptions &options);

/// Registers the pipelines above by name.
void registerPipelines();

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_PIPELINES_H
