//===- CoreOps.td - Constants, weights, casts -----------------*- tablegen -*-===//

#ifndef DYN_DIALECT_COREOPS
#define DYN_DIALECT_COREOPS

include "Dyn/Dialect/DynOpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/CastInterfaces.td"

def Dyn_ConstantOp : Dyn_Op<"constant", [Pure, ConstantLike]> {
  let summary = "small constant, inline in the IR; its elements may be sizes";
  let description = [{
    `value` is a dense attribute of the result's shape and element type (signless integers for ui8), or, for integer
    tensors of rank 0 and 1, a `#dyn.dims` whose elements are sizes of the function's symbols. Large data belongs in
    `dyn.weight`.

    - (constant_c1) shape and element type of `value` are those of the result;
    - (constant_c2) a `#dyn.dims` value has an integer result.

    ```mlir
    %0 = dyn.constant dense<[1.0, 2.0]> : tensor<2xf32> as !dyn.tensor<[2], f32>
    %1 = dyn.constant #dyn.dims<[B, S + 1]> as !dyn.tensor<[2], i64>
    ```
  }];
  let arguments = (ins AnyAttr:$value);
  let results = (outs Dyn_Tensor:$result);
  let assemblyFormat = "$value attr-dict `as` qualified(type($result))";
  let hasFolder = 1;
  let hasVerifier = 1;
  let builders = [
    OpBuilder<(ins "::mlir::DenseElementsAttr":$value)>,
    OpBuilder<(ins "::mlir::dyn::DimsAttr":$value, "::mlir::Type":$elementType)>];
}

def Dyn_WeightSource : Property<"::mlir::dyn::WeightSource", "where the data of a weight are"> {
  let convertToAttribute = "return $_storage.toAttribute($_ctxt);";
  let convertFromAttribute = "return $_storage.setFromAttribute($_attr, $_diag);";
  let hashProperty = "$_storage.hash()";
}

def Dyn_WeightOp : Dyn_Op<"weight", [Symbol, IsolatedFromAbove]> {
  let summary = "a weight: a named tensor whose data is no attribute";
  let description = [{
    The data is in another file, which is opened only when somebody reads it (`#dyn.external`); or it travels with the
    IR, in the resources section of the file (`#dyn.resource`); or it is absent (`#dyn.absent`), which is an error only
    for those that need it.

    The operation owns data that travels with the IR: it goes with the last weight that has it, copies of the operation
    share it, and who changes it gets it in place if there is one owner, else a copy. Passes that change data nest on
    the operation: `builtin.module(dyn.weight(...))`. The C++ side is `Dyn/Dialect/WeightData.h`.

    - (weight_c1) the type has only numbers as sizes;
    - (weight_c2) a range of bytes or a resource is as long as the type says; an i1 is a byte;
    - (weight_c3) the file has a resource of the name.

    ```mlir
    dyn.weight @w : !dyn.tensor<[768, 768], f32> = #dyn.external<"model.safetensors", "encoder.query">
    dyn.weight @v : !dyn.tensor<[2], f32> = #dyn.resource<v>
    dyn.weight @u : !dyn.tensor<[768], f32> = #dyn.absent
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<StrAttr>:$sym_visibility, TypeAttr:$type,
                       Dyn_WeightSource:$source);
  let assemblyFormat = "($sym_visibility^)? $sym_name `:` $type `=` custom<WeightSource>($source) attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::dyn::DynTensorType getTensorType() { return ::llvm::cast<::mlir::dyn::DynTensorType>(getType()); }
  }];
}

def Dyn_GetWeightOp : Dyn_Op<"get_weight", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a weight";
  let description = [{
    - (get_weight_c1) the symbol names a `dyn.weight`;
    - (get_weight_c2) of the result's type.

    ```mlir
    %w = dyn.get_weight @w : !dyn.tensor<[768, 768], f32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs Dyn_Tensor:$result);
  let assemblyFormat = "$weight attr-dict `:` qualified(type($result))";
}

def Dyn_ToBuiltinOp : Dyn_Op<"to_builtin", [Pure]> {
  let summary = "view a dyn tensor as a builtin tensor";
  let description = [{
    - (to_builtin_c1) the result is the operand's `toBuiltin` type.

    ```mlir
    %1 = dyn.to_builtin %0 : !dyn.tensor<[B, 768], f32> to tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` qualified(type($input)) `to` qualified(type($result))";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Dyn_FromBuiltinOp : Dyn_Op<"from_builtin", [Pure]> {
  let summary = "view a builtin tensor as a dyn tensor";
  let description = [{
    Sizes that the builtin type leaves open are compared with the result's at run time.

    - (from_builtin_c1) the operand's type is the result's `toBuiltin` type.

    ```mlir
    %1 = dyn.from_builtin %0 : tensor<?x768xf32> to !dyn.tensor<[B, 768], f32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs Dyn_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` qualified(type($input)) `to` qualified(type($result))";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Dyn_RefineOp : Dyn_Op<"refine", [Pure, DeclareOpInterfaceMethods<CastOpInterface>]> {
  let summary = "state sizes of a tensor, checked at run time where they are not provably equal";
  let description = [{
    The result is the operand; its type may name sizes that the operand's does not (`?` becomes `N`) or forget them. A
    symbol that no argument has gets its value here. Other operations as well may state a size in a result type where
    their operands leave it `?`, with the same check.

    - (refine_c1) ranks and element types are equal, and no two sizes are different numbers.

    ```mlir
    %1 = dyn.refine %0 : !dyn.tensor<[?, 768], f32> to !dyn.tensor<[N, 768], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input);
  let results = (outs Dyn_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` qualified(type($input)) `to` qualified(type($result))";
  let hasFolder = 1;
}

def Dyn_ShapeOfOp : Dyn_InferredOp<"shape_of"> {
  let summary = "the sizes of a tensor as an integer tensor of rank 1";
  let description = [{
    Folds to a `#dyn.dims` constant where no size in `[start, end)` is `?`. `start` and `end` count axes and are
    between 0 and the rank.

    - (shape_of_c1) `0 <= start <= end <= rank`.

    Source: ONNX `Shape`-15.

    ```mlir
    %0 = dyn.shape_of %x {start = 0, end = 2} : (!dyn.tensor<[B, S, 768], f32>) -> !dyn.tensor<[2], i64>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, I64Attr:$start, I64Attr:$end);
  let results = (outs Dyn_IndexTensor:$result);
  let hasFolder = 1;
}

#endif // DYN_DIALECT_COREOPS
