//===- WeightPasses.td - Passes on the data of weights --------*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_WEIGHTPASSES
#define DYN_TRANSFORMS_WEIGHTPASSES

include "mlir/Pass/PassBase.td"

def DynStripWeightsPass : Pass<"dyn-strip-weights", "::mlir::dyn::WeightOp"> {
  let summary = "make weights absent, to work on a program without its data";
  let description = [{
    The source of each weight becomes `#dyn.absent`; its name and type stay. Data that travelled with the IR are released,
    references are forgotten. `dyn-attach-weights` brings weights back, these or others.

    ```mlir
    dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.resource<w>
    // becomes
    dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.absent
    ```
  }];
  let statistics = [Statistic<"numStripped", "weights-stripped", "Number of weights made absent">];
}

#endif // DYN_TRANSFORMS_WEIGHTPASSES
