// RUN: dyn-opt %s --dyn-lower-to-linalg --split-input-file | FileCheck %s

// Maximum, exponentials, sum, quotient: each a plain loop nest in the input's order.

// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func.func @softmax(
// CHECK: %[[LEAST:.*]] = arith.constant 0xFF800000 : f32
// CHECK: linalg.fill ins(%[[LEAST]]
// CHECK: %[[MAX:.*]] = linalg.generic {indexing_maps = [#[[ALL]], #[[ROW]]], iterator_types = ["parallel", "reduction"]}
// CHECK: arith.maximumf
// CHECK: %[[EXP:.*]] = linalg.generic {indexing_maps = [#[[ALL]], #[[ROW]], #[[ALL]]]{{.*}}} ins(%arg0, %[[MAX]]
// CHECK: math.exp
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[EXP]]
// CHECK: arith.addf
// CHECK: linalg.generic {{.*}} ins(%[[EXP]], %[[SUM]]
// CHECK: arith.divf
func.func @softmax(%x: !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32> {
  %0 = dyn.softmax %x {axis = 1 : i64} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32>
  return %0 : !dyn.tensor<[B, S], f32>
}

// -----

// The kept dimension of 1 of the mean is gone again in the loops that read it.

// CHECK-LABEL: func.func @center(
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]
// CHECK: %[[MEAN:.*]] = linalg.generic {{.*}} ins(%[[SUM]] : tensor<?xf32>)
// CHECK: arith.divf
// CHECK-NOT: collapse_shape
// CHECK: linalg.generic {{.*}} ins(%arg0, %[[MEAN]] : tensor<?x?xf32>, tensor<?xf32>)
func.func @center(%x: !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32> {
  %0 = dyn.reduce_mean %x {axes = array<i64: 1>, keep_dims = true} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, 1], f32>
  %1 = dyn.sub %x, %0 : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[B, 1], f32>) -> !dyn.tensor<[B, S], f32>
  return %1 : !dyn.tensor<[B, S], f32>
}

// -----

// CHECK-LABEL: func.func @layer_norm(
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel"]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: math.sqrt
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg0, %{{.*}}, %{{.*}}, %arg1, %arg2
func.func @layer_norm(%x: !dyn.tensor<[B, S, 768], f32>, %s: !dyn.tensor<[768], f32>, %b: !dyn.tensor<[768], f32>) -> !dyn.tensor<[B, S, 768], f32> {
  %0 = dyn.layer_norm %x, %s, %b {axis = 2 : i64, epsilon = 1.0e-12 : f64} : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[768], f32>, !dyn.tensor<[768], f32>) -> !dyn.tensor<[B, S, 768], f32>
  return %0 : !dyn.tensor<[B, S, 768], f32>
}

// -----

// CHECK-LABEL: func.func @half(
// CHECK: linalg.generic {{.*}} ins(%arg0 : tensor<?xf16>) outs(%{{.*}} : tensor<f32>)
// CHECK: arith.extf
// CHECK: arith.addf {{.*}} : f32
// CHECK: arith.truncf
func.func @half(%x: !dyn.tensor<[N], f16>) -> !dyn.tensor<[], f16> {
  %0 = dyn.reduce_sum %x {axes = array<i64: 0>, keep_dims = false} : (!dyn.tensor<[N], f16>) -> !dyn.tensor<[], f16>
  return %0 : !dyn.tensor<[], f16>
}
