//===- ReductionOps.td - Products and reductions --------------*- tablegen -*-===//

#ifndef DYN_DIALECT_REDUCTIONOPS
#define DYN_DIALECT_REDUCTIONOPS

include "Dyn/Dialect/DynOpBase.td"

def Dyn_MatmulOp : Dyn_InferredOp<"matmul"> {
  let summary = "matrix product, batched by broadcasting";
  let description = [{
    `lhs` is `[..., M, K]` and `rhs` is `[..., K, N]`; leading dimensions broadcast as in NumPy. A `lhs` of rank 1 is
    one row and a `rhs` of rank 1 one column, and that dimension is dropped from the result. f16 and bf16 accumulate in
    f32.

    - (matmul_c1) neither operand is a scalar;
    - (matmul_c2) the contracted sizes are equal: different numbers are an error here, sizes that the symbols cannot
      decide are compared at run time;
    - (matmul_c3) both operands have the same element type.

    Source: NumPy `matmul`; ONNX `MatMul`-13.

    ```mlir
    %0 = dyn.matmul %x, %w : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[768, 64], f32>) -> !dyn.tensor<[B, S, 64], f32>
    ```
  }];
  let arguments = (ins Dyn_NumberTensor:$lhs, Dyn_NumberTensor:$rhs);
  let results = (outs Dyn_NumberTensor:$result);
}

def Dyn_ConvOp : Dyn_InferredOp<"conv"> {
  let summary = "convolution over any number of dimensions, in groups";
  let description = [{
    `input` is `[N, C, D...]`, `filter` is `[F, C / groups, K...]` and the result `[N, F, O...]`, with
    `O = (D - dilation * (K - 1) - 1) floordiv stride + 1`: filters stay within the input, which `dyn.pad` makes larger.
    Filters and channels fall into `groups` that have nothing to do with each other. f16 and bf16 accumulate in f32.

    - (conv_c1) both operands have the same element type and rank, 3 or more;
    - (conv_c2) `strides` and `dilations` have an element a dimension `D`, each 1 or more;
    - (conv_c3) `groups` is 1 or more and divides the number of filters; what symbols cannot decide is checked at run
      time;
    - (conv_c4) the input has `groups` times as many channels as a filter;
    - (conv_c5) a dilated filter is no larger than the input.

    Source: ONNX `Conv`-11 without `pads`.

    ```mlir
    %0 = dyn.conv %x, %w {strides = array<i64: 2>, dilations = array<i64: 1>, groups = 1 : i64} :
        (!dyn.tensor<[B, 80, S], f32>, !dyn.tensor<[384, 80, 3], f32>) -> !dyn.tensor<[B, 384, (S - 3) floordiv 2 + 1], f32>
    ```
  }];
  let arguments = (ins Dyn_FloatTensor:$input, Dyn_FloatTensor:$filter, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$dilations, I64Attr:$groups);
  let results = (outs Dyn_FloatTensor:$result);
}

// (reduce_c1) axes are different and between 0 and the rank.
class Dyn_ReduceOp<string opMnemonic, Type operand = Dyn_NumberTensor> : Dyn_InferredOp<opMnemonic> {
  let arguments = (ins operand:$input, DenseI64ArrayAttr:$axes, BoolAttr:$keep_dims);
  let results = (outs operand:$result);
  let hasFolder = 1;
}
def Dyn_ReduceSumOp : Dyn_ReduceOp<"reduce_sum"> {
  let summary = "sum over axes; 0 of nothing";
  let description = [{
    f16 and bf16 accumulate in f32. The order of the sum depends on the reduced index and on constants alone.

    ```mlir
    %0 = dyn.reduce_sum %x {axes = array<i64: 1>, keep_dims = false} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, 8], f32>
    ```
  }];
}
def Dyn_ReduceMeanOp : Dyn_ReduceOp<"reduce_mean"> {
  let summary = "mean over axes; NaN of nothing";
  let description = [{
    The sum, in f32 for f16 and bf16, divided by the number of elements. Integers round towards zero; their mean of
    nothing is 0.

    Source: ONNX `ReduceMean`-18.

    ```mlir
    %0 = dyn.reduce_mean %x {axes = array<i64: 1>, keep_dims = true} : (!dyn.tensor<[B, 8], f32>) -> !dyn.tensor<[B, 1], f32>
    ```
  }];
}
def Dyn_ReduceProdOp : Dyn_ReduceOp<"reduce_prod"> {
  let summary = "product over axes; 1 of nothing";
  let description = [{
    Of sizes it is the number of elements: `reduce_prod` of `#dyn.dims<[B, S]>` folds to `B * S`.

    Source: ONNX `ReduceProd`-18.

    ```mlir
    %0 = dyn.reduce_prod %x {axes = array<i64: 1>, keep_dims = true} : (!dyn.tensor<[B, 8], f32>) -> !dyn.tensor<[B, 1], f32>
    ```
  }];
}
def Dyn_ReduceMaxOp : Dyn_ReduceOp<"reduce_max", Dyn_Tensor> {
  let summary = "maximum over axes; the least value of nothing";
  let description = [{
    NaN if an element is. Of nothing it is minus infinity, the least integer, or false.

    Source: ONNX `ReduceMax`-20.

    ```mlir
    %0 = dyn.reduce_max %x {axes = array<i64: 1>, keep_dims = true} : (!dyn.tensor<[B, 8], f32>) -> !dyn.tensor<[B, 1], f32>
    ```
  }];
}
def Dyn_ReduceMinOp : Dyn_ReduceOp<"reduce_min", Dyn_Tensor> {
  let summary = "minimum over axes; the greatest value of nothing";
  let description = [{
    NaN if an element is. Of nothing it is infinity, the greatest integer, or true.

    Source: ONNX `ReduceMin`-20.

    ```mlir
    %0 = dyn.reduce_min %x {axes = array<i64: 1>, keep_dims = true} : (!dyn.tensor<[B, 8], f32>) -> !dyn.tensor<[B, 1], f32>
    ```
  }];
}

// (window_c1), (window_c2)
class Dyn_WindowOp<string opMnemonic> : Dyn_InferredOp<opMnemonic> {
  let arguments = (ins Dyn_NumberTensor:$input, DenseI64ArrayAttr:$taps, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$dilations);
  let results = (outs Dyn_NumberTensor:$result);
}
def Dyn_WindowMaxOp : Dyn_WindowOp<"window_max"> {
  let summary = "maximum of each window over the last dimensions";
  let description = [{
    `input` is `[..., D...]`, with a dimension `D` an element of `taps`, and the result `[..., O...]`, with
    `O = (D - dilation * (taps - 1) - 1) floordiv stride + 1`: windows stay within the input, which `dyn.pad` makes
    larger. An element that is NaN is passed over, as the comparisons of ONNX's reference do.

    - (window_c1) `taps`, `strides` and `dilations` have the same number of elements, from 1 to the rank, each 1 or more;
    - (window_c2) a dilated window is no larger than the input; what symbols cannot decide is checked at run time.

    Source: ONNX `MaxPool`-12 without `pads`.

    ```mlir
    %0 = dyn.window_max %x {taps = array<i64: 3>, strides = array<i64: 2>, dilations = array<i64: 1>} :
        (!dyn.tensor<[B, 80, S], f32>) -> !dyn.tensor<[B, 80, (S - 3) floordiv 2 + 1], f32>
    ```
  }];
}
def Dyn_WindowSumOp : Dyn_WindowOp<"window_sum"> {
  let summary = "sum of each window over the last dimensions";
  let description = [{
    As `dyn.window_max`. f16 and bf16 accumulate in f32.

    Source: ONNX `AveragePool`-19 without `pads` and the division.

    ```mlir
    %0 = dyn.window_sum %x {taps = array<i64: 3>, strides = array<i64: 2>, dilations = array<i64: 1>} :
        (!dyn.tensor<[B, 80, S], f32>) -> !dyn.tensor<[B, 80, (S - 3) floordiv 2 + 1], f32>
    ```
  }];
}

// (arg_reduce_c1) the axis is between 0 and the rank.
class Dyn_ArgReduceOp<string opMnemonic> : Dyn_InferredOp<opMnemonic> {
  let description = [{
    - (arg_reduce_c1) the axis is between 0 and the rank.

    ```mlir
    %0 = dyn.}] # opMnemonic # [{ %x {axis = 1 : i64, keep_dims = false, select_last = false} :
        (!dyn.tensor<[B, 8], f32>) -> !dyn.tensor<[B], i64>
    ```
  }];
  let arguments = (ins Dyn_NumberTensor:$input, I64Attr:$axis, BoolAttr:$keep_dims, BoolAttr:$select_last);
  let results = (outs Dyn_IndexTensor:$result);
}
def Dyn_ArgMaxOp : Dyn_ArgReduceOp<"arg_max"> {
  let summary = "i64 index of the maximum along an axis";
  let description = [{
    Of equal elements the first, or with `select_last` the last; NaN is greater than all else, and for `arg_min` less. An
    axis of size 0 has no index: what the result holds is out of range.

    - (arg_reduce_c1) the axis is between 0 and the rank.

    Source: ONNX `ArgMax`-13.

    ```mlir
    %0 = dyn.arg_max %x {axis = 1, keep_dims = false, select_last = false} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B], i64>
    ```
  }];
}
def Dyn_ArgMinOp : Dyn_ArgReduceOp<"arg_min"> { let summary = "i64 index of the minimum along an axis"; }

def Dyn_SoftmaxOp : Dyn_InferredOp<"softmax"> {
  let summary = "exp(x - max(x)) / sum(exp(x - max(x))) along an axis";
  let description = [{
    In f32 for f16 and bf16. An axis of size 0 gives a result without elements. A row that is minus infinity throughout
    is NaN.

    - (softmax_c1) the axis is between 0 and the rank.

    Source: ONNX `Softmax`-13.

    ```mlir
    %0 = dyn.softmax %x {axis = 2} : (!dyn.tensor<[B, S, T], f32>) -> !dyn.tensor<[B, S, T], f32>
    ```
  }];
  let arguments = (ins Dyn_FloatTensor:$input, I64Attr:$axis);
  let results = (outs Dyn_FloatTensor:$result);
}

def Dyn_LayerNormOp : Dyn_InferredOp<"layer_norm"> {
  let summary = "normalize over the axes from `axis` on, scale and shift";
  let description = [{
    `(x - mean) / sqrt(variance + epsilon) * scale + bias`, with the variance of the population, in f32 for f16 and
    bf16. `scale` and `bias` broadcast to the input's shape.

    - (layer_norm_c1) the axis is between 0 and the rank;
    - (layer_norm_c2) all element types are equal;
    - (layer_norm_c3) `scale` and `bias` broadcast to the input's shape: their rank is at most the input's, and their
      sizes are the input's or 1; what symbols cannot decide is checked at run time.

    Source: ONNX `LayerNormalization`-17.

    ```mlir
    %0 = dyn.layer_norm %x, %scale, %bias {axis = 2, epsilon = 1.0e-12} : (!dyn.tensor<[B, S, 8], f32>,
        !dyn.tensor<[8], f32>, !dyn.tensor<[8], f32>) -> !dyn.tensor<[B, S, 8], f32>
    ```
  }];
  let arguments = (ins Dyn_FloatTensor:$input, Dyn_FloatTensor:$scale, Optional<Dyn_FloatTensor>:$bias, I64Attr:$axis,
                       F64Attr:$epsilon);
  let results = (outs Dyn_FloatTensor:$result);
}

def Dyn_CumSumOp : Dyn_InferredOp<"cumsum"> {
  let summary = "running sum along an axis";
  let description = [{
    `exclusive` leaves the element itself out, so that the first is 0; `reverse` starts from the end.

    - (cumsum_c1) the axis is between 0 and the rank.

    Source: ONNX `CumSum`-14.

    ```mlir
    %0 = dyn.cumsum %x {axis = 1, exclusive = false, reverse = false} : (!dyn.tensor<[B, S], i64>) -> !dyn.tensor<[B, S], i64>
    ```
  }];
  let arguments = (ins Dyn_NumberTensor:$input, I64Attr:$axis, BoolAttr:$exclusive, BoolAttr:$reverse);
  let results = (outs Dyn_NumberTensor:$result);
}

#endif // DYN_DIALECT_REDUCTIONOPS
