//===- StructuralOps.td - Operations that move elements -------*- tablegen -*-===//

#ifndef DYN_DIALECT_STRUCTURALOPS
#define DYN_DIALECT_STRUCTURALOPS

include "Dyn/Dialect/DynOpBase.td"

// Operands named shape, starts, ends, ... are integer tensors of rank 1. Where they are constants, `#dyn.dims` included,
// result sizes are inferred as expressions; otherwise they are `?`.

def Dyn_ReshapeOp : Dyn_InferredOp<"reshape"> {
  let summary = "the same elements in row-major order in another shape";
  let description = [{
    One element of `shape` may be -1: the size that keeps the number of elements.

    - (reshape_c1) `shape` has rank 1 and a number as its size;
    - (reshape_c2) the number of elements stays: different numbers are an error here, what symbols cannot decide is
      checked at run time;
    - (reshape_c3) at most one element is -1, none is less.

    Source: ONNX `Reshape`-14, after its 0 is resolved (see `allowzero`).

    ```mlir
    %s = dyn.constant #dyn.dims<[B, S, 12, 64]> as !dyn.tensor<[4], i64>
    %0 = dyn.reshape %x, %s : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[B, S, 12, 64], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, Dyn_IndexTensor:$shape);
  let results = (outs Dyn_Tensor:$result);
  let hasFolder = 1;
}

def Dyn_TransposeOp : Dyn_InferredOp<"transpose"> {
  let summary = "permute dimensions: result dimension i is input dimension permutation[i]";
  let description = [{
    - (transpose_c1) `permutation` is a permutation of the axes.

    ```mlir
    %0 = dyn.transpose %x {permutation = array<i64: 0, 2, 1>} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, 8, S], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Dyn_Tensor:$result);
  let hasFolder = 1;
}

def Dyn_BroadcastToOp : Dyn_InferredOp<"broadcast_to"> {
  let summary = "broadcast to a shape, both ways as in NumPy";
  let description = [{
    The result has the broadcast of the input's shape and `shape`, so a size of 1 in `shape` keeps the input's.

    - (broadcast_to_c1) `shape` has rank 1 and a number as its size;
    - (broadcast_to_c2) no number in `shape` is negative;
    - (broadcast_c1) sizes that are different numbers, neither of them 1, are an error.

    Source: ONNX `Expand`-13.

    ```mlir
    %0 = dyn.broadcast_to %x, %shape : (!dyn.tensor<[B, 1, 8], f32>, !dyn.tensor<[3], i64>) -> !dyn.tensor<[B, ?, 8], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, Dyn_IndexTensor:$shape);
  let results = (outs Dyn_Tensor:$result);
  let hasFolder = 1;
}

def Dyn_ConcatOp : Dyn_InferredOp<"concat"> {
  let summary = "join tensors along an axis";
  let description = [{
    - (concat_c1) there is an operand, and all have the same rank and element type;
    - (concat_c2) the axis is between 0 and the rank;
    - (concat_c3) all other sizes are equal: different numbers are an error here, what symbols cannot decide is checked
      at run time.

    Source: ONNX `Concat`-13.

    ```mlir
    %0 = dyn.concat %past, %new {axis = 1} : (!dyn.tensor<[B, P, 8], f32>, !dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, P + S, 8], f32>
    ```
  }];
  let arguments = (ins Variadic<Dyn_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Dyn_Tensor:$result);
  let hasFolder = 1;
}

def Dyn_SliceOp : Dyn_InferredOp<"slice"> {
  let summary = "every step-th element from start to end along some axes";
  let description = [{
    Starts and ends count from the end if negative and are clamped, so nothing is out of range: to `[0, size]`, or for a
    negative step starts to `[0, size - 1]` and ends to `[-1, size - 1]`.

    - (slice_c1) `starts`, `ends` and `steps` have rank 1 and as many elements as there are axes;
    - (slice_c2) axes are different and between 0 and the rank;
    - (slice_c3) no step is 0; one that is not constant is checked at run time.

    Source: ONNX `Slice`-13.

    ```mlir
    %0 = dyn.slice %x, %starts, %ends, %steps {axes = array<i64: 1>} : (!dyn.tensor<[B, 512], i64>,
        !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[B, min(S, 512)], i64>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, Dyn_IndexTensor:$starts, Dyn_IndexTensor:$ends, Dyn_IndexTensor:$steps,
                       DenseI64ArrayAttr:$axes);
  let results = (outs Dyn_Tensor:$result);
  let hasFolder = 1;
}

def Dyn_GatherOp : Dyn_InferredOp<"gather"> {
  let summary = "slices of the input along an axis, picked by indices";
  let description = [{
    The result's shape is the input's with the axis replaced by the shape of `indices`. Negative indices count from the
    end; one that is out of range fails the run.

    - (gather_c1) the axis is between 0 and the rank.

    Source: ONNX `Gather`-13.

    ```mlir
    %0 = dyn.gather %table, %ids {axis = 0} : (!dyn.tensor<[30522, 8], f32>, !dyn.tensor<[B, S], i64>) -> !dyn.tensor<[B, S, 8], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, Dyn_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs Dyn_Tensor:$result);
}

def Dyn_GatherElementsOp : Dyn_InferredOp<"gather_elements"> {
  let summary = "result[i, j, ...] = input[i, indices[i, j, ...], ...] with the index at an axis";
  let description = [{
    - (gather_elements_c1) the axis is between 0 and the rank, and both ranks are equal;
    - (gather_elements_c2) sizes of `indices` off the axis do not exceed the input's: different numbers are an error
      here, what symbols cannot decide is checked at run time.

    Source: ONNX `GatherElements`-13.

    ```mlir
    %0 = dyn.gather_elements %x, %i {axis = 1} : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[B, 4], i64>) -> !dyn.tensor<[B, 4], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, Dyn_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs Dyn_Tensor:$result);
}

def Dyn_GatherNDOp : Dyn_InferredOp<"gather_nd"> {
  let summary = "slices of the input picked by rows of leading indices";
  let description = [{
    `indices` is `[batch..., rows..., D]`; the first `batch_dims` dimensions are shared, the D values of each row index
    the input's next D dimensions. The result is `[batch..., rows..., rest of the input...]`. Negative indices count
    from the end; one that is out of range fails the run.

    - (gather_nd_c1) the last size of `indices` is a number, at most the input's rank less `batch_dims`;
    - (gather_nd_c2) `batch_dims` is less than both ranks, and those sizes are equal.

    Source: ONNX `GatherND`-13.

    ```mlir
    %0 = dyn.gather_nd %x, %i {batch_dims = 0} : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[N, 2], i64>) -> !dyn.tensor<[N, 8], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, Dyn_IndexTensor:$indices, I64Attr:$batch_dims);
  let results = (outs Dyn_Tensor:$result);
}

def Dyn_PadOp : Dyn_InferredOp<"pad"> {
  let summary = "add elements of a scalar before and after each dimension; negative amounts cut";
  let description = [{
    `pads` holds the amounts before each dimension, then those after each.

    - (pad_c1) `pads` has rank 1 and two elements a dimension;
    - (pad_c2) `value` is a scalar of the input's element type;
    - (pad_c3) no more is cut than there is: a negative number as a size is an error here, what symbols cannot decide is
      checked at run time.

    Source: ONNX `Pad`-13, mode constant.

    ```mlir
    %0 = dyn.pad %x, %pads, %zero : (!dyn.tensor<[S], f32>, !dyn.tensor<[2], i64>, !dyn.tensor<[], f32>) -> !dyn.tensor<[?], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, Dyn_IndexTensor:$pads, Dyn_Tensor:$value);
  let results = (outs Dyn_Tensor:$result);
  let hasFolder = 1;
}

def Dyn_TileOp : Dyn_InferredOp<"tile"> {
  let summary = "repeat the tensor along each dimension";
  let description = [{
    - (tile_c1) `repeats` has rank 1 and an element a dimension;
    - (tile_c2) no element is negative.

    Source: ONNX `Tile`-13; NumPy `tile`.

    ```mlir
    %0 = dyn.tile %x, %repeats : (!dyn.tensor<[S], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, Dyn_IndexTensor:$repeats);
  let results = (outs Dyn_Tensor:$result);
  let hasFolder = 1;
}

def Dyn_IotaOp : Dyn_InferredOp<"iota"> {
  let summary = "start, start + step, ... below limit (above it if the step is negative)";
  let description = [{
    The number of elements is `max(ceil((limit - start) / step), 0)`; a step of 0 fails the run. As a value of sizes it
    folds where its length is a number.

    - (iota_c1) operands are three scalars of one element type.

    Source: ONNX `Range`-11.

    ```mlir
    %0 = dyn.iota %start, %limit, %step : (!dyn.tensor<[], i64>, !dyn.tensor<[], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[?], i64>
    ```
  }];
  let arguments = (ins Dyn_NumberTensor:$start, Dyn_NumberTensor:$limit, Dyn_NumberTensor:$step);
  let results = (outs Dyn_NumberTensor:$result);
}

def Dyn_TriluOp : Dyn_InferredOp<"trilu"> {
  let summary = "the upper or lower triangle of each matrix, 0 elsewhere";
  let description = [{
    Keeps element (i, j) if `j - i >= k` (upper) or `j - i <= k` (lower).

    - (trilu_c1) the input has rank 2 or more, and `k` is a scalar.

    Source: ONNX `Trilu`-14.

    ```mlir
    %0 = dyn.trilu %x, %k {upper = true} : (!dyn.tensor<[S, S], f32>, !dyn.tensor<[], i64>) -> !dyn.tensor<[S, S], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, Dyn_IndexTensor:$k, BoolAttr:$upper);
  let results = (outs Dyn_Tensor:$result);
}

#endif // DYN_DIALECT_STRUCTURALOPS
