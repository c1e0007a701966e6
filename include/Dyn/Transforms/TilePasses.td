//===- TilePasses.td - Passes: linalg on tensors to tiled loops over vectors -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_TILEPASSES
#define DYN_TRANSFORMS_TILEPASSES

include "mlir/Pass/PassBase.td"

def DynTilePass : Pass<"dyn-tile"> {
  let summary = "linalg on tensors to parallel loops over tiles";
  let description = [{
    Replaces groups of linalg ops by one `scf.forall` over tiles each:

    - a contraction with the fill in front of it and the elementwise op behind it: tiles of `rows` by `columns`, columns
      outside, so that a panel of the right-hand side stays in the cache while the rows pass over it;
    - contractions of a batch with ops on rows between them, such as attention: a block of rows goes through all of them, so that
      what lies between is as large as a block;
    - ops on rows, such as a softmax or a normalization, with the reductions and elementwise ops between them: one row
      at a time, which stays in the cache from the first op to the last;
    - what is left: one row of the result, or `chunk` elements of a vector.

    Tiles of results that stay inside a group overwrite an operand that is read no more, or the destination of the root.
    Nothing is computed twice.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"skylake-avx512\"", "CPU that code is made for">,
    Option<"rows", "rows", "int64_t", "0",
           "Most rows in a tile of a contraction; 0: four register tiles of the target">,
    Option<"columns", "columns", "int64_t", "0",
           "Columns in a tile of a contraction; 0: a register tile of the target">,
    Option<"chunk", "chunk", "int64_t", "4096", "Elements in a tile of an elementwise op on vectors">,
  ];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "linalg::LinalgDialect", "scf::SCFDialect",
                           "tensor::TensorDialect"];
}

def DynVectorizePass : Pass<"dyn-vectorize"> {
  let summary = "linalg on buffers to loops over vectors";
  let description = [{
    Replaces every linalg op on buffers by loops whose innermost body works on vectors: full vectors first, then one
    masked vector for what is left of the dimension (one lane at a time where lanes beyond the end must not be computed:
    division of integers, loads at a computed index). All sizes may be dynamic.

    - The dimension in the lanes is the one along which the outputs, and as many inputs as possible, are contiguous.
      If that is a reduction, lane `l` accumulates every `lanes`-th element and the lanes are combined as a tree: the
      order is a function of the element's index and of the vector width, never of any size.
    - A contraction keeps a register tile of `rows` times `vectors` accumulators through its reduction loops. Row counts
      1 to `rows` have a version each, chosen by an `scf.index_switch`; these versions depend on the register file alone.
    - The rest (no loop contiguous in every output, payloads with control flow) is left for `convert-linalg-to-loops`;
      `report` says what and why.

    ```mlir
    linalg.matmul ins(%a, %b : memref<?x768xf32>, memref<768x64xf32>) outs(%c : memref<?x64xf32>)
    ```
    becomes a loop over columns by `vectors` vectors, over even blocks of rows, and over 768 with the block of `%c` in
    registers.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"skylake-avx512\"", "CPU that code is made for">,
    Option<"rows", "rows", "int64_t", "0", "Rows of a contraction's register tile; 0: as the target has it">,
    Option<"vectors", "vectors", "int64_t", "0",
           "Vectors in a row of a contraction's register tile; 0: as the target has it">,
    Option<"report", "report", "bool", "false", "Remark on each op that stays scalar">,
  ];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "math::MathDialect", "memref::MemRefDialect",
                           "scf::SCFDialect", "vector::VectorDialect"];
}

def DynExpandMathPass : Pass<"dyn-expand-math"> {
  let summary = "math functions to arithmetic, with no call of libm";
  let description = [{
    Replaces exp, log, erf, tanh, sin, cos, pow and their relatives by straight-line arithmetic on f32 and f64, scalars
    and vectors alike, so that a remainder has the bits of a full vector; f16 and bf16 are computed in f32. Errors of
    f32 are at most 4 units in the last place (exp, log, erf, tanh: 2), with infinities, NaNs, zeros and denormals as
    C23 Annex F has them. Left alone are the functions that processors have as instructions (sqrt, fma, floor, ceil,
    trunc, roundeven, abs, copysign, bit counts).
  }];
  let dependentDialects = ["arith::ArithDialect", "math::MathDialect"];
}

#endif // DYN_TRANSFORMS_TILEPASSES
