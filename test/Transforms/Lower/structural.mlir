// RUN: dyn-opt %s --dyn-lower-to-linalg --split-input-file | FileCheck %s

// Groups of dimensions whose products are the same polynomial.

// CHECK-LABEL: func.func @regroup(
// CHECK-NOT: dyn_rt_fail
// CHECK: %[[C:.*]] = tensor.collapse_shape %arg0 {{\[\[}}0], [1, 2], [3]] : tensor<?x?x3x4xf32> into tensor<?x?x4xf32>
// CHECK-NEXT: tensor.expand_shape %[[C]] {{\[\[}}0], [1], [2, 3]] output_shape [%{{.*}}, %{{.*}}, 2, 2]
func.func @regroup(%x: !dyn.tensor<[B, S, 3, 4], f32>) -> !dyn.tensor<[B, 3 * S, 2, 2], f32> {
  %s = dyn.constant #dyn.dims<[B, 3 * S, 2, 2]> as !dyn.tensor<[4], i64>
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[B, S, 3, 4], f32>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[B, 3 * S, 2, 2], f32>
  return %0 : !dyn.tensor<[B, 3 * S, 2, 2], f32>
}

// -----

// What only the run can tell is checked, and only that group goes through one dimension.

// CHECK: dyn.messages = ["dyn.reshape: reshapes {0} elements to {1}"]
// CHECK-LABEL: func.func @checked(
// CHECK: func.call @dyn_rt_fail(
// CHECK: tensor.collapse_shape %arg0 {{\[\[}}0], [1, 2]]
// CHECK: tensor.expand_shape {{.*}} {{\[\[}}0], [1, 2]]
func.func @checked(%x: !dyn.tensor<[B, S, 6], f32>, %y: !dyn.tensor<[T], f32>) -> !dyn.tensor<[B, T, 4], f32> {
  %s = dyn.constant #dyn.dims<[B, T, 4]> as !dyn.tensor<[3], i64>
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[B, S, 6], f32>, !dyn.tensor<[3], i64>) -> !dyn.tensor<[B, T, 4], f32>
  return %0 : !dyn.tensor<[B, T, 4], f32>
}

// -----

// CHECK-LABEL: func.func @slice(
// CHECK: %[[S:.*]] = tensor.dim %arg0
// CHECK: %[[LENGTH:.*]] = arith.minsi %[[S]], %{{.*}}
// CHECK: tensor.extract_slice %arg1[0, 0] [1, %[[LENGTH]]] [1, 1] : tensor<1x512xi64> to tensor<1x?xi64>
// CHECK-NOT: tensor.extract
func.func @slice(%ids: !dyn.tensor<[S], i64>, %positions: !dyn.tensor<[1, 512], i64>) -> !dyn.tensor<[1, min(S, 512)], i64> {
  %zero = dyn.constant dense<0> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %one = dyn.constant dense<1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %s = dyn.constant #dyn.dims<[S]> as !dyn.tensor<[1], i64>
  %0 = dyn.slice %positions, %zero, %s, %one {axes = array<i64: 1>} : (!dyn.tensor<[1, 512], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[1, min(S, 512)], i64>
  return %0 : !dyn.tensor<[1, min(S, 512)], i64>
}

// -----

// CHECK-LABEL: func.func @concat(
// CHECK: %[[INIT:.*]] = tensor.empty(%{{.*}}, %{{.*}}) : tensor<?x?xf32>
// CHECK: %[[A:.*]] = tensor.insert_slice %arg0 into %[[INIT]][0, 0] [%{{.*}}, %[[P:.*]]] [1, 1]
// CHECK: tensor.insert_slice %arg1 into %[[A]][0, %[[P]]]
func.func @concat(%x: !dyn.tensor<[B, P], f32>, %y: !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, P + S], f32> {
  %0 = dyn.concat %x, %y {axis = 1} : (!dyn.tensor<[B, P], f32>, !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, P + S], f32>
  return %0 : !dyn.tensor<[B, P + S], f32>
}

// -----

// Repeats are loops of their own; no division finds the element.

// CHECK-LABEL: func.func @tile(
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel"]
// CHECK-NOT: arith.rem
// CHECK: tensor.collapse_shape {{.*}} {{\[\[}}0, 1], [2]]
func.func @tile(%x: !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[3 * B, S], f32> {
  %r = dyn.constant dense<[3, 1]> : tensor<2xi64> as !dyn.tensor<[2], i64>
  %0 = dyn.tile %x, %r : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[3 * B, S], f32>
  return %0 : !dyn.tensor<[3 * B, S], f32>
}
