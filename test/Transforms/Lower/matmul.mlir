// RUN: dyn-opt %s --dyn-lower-to-linalg --split-input-file | FileCheck %s

// All dimensions but the last are rows of one product.

// CHECK-LABEL: func.func @rows(
// CHECK-DAG: %[[B:.*]] = tensor.dim %arg0, %c0
// CHECK-DAG: %[[S:.*]] = tensor.dim %arg0, %c1
// CHECK-DAG: %[[M:.*]] = arith.muli %[[B]], %[[S]]
// CHECK: %[[X:.*]] = tensor.collapse_shape %arg0 {{\[\[}}0, 1], [2]] : tensor<?x?x768xf32> into tensor<?x768xf32>
// CHECK: %[[INIT:.*]] = tensor.empty(%[[M]]) : tensor<?x64xf32>
// CHECK: %[[ZERO:.*]] = linalg.fill {{.*}} outs(%[[INIT]]
// CHECK: %[[P:.*]] = linalg.matmul ins(%[[X]], %arg1 {{.*}} outs(%[[ZERO]]
// CHECK: tensor.expand_shape %[[P]] {{\[\[}}0, 1], [2]] output_shape [%[[B]], %[[S]], 64]
func.func @rows(%x: !dyn.tensor<[B, S, 768], f32>, %w: !dyn.tensor<[768, 64], f32>) -> !dyn.tensor<[B, S, 64], f32> {
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[768, 64], f32>) -> !dyn.tensor<[B, S, 64], f32>
  return %0 : !dyn.tensor<[B, S, 64], f32>
}

// -----

// Batches that pair up are one.

// CHECK-LABEL: func.func @heads(
// CHECK: tensor.collapse_shape %arg0 {{\[\[}}0, 1], [2], [3]]
// CHECK: tensor.collapse_shape %arg1 {{\[\[}}0, 1], [2], [3]]
// CHECK: linalg.batch_matmul
// CHECK: tensor.expand_shape {{.*}} {{\[\[}}0, 1], [2], [3]]
func.func @heads(%q: !dyn.tensor<[B, 12, S, 64], f32>, %k: !dyn.tensor<[B, 12, 64, S], f32>) -> !dyn.tensor<[B, 12, S, S], f32> {
  %0 = dyn.matmul %q, %k : (!dyn.tensor<[B, 12, S, 64], f32>, !dyn.tensor<[B, 12, 64, S], f32>) -> !dyn.tensor<[B, 12, S, S], f32>
  return %0 : !dyn.tensor<[B, 12, S, S], f32>
}

// -----

// A batch of one side alone is not repeated in memory.

// CHECK-DAG: #[[LHS:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2, d4)>
// CHECK-DAG: #[[RHS:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d4, d3)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>
// CHECK-LABEL: func.func @cross(
// CHECK-NOT: linalg.generic
// CHECK: linalg.contract indexing_maps = [#[[LHS]], #[[RHS]], #[[OUT]]]
func.func @cross(%x: !dyn.tensor<[B, 1, M, 8], f32>, %y: !dyn.tensor<[1, H, 8, N], f32>) -> !dyn.tensor<[B, H, M, N], f32> {
  %0 = dyn.matmul %x, %y : (!dyn.tensor<[B, 1, M, 8], f32>, !dyn.tensor<[1, H, 8, N], f32>) -> !dyn.tensor<[B, H, M, N], f32>
  return %0 : !dyn.tensor<[B, H, M, N], f32>
}

// -----

// f16 and bf16 accumulate in f32.

// CHECK-LABEL: func.func @half(
// CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<?x8xbf16>, tensor<8x4xbf16>) outs(%{{.*}} : tensor<?x4xf32>)
// CHECK: arith.truncf {{.*}} : f32 to bf16
func.func @half(%x: !dyn.tensor<[M, 8], bf16>, %w: !dyn.tensor<[8, 4], bf16>) -> !dyn.tensor<[M, 4], bf16> {
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[M, 8], bf16>, !dyn.tensor<[8, 4], bf16>) -> !dyn.tensor<[M, 4], bf16>
  return %0 : !dyn.tensor<[M, 4], bf16>
}

// -----

// What one check has proven holds from there on.

// CHECK: dyn.messages = ["dyn.matmul: contracts {0} with {1}"]
// CHECK-LABEL: func.func @once(
// CHECK-COUNT-1: func.call @dyn_rt_fail(
// CHECK-NOT: func.call
func.func @once(%x: !dyn.tensor<[M, K], f32>, %y: !dyn.tensor<[J, N], f32>) -> !dyn.tensor<[M, N], f32> {
  %0 = dyn.matmul %x, %y : (!dyn.tensor<[M, K], f32>, !dyn.tensor<[J, N], f32>) -> !dyn.tensor<[M, N], f32>
  %1 = dyn.exp %x : (!dyn.tensor<[M, K], f32>) -> !dyn.tensor<[M, K], f32>
  %2 = dyn.matmul %1, %y : (!dyn.tensor<[M, K], f32>, !dyn.tensor<[J, N], f32>) -> !dyn.tensor<[M, N], f32>
  %3 = dyn.add %0, %2 : (!dyn.tensor<[M, N], f32>, !dyn.tensor<[M, N], f32>) -> !dyn.tensor<[M, N], f32>
  return %3 : !dyn.tensor<[M, N], f32>
}
