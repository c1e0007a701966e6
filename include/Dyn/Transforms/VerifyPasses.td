//===- VerifyPasses.td - Passes that look at code and leave it as it is -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_VERIFYPASSES
#define DYN_TRANSFORMS_VERIFYPASSES

include "mlir/Pass/PassBase.td"

def DynVerifyNoSpecializationPass : Pass<"dyn-verify-no-specialization", "ModuleOp"> {
  let summary = "fail if code is chosen by comparing a dynamic size with a constant";
  let description = [{
    One code serves every shape: it may be cut at register tiles, never at sizes of a model or a request. The pass fails
    a module in which a value derived from a dynamic size (a `dim`, an `index` that a function takes, arithmetic on those)
    is compared with (`arith.cmpi`) or switched on (`scf.index_switch`, `cf.switch`) a constant other than

    - 0 and 1: an empty size, and one that is broadcast;
    - the rows of the target's register tiles, from 1 up to as many as there are accumulators, and the lanes of up to as
      many vectors as they are wide;
    - what `dyn.tile_sizes = array<i64: ...>` on the op or one around it lists.

    A constant that is added to or subtracted from the size counts with the constant it is compared with. Comparisons that
    decide nothing but whether the run fails (`cf.assert`, an `scf.if` around calls of `dyn_rt_fail` or `dyn_rt_report`)
    are checks of the input, not choices of code, and what only moves the address of a prefetch is a hint. Works on loops and buffers, as `dyn-codegen-pipeline` leaves them; a
    size that a loop's body reads back from memory (`llvm.load` of an integer) counts as dynamic.

    ```mlir
    %m = memref.dim %x, %c0 : memref<?x768xf32>
    %small = arith.cmpi ult, %m, %c40 : index      // error: chosen by a dynamic size: compares it with 40
    scf.if %small { ... } else { ... }
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"skylake-avx512\"", "CPU whose register tiles are allowed">,
  ];
}

def DynReportKernelsPass : Pass<"dyn-report-kernels"> {
  let summary = "remark on each linalg op on buffers: which kind of code it becomes, and why";
  let description = [{
    A remark an op: `attention`, `contraction`, `reduction`, `elementwise`, `copy`, or `scalar loop` with the reason that kept
    `dyn-vectorize` from it; behind a contraction that looks like attention's second one, why it is none. An op is planned by
    its own `dyn.lowering` if it has one. To be run right in front of that pass, as the `report-kernels` option of the
    pipelines does.

    ```mlir
    // remark: contraction: blocks of up to 14 rows by 2 vectors of 16
    linalg.matmul ins(%a, %b : memref<?x768xf32>, memref<768x64xf32>) outs(%c : memref<?x64xf32>)
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"skylake-avx512\"", "CPU that code is made for">,
  ];
}

#endif // DYN_TRANSFORMS_VERIFYPASSES
