// RUN: dyn-opt %s --split-input-file --dyn-pack-weights | FileCheck %s
// RUN: mlir-opt-22 %s --split-input-file --load-pass-plugin=%dyn_plugin --pass-pipeline='builtin.module(dyn-pack-weights)' | FileCheck %s

// Upstream's own lowering runs what comes out.
// RUN: mlir-opt-22 %s --split-input-file --load-pass-plugin=%dyn_plugin \
// RUN:   --pass-pipeline='builtin.module(dyn-pack-weights,one-shot-bufferize{bufferize-function-boundaries},func.func(convert-linalg-to-loops,lower-affine))' \
// RUN:   | FileCheck %s --check-prefix=LOOPS

// CHECK-DAG:   #[[LHS:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG:   #[[PANELS:.*]] = affine_map<(d0, d1, d2) -> ((d1 floordiv 16) mod 2, d1 floordiv 32, d2, d1 mod 16)>
// CHECK-DAG:   #[[OUT:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-LABEL: func @product(
// CHECK-SAME:    %[[X:.*]]: tensor<?x768xf32>,
// CHECK-SAME:    %[[W:.*]]: tensor<2x10x768x16xf32> {dyn.packed = affine_map<(d0, d1, d2, d3) -> (d2, d1 * 32 + d0 * 16 + d3)>, dyn.weight}
// CHECK:         linalg.generic {indexing_maps = [#[[LHS]], #[[PANELS]], #[[OUT]]]
// CHECK-SAME:      ins(%[[X]], %[[W]] : tensor<?x768xf32>, tensor<2x10x768x16xf32>)
// LOOPS-LABEL: func @product(
// LOOPS:         scf.for
// LOOPS:           memref.load %{{.*}} : memref<2x10x768x16xf32
func.func @product(%x: tensor<?x768xf32>, %w: tensor<768x300xf32> {dyn.weight}, %e: tensor<?x300xf32>) -> tensor<?x300xf32> {
  %p = linalg.matmul ins(%x, %w : tensor<?x768xf32>, tensor<768x300xf32>) outs(%e : tensor<?x300xf32>) -> tensor<?x300xf32>
  return %p : tensor<?x300xf32>
}

// -----

// Columns that are rows of the data have the same panels; a batch shares them; the payload stays.
// CHECK-LABEL: func @transposed(
// CHECK-SAME:    %{{.*}}: tensor<2x1x64x16xi8> {dyn.packed = affine_map<(d0, d1, d2, d3) -> (d1 * 32 + d0 * 16 + d3, d2)>, dyn.weight = @w}
// CHECK:         arith.extsi
// LOOPS-LABEL: func @transposed(
func.func @transposed(%x: tensor<4x?x64xi8>, %w: tensor<32x64xi8> {dyn.weight = @w}, %e: tensor<4x?x32xi32>) -> tensor<4x?x32xi32> {
  %p = linalg.contract
      indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (n, k)>,
                       affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%x, %w : tensor<4x?x64xi8>, tensor<32x64xi8>) outs(%e : tensor<4x?x32xi32>) -> tensor<4x?x32xi32>
  return %p : tensor<4x?x32xi32>
}

// -----

// Filters last in the result of a convolution: channels and taps are rows of panels.
// CHECK-DAG:   #[[FILTER:.*]] = affine_map<(d0, d1, d2, d3, d4) -> ((d2 floordiv 16) mod 2, d2 floordiv 32, d3, d4, d2 mod 16)>
// CHECK-LABEL: func @filters(
// CHECK-SAME:    %{{.*}}: tensor<2x2x4x3x16xf32> {dyn.packed = affine_map<(d0, d1, d2, d3, d4) -> (d1 * 32 + d0 * 16 + d4, d2, d3)>, dyn.weight}
// CHECK:         linalg.generic {indexing_maps = [#{{.*}}, #[[FILTER]], #{{.*}}]
// LOOPS-LABEL: func @filters(
func.func @filters(%x: tensor<?x4x?xf32>, %w: tensor<40x4x3xf32> {dyn.weight}, %e: tensor<?x?x40xf32>) -> tensor<?x?x40xf32> {
  %p = linalg.generic {
      indexing_maps = [affine_map<(n, s, f, c, k) -> (n, c, s * 2 + k)>, affine_map<(n, s, f, c, k) -> (f, c, k)>,
                       affine_map<(n, s, f, c, k) -> (n, s, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : tensor<?x4x?xf32>, tensor<40x4x3xf32>) outs(%e : tensor<?x?x40xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %sum, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<?x?x40xf32>
  return %p : tensor<?x?x40xf32>
}

// -----

// A weight that is read in three ways: as it is, and packed along either dimension.
// CHECK-LABEL: func @read_in_three_ways(
// CHECK-SAME:    %{{[^:]*}}: tensor<?x48xf32>,
// CHECK-SAME:    %[[W:[^:]*]]: tensor<48x48xf32> {dyn.weight},
// CHECK-SAME:    %{{[^:]*}}: tensor<2x2x48x16xf32> {dyn.packed = affine_map<(d0, d1, d2, d3) -> (d2, d1 * 32 + d0 * 16 + d3)>, dyn.weight},
// CHECK-SAME:    %{{[^:]*}}: tensor<2x2x48x16xf32> {dyn.packed = affine_map<(d0, d1, d2, d3) -> (d1 * 32 + d0 * 16 + d3, d2)>, dyn.weight}
// CHECK:         tensor.extract_slice %[[W]]
// LOOPS-LABEL: func @read_in_three_ways(
func.func @read_in_three_ways(%x: tensor<?x48xf32>, %w: tensor<48x48xf32> {dyn.weight}, %e: tensor<?x48xf32>)
    -> (tensor<?x48xf32>, tensor<1x48xf32>) {
  %row = tensor.extract_slice %w[3, 0] [1, 48] [1, 1] : tensor<48x48xf32> to tensor<1x48xf32>
  %p = linalg.matmul ins(%x, %w : tensor<?x48xf32>, tensor<48x48xf32>) outs(%e : tensor<?x48xf32>) -> tensor<?x48xf32>
  %q = linalg.matmul
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%p, %w : tensor<?x48xf32>, tensor<48x48xf32>) outs(%e : tensor<?x48xf32>) -> tensor<?x48xf32>
  return %q, %row : tensor<?x48xf32>, tensor<1x48xf32>
}

// -----

// Left as they are: too few columns, rows instead of columns, no weight, a function that is called.
// CHECK-LABEL: func @left_alone(
// CHECK-NOT:     dyn.packed
// CHECK-NOT:     linalg.generic
// LOOPS-LABEL: func @left_alone(
func.func @left_alone(%x: tensor<?x48xf32>, %narrow: tensor<48x15xf32> {dyn.weight}, %left: tensor<32x48xf32> {dyn.weight},
                      %plain: tensor<48x32xf32>, %e: tensor<?x15xf32>, %f: tensor<32x32xf32>)
    -> (tensor<?x15xf32>, tensor<32x32xf32>) {
  %p = linalg.matmul ins(%x, %narrow : tensor<?x48xf32>, tensor<48x15xf32>) outs(%e : tensor<?x15xf32>) -> tensor<?x15xf32>
  %q = linalg.matmul ins(%left, %plain : tensor<32x48xf32>, tensor<48x32xf32>) outs(%f : tensor<32x32xf32>) -> tensor<32x32xf32>
  %r = func.call @callee(%q, %plain) : (tensor<32x32xf32>, tensor<48x32xf32>) -> tensor<32x32xf32>
  return %p, %r : tensor<?x15xf32>, tensor<32x32xf32>
}
func.func private @callee(%x: tensor<32x32xf32>, %w: tensor<48x32xf32> {dyn.weight}) -> tensor<32x32xf32> {
  %q = linalg.matmul ins(%x, %x : tensor<32x32xf32>, tensor<32x32xf32>) outs(%x : tensor<32x32xf32>) -> tensor<32x32xf32>
  return %q : tensor<32x32xf32>
}
