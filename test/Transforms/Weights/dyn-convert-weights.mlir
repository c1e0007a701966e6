// Floats are stored in another type, and given back as what they were.
// RUN: rm -rf %t && mkdir %t && cd %t && cp %s m.mlir
// RUN: dyn-opt m.mlir --dyn-convert-weights="type=bf16 output=new.safetensors" | FileCheck %s
// RUN: dyn-translate --dump-resources new.safetensors | FileCheck %s --check-prefix=FILE --match-full-lines
// FILE:     w {{ *}}bf16 [2] {{ *}}4  byte {{[0-9]+}}
// FILE:     1 resources, 4 bytes

// Nothing to convert, no file.
// RUN: dyn-opt m.mlir --dyn-convert-weights="type=f32 output=none.safetensors" > /dev/null && not test -e none.safetensors

// Too late once functions take weights as arguments.
// RUN: not dyn-opt m.mlir --dyn-lower-to-linalg --dyn-convert-weights="type=bf16 output=none.safetensors" 2>&1 | FileCheck %s --check-prefix=LATE
// LATE: error: weight 'w' is used by a func.func, expects uses by dyn.get_weight only: change weights before they are lowered
// RUN: not test -e none.safetensors

// CHECK: dyn.weight @w : !dyn.tensor<[2], bf16> = #dyn.external<"new.safetensors", "w">
// CHECK: dyn.weight @codes : !dyn.tensor<[2], i8> = #dyn.resource<codes>
dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.resource<w>
dyn.weight @codes : !dyn.tensor<[2], i8> = #dyn.resource<codes>

// CHECK-LABEL: func.func @f
func.func @f() -> (!dyn.tensor<[2], f32>, !dyn.tensor<[2], i8>) {
  // CHECK-NEXT: %[[W:.*]] = dyn.get_weight @w : !dyn.tensor<[2], bf16>
  // CHECK-NEXT: %[[C:.*]] = dyn.convert %[[W]] {element_type = f32} : (!dyn.tensor<[2], bf16>) -> !dyn.tensor<[2], f32>
  %w = dyn.get_weight @w : !dyn.tensor<[2], f32>
  // CHECK-NEXT: dyn.mul %[[C]], %[[C]]
  %0 = dyn.mul %w, %w : (!dyn.tensor<[2], f32>, !dyn.tensor<[2], f32>) -> !dyn.tensor<[2], f32>
  // CHECK-NEXT: dyn.get_weight @codes : !dyn.tensor<[2], i8>
  // CHECK-NEXT: return
  %1 = dyn.get_weight @codes : !dyn.tensor<[2], i8>
  return %0, %1 : !dyn.tensor<[2], f32>, !dyn.tensor<[2], i8>
}

{-# dialect_resources: { dyn: { w: "0x400000000000803F00000040", codes: "0x400000000102" } } #-}
