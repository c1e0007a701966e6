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
    indexing maps, and conversions of weights (arguments with `dyn.weight`) to wider types; a transposition of a
    contraction's result becomes the order in which it writes. Reshapes that stand between two such ops move behind the
    reader, or become loops of the contraction. Scales and zero points of a converted weight that do not change along the
    reduction move to the contraction's result: `x * ((q - z) * s)` is `(x * q - sum(x) * z) * s`.

    Softmax is decomposed, and `dyn.softmax` marks its maximum, exponential and division, which code generation makes
    cheaper then: a NaN comes through by the exponentials, exponents are at most 0, sums at least 1. Other named ops than
    contractions, convolutions and fills become `linalg.generic`.
  }];
  let dependentDialects = ["affine::AffineDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
}

def DynPackWeightsPass : Pass<"dyn-pack-weights", "::mlir::ModuleOp"> {
  let summary = "lay out constant matrices as the kernels read them";
  let description = [{
    A function's argument with the attribute `dyn.weight`, a matrix of static sizes that contractions multiply by, becomes
    an argument of panels, `[2][ceil(N / 32)][K][16]`, with `dyn.packed`: the map from a place in the panels to the place of its
    element in the weight. Whoever calls the function lays the data out by it, with zeros in places outside of the weight;
    dyn-compile writes them to the artifact's file of weights.

    ```mlir
    func.func @f(%x: tensor<?x768xf32>, %w: tensor<768x300xf32> {dyn.weight}) -> tensor<?x300xf32>
    ```
    becomes
    ```mlir
    func.func @f(%x: tensor<?x768xf32>,
                 %w: tensor<2x10x768x16xf32> {dyn.weight, dyn.packed = affine_map<(s, p, k, n) -> (k, p * 32 + s * 16 + n)>})
    ```
    and the contraction a `linalg.generic` that reads `%w` at `(n floordiv 16 mod 2, n floordiv 32, k, n mod 16)`. A weight of
    which columns are rows of the data (`A * B^T`) has the same panels and `(p * 32 + s * 16 + n, k)`. Where a weight is also
    read in another way the argument as it was stays, in front of the packed one.

    Panels 0, 2, 4, ... lie behind each other, then 1, 3, 5, ...: code that reads two side by side reads two streams that
    go on from panel to panel, which hardware prefetches best.

    Filters of convolutions that run along the last dimension of the result are columns too; their channels and taps are the
    rows, dimensions of their own: `[2][ceil(F / 32)][C][KH][KW][16]`.

    The layout is the same for every CPU. Matrices of fewer than 16 columns stay as they are, and so do the arguments of
    functions that are called.
  }];
  let dependentDialects = ["linalg::LinalgDialect"];
}

def DynFindAttentionPass : Pass<"dyn-find-attention"> {
  let summary = "mark the softmax between two contractions";
  let description = [{
    A softmax, as `linalg.softmax` or as the maximum, the exponentials of the differences, their sum and the quotient, whose
    input is made of a contraction by elementwise ops and whose result goes into another contraction, becomes a `linalg.softmax`
    with the attribute `dyn.attention`. `dyn-fuse-elementwise` leaves it whole and fuses what stands around it; `dyn-tile`
    makes one loop over blocks of queries of the ops, `dyn-vectorize` code with queries in the lanes. Where one of them finds
    that the ops only look like attention, it writes the reason on the second contraction, `dyn.no_attention = "..."`.

    ```mlir
    %scores = linalg.batch_matmul ins(%q, %kt : ...) outs(...) -> tensor<12x?x?xf32>
    %weights = linalg.softmax {dyn.attention} dimension(2) ins(%scores : ...) outs(...) -> tensor<12x?x?xf32>
    %result = linalg.batch_matmul ins(%weights, %v : ...) outs(...) -> tensor<12x?x64xf32>
    ```
  }];
  let dependentDialects = ["linalg::LinalgDialect"];
}

#endif // DYN_TRANSFORMS_TENSORPASSES
