// What each CPU gets.
// RUN: dyn-opt %s --split-input-file --dyn-decide="target=skylake-avx512" | FileCheck %s --check-prefixes=CHECK,SKYLAKE
// RUN: dyn-opt %s --split-input-file --dyn-decide="target=znver2" | FileCheck %s --check-prefixes=CHECK,ZEN2
// RUN: dyn-opt %s --split-input-file --dyn-decide="target=neoverse-n1" | FileCheck %s --check-prefixes=CHECK,NEOVERSE
// RUN: mlir-opt-22 %s --split-input-file --load-pass-plugin=%dyn_plugin --allow-unregistered-dialect \
// RUN:   --pass-pipeline='builtin.module(func.func(dyn-decide{target=znver2}))' | FileCheck %s --check-prefixes=CHECK,ZEN2

#lhs = affine_map<(m, n, k) -> (m, k)>
#panels = affine_map<(m, n, k) -> ((n floordiv 16) mod 2, n floordiv 32, k, n mod 16)>
#out = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: func @panels
// SKYLAKE:       dyn.lowering = {grain = 2 : i64, prefetch = 4096 : i64, prefetch_rows = 1 : i64, reduction_block = 1536 : i64, registers = array<i64: 14, 2>, tile = array<i64: 56, 32>, unroll = 1 : i64}
// ZEN2:          dyn.lowering = {grain = 2 : i64, prefetch = 8192 : i64, prefetch_rows = 1 : i64, reduction_block = 1536 : i64, registers = array<i64: 6, 2>, tile = array<i64: 24, 16>, unroll = 2 : i64}
// NEOVERSE:      dyn.lowering = {grain = 2 : i64, prefetch = 8192 : i64, prefetch_rows = 1 : i64, reduction_block = 3072 : i64, registers = array<i64: 5, 4>, tile = array<i64: 20, 16>, unroll = 4 : i64}
func.func @panels(%a: tensor<?x768xf32>, %b: tensor<2x24x768x16xf32>, %c: tensor<?x768xf32>) -> tensor<?x768xf32> {
  %0 = linalg.generic {indexing_maps = [#lhs, #panels, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<?x768xf32>, tensor<2x24x768x16xf32>) outs(%c : tensor<?x768xf32>) {
  ^bb0(%x: f32, %y: f32, %sum: f32):
    %1 = arith.mulf %x, %y : f32
    %2 = arith.addf %sum, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<?x768xf32>
  return %0 : tensor<?x768xf32>
}

// -----

// Columns that are far apart: vectors run along the reduction, if it is not short.
// CHECK-LABEL: func @transposed
// SKYLAKE:       dyn.lowering = {grain = 1 : i64, prefetch = 0 : i64, prefetch_rows = 1 : i64, reduction_block = 0 : i64, registers = array<i64: 6, 4>, tile = array<i64: 64, 128>, transpose = 128 : i64, unroll = 1 : i64}
// ZEN2:          registers = array<i64: 2, 4>, tile = array<i64: 64, 64>, transpose = 128 : i64
// NEOVERSE:      registers = array<i64: 4, 4>, tile = array<i64: 64, 64>, transpose = 128 : i64
func.func @transposed(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.matmul
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// Few rows in wide blocks, half a kilobyte of a row of the right-hand side.
// CHECK-LABEL: func @plain
// SKYLAKE:       prefetch = 1024 : i64, prefetch_rows = 1 : i64, reduction_block = 0 : i64, registers = array<i64: 14, 2>, tile = array<i64: 56, 128>, unroll = 1 : i64, wide = array<i64: 8, 8, 4, 4, 4, 4>
// ZEN2:          prefetch = 2048 : i64, prefetch_rows = 1 : i64, reduction_block = 0 : i64, registers = array<i64: 6, 2>, tile = array<i64: 24, 64>, unroll = 1 : i64, wide = array<i64: 8, 4>
// NEOVERSE:      prefetch = 2048 : i64, prefetch_rows = 1 : i64, reduction_block = 0 : i64, registers = array<i64: 5, 4>, tile = array<i64: 20, 64>, unroll = 1 : i64, wide = array<i64: 16, 8>
func.func @plain(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// What a user wrote stays.
// CHECK-LABEL: func @overridden
// CHECK:         grain = 3 : i64
// CHECK-SAME:    registers = array<i64: 2, 1>
// SKYLAKE-SAME:  tile = array<i64: 56, 128>
// CHECK-NOT:     {{transpose|wide}}
// CHECK:         linalg.add
// SKYLAKE-SAME:  dyn.lowering = {stream = 67108864 : i64}
// ZEN2-SAME:     dyn.lowering = {stream = 33554432 : i64}
// NEOVERSE-SAME: dyn.lowering = {stream = 0 : i64}
// CHECK:         linalg.sub
// CHECK-SAME:    dyn.lowering = {stream = 4096 : i64}
// CHECK-NOT:     dyn.lowering
func.func @overridden(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = linalg.matmul {dyn.lowering = {registers = array<i64: 2, 1>, grain = 3}}
      ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = linalg.add ins(%0, %0 : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = linalg.sub {dyn.lowering = {stream = 4096}}
      ins(%1, %0 : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  %3 = linalg.fill ins(%zero : f32) outs(%2 : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %3 : tensor<?x?xf32>
}
