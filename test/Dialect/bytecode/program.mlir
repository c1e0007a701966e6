// The program of the fixtures: each attribute, type and kind of property of dyn. It was written once for each version:
//
//   dyn-opt program.mlir --strip-debuginfo --emit-bytecode --dyn-bytecode-version=N -o vN.mlirbc
//
// Fixtures are never written again; unittests/Dialect/BytecodeTest.cpp writes them in memory and compares.

// RUN: dyn-opt %s -o %t.mlir
// RUN: dyn-opt %S/v1.mlirbc | diff %t.mlir -
// RUN: dyn-opt %S/v2.mlirbc | diff %t.mlir -

// Upgraded by reading and writing, and written in the older form.
// RUN: dyn-opt %S/v1.mlirbc --emit-bytecode -o %t.v2.mlirbc
// RUN: cmp %S/v2.mlirbc %t.v2.mlirbc
// RUN: dyn-opt %S/v2.mlirbc --emit-bytecode --dyn-bytecode-version=1 -o %t.v1.mlirbc
// RUN: cmp %S/v1.mlirbc %t.v1.mlirbc

// Stock mlir-opt reads both and writes the current version.
// RUN: mlir-opt %S/v1.mlirbc --load-dialect-plugin=%dyn_plugin --emit-bytecode -o %t.stock
// RUN: dyn-opt %t.stock | diff %t.mlir -

// RUN: not dyn-opt %s --dyn-bytecode-version=3 2>&1 | FileCheck %s --check-prefix=OPTION
// OPTION: error: --dyn-bytecode-version expects a number from 1 to 2, got 3

dyn.weight @tensor : !dyn.tensor<[768, 64], f32> = #dyn.external<"model.safetensors", "encoder.query">
dyn.weight "private" @range : !dyn.tensor<[4], f16> = #dyn.external<"model.bin", 4096, 8>
dyn.weight @inside : !dyn.tensor<[2], f32> = #dyn.resource<inside>
dyn.weight @absent : !dyn.tensor<[8, 4], f32> = #dyn.absent

func.func @sizes(%0: !dyn.tensor<[], i1>, %1: !dyn.tensor<[0, 1, 2147483648], ui8>,
                 %2: !dyn.tensor<[B, 1 + S, D * 4, ?], bf16>,
                 %3: !dyn.tensor<[5 - S, (2 * S) floordiv 4 * 2 + 1, (P + S) mod 8], f64>,
                 %4: !dyn.tensor<[min(512, S), max(S - 8, 0), broadcast(S, B), S ceildiv 2], i8>,
                 %5: !dyn.tensor<["a b", "mod", "x\"y"], i16>)
    attributes {dyn.symbols = {B = #dyn.symbol<1>, P = #dyn.symbol<0, 100>, S = #dyn.symbol<8, 512, multiple 8>,
                               T = #dyn.symbol<0, multiple 2>}} {
  %a = dyn.constant #dyn.dims<[B, S + 1, -1, -9223372036854775808]> as !dyn.tensor<[4], i64>
  %b = dyn.constant #dyn.dims<scalar [T * S]> as !dyn.tensor<[], i32>
  %c = dyn.constant #dyn.dims<[]> as !dyn.tensor<[0], i64>
  %d = dyn.constant dense<[1, 255]> : tensor<2xi8> as !dyn.tensor<[2], ui8>
  return {size = #dyn.dim<7 * S * B>, some = #dyn.dim<?>, handle = #dyn.resource<inside>, none = #dyn.absent}
}

func.func @operations(%x: !dyn.tensor<[B, S + 1, 8], f32>) -> (!dyn.tensor<[B, S + 1, 4], f32>, !dyn.tensor<[2], i64>) {
  %w = dyn.get_weight @absent : !dyn.tensor<[8, 4], f32>
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[B, S + 1, 8], f32>, !dyn.tensor<[8, 4], f32>) -> !dyn.tensor<[B, S + 1, 4], f32>
  %1 = dyn.shape_of %x {start = 0, end = 2} : (!dyn.tensor<[B, S + 1, 8], f32>) -> !dyn.tensor<[2], i64>
  return %0, %1 : !dyn.tensor<[B, S + 1, 4], f32>, !dyn.tensor<[2], i64>
}

{-# dialect_resources: { dyn: { inside: "0x040000000000803F00000040" } } #-}
