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

def DynLowerToLinalgPass : Pass<"dyn-lower-to-linalg", "::mlir::ModuleOp"> {
  let summary = "dyn to linalg on builtin tensors of dynamic size";
  let description = [{
    Every dyn op becomes linalg, tensor, arith, math and scf, correct for all sizes, 0 and 1 included. No dyn op but
    `dyn.weight` is left, so any MLIR compiler can go on from here.

    - A function's arguments are its inputs, then the weights that it or its callees read, in the module's order. Inputs
      and results keep `dyn.name` and get the symbolic type as `dyn.type`; a weight's argument has `dyn.weight`, its
      symbol. Weights are read only.
    - Each symbol is computed once, at the function's entry, from its arguments: read where it stands alone, solved for
      inside an expression. Equal sizes are one `index` value. A symbol that does not follow from any argument is an
      error.
    - What symbols do not prove is checked once by the run, by `func.call @dyn_rt_fail(message, a, b)`, which does not
      return. An index out of range and an integer division by 0 go to `@dyn_rt_report`, which returns, and safe values
      are used. Their texts are the module's `dyn.messages`, {0} and {1} stand for `a` and `b`. Shapes of arguments are
      the caller's to check.
    - ui8 is i8 from here on. Sums of f16 and bf16 are f32.

    ```mlir
    func.func @scale(%x: !dyn.tensor<[B, 8], f32> {dyn.name = "x"}) -> !dyn.tensor<[B, 8], f32> {
      %w = dyn.get_weight @w : !dyn.tensor<[8], f32>
      %0 = dyn.mul %x, %w : (!dyn.tensor<[B, 8], f32>, !dyn.tensor<[8], f32>) -> !dyn.tensor<[B, 8], f32>
      return %0 : !dyn.tensor<[B, 8], f32>
    }
    // becomes
    func.func @scale(%x: tensor<?x8xf32> {dyn.name = "x", dyn.type = !dyn.tensor<[B, 8], f32>},
                     %w: tensor<8xf32> {dyn.type = !dyn.tensor<[8], f32>, dyn.weight = @w})
        -> (tensor<?x8xf32> {dyn.type = !dyn.tensor<[B, 8], f32>}) {
      %B = tensor.dim %x, %c0 : tensor<?x8xf32>
      %init = tensor.empty(%B) : tensor<?x8xf32>
      %0 = linalg.generic {...} ins(%x, %w) outs(%init) { arith.mulf }
      return %0 : tensor<?x8xf32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

#endif // DYN_TRANSFORMS_GRAPHPASSES
