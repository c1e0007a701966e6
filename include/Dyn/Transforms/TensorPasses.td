//===- TensorPasses.td - Passes: linalg on tensors to linalg on tensors -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_TENSORPASSES
#define DYN_TRANSFORMS_TENSORPASSES

include "mlir/Pass/PassBase.td"

def DynFuseElementwisePass : Pass<"dyn-fuse-elementwise"> {
  let summary = "fuse elementwise linalg ops into their consumers";
  let description = [{
    Fuses elementwise ops into the elementwise ops and reductions that read them: always if that is their only reader and
    has as many loops, and if they are cheap (at most four operations, no division, function or lookup) also when that
    computes them again. Into a contraction go only transpositions and broadcasts of its operands, which become part of its
    indexing maps; a transposition of a contraction's result becomes the order in which it writes. Reshapes that stand
    between two such ops move behind the reader, or become loops of the contraction.

    Softmax is decomposed; named ops other than contractions, convolutions and fills become `linalg.generic`.
  }];
  let dependentDialects = ["affine::AffineDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
}

#endif // DYN_TRANSFORMS_TENSORPASSES
