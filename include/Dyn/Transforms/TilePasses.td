//===- TilePasses.td - Passes: linalg on tensors to tiled loops over vectors -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_TILEPASSES
#define DYN_TRANSFORMS_TILEPASSES

include "mlir/Pass/PassBase.td"

def DynDecidePass : Pass<"dyn-decide"> {
  let summary = "decide how each contraction and each elementwise op becomes code";
  let description = [{
    Writes the attribute `dyn.lowering` on each op that multiplies and sums, and on each elementwise one: what the target's record, the op's indexing maps
    and element types give, and nothing else, so that what a CPU gets is the same on any machine. `dyn-tile` and
    `dyn-vectorize` obey it.

    | field | meaning |
    |---|---|
    | `tile = array<i64: rows, columns>` | what one iteration of the parallel loop computes; rows at most |
    | `registers = array<i64: rows, vectors>` | accumulators; row counts 1 to `rows` have a version of the code each |
    | `wide = array<i64: vectors, ...>` | vectors instead where there are no more than 1, 2, ... rows: longer pieces of the other operand's rows. Not for panels; with `registers` given, none by default |
    | `reduction_block` | steps of the reduction that all rows of a tile take before the next ones; 0: all. For panels |
    | `prefetch` | how many bytes ahead of a stream of panels, or of what a wide block reads, to prefetch; 0: not at all |
    | `prefetch_rows` | rows of a register tile from which on a single block of them prefetches. For panels |
    | `unroll` | steps of the reduction that one turn of its loop takes, at most 16. For panels |
    | `transpose` | the longest reduction for which columns that are far apart in an operand (`A * B^T`) are transposed in registers and are the lanes; of longer ones, the reduction is. For such contractions |
    | `grain` | the smallest number of iterations of the parallel loop that are worth a thread |
    | `stream` | of an elementwise op, which has no other field: bytes of its result from which on it is written past the caches; 0: never |

    An ordinary store reads its line from memory first, which a store past the caches does not; but what it writes has to
    come back from memory for whoever reads it next. So only results are written that way that are too large to be in a
    cache by then: the limit is what the last level holds, measured with a reader right behind the writer.

    Any of the fields may be in the IR already: it stays, the others are filled in. What does not fit is refused here, and by
    each pass that obeys it, with the rule it breaks: registers beyond those of the CPU, tiles that cut a panel, fields that
    the op has no use for.

    ```mlir
    %c = linalg.matmul {dyn.lowering = {registers = array<i64: 8, 3>}} ins(%a, %b : ...) outs(%zero : ...) -> ...
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"skylake-avx512\"", "CPU that code is made for">,
  ];
}

def DynTilePass : Pass<"dyn-tile"> {
  let summary = "linalg on tensors to parallel loops over tiles";
  let description = [{
    Replaces groups of linalg ops by one `scf.forall` over tiles each:

    - a contraction with the fill in front of it and the elementwise op behind it: tiles as its `dyn.lowering` has them
      (see `dyn-decide`), columns outside, so that a panel of the right-hand side stays in the cache while the rows pass over it;
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
    Option<"chunk", "chunk", "int64_t", "4096", "Elements in a tile of an elementwise op on vectors">,
  ];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "linalg::LinalgDialect", "scf::SCFDialect",
                           "tensor::TensorDialect", "vector::VectorDialect"];
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
      The op's `dyn.lowering` (see `dyn-decide`) says how many; the options do for ops without.
    - Operands packed as panels (see `dyn-pack-weights`) are prefetched, and long reductions cut into blocks, likewise.
    - A fill in front of a reduction and cheap elementwise ops in place behind it become part of its tile: sums start in
      registers and leave them finished, the buffer is written once.
    - Of several ops in a loop over rows, the last one that reads a row prefetches the next one, and the one in front of it
      the row that will be written.
    - Elementwise results of at least `stream` bytes (see `dyn-decide`) are written past the caches where their rows are whole
      vectors that begin at multiples of their size; a fence behind the outermost loop concludes them. Results that another
      op in the same loop reads are not, nor those of transpositions and gathers, which wait for what they read.
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
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect", "linalg::LinalgDialect", "LLVM::LLVMDialect",
                           "math::MathDialect", "memref::MemRefDialect", "scf::SCFDialect", "vector::VectorDialect"];
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
