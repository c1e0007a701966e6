// RUN: dyn-opt %s --dyn-vectorize=target=znver2 | FileCheck %s
// RUN: dyn-opt %s --dyn-vectorize=target=neoverse-n1 | FileCheck %s --check-prefix=NEOVERSE

// Blocks in registers: 8 loads, 3 times 8 shuffles, 8 stores; blocks of 4 beside and below them, the rest of each
// element by element.
// CHECK-LABEL: func @transposed
// CHECK-COUNT-8:  vector.load %{{.*}} : memref<?x?xf32>, vector<8xf32>
// CHECK-NOT:      vector.load
// CHECK-COUNT-24: vector.shuffle
// CHECK-NOT:      vector.shuffle
// CHECK-COUNT-8:  vector.store
// CHECK-COUNT-4:  vector.load %{{.*}} : memref<?x?xf32>, vector<4xf32>
// CHECK-NOT:      vector.load
// CHECK-COUNT-8:  vector.shuffle
// CHECK-COUNT-4:  vector.store
// CHECK-COUNT-2:  memref.load
// CHECK-COUNT-4:  vector.load %{{.*}} : memref<?x?xf32>, vector<4xf32>
// CHECK-NOT:      vector.load
// CHECK-COUNT-8:  vector.shuffle
// CHECK-COUNT-4:  vector.store
// CHECK-COUNT-2:  memref.load
// CHECK-NOT:      memref.load
// CHECK-NOT:      linalg

// NEOVERSE-LABEL: func @transposed
// NEOVERSE-COUNT-8: vector.shuffle {{.*}} : vector<4xf32>, vector<4xf32>
// NEOVERSE-NOT:     vector.shuffle
#in = affine_map<(d0, d1) -> (d1, d0)>
#out = affine_map<(d0, d1) -> (d0, d1)>
func.func @transposed(%x: memref<?x?xf32>, %y: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<?x?xf32>) outs(%y : memref<?x?xf32>) {
  ^bb0(%e: f32, %o: f32):
    linalg.yield %e : f32
  }
  return
}

// A dimension that is shorter than a block.
// CHECK-LABEL: func @narrow
// CHECK-NOT:     vector.shuffle
func.func @narrow(%x: memref<?x3xf32>, %y: memref<3x?xf32>) {
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<?x3xf32>) outs(%y : memref<3x?xf32>) {
  ^bb0(%e: f32, %o: f32):
    linalg.yield %e : f32
  }
  return
}
