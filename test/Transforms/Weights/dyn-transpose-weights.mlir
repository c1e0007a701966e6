// A transpose of a weight goes into its layout; data are written, and numbered by what they are.
// RUN: rm -rf %t && mkdir %t && cd %t && cp %s m.mlir
// RUN: dyn-opt m.mlir --dyn-transpose-weights=output=new.safetensors | FileCheck %s
// RUN: dyn-translate --dump-resources new.safetensors | FileCheck %s --check-prefix=FILE --match-full-lines
// FILE:     only {{ *}}f32 [2, 3] {{ *}}24  byte {{[0-9]+}}
// FILE:     beside_transposed {{ *}}i8 [2, 2] {{ *}}4  byte {{[0-9]+}}
// FILE:     2 resources, 28 bytes

// RUN: not test -e none.safetensors

// CHECK-DAG: dyn.weight @only : !dyn.tensor<[2, 3], f32> = #dyn.external<"new.safetensors", "only">
// CHECK-DAG: dyn.weight @same : !dyn.tensor<[2, 3], f32> = #dyn.external<"new.safetensors", "only">
// CHECK-DAG: dyn.weight @beside : !dyn.tensor<[2, 2], i8> = #dyn.resource<beside>
// CHECK-DAG: dyn.weight @beside_transposed : !dyn.tensor<[2, 2], i8> = #dyn.external<"new.safetensors", "beside_transposed">
// CHECK-DAG: dyn.weight @untouched : !dyn.tensor<[2], i8> = #dyn.resource<untouched>
dyn.weight @only : !dyn.tensor<[3, 2], f32> = #dyn.resource<only>
dyn.weight @same : !dyn.tensor<[3, 2], f32> = #dyn.resource<same>
dyn.weight @beside : !dyn.tensor<[2, 2], i8> = #dyn.resource<beside>
dyn.weight @untouched : !dyn.tensor<[2], i8> = #dyn.resource<untouched>

// CHECK-LABEL: func.func @f
func.func @f() -> (!dyn.tensor<[2, 3], f32>, !dyn.tensor<[2, 3], f32>) {
  %w = dyn.get_weight @only : !dyn.tensor<[3, 2], f32>
  %v = dyn.get_weight @same : !dyn.tensor<[3, 2], f32>
  // CHECK-NEXT: %[[W:.*]] = dyn.get_weight @only : !dyn.tensor<[2, 3], f32>
  %0 = dyn.transpose %w {permutation = array<i64: 1, 0>} : (!dyn.tensor<[3, 2], f32>) -> !dyn.tensor<[2, 3], f32>
  // CHECK-NEXT: %[[V:.*]] = dyn.get_weight @same : !dyn.tensor<[2, 3], f32>
  %1 = dyn.transpose %v {permutation = array<i64: 1, 0>} : (!dyn.tensor<[3, 2], f32>) -> !dyn.tensor<[2, 3], f32>
  // CHECK-NEXT: return %[[W]], %[[V]]
  return %0, %1 : !dyn.tensor<[2, 3], f32>, !dyn.tensor<[2, 3], f32>
}

// CHECK-LABEL: func.func @g
func.func @g() -> (!dyn.tensor<[2, 2], i8>, !dyn.tensor<[2], i8>) {
  // CHECK-NEXT: %[[B:.*]] = dyn.get_weight @beside :
  %b = dyn.get_weight @beside : !dyn.tensor<[2, 2], i8>
  // CHECK-NEXT: %[[T:.*]] = dyn.get_weight @beside_transposed :
  %t = dyn.transpose %b {permutation = array<i64: 1, 0>} : (!dyn.tensor<[2, 2], i8>) -> !dyn.tensor<[2, 2], i8>
  // CHECK-NEXT: dyn.add %[[B]], %[[T]]
  %0 = dyn.add %b, %t : (!dyn.tensor<[2, 2], i8>, !dyn.tensor<[2, 2], i8>) -> !dyn.tensor<[2, 2], i8>
  %1 = dyn.get_weight @untouched : !dyn.tensor<[2], i8>
  return %0, %1 : !dyn.tensor<[2, 2], i8>, !dyn.tensor<[2], i8>
}

{-# dialect_resources: { dyn: {
  only: "0x400000000000803F0000004000004040000080400000A0400000C040",
  same: "0x400000000000803F0000004000004040000080400000A0400000C040",
  beside: "0x4000000001020304",
  untouched: "0x400000000102"
} } #-}
