// RUN: dyn-opt %s --split-input-file --dyn-tile="target=znver2" | FileCheck %s
// RUN: mlir-opt-22 %s --split-input-file --load-pass-plugin=%dyn_plugin --pass-pipeline='builtin.module(dyn-tile{target=znver2})' | FileCheck %s
// RUN: not dyn-opt %s --split-input-file --dyn-tile="target=z80" 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: error: unknown target 'z80', expects one of: skylake-avx512, znver2, neoverse-n1

// A contraction, its fill and its epilogue in one tile, in place.
// CHECK-LABEL: func @matmul_bias
// CHECK:         arith.maxui
// CHECK:         %[[ROWS:.*]] = arith.maxui
// CHECK:         scf.forall (%[[J:.*]], %[[I:.*]]) = (0, 0) to (768, %{{.*}}) step (64, %[[ROWS]]) shared_outs(%[[OUT:.*]] = %{{.*}})
// CHECK:           %[[SLICE:.*]] = tensor.extract_slice %[[OUT]][%[[I]], %[[J]]]
// CHECK:           %[[FILL:.*]] = linalg.fill {{.*}} outs(%[[SLICE]]
// CHECK:           %[[PRODUCT:.*]] = linalg.matmul {{.*}} outs(%[[FILL]]
// CHECK:           linalg.generic {{.*}} ins(%[[PRODUCT]], {{.*}} outs(%[[PRODUCT]]
// CHECK:           tensor.parallel_insert_slice
// CHECK-NOT:     linalg
func.func @matmul_bias(%a: tensor<?x300xf32>, %b: tensor<300x768xf32>, %bias: tensor<768xf32>) -> tensor<?x768xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %a, %c0 : tensor<?x300xf32>
  %empty = tensor.empty(%m) : tensor<?x768xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x768xf32>) -> tensor<?x768xf32>
  %product = linalg.matmul ins(%a, %b : tensor<?x300xf32>, tensor<300x768xf32>)
    outs(%fill : tensor<?x768xf32>) -> tensor<?x768xf32>
  %sum = linalg.generic {
      indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%product, %bias : tensor<?x768xf32>, tensor<768xf32>) outs(%empty : tensor<?x768xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %z = arith.addf %x, %y : f32
    linalg.yield %z : f32
  } -> tensor<?x768xf32>
  return %sum : tensor<?x768xf32>
}

// -----

// A row at a time: what the row's ops hand on stays in the row of the result.
// CHECK-LABEL: func @shifted_by_maximum
// CHECK:         scf.forall (%[[I:.*]]) in (%{{.*}}) shared_outs(%[[OUT:.*]] =
// CHECK-DAG:       %[[ROW:.*]] = tensor.extract_slice %[[OUT]][%[[I]], 0] [1,
// CHECK:           %[[SQUARE:.*]] = linalg.generic {{.*}} outs(%[[ROW]]
// CHECK:           %[[MAX:.*]] = linalg.generic {{.*}} ins(%[[SQUARE]]
// CHECK:           linalg.generic {{.*}} ins(%[[SQUARE]], %[[MAX]] {{.*}} outs(%[[SQUARE]]
// CHECK:         scf.forall.in_parallel
// CHECK-NOT:     scf.forall
#all = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
func.func @shifted_by_maximum(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %low = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x?xf32>
  %n = tensor.dim %x, %c1 : tensor<?x?xf32>
  %empty = tensor.empty(%m, %n) : tensor<?x?xf32>
  %square = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x?xf32>) outs(%empty : tensor<?x?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  } -> tensor<?x?xf32>
  %rows = tensor.empty(%m) : tensor<?xf32>
  %fill = linalg.fill ins(%low : f32) outs(%rows : tensor<?xf32>) -> tensor<?xf32>
  %max = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%square : tensor<?x?xf32>) outs(%fill : tensor<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<?xf32>
  %shifted = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%square, %max : tensor<?x?xf32>, tensor<?xf32>) outs(%empty : tensor<?x?xf32>) {
  ^bb0(%in: f32, %most: f32, %out: f32):
    %0 = arith.subf %in, %most : f32
    linalg.yield %0 : f32
  } -> tensor<?x?xf32>
  return %shifted : tensor<?x?xf32>
}

// -----

// Tiles that share nothing of a padded input pad their own part of it, in whole vectors.
// CHECK-LABEL: func @padded_depthwise
// CHECK-NOT:     tensor.pad
// CHECK:         scf.forall (%{{.*}}, %{{.*}}, %[[J:.*]]) = (0, 0, 0) to (1, 6, %{{.*}}) step (1, 1, 1024)
// CHECK:           %[[PART:.*]] = tensor.empty() : tensor<1x1x1032xf32>
// CHECK:           %[[PADDED:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[PART]])
// CHECK:             vector.transfer_read %arg0{{.*}} {in_bounds = [true]} : tensor<1x6x?xf32>, vector<8xf32>
// CHECK:             vector.transfer_read %arg0{{.*}}, %{{.*}} {in_bounds = [true]} : tensor<1x6x?xf32>, vector<8xf32>
// CHECK:             vector.transfer_write {{.*}} {in_bounds = [true]}
// CHECK:           %[[READ:.*]] = tensor.extract_slice %[[PADDED]]
// CHECK:           linalg.generic {{.*}} ins(%[[READ]],
func.func @padded_depthwise(%x: tensor<1x6x?xf32>, %w: tensor<6x3xf32>) -> tensor<1x6x?xf32> {
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %size = tensor.dim %x, %c2 : tensor<1x6x?xf32>
  %padded = tensor.pad %x low[0, 0, 1] high[0, 0, 1] {
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %zero : f32
  } : tensor<1x6x?xf32> to tensor<1x6x?xf32>
  %empty = tensor.empty(%size) : tensor<1x6x?xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x6x?xf32>) -> tensor<1x6x?xf32>
  %sums = linalg.generic {
      indexing_maps = [affine_map<(n, c, i, k) -> (n, c, i + k)>, affine_map<(n, c, i, k) -> (c, k)>,
                       affine_map<(n, c, i, k) -> (n, c, i)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%padded, %w : tensor<1x6x?xf32>, tensor<6x3xf32>) outs(%fill : tensor<1x6x?xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  } -> tensor<1x6x?xf32>
  return %sums : tensor<1x6x?xf32>
}

// -----

// Other padding is written as a whole, in parallel over what is not padded.
// CHECK-LABEL: func @padded
// CHECK:         scf.forall (%[[I:.*]]) in (%{{.*}}) shared_outs(%[[OUT:.*]] = %{{.*}})
// CHECK:           tensor.extract_slice %[[OUT]][%[[I]], 0, 0] [1,
// CHECK:           vector.transfer_write {{.*}} : vector<8xf32>, tensor<1x?x?xf32>
// CHECK-NOT:     tensor.pad
func.func @padded(%x: tensor<?x?x?xf32>, %value: f32) -> tensor<?x?x?xf32> {
  %padded = tensor.pad %x low[0, 1, 2] high[0, 0, 3] {
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %value : f32
  } : tensor<?x?x?xf32> to tensor<?x?x?xf32>
  return %padded : tensor<?x?x?xf32>
}
