//===- WeightPasses.td - Passes on the data of weights --------*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_WEIGHTPASSES
#define DYN_TRANSFORMS_WEIGHTPASSES

include "mlir/Pass/PassBase.td"

def DynStripWeightsPass : Pass<"dyn-strip-weights", "::mlir::dyn::WeightOp"> {
  let summary = "make weights absent, to work on a program without its data";
  let description = [{
    The source of each weight becomes `#dyn.absent`; its name and type stay. Data that travelled with the IR are released,
    references are forgotten, but for the name of a tensor that is not the weight's own: it stays as the attribute
    `dyn.key`. `dyn-attach-weights` brings weights back, these or others.

    ```mlir
    dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.resource<w>
    dyn.weight @v : !dyn.tensor<[2], f32> = #dyn.external<"model.safetensors", "decoder.v">
    // becomes
    dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.absent
    dyn.weight @v : !dyn.tensor<[2], f32> = #dyn.absent {dyn.key = "decoder.v"}
    ```
  }];
  let statistics = [Statistic<"numStripped", "weights-stripped", "Number of weights made absent">];
}

// A pass that computes on data. They go to the file `output`, one tensor at a time, and the weights refer to it then.
// It appears complete or not at all: interrupting such a pass leaves files and IR as they were.
class Dyn_StreamedPass<string flag> : Pass<flag, "::mlir::ModuleOp"> {
  list<Option> fileOptions = [
    Option<"output", "output", "std::string", /*default=*/"\"\"",
           "the safetensors file to write; it may be one that the weights come from">,
    Option<"weightsDir", "weights-dir", "std::string", /*default=*/"\"\"",
           "a folder besides the model's in which weights may be">];
}

def DynTransposeWeightsPass : Dyn_StreamedPass<"dyn-transpose-weights"> {
  let summary = "fold a transpose of a weight into its layout";
  let description = [{
    A `dyn.transpose` of a `dyn.get_weight` becomes the `dyn.get_weight` of a weight that is stored transposed. A weight
    whose only uses are one permutation is replaced; beside others, a weight with `_transposed` to its name is added.
    Weights of the same bytes are transposed once.

    The new data are in `output`, a safetensors file, which the weights refer to by its path from the model's folder,
    or an absolute one if it is not inside. Memory is that of one part of one tensor.

    ```mlir
    dyn.weight @w : !dyn.tensor<[768, 64], f32> = #dyn.external<"model.safetensors", "w">
    func.func @f(%x: !dyn.tensor<[B, 64], f32>) -> !dyn.tensor<[B, 768], f32> {
      %w = dyn.get_weight @w : !dyn.tensor<[768, 64], f32>
      %t = dyn.transpose %w {permutation = array<i64: 1, 0>}
          : (!dyn.tensor<[768, 64], f32>) -> !dyn.tensor<[64, 768], f32>
      %0 = dyn.matmul %x, %t
          : (!dyn.tensor<[B, 64], f32>, !dyn.tensor<[64, 768], f32>) -> !dyn.tensor<[B, 768], f32>
      return %0 : !dyn.tensor<[B, 768], f32>
    }
    // becomes, with output=new.safetensors
    dyn.weight @w : !dyn.tensor<[64, 768], f32> = #dyn.external<"new.safetensors", "w">
    func.func @f(%x: !dyn.tensor<[B, 64], f32>) -> !dyn.tensor<[B, 768], f32> {
      %w = dyn.get_weight @w : !dyn.tensor<[64, 768], f32>
      %0 = dyn.matmul %x, %w
          : (!dyn.tensor<[B, 64], f32>, !dyn.tensor<[64, 768], f32>) -> !dyn.tensor<[B, 768], f32>
      return %0 : !dyn.tensor<[B, 768], f32>
    }
    ```
  }];
  let options = fileOptions;
}

def DynConvertWeightsPass : Dyn_StreamedPass<"dyn-convert-weights"> {
  let summary = "store the floats of weights in another type";
  let description = [{
    Every weight of floats of another type is stored as `type`, and a `dyn.convert` behind its `dyn.get_weight` gives
    back the type it had: what is computed with it is computed as before. Numbers are rounded once, to nearest, ties to
    even; what is too large for f16 becomes infinite. Weights of the same bytes are converted once.

    The new data are in `output`, as `dyn-transpose-weights` has it. Memory is that of one part of one tensor.

    ```mlir
    dyn.weight @w : !dyn.tensor<[64], f32> = #dyn.external<"model.safetensors", "w">
    ... %w = dyn.get_weight @w : !dyn.tensor<[64], f32>
    // becomes, with type=bf16 output=new.safetensors
    dyn.weight @w : !dyn.tensor<[64], bf16> = #dyn.external<"new.safetensors", "w">
    ... %w = dyn.get_weight @w : !dyn.tensor<[64], bf16>
        %0 = dyn.convert %w {element_type = f32} : (!dyn.tensor<[64], bf16>) -> !dyn.tensor<[64], f32>
    ```
  }];
  let options = [Option<"type", "type", "std::string", /*default=*/"\"\"", "f16, bf16 or f32">] # fileOptions;
}

def DynQuantizeWeightsPass : Dyn_StreamedPass<"dyn-quantize-weights"> {
  let summary = "store matrices as int8 with a scale for each output channel";
  let description = [{
    Weights of f16, bf16 or f32 that are used as operands of `dyn.matmul` only, directly or transposed, are stored as
    int8 with one f32 scale for each column of a right operand, or row of a left one. The IR multiplies them again:
    `convert(q) * scale`, in f32. For every element `w` and its scale `s`, the largest |w| of the channel / 127,

        |w - q * s| <= (0.5 + 2^-16) * s.

    Quantization is symmetric: there is no zero point, and 0 stays 0. A weight that holds NaN or infinity is an error.
    Weights of other types, ranks below 2 and other uses are left alone. Weights of the same bytes and channels are
    quantized once.

    The new data are in `output`, as `dyn-transpose-weights` has it; scales have `_scale` to their name. Memory is that
    of one part of one tensor.

    ```mlir
    dyn.weight @w : !dyn.tensor<[64, 768], f32> = #dyn.external<"model.safetensors", "w">
    ... %w = dyn.get_weight @w : !dyn.tensor<[64, 768], f32>
    // becomes, with output=new.safetensors
    dyn.weight @w : !dyn.tensor<[64, 768], i8> = #dyn.external<"new.safetensors", "w">
    dyn.weight @w_scale : !dyn.tensor<[768], f32> = #dyn.external<"new.safetensors", "w_scale">
    ... %w = dyn.get_weight @w : !dyn.tensor<[64, 768], i8>
        %q = dyn.convert %w {element_type = f32} : (!dyn.tensor<[64, 768], i8>) -> !dyn.tensor<[64, 768], f32>
        %s = dyn.get_weight @w_scale : !dyn.tensor<[768], f32>
        %0 = dyn.mul %q, %s : (!dyn.tensor<[64, 768], f32>, !dyn.tensor<[768], f32>) -> !dyn.tensor<[64, 768], f32>
    ```
  }];
  let options = fileOptions;
}

def DynAttachWeightsPass : Pass<"dyn-attach-weights", "::mlir::ModuleOp"> {
  let summary = "give absent weights the data of a file, by name";
  let description = [{
    Each absent weight becomes a reference to the tensor of its name in a safetensors file, which must be of its type and
    shape; with `replace` every weight does. The name is the one that the weight's reference has, or its `dyn.key` if it
    has no reference; where it has neither, or the file no such tensor, the weight's own. Only the index of the file is
    read. So a program can be stripped, changed and given its weights back, or those of another training of the same model.

    The reference is relative to the model's folder where the file is inside it, else an absolute path, which those that
    read it follow if `--weights-dir` allows it.

    ```mlir
    dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.absent
    // becomes, with file=model.safetensors
    dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.external<"model.safetensors", "w">
    ```
  }];
  let options = [
    Option<"file", "file", "std::string", /*default=*/"\"\"", "The safetensors file">,
    Option<"replace", "replace", "bool", /*default=*/"false", "Replace the data of weights that have some, too">];
}

def DynExternalizeWeightsPass : Pass<"dyn-externalize-weights", "::mlir::ModuleOp"> {
  let summary = "constants of any dialect become weights, without a copy";
  let description = [{
    Operations that are constants (trait `ConstantLike`), of a tensor of static shape, become `dyn.weight` if their value is
    `dense_resource`, whatever its size, or `dense` of at least `min-bytes` bytes that are not all the same element. Equal
    attributes become one weight. Its data stay where they are: of bytecode that dyn-opt reads a slice of the file, of
    `dense` the attribute's memory; only `i1`, which `dense` packs into bits, is copied. As these attributes live as long
    as the context, erasing such a weight does not release what they hold. A `dense_resource` without data becomes an
    absent weight.

    Element types that dyn has not, and types with an encoding, are left alone.

    ```mlir
    %0 = arith.constant dense_resource<w> : tensor<2x3xf32>
    // becomes
    dyn.weight @w : !dyn.tensor<[2, 3], f32> = #dyn.resource<w>
    %w = dyn.get_weight @w : !dyn.tensor<[2, 3], f32>
    %0 = dyn.to_builtin %w : !dyn.tensor<[2, 3], f32> to tensor<2x3xf32>
    ```
  }];
  let options = [Option<"minBytes", "min-bytes", "uint64_t", /*default=*/"1024",
                        "Smallest 'dense' constant that becomes a weight">];
  let dependentDialects = ["::mlir::dyn::DynDialect"];
}

def DynInternalizeWeightsPass : Pass<"dyn-internalize-weights", "::mlir::ModuleOp"> {
  let summary = "the data of weights travel with the IR";
  let description = [{
    References become data that is written with the IR, mapped from their files and not copied. A use by `dyn.get_weight`
    and `dyn.to_builtin` becomes an `arith.constant` of `dense_resource` which shares the bytes, and a weight whose uses
    all were such goes: what `dyn-externalize-weights` made of constants is undone. An absent weight is an error.

    Upstream releases data of `dense_resource` with the context only.

    ```mlir
    dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.external<"model.safetensors", "w">
    // becomes
    dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.resource<w>
    ```
  }];
  let options = [Option<"weightsDir", "weights-dir", "std::string", /*default=*/"\"\"",
                        "Folder where references are looked for first">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

#endif // DYN_TRANSFORMS_WEIGHTPASSES
