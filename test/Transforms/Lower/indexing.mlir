// RUN: dyn-opt %s --dyn-lower-to-linalg --split-input-file | FileCheck %s

// Indices are looked at before the loops, which read clamped ones and have no side effect.

// CHECK: dyn.messages = ["node 'embed': index {0} is out of range for an axis of size {1}"]
// CHECK-LABEL: func.func @embed(
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction", "reduction"]
// CHECK: arith.minsi
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction", "reduction"]
// CHECK: arith.maxsi
// CHECK: func.call @dyn_rt_report(
// CHECK: %[[SAFE:.*]] = linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel"]} ins(%[[SAFE]]
// CHECK-NEXT: ^bb0(%[[I:.*]]: i64,
// CHECK-NEXT: %[[ROW:.*]] = arith.index_cast %[[I]]
// CHECK-NEXT: %[[COLUMN:.*]] = linalg.index 2
// CHECK-NEXT: tensor.extract %arg0[%[[ROW]], %[[COLUMN]]]
func.func @embed(%table: !dyn.tensor<[100, 8], f32>, %ids: !dyn.tensor<[B, S], i64>) -> !dyn.tensor<[B, S, 8], f32> {
  %0 = dyn.gather %table, %ids {axis = 0} : (!dyn.tensor<[100, 8], f32>, !dyn.tensor<[B, S], i64>) -> !dyn.tensor<[B, S, 8], f32> loc("embed")
  return %0 : !dyn.tensor<[B, S, 8], f32>
}

// -----

// On an axis that may be empty there is no element to read instead: the run ends.

// CHECK-LABEL: func.func @may_be_empty(
// CHECK-NOT: @dyn_rt_report
// CHECK: func.call @dyn_rt_fail(
func.func @may_be_empty(%x: !dyn.tensor<[N], f32>, %i: !dyn.tensor<[M], i64>) -> !dyn.tensor<[M], f32> {
  %0 = dyn.gather %x, %i {axis = 0} : (!dyn.tensor<[N], f32>, !dyn.tensor<[M], i64>) -> !dyn.tensor<[M], f32>
  return %0 : !dyn.tensor<[M], f32>
}

// -----

// One constant index is a view, and needs no check where it is in range of every size.

// CHECK-LABEL: func.func @first(
// CHECK-NOT: func.call
// CHECK: tensor.extract_slice %arg0[0, 0, 0] [%{{.*}}, 1, 8] [1, 1, 1] : tensor<?x?x8xf32> to tensor<?x8xf32>
func.func @first(%x: !dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, 8], f32>
    attributes {dyn.symbols = {S = #dyn.symbol<1>}} {
  %zero = dyn.constant dense<0> : tensor<i64> as !dyn.tensor<[], i64>
  %0 = dyn.gather %x, %zero {axis = 1} : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[], i64>) -> !dyn.tensor<[B, 8], f32>
  return %0 : !dyn.tensor<[B, 8], f32>
}

// -----

// Constants in range need no check.

// CHECK-LABEL: func.func @constant(
// CHECK-NOT: func.call
// CHECK: tensor.extract
// CHECK-NOT: func.call
func.func @constant(%x: !dyn.tensor<[5], f32>) -> !dyn.tensor<[2], f32> {
  %i = dyn.constant dense<[4, -5]> : tensor<2xi64> as !dyn.tensor<[2], i64>
  %0 = dyn.gather %x, %i {axis = 0} : (!dyn.tensor<[5], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[2], f32>
  return %0 : !dyn.tensor<[2], f32>
}

// -----

// Values of sizes stay sizes on their way through shape arithmetic: no element is read back.

// CHECK-LABEL: func.func @shape_arithmetic(
// CHECK-NOT: tensor.extract
// CHECK: tensor.expand_shape %arg0
func.func @shape_arithmetic(%x: !dyn.tensor<[N], f32>, %y: !dyn.tensor<[?, 4], f32>) -> !dyn.tensor<[?, ?], f32> {
  %s = dyn.shape_of %y {start = 0, end = 2} : (!dyn.tensor<[?, 4], f32>) -> !dyn.tensor<[2], i64>
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[N], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[?, ?], f32>
  return %0 : !dyn.tensor<[?, ?], f32>
}
