//===- GraphPasses.td - Passes: dyn to dyn, and dyn to linalg -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_GRAPHPASSES
#define DYN_TRANSFORMS_GRAPHPASSES

include "mlir/Pass/PassBase.td"

def DynRefineShapesPass : Pass<"dyn-refine-shapes", "::mlir::ModuleOp"> {
  let summary = "infer the types of dyn values again";
  let description = [{
    One sweep over each function, from the first operation to the last: result types are inferred from the operands and
    the function's `dyn.symbols`, and what has become constant folds. So a shape that was computed by operations when its
    user was built, and is a constant by now, gives the user its sizes, and a range added to `dyn.symbols` shows in types.

    Result types of functions follow, unless the function is called. Operations that infer nothing keep the types of
    their operands, by a `dyn.refine` where these changed. Operands that contradict each other are an error.

    ```mlir
    func.func @f(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[T], f32>) -> !dyn.tensor<[?], f32> {
      %s = dyn.shape_of %y {start = 0, end = 1} : (!dyn.tensor<[T], f32>) -> !dyn.tensor<[1], i64>
      %0 = dyn.tile %x, %s : (!dyn.tensor<[S], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?], f32>
      return %0 : !dyn.tensor<[?], f32>
    }
    // becomes
    func.func @f(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[T], f32>) -> !dyn.tensor<[S * T], f32> {
      %s = dyn.constant #dyn.dims<[T]> as !dyn.tensor<[1], i64>
      %0 = dyn.tile %x, %s : (!dyn.tensor<[S], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[S * T], f32>
      return %0 : !dyn.tensor<[S * T], f32>
    }
    ```
  }];
}

#endif // DYN_TRANSFORMS_GRAPHPASSES
