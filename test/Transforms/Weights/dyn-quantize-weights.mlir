// Matrices become int8 with a scale for each output channel; what uses them multiplies.
// RUN: rm -rf %t && mkdir %t && cd %t && cp %s m.mlir
// RUN: dyn-opt m.mlir --dyn-quantize-weights=output=new.safetensors | FileCheck %s
// RUN: dyn-translate --dump-resources new.safetensors | FileCheck %s --check-prefix=FILE
// FILE-DAG: right_scale {{ *}}f32 [3] {{ *}}12
// FILE-DAG: left_scale {{ *}}f32 [2, 1] {{ *}}8
// FILE-DAG: flipped_scale {{ *}}f32 [3, 1] {{ *}}12
// FILE-DAG: right {{ *}}i8 [2, 3] {{ *}}6
// FILE-DAG: left {{ *}}i8 [2, 3] {{ *}}6
// FILE-DAG: flipped {{ *}}i8 [3, 2] {{ *}}6
// FILE:     6 resources

// CHECK-DAG: dyn.weight @right : !dyn.tensor<[2, 3], i8> = #dyn.external<"new.safetensors", "right">
// CHECK-DAG: dyn.weight @right_scale : !dyn.tensor<[3], f32> = #dyn.external<"new.safetensors", "right_scale">
// CHECK-DAG: dyn.weight @left_scale : !dyn.tensor<[2, 1], f32>
// CHECK-DAG: dyn.weight @flipped_scale : !dyn.tensor<[3, 1], f32>
// CHECK-DAG: dyn.weight @added : !dyn.tensor<[2, 3], f32> = #dyn.resource<added>
// CHECK-DAG: dyn.weight @sides : !dyn.tensor<[2, 2], f32> = #dyn.resource<sides>
dyn.weight @right : !dyn.tensor<[2, 3], f32> = #dyn.resource<right>
dyn.weight @left : !dyn.tensor<[2, 3], bf16> = #dyn.resource<left>
dyn.weight @flipped : !dyn.tensor<[3, 2], f32> = #dyn.resource<flipped>
dyn.weight @added : !dyn.tensor<[2, 3], f32> = #dyn.resource<added>
dyn.weight @sides : !dyn.tensor<[2, 2], f32> = #dyn.resource<sides>

// CHECK-LABEL: func.func @right_operand
func.func @right_operand(%x: !dyn.tensor<[B, 2], f32>) -> !dyn.tensor<[B, 3], f32> {
  // CHECK-NEXT: %[[Q:.*]] = dyn.get_weight @right : !dyn.tensor<[2, 3], i8>
  // CHECK-NEXT: %[[S:.*]] = dyn.get_weight @right_scale : !dyn.tensor<[3], f32>
  // CHECK-NEXT: %[[F:.*]] = dyn.convert %[[Q]] {element_type = f32}
  // CHECK-NEXT: %[[W:.*]] = dyn.mul %[[F]], %[[S]] : (!dyn.tensor<[2, 3], f32>, !dyn.tensor<[3], f32>)
  // CHECK-NEXT: dyn.matmul %{{.*}}, %[[W]]
  %w = dyn.get_weight @right : !dyn.tensor<[2, 3], f32>
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[B, 2], f32>, !dyn.tensor<[2, 3], f32>) -> !dyn.tensor<[B, 3], f32>
  return %0 : !dyn.tensor<[B, 3], f32>
}

// Dequantized in f32, then given the type it had.
// CHECK-LABEL: func.func @left_operand
func.func @left_operand(%x: !dyn.tensor<[3, B], bf16>) -> !dyn.tensor<[2, B], bf16> {
  // CHECK: %[[F:.*]] = dyn.mul {{.*}} (!dyn.tensor<[2, 3], f32>, !dyn.tensor<[2, 1], f32>)
  // CHECK-NEXT: %[[W:.*]] = dyn.convert %[[F]] {element_type = bf16}
  // CHECK-NEXT: dyn.matmul %[[W]]
  %w = dyn.get_weight @left : !dyn.tensor<[2, 3], bf16>
  %0 = dyn.matmul %w, %x : (!dyn.tensor<[2, 3], bf16>, !dyn.tensor<[3, B], bf16>) -> !dyn.tensor<[2, B], bf16>
  return %0 : !dyn.tensor<[2, B], bf16>
}

// The columns of the transposed are the rows of the weight.
// CHECK-LABEL: func.func @transposed
func.func @transposed(%x: !dyn.tensor<[B, 2], f32>) -> !dyn.tensor<[B, 3], f32> {
  // CHECK: dyn.mul {{.*}} (!dyn.tensor<[3, 2], f32>, !dyn.tensor<[3, 1], f32>)
  %w = dyn.get_weight @flipped : !dyn.tensor<[3, 2], f32>
  %t = dyn.transpose %w {permutation = array<i64: 1, 0>} : (!dyn.tensor<[3, 2], f32>) -> !dyn.tensor<[2, 3], f32>
  %0 = dyn.matmul %x, %t : (!dyn.tensor<[B, 2], f32>, !dyn.tensor<[2, 3], f32>) -> !dyn.tensor<[B, 3], f32>
  return %0 : !dyn.tensor<[B, 3], f32>
}

// Not a product alone; not one channel axis.
// CHECK-LABEL: func.func @left_alone
func.func @left_alone(%x: !dyn.tensor<[2, 3], f32>, %y: !dyn.tensor<[2, 2], f32>)
    -> (!dyn.tensor<[2, 3], f32>, !dyn.tensor<[2, 2], f32>) {
  // CHECK-NOT: dyn.convert
  %a = dyn.get_weight @added : !dyn.tensor<[2, 3], f32>
  %0 = dyn.add %x, %a : (!dyn.tensor<[2, 3], f32>, !dyn.tensor<[2, 3], f32>) -> !dyn.tensor<[2, 3], f32>
  %s = dyn.get_weight @sides : !dyn.tensor<[2, 2], f32>
  %1 = dyn.matmul %y, %s : (!dyn.tensor<[2, 2], f32>, !dyn.tensor<[2, 2], f32>) -> !dyn.tensor<[2, 2], f32>
  %2 = dyn.matmul %s, %1 : (!dyn.tensor<[2, 2], f32>, !dyn.tensor<[2, 2], f32>) -> !dyn.tensor<[2, 2], f32>
  return %0, %2 : !dyn.tensor<[2, 3], f32>, !dyn.tensor<[2, 2], f32>
}

{-# dialect_resources: { dyn: {
  right: "0x400000000000803F0000004000004040000080400000A0400000C040",
  left: "0x40000000803F0040404080400040C040",
  flipped: "0x400000000000803F0000004000004040000080400000A0400000E040",
  added: "0x400000000000803F0000004000004040000080400000A0400000C040",
  sides: "0x400000000000803F000000400000404000008040"
} } #-}
