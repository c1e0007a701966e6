//===- Toyla.td - A little dialect of another compiler ---------*- tablegen -*-===//

#ifndef TOYLA
#define TOYLA

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Toyla_Dialect : Dialect {
  let name = "toyla";
  let summary = "layers on matrices whose sizes are known only at run time";
  let cppNamespace = "::toyla";
}

class Toyla_Op<string mnemonic> : Op<Toyla_Dialect, mnemonic, [Pure]>;

def Toyla_Matrix : 2DTensorOf<[F32]>;
def Toyla_Vector : 1DTensorOf<[F32]>;

def Toyla_AffineOp : Toyla_Op<"affine"> {
  let summary = "input times weight plus bias, `[M, K]`, `[K, N]`, `[N]` to `[M, N]`";
  let arguments = (ins Toyla_Matrix:$input, Toyla_Matrix:$weight, Toyla_Vector:$bias);
  let results = (outs Toyla_Matrix:$result);
  let assemblyFormat = "$input `,` $weight `,` $bias attr-dict `:` functional-type(operands, results)";
}

def Toyla_RectifyOp : Toyla_Op<"rectify"> {
  let summary = "the larger of each element and zero";
  let arguments = (ins Toyla_Matrix:$input);
  let results = (outs Toyla_Matrix:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Toyla_CenterOp : Toyla_Op<"center"> {
  let summary = "each row less its mean";
  let arguments = (ins Toyla_Matrix:$input);
  let results = (outs Toyla_Matrix:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

#endif // TOYLA
