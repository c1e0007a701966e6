// RUN: dyn-opt %s --dyn-lower-to-linalg --split-input-file | FileCheck %s

// Filters that are no weight are rows, places side by side are columns, and the sum goes over channels and taps.

// CHECK-DAG: #[[INPUT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d2 + d4 * 2)>
// CHECK-DAG: #[[FILTER:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d3, d4)>
// CHECK-DAG: #[[RESULT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>
// CHECK-LABEL: func.func @line(
// CHECK: linalg.generic {indexing_maps = [#[[INPUT]], #[[FILTER]], #[[RESULT]]],
// CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%arg0, %arg1
func.func @line(%x: !dyn.tensor<[B, 4, S], f32>, %w: !dyn.tensor<[6, 4, 3], f32>) -> !dyn.tensor<[B, 6, S - 4], f32> {
  %0 = dyn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 2>, groups = 1 : i64} : (!dyn.tensor<[B, 4, S], f32>, !dyn.tensor<[6, 4, 3], f32>) -> !dyn.tensor<[B, 6, S - 4], f32>
  return %0 : !dyn.tensor<[B, 6, S - 4], f32>
}

// -----

// A long stride along the lanes: what each tap meets is put side by side first. Along other dimensions it needs no copy.

// CHECK-DAG: #[[PLACES:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d4 * 5 + d3)>
// CHECK-DAG: #[[TAPS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 * 3 + d5, d6, d3)>
// CHECK-LABEL: func.func @plane(
// CHECK: %[[SIDE_BY_SIDE:.*]] = linalg.generic {indexing_maps = [#[[PLACES]], {{.*}}]{{.*}}} ins(%arg0
// CHECK: linalg.generic {indexing_maps = [#[[TAPS]], {{.*}} ins(%[[SIDE_BY_SIDE]], %arg1
func.func @plane(%x: !dyn.tensor<[1, 4, H, W], f32>, %w: !dyn.tensor<[6, 4, 3, 3], f32>) -> !dyn.tensor<[1, 6, ?, ?], f32> {
  %0 = dyn.conv %x, %w {strides = array<i64: 3, 5>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (!dyn.tensor<[1, 4, H, W], f32>, !dyn.tensor<[6, 4, 3, 3], f32>) -> !dyn.tensor<[1, 6, ?, ?], f32>
  return %0 : !dyn.tensor<[1, 6, ?, ?], f32>
}

// -----

// Neither does a short one.

// CHECK-DAG: #[[INPUT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 * 2 + d3)>
// CHECK-LABEL: func.func @short_stride(
// CHECK: linalg.generic {indexing_maps = [#[[INPUT]], {{.*}} ins(%arg0,
func.func @short_stride(%x: !dyn.tensor<[B, 6, S], f32>, %w: !dyn.tensor<[6, 1, 3], f32>) -> !dyn.tensor<[B, 6, ?], f32> {
  %0 = dyn.conv %x, %w {strides = array<i64: 2>, dilations = array<i64: 1>, groups = 6 : i64} : (!dyn.tensor<[B, 6, S], f32>, !dyn.tensor<[6, 1, 3], f32>) -> !dyn.tensor<[B, 6, ?], f32>
  return %0 : !dyn.tensor<[B, 6, ?], f32>
}

// -----

// A filter of one tap is a product over all places.

// CHECK-DAG: #[[INPUT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>
// CHECK-DAG: #[[FILTER:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-LABEL: func.func @point(
// CHECK-DAG: %[[X:.*]] = tensor.collapse_shape %arg0 {{\[\[}}0], [1], [2, 3]]
// CHECK-DAG: %[[W:.*]] = tensor.collapse_shape %arg1 {{\[\[}}0], [1, 2, 3]]
// CHECK: linalg.generic {indexing_maps = [#[[INPUT]], #[[FILTER]], {{.*}} ins(%[[X]], %[[W]]
func.func @point(%x: !dyn.tensor<[B, 4, H, W], f32>, %w: !dyn.tensor<[6, 4, 1, 1], f32>) -> !dyn.tensor<[B, 6, H, W], f32> {
  %0 = dyn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (!dyn.tensor<[B, 4, H, W], f32>, !dyn.tensor<[6, 4, 1, 1], f32>) -> !dyn.tensor<[B, 6, H, W], f32>
  return %0 : !dyn.tensor<[B, 6, H, W], f32>
}

// -----

// Groups are a loop of their own; with one channel and one filter each there are no loops over those.

// CHECK-DAG: #[[INPUT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 + d3)>
// CHECK-DAG: #[[FILTER:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-LABEL: func.func @depthwise(
// CHECK: linalg.generic {indexing_maps = [#[[INPUT]], #[[FILTER]], {{.*}} ins(%arg0,
func.func @depthwise(%x: !dyn.tensor<[B, 6, S], f32>, %w: !dyn.tensor<[6, 1, 3], f32>) -> !dyn.tensor<[B, 6, S - 2], f32> {
  %0 = dyn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 6 : i64} : (!dyn.tensor<[B, 6, S], f32>, !dyn.tensor<[6, 1, 3], f32>) -> !dyn.tensor<[B, 6, S - 2], f32>
  return %0 : !dyn.tensor<[B, 6, S - 2], f32>
}

// -----

// Filters that are a weight are columns, last in the result, which is transposed. A stride along places needs no copy.

// CHECK-DAG: #[[INPUT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d1 * 2 + d4)>
// CHECK-DAG: #[[FILTER:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d3, d4)>
// CHECK-DAG: #[[RESULT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>
// CHECK-DAG: #[[TURNED:.*]] = affine_map<(d0, d1, d2) -> (d0, d2, d1)>
// CHECK-LABEL: func.func @columns(
// CHECK: %[[SUMS:.*]] = linalg.generic {indexing_maps = [#[[INPUT]], #[[FILTER]], #[[RESULT]]],{{.*}} ins(%arg0, %arg1
// CHECK: linalg.generic {indexing_maps = [#[[TURNED]], {{.*}} ins(%[[SUMS]]
dyn.weight @w : !dyn.tensor<[16, 4, 3], f32> = #dyn.absent
func.func @columns(%x: !dyn.tensor<[B, 4, S], f32>) -> !dyn.tensor<[B, 16, (S - 3) floordiv 2 + 1], f32> {
  %w = dyn.get_weight @w : !dyn.tensor<[16, 4, 3], f32>
  %0 = dyn.conv %x, %w {strides = array<i64: 2>, dilations = array<i64: 1>, groups = 1 : i64} : (!dyn.tensor<[B, 4, S], f32>, !dyn.tensor<[16, 4, 3], f32>) -> !dyn.tensor<[B, 16, (S - 3) floordiv 2 + 1], f32>
  return %0 : !dyn.tensor<[B, 16, (S - 3) floordiv 2 + 1], f32>
}
