// Short sums over columns that are far apart: the length of the sum chooses the form.
// RUN: dyn-opt %s --split-input-file --dyn-vectorize="target=skylake-avx512" | FileCheck %s --check-prefixes=CHECK,SKYLAKE
// RUN: dyn-opt %s --split-input-file --dyn-vectorize="target=znver2" | FileCheck %s --check-prefixes=CHECK,ZEN2
// RUN: dyn-opt %s --split-input-file --dyn-vectorize="target=neoverse-n1" | FileCheck %s --check-prefixes=CHECK,NEOVERSE
// RUN: dyn-opt %s --split-input-file --dyn-vectorize="target=skylake-avx512" --dyn-verify-no-specialization -o /dev/null

#maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]

// Blocks of half of the registers, which one row after the other passes by. Sums rest in memory of the function's own.
// CHECK-LABEL: func @by_length
// SKYLAKE:       memref.alloca() {alignment = 64 : i64} : memref<64x32xf32>
// ZEN2:          memref.alloca() {alignment = 64 : i64} : memref<64x16xf32>
// NEOVERSE:      memref.alloca() {alignment = 64 : i64} : memref<64x16xf32>
// CHECK:         arith.cmpi ule, %{{.*}}, %c100{{.*}} {dyn.tile_sizes = array<i64: 100>}
// CHECK:         scf.if
// CHECK:           scf.for {{.*}} step %c64
// CHECK:             scf.for
// CHECK:               scf.for
// SKYLAKE-COUNT-32:    vector.load {{.*}} vector<8xf32>
// ZEN2-COUNT-16:       vector.load {{.*}} vector<4xf32>
// NEOVERSE-COUNT-16:   vector.load {{.*}} vector<4xf32>
// CHECK:               scf.for
// NEOVERSE:              vector.load {{.*}} vector<4xf32>
// SKYLAKE-COUNT-16:      math.fma {{.*}} vector<16xf32>
// ZEN2-COUNT-8:          math.fma {{.*}} vector<8xf32>
// NEOVERSE-COUNT-16:     math.fma {{.*}} vector<4xf32>
// CHECK-NOT:             math.fma
// The last steps are masked.
// CHECK:               vector.maskedload
// CHECK:         } else {
// CHECK:           math.fma
func.func @by_length(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  linalg.matmul indexing_maps = #maps {dyn.lowering = {transpose = 100}}
      ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}

// -----

#maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]

// A known length leaves one form.
// CHECK-LABEL: func @short
// CHECK-NOT:     arith.cmpi ule
// CHECK-NOT:     vector.maskedload
// CHECK:         vector.shuffle
// CHECK:       return
func.func @short(%a: memref<?x64xf32>, %b: memref<32x64xf32>, %c: memref<?x32xf32>) {
  linalg.matmul indexing_maps = #maps {dyn.lowering = {transpose = 64}}
      ins(%a, %b : memref<?x64xf32>, memref<32x64xf32>) outs(%c : memref<?x32xf32>)
  return
}

// CHECK-LABEL: func @long
// CHECK-NOT:     arith.cmpi ule
// SKYLAKE-NOT:   vector<8xf32>
// CHECK:       return
func.func @long(%a: memref<?x65xf32>, %b: memref<32x65xf32>, %c: memref<?x32xf32>) {
  linalg.matmul indexing_maps = #maps {dyn.lowering = {transpose = 64}}
      ins(%a, %b : memref<?x65xf32>, memref<32x65xf32>) outs(%c : memref<?x32xf32>)
  return
}
