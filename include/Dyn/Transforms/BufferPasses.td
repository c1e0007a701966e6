//===- BufferPasses.td - Passes: tensors to buffers, buffers to code -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_BUFFERPASSES
#define DYN_TRANSFORMS_BUFFERPASSES

include "mlir/Pass/PassBase.td"

def DynResultsToDestinationsPass : Pass<"dyn-results-to-destinations", "ModuleOp"> {
  let summary = "make results of public functions buffers that the caller hands in";
  let description = [{
    A tensor result that carries `dyn.type` becomes a memref argument after all others, and the value is materialized
    in it, so that bufferization computes straight into the caller's memory. A result with a `?` among the sizes of its
    `dyn.type` cannot be allocated by the caller: it is materialized in a new allocation, which is returned as a memref.
    Moved or kept, the attributes of the result stay with it, and `dyn.result` says which one it was.

    Other arguments of such a function are marked as not writable. Functions whose results carry no `dyn.type` are
    left alone.

    ```mlir
    func.func @f(%x: tensor<?xf32>) -> (tensor<?xf32> {dyn.type = !dyn.tensor<[N], f32>}) {
      return %x : tensor<?xf32>
    }
    // becomes
    func.func @f(%x: tensor<?xf32> {bufferization.writable = false},
                 %y: memref<?xf32> {dyn.result = 0, dyn.type = !dyn.tensor<[N], f32>}) {
      bufferization.materialize_in_destination %x in restrict writable %y : (tensor<?xf32>, memref<?xf32>) -> ()
      return
    }
    ```
  }];
  let dependentDialects = ["bufferization::BufferizationDialect", "memref::MemRefDialect", "tensor::TensorDialect"];
}

def DynSeparateEmptiesPass : Pass<"dyn-separate-empties", "func::FuncOp"> {
  let summary = "give each use of a tensor.empty one of its own";
  let description = [{
    Common subexpression elimination makes all tensors of one shape the same `tensor.empty`, which bufferizes to one buffer
    that is alive from its first use to its last. One a use is alive as long as its data are, so that
    `dyn-plan-arena` can put others in its place meanwhile. To be run right before bufferization.

    ```mlir
    %e = tensor.empty(%n) : tensor<?xf32>
    %0 = linalg.exp ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
    %1 = linalg.abs ins(%0 : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
    // becomes
    %e = tensor.empty(%n) : tensor<?xf32>
    %0 = linalg.exp ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
    %e2 = tensor.empty(%n) : tensor<?xf32>
    %1 = linalg.abs ins(%0 : tensor<?xf32>) outs(%e2 : tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
}

def DynPlanArenaPass : Pass<"dyn-plan-arena", "ModuleOp"> {
  let summary = "place allocations in one arena, at offsets that are formulas of the symbols";
  let description = [{
    Works on buffers. Sizes are followed through index arithmetic to the sizes of arguments; an allocation whose size
    depends on those alone becomes a view of one `memref<?xi8>` argument, appended to the function. Allocations that
    are not alive together share bytes where the formulas prove that they do not collide. Offsets are multiples of 64.
    The formula of the arena's size stands on the argument as `dyn.arena`.

    A private function gets an arena of its own in the same way; its callers allocate it for the time of the call, so
    that it becomes a part of theirs.

    Planned are public functions whose arguments carry `dyn.type`, and private functions whose uses are all calls. What
    stays an allocation: sizes that depend on data, buffers that leave the function or the iteration of a loop that
    allocates them, and allocations inside parallel loops. Of the last, those of a constant size of at most
    `max-stack-bytes` become `memref.alloca`.

    ```mlir
    func.func @f(%x: memref<?xf32> {dyn.type = !dyn.tensor<[N], f32>}) {
      %c0 = arith.constant 0 : index
      %n = memref.dim %x, %c0 : memref<?xf32>
      %tmp = memref.alloc(%n) : memref<?xf32>
      "test.use"(%tmp) : (memref<?xf32>) -> ()
      return
    }
    // becomes
    func.func @f(%x: memref<?xf32> {dyn.type = !dyn.tensor<[N], f32>},
                 %arena: memref<?xi8> {dyn.arena = #dyn.dim<64 * ((4 * N + 63) floordiv 64)>}) {
      ...
      %tmp = memref.view %arena[%c0][%n] : memref<?xi8> to memref<?xf32>
    ```
  }];
  let options = [Option<"maxStackBytes", "max-stack-bytes", "int64_t", /*default=*/"16384",
                        "Largest allocation inside a parallel loop that is put on the stack">];
  let dependentDialects = ["arith::ArithDialect", "memref::MemRefDialect", "DynDialect"];
}

def DynFreeBuffersPass : Pass<"dyn-free-buffers", "func::FuncOp"> {
  let summary = "free allocations after their last use";
  let description = [{
    An allocation that does not leave its block, by a return, a yield or a store, is freed after the last operation that
    touches it or a view of it. What leaves its block stays for the caller, or for the end of the run.

    Upstream's `ownership-based-buffer-deallocation` also frees what leaves, at the price of ownership flags through every
    branch and helper functions; the runtime frees those at the end of a run anyway.
  }];
  let dependentDialects = ["memref::MemRefDialect"];
}

def DynParallelToRuntimePass : Pass<"dyn-parallel-to-runtime", "ModuleOp"> {
  let summary = "outline parallel loops and run them by dyn_rt_parallel_for";
  let description = [{
    The body of each outermost `scf.forall` or `scf.parallel` without results becomes a private function of
    `(data, begin, end)` that runs a range of the iterations, counted row-major over the loop's dimensions. `data` points to the
    values that the body uses from outside, on the caller's stack; constants and index arithmetic are cloned instead. An
    integer attribute `dyn.grain` on the loop is the smallest number of iterations that is worth a thread, 1 if there is
    none. Equal bodies become one function, so that what a model repeats is compiled once.

    Inner parallel loops, and all of them with `threads=false`, become `scf.for`.
  }];
  let options = [Option<"threads", "threads", "bool", /*default=*/"true", "Run outermost parallel loops on threads">];
  let dependentDialects = ["arith::ArithDialect", "func::FuncDialect", "LLVM::LLVMDialect", "scf::SCFDialect"];
}

def DynEmitEntryPass : Pass<"dyn-emit-entry", "ModuleOp"> {
  let summary = "wrap the model's function in the entry that the runtime calls";
  let description = [{
    Adds a function `symbol` of type `int32_t (void **descriptors)`, see runtime/include/dyn/artifact.h: it loads one
    memref descriptor an argument, calls the module's one public function with a body and stores descriptors of the memrefs
    it returns. All other functions become private. A module without arguments or results that carry `dyn.type` is
    left alone.
  }];
  let options = [Option<"symbol", "symbol", "std::string", /*default=*/"\"dyn_entry\"", "Name of the entry">];
  let dependentDialects = ["arith::ArithDialect", "func::FuncDialect", "LLVM::LLVMDialect"];
}

def DynExpandForLLVMPass : Pass<"dyn-expand-for-llvm", "func::FuncOp"> {
  let summary = "expand what upstream's lowerings leave to calls that an artifact may not make";
  let description = [{
    - `memref.copy` between buffers that are not contiguous becomes a loop nest (upstream: a call of `memrefCopy`);
    - `memref.expand_shape` of one dimension into several dynamic ones becomes `memref.reinterpret_cast` (upstream: a crash);
    - `arith.remf` becomes an exact loop of subtractions (upstream: `fmod` of libm);
    - `memref.alloca` of a constant size moves to the function's entry, so that loops do not grow the stack.
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect", "math::MathDialect", "memref::MemRefDialect",
                           "scf::SCFDialect", "vector::VectorDialect"];
}

def DynFinalizeLLVMPass : Pass<"dyn-finalize-llvm", "ModuleOp"> {
  let summary = "make a module of the LLVM dialect an artifact's code";
  let description = [{
    - loads and stores of `vector<Nxi1>`, for LLVM N bits, become those of N bytes, which is what `memref<?xi1>` holds;
    - bf16 becomes i16, its bits: there is no arithmetic on it by now, and LLVM's own would call a library on x86-64;
    - with `runtime-alloc`, upstream's generic allocation functions become `dyn_rt_alloc` and `dyn_rt_free`;
    - private functions get internal linkage.
  }];
  let options = [Option<"runtimeAlloc", "runtime-alloc", "bool", /*default=*/"true",
                        "Allocate by the runtime's functions">];
  let dependentDialects = ["LLVM::LLVMDialect"];
}

#endif // DYN_TRANSFORMS_BUFFERPASSES
