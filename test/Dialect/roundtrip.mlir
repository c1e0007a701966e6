// RUN: dyn-opt %s | dyn-opt | FileCheck %s
// RUN: dyn-opt %s --emit-bytecode | dyn-opt | FileCheck %s
// RUN: dyn-opt %s --mlir-print-op-generic | dyn-opt | FileCheck %s

// Every attribute and type, in text and in bytecode.

// CHECK: dyn.weight @named : !dyn.tensor<[768, 64], f32> = #dyn.external<"model.safetensors", "encoder.query">
dyn.weight @named : !dyn.tensor<[768, 64], f32> = #dyn.external<"model.safetensors", "encoder.query">
// CHECK: dyn.weight "private" @ranged : !dyn.tensor<[4], f16> = #dyn.external<"model.bin", 4096, 8>
dyn.weight "private" @ranged : !dyn.tensor<[4], f16> = #dyn.external<"model.bin", 4096, 8>

// CHECK: func.func @sizes
// CHECK-SAME: %arg0: !dyn.tensor<[], i1>
// CHECK-SAME: %arg1: !dyn.tensor<[0, 1, 2147483648], ui8>
// CHECK-SAME: %arg2: !dyn.tensor<[B, S + 1, 4 * D, ?], bf16>
// CHECK-SAME: %arg3: !dyn.tensor<[-S + 5, 2 * (S floordiv 2) + 1, (P + S) mod 8], f64>
// CHECK-SAME: %arg4: !dyn.tensor<[min(S, 512), max(0, S - 8), broadcast(B, S), -((-S) floordiv 2)], i8>
// CHECK-SAME: %arg5: !dyn.tensor<["a b", "mod", "x\22y"], i16>
// CHECK-SAME: dyn.symbols = {B = #dyn.symbol<1>, P = #dyn.symbol<0, 100>, S = #dyn.symbol<8, 512, multiple 8>, T = #dyn.symbol<0, multiple 2>}
func.func @sizes(%0: !dyn.tensor<[], i1>, %1: !dyn.tensor<[0, 1, 2147483648], ui8>,
                 %2: !dyn.tensor<[B, 1 + S, D * 4, ?], bf16>,
                 %3: !dyn.tensor<[5 - S, (2 * S) floordiv 4 * 2 + 1, (P + S) mod 8], f64>,
                 %4: !dyn.tensor<[min(512, S), max(S - 8, 0), broadcast(S, B), S ceildiv 2], i8>,
                 %5: !dyn.tensor<["a b", "mod", "x\"y"], i16>)
    attributes {dyn.symbols = {B = #dyn.symbol<1>, P = #dyn.symbol<0, 100>, S = #dyn.symbol<8, 512, multiple 8>,
                               T = #dyn.symbol<0, multiple 2>}} {
  // CHECK: dyn.constant #dyn.dims<[B, S + 1, -1, -9223372036854775808]> as !dyn.tensor<[4], i64>
  %a = dyn.constant #dyn.dims<[B, S + 1, -1, -9223372036854775808]> as !dyn.tensor<[4], i64>
  // CHECK: dyn.constant #dyn.dims<scalar [S * T]> as !dyn.tensor<[], i32>
  %b = dyn.constant #dyn.dims<scalar [T * S]> as !dyn.tensor<[], i32>
  // CHECK: dyn.constant #dyn.dims<[]> as !dyn.tensor<[0], i64>
  %c = dyn.constant #dyn.dims<[]> as !dyn.tensor<[0], i64>
  // CHECK: dyn.constant dense<[1, -1]> : tensor<2xi8> as !dyn.tensor<[2], ui8>
  %d = dyn.constant dense<[1, 255]> : tensor<2xi8> as !dyn.tensor<[2], ui8>
  // CHECK: return {size = #dyn.dim<7 * B * S>, some = #dyn.dim<?>}
  return {size = #dyn.dim<7 * S * B>, some = #dyn.dim<?>}
}
