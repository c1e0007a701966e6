//===- ElementwiseOps.td - One result element from one element of each operand -*- tablegen -*-===//

#ifndef DYN_DIALECT_ELEMENTWISEOPS
#define DYN_DIALECT_ELEMENTWISEOPS

include "Dyn/Dialect/DynOpBase.td"

// Operands are broadcast as in NumPy. Two sizes that are neither equal nor 1 as far as symbols tell are compared once at
// run time. (broadcast_c1): sizes that are different numbers, neither of them 1, are an error.
class Dyn_ElementwiseOp<string opMnemonic, list<Trait> traits = []> : Dyn_InferredOp<opMnemonic, traits>;

class Dyn_UnaryOp<string opMnemonic, Type operand = Dyn_Tensor, Type resultType = operand, string from = "f32",
                  string to = from> : Dyn_ElementwiseOp<opMnemonic> {
  let description = [{
    ```mlir
    %0 = dyn.}] # opMnemonic # [{ %x : (!dyn.tensor<[B, 8], }] # from # [{>) -> !dyn.tensor<[B, 8], }] # to # [{>
    ```
  }];
  let arguments = (ins operand:$input);
  let results = (outs resultType:$result);
}

class Dyn_BinaryOp<string opMnemonic, Type operand = Dyn_Tensor, list<Trait> traits = [], string element = "f32">
    : Dyn_ElementwiseOp<opMnemonic, traits> {
  let description = [{
    - (elementwise_c1) both operands have the same element type;
    - (broadcast_c1) sizes that are different numbers, neither of them 1, are an error.

    ```mlir
    %0 = dyn.}] # opMnemonic # [{ %x, %y : (!dyn.tensor<[B, 8], }] # element # [{>, !dyn.tensor<[8], }] # element
        # [{>) -> !dyn.tensor<[B, 8], }] # element # [{>
    ```
  }];
  let arguments = (ins operand:$lhs, operand:$rhs);
  let results = (outs operand:$result);
}

class Dyn_CompareOp<string opMnemonic> : Dyn_ElementwiseOp<opMnemonic> {
  let description = [{
    - (elementwise_c1) both operands have the same element type;
    - (broadcast_c1) sizes that are different numbers, neither of them 1, are an error.

    ```mlir
    %0 = dyn.}] # opMnemonic # [{ %x, %y : (!dyn.tensor<[B, 8], f32>, !dyn.tensor<[8], f32>) -> !dyn.tensor<[B, 8], i1>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$lhs, Dyn_Tensor:$rhs);
  let results = (outs Dyn_BoolTensor:$result);
}

//===----------------------------------------------------------------------===//
// Arithmetic. (elementwise_c1): both operands have the same element type.
//===----------------------------------------------------------------------===//

def Dyn_AddOp : Dyn_BinaryOp<"add", Dyn_NumberTensor, [Commutative]> {
  let summary = "sum; integers wrap";
  let description = [{
    ```mlir
    %0 = dyn.add %x, %bias : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[768], f32>) -> !dyn.tensor<[B, S, 768], f32>
    ```
  }];
  let hasFolder = 1;
}
def Dyn_SubOp : Dyn_BinaryOp<"sub", Dyn_NumberTensor> {
  let summary = "difference; integers wrap";
  let hasFolder = 1;
}
def Dyn_MulOp : Dyn_BinaryOp<"mul", Dyn_NumberTensor, [Commutative]> {
  let summary = "product; integers wrap";
  let hasFolder = 1;
}
def Dyn_DivOp : Dyn_BinaryOp<"div", Dyn_NumberTensor> {
  let summary = "quotient; integers round towards zero, and division by 0 fails the run";
  let hasFolder = 1;
}
def Dyn_ModOp : Dyn_BinaryOp<"mod", Dyn_NumberTensor> {
  let summary = "remainder with the divisor's sign, as in Python; an integer divisor of 0 fails the run";
}
def Dyn_FmodOp : Dyn_BinaryOp<"fmod", Dyn_NumberTensor> {
  let summary = "remainder with the dividend's sign, as in C; an integer divisor of 0 fails the run";
}
def Dyn_PowOp : Dyn_ElementwiseOp<"pow"> {
  let summary = "power; the result has the base's element type";
  let description = [{
    Source: ONNX `Pow`-15.

    ```mlir
    %0 = dyn.pow %x, %y : (!dyn.tensor<[B, 8], f32>, !dyn.tensor<[], i64>) -> !dyn.tensor<[B, 8], f32>
    ```
  }];
  let arguments = (ins Dyn_NumberTensor:$lhs, Dyn_NumberTensor:$rhs);
  let results = (outs Dyn_NumberTensor:$result);
}
def Dyn_MinOp : Dyn_BinaryOp<"min", Dyn_NumberTensor, [Commutative]> { let summary = "minimum; NaN if either is"; }
def Dyn_MaxOp : Dyn_BinaryOp<"max", Dyn_NumberTensor, [Commutative]> { let summary = "maximum; NaN if either is"; }

def Dyn_AndOp : Dyn_BinaryOp<"and", Dyn_BitsTensor, [Commutative], "i1"> {
  let summary = "bitwise and; of i1 or integers";
  let hasFolder = 1;
}
def Dyn_OrOp : Dyn_BinaryOp<"or", Dyn_BitsTensor, [Commutative], "i1"> {
  let summary = "bitwise or; of i1 or integers";
  let hasFolder = 1;
}
def Dyn_XorOp : Dyn_BinaryOp<"xor", Dyn_BitsTensor, [Commutative], "i1"> { let summary = "bitwise exclusive or; of i1 or integers"; }
def Dyn_ShiftLeftOp : Dyn_BinaryOp<"shift_left", Dyn_IntTensor, [], "i32"> {
  let summary = "shift left; 0 where the distance is not below the width";
}
def Dyn_ShiftRightOp : Dyn_BinaryOp<"shift_right", Dyn_IntTensor, [], "i32"> {
  let summary = "shift right, logical for ui8, arithmetic otherwise";
}

def Dyn_EqualOp : Dyn_CompareOp<"equal"> { let summary = "lhs == rhs; false if either is NaN"; }
def Dyn_LessOp : Dyn_CompareOp<"less"> { let summary = "lhs < rhs; false if either is NaN"; }
def Dyn_LessEqualOp : Dyn_CompareOp<"less_equal"> { let summary = "lhs <= rhs; false if either is NaN"; }

def Dyn_AbsOp : Dyn_UnaryOp<"abs", Dyn_NumberTensor> { let summary = "absolute value"; }
def Dyn_NegOp : Dyn_UnaryOp<"neg", Dyn_NumberTensor> {
  let summary = "negation";
  let hasFolder = 1;
}
def Dyn_SignOp : Dyn_UnaryOp<"sign", Dyn_NumberTensor> { let summary = "-1, 0 or 1"; }
def Dyn_NotOp : Dyn_UnaryOp<"not", Dyn_BitsTensor, Dyn_BitsTensor, "i1"> {
  let summary = "bitwise complement; of i1 or integers";
  let hasFolder = 1;
}

def Dyn_CeilOp : Dyn_UnaryOp<"ceil", Dyn_FloatTensor> { let summary = "round up"; }
def Dyn_FloorOp : Dyn_UnaryOp<"floor", Dyn_FloatTensor> { let summary = "round down"; }
def Dyn_RoundOp : Dyn_UnaryOp<"round", Dyn_FloatTensor> { let summary = "round to nearest, ties to even"; }
def Dyn_SqrtOp : Dyn_UnaryOp<"sqrt", Dyn_FloatTensor> { let summary = "square root"; }
def Dyn_ExpOp : Dyn_UnaryOp<"exp", Dyn_FloatTensor> { let summary = "exponential"; }
def Dyn_LogOp : Dyn_UnaryOp<"log", Dyn_FloatTensor> { let summary = "natural logarithm"; }
def Dyn_ErfOp : Dyn_UnaryOp<"erf", Dyn_FloatTensor> { let summary = "Gauss error function"; }
def Dyn_SigmoidOp : Dyn_UnaryOp<"sigmoid", Dyn_FloatTensor> { let summary = "1 / (1 + exp(-x))"; }
def Dyn_TanhOp : Dyn_UnaryOp<"tanh", Dyn_FloatTensor> { let summary = "hyperbolic tangent"; }
def Dyn_SinOp : Dyn_UnaryOp<"sin", Dyn_FloatTensor> { let summary = "sine"; }
def Dyn_CosOp : Dyn_UnaryOp<"cos", Dyn_FloatTensor> { let summary = "cosine"; }
def Dyn_TanOp : Dyn_UnaryOp<"tan", Dyn_FloatTensor> { let summary = "tangent"; }
def Dyn_AtanOp : Dyn_UnaryOp<"atan", Dyn_FloatTensor> { let summary = "arc tangent"; }
def Dyn_IsNaNOp : Dyn_UnaryOp<"is_nan", Dyn_FloatTensor, Dyn_BoolTensor, "f32", "i1"> { let summary = "true where NaN"; }
def Dyn_IsInfOp : Dyn_UnaryOp<"is_inf", Dyn_FloatTensor, Dyn_BoolTensor, "f32", "i1"> { let summary = "true where infinite"; }

def Dyn_ConvertOp : Dyn_ElementwiseOp<"convert"> {
  let summary = "convert the element type";
  let description = [{
    Floats round to nearest, ties to even. Floats become integers by rounding towards zero; values the integer cannot
    hold saturate, NaN gives 0. Anything but 0 becomes true.

    - (convert_c1) `element_type` is one that dyn tensors have.

    Source: ONNX `Cast`-13.

    ```mlir
    %0 = dyn.convert %mask {element_type = f32} : (!dyn.tensor<[B, S], i64>) -> !dyn.tensor<[B, S], f32>
    ```
  }];
  let arguments = (ins Dyn_Tensor:$input, TypeAttr:$element_type);
  let results = (outs Dyn_Tensor:$result);
  let hasFolder = 1;
}

def Dyn_SelectOp : Dyn_ElementwiseOp<"select"> {
  let summary = "on_true where the condition holds, on_false elsewhere; all three are broadcast";
  let description = [{
    - (elementwise_c1) `on_true` and `on_false` have the same element type.

    Source: ONNX `Where`-16.

    ```mlir
    %0 = dyn.select %mask, %x, %low : (!dyn.tensor<[B, 1, S], i1>, !dyn.tensor<[B, T, S], f32>, !dyn.tensor<[], f32>)
        -> !dyn.tensor<[B, T, S], f32>
    ```
  }];
  let arguments = (ins Dyn_BoolTensor:$condition, Dyn_Tensor:$on_true, Dyn_Tensor:$on_false);
  let results = (outs Dyn_Tensor:$result);
  let hasFolder = 1;
}

#endif // DYN_DIALECT_ELEMENTWISEOPS
