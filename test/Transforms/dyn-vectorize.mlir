// RUN: dyn-opt %s --split-input-file --dyn-vectorize="target=znver2 rows=3 vectors=1 report=true" --verify-diagnostics | FileCheck %s
// RUN: mlir-opt-22 %s --split-input-file --load-pass-plugin=%dyn_plugin --pass-pipeline='builtin.module(dyn-vectorize{target=znver2 rows=3 vectors=1})' | FileCheck %s

// Full vectors, then one masked vector.
// CHECK-LABEL: func @elementwise
// CHECK:         %[[END:.*]] = affine.apply
// CHECK:         scf.for %{{.*}} = %{{.*}} to %[[END]] step %{{.*}} {
// CHECK:           vector.load {{.*}} vector<8xf32>
// CHECK:           arith.addf {{.*}} : vector<8xf32>
// CHECK:           vector.store
// CHECK:         scf.for %{{.*}} = %[[END]] to
// CHECK:           %[[MASK:.*]] = vector.create_mask
// CHECK:           vector.maskedload {{.*}} %[[MASK]]
// CHECK:           vector.maskedstore {{.*}} %[[MASK]]
func.func @elementwise(%a: memref<?xf32>, %b: memref<?xf32>) {
  linalg.add ins(%a, %a : memref<?xf32>, memref<?xf32>) outs(%b : memref<?xf32>)
  return
}

// -----

// One version a row count, the accumulators carried by the reduction loop, one
// broadcast element of the left operand a row.
// CHECK-LABEL: func @matmul
// CHECK:         scf.index_switch
// CHECK-NEXT:    case 1 {
// CHECK:           scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (vector<8xf32>)
// CHECK:         case 2 {
// CHECK:           scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>)
// CHECK:         default {
// CHECK:           scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK:             memref.load
// CHECK:             vector.load
// CHECK:             math.fma
// CHECK:             memref.load
// CHECK-NOT:         vector.load
// CHECK:             math.fma
// CHECK-NOT:     vector.maskedload
func.func @matmul(%a: memref<?x768xf32>, %b: memref<768x64xf32>, %c: memref<?x64xf32>) {
  linalg.matmul ins(%a, %b : memref<?x768xf32>, memref<768x64xf32>) outs(%c : memref<?x64xf32>)
  return
}

// -----

// Lanes along the reduction; absent lanes keep what they had.
// CHECK-LABEL: func @sum
// CHECK:         scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK:         scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK:           arith.select
// CHECK:         vector.shuffle {{.*}} [0, 1, 2, 3, 0, 1, 2, 3]
// CHECK:         vector.shuffle {{.*}} [4, 5, 6, 7, 4, 5, 6, 7]
// CHECK:         memref.store
func.func @sum(%a: memref<?x?xf32>, %b: memref<?xf32>) {
  linalg.reduce {arith.addf} ins(%a : memref<?x?xf32>) outs(%b : memref<?xf32>) dimensions = [1]
  return
}

// -----

// A row of a table is a vector load, a division has a scalar remainder.
// CHECK-LABEL: func @gather
// CHECK:         vector.load %{{.*}} vector<8xf32>
// CHECK-NOT:     mask
// CHECK-LABEL: func @divide
// CHECK:         arith.divsi {{.*}} vector<8xi32>
// CHECK-NOT:     mask
// CHECK:         arith.divsi {{.*}} : i32
#row = affine_map<(d0, d1) -> (d0)>
#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @gather(%table: memref<?x?xf32>, %ids: memref<?xi64>, %out: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [#row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%ids : memref<?xi64>) outs(%out : memref<?x?xf32>) {
  ^bb0(%id: i64, %old: f32):
    %row = arith.index_cast %id : i64 to index
    %column = linalg.index 1 : index
    %value = memref.load %table[%row, %column] : memref<?x?xf32>
    linalg.yield %value : f32
  }
  return
}
func.func @divide(%a: memref<?xi32>, %b: memref<?xi32>, %c: memref<?xi32>) {
  linalg.div ins(%a, %b : memref<?xi32>, memref<?xi32>) outs(%c : memref<?xi32>)
  return
}

// -----

// Booleans are a byte each in memory.
// CHECK-LABEL: func @booleans
// CHECK-SAME:    %[[IN:[a-z0-9]+]]: memref<?xi1>
// CHECK-DAG:     %[[BYTES:.*]] = builtin.unrealized_conversion_cast %[[IN]] : memref<?xi1> to memref<?xi8>
// CHECK:         vector.load %[[BYTES]]{{.*}} vector<32xi8>
// CHECK:         arith.extui {{.*}} vector<32xi1> to vector<32xi8>
func.func @booleans(%a: memref<?xi1>, %b: memref<?xi1>) {
  linalg.copy ins(%a : memref<?xi1>) outs(%b : memref<?xi1>)
  return
}

// -----

// CHECK-LABEL: func @scatter
// CHECK:         linalg.generic
func.func @scatter(%a: memref<?xf32>, %b: memref<?x?xf32>) {
  // expected-remark@below {{'linalg.generic' stays scalar: an output is not indexed by distinct loops}}
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0, d0)>], iterator_types = ["parallel"]}
      ins(%a : memref<?xf32>) outs(%b : memref<?x?xf32>) {
  ^bb0(%x: f32, %old: f32):
    linalg.yield %x : f32
  }
  return
}

// -----

// The last op that reads a row asks for the next one, the op in front of it for the row to be written; a softmax divides
// once a row.
// CHECK-LABEL: func @rows
// CHECK:           memref.prefetch %{{.*}}[%[[ROW0:.*]], %[[COLUMN:.*]]], write, locality<3>
// CHECK-NEXT:      vector.load %[[IN:.*]][%[[ROW0]], %[[COLUMN]]]
// CHECK:           arith.addf {{.*}} vector<8xf32>
// CHECK-NOT:       read, locality
// CHECK:         memref.store
// CHECK:         scf.for %[[ROW:.*]] = {{.*}} {
// CHECK:           %[[NEXT:.*]] = arith.addi %[[ROW]], %{{.*}} : index
// CHECK-NEXT:      memref.prefetch %[[IN]][%[[NEXT]], %[[COLUMN:.*]]], read, locality<2>
// CHECK-NEXT:      vector.load %[[IN]][%[[ROW]], %[[COLUMN]]]
// CHECK:         arith.divf %{{.*}}, %{{.*}} : f32
// CHECK:         arith.mulf {{.*}} vector<8xf32>
// CHECK-NOT:     divf {{.*}} vector
#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
func.func @rows(%x: memref<?x?xf32>, %y: memref<?x?xf32>, %from: index, %to: index, %w: index) {
  %one = arith.constant 1 : index
  scf.for %i = %from to %to step %one {
    %sum = memref.alloca() : memref<1xf32>
    %in = memref.subview %x[%i, 0] [1, %w] [1, 1] : memref<?x?xf32> to memref<1x?xf32, strided<[?, 1], offset: ?>>
    %out = memref.subview %y[%i, 0] [1, %w] [1, 1] : memref<?x?xf32> to memref<1x?xf32, strided<[?, 1], offset: ?>>
    linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
        ins(%in : memref<1x?xf32, strided<[?, 1], offset: ?>>) outs(%sum : memref<1xf32>) {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.addf %b, %a : f32
      linalg.yield %0 : f32
    }
    linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
        ins(%in, %sum : memref<1x?xf32, strided<[?, 1], offset: ?>>, memref<1xf32>)
        outs(%out : memref<1x?xf32, strided<[?, 1], offset: ?>>) {
    ^bb0(%a: f32, %b: f32, %old: f32):
      %0 = arith.divf %a, %b {dyn.softmax} : f32
      linalg.yield %0 : f32
    }
  }
  return
}

// -----

// An input that is contiguous along another loop than the output: blocks of it are transposed in registers, the rest is
// gathered.

// CHECK-LABEL: func.func @turned(
// CHECK-SAME:      %[[IN:[^:]*]]: memref<?x44xf32>, %[[BIAS:[^:]*]]: memref<44xf32>, %[[OUT:[^:]*]]: memref<44x?xf32>
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK-COUNT-8:     vector.load %[[IN]]
// CHECK:             vector.shuffle
// CHECK:             memref.load %[[BIAS]]
// CHECK:             arith.addf %{{.*}} : vector<8xf32>
// CHECK:             vector.store %{{.*}}, %[[OUT]]
// CHECK:           scf.for
// CHECK:             vector.from_elements
// CHECK:         vector.create_mask
// CHECK-COUNT-7:     arith.minui
// CHECK:             vector.maskedstore %[[OUT]]
func.func @turned(%in: memref<?x44xf32>, %bias: memref<44xf32>, %out: memref<44x?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(f, p) -> (p, f)>, affine_map<(f, p) -> (f)>, affine_map<(f, p) -> (f, p)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%in, %bias : memref<?x44xf32>, memref<44xf32>) outs(%out : memref<44x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// A copy of a part is vectors, too.

// CHECK-LABEL: func.func @part(
// CHECK:         vector.load
// CHECK:         vector.store
// CHECK:         vector.maskedload
// CHECK:         vector.maskedstore
// CHECK-NOT:     memref.copy
func.func @part(%in: memref<?x?xf32>, %out: memref<?x?xf32, strided<[?, 1], offset: ?>>) {
  memref.copy %in, %out : memref<?x?xf32> to memref<?x?xf32, strided<[?, 1], offset: ?>>
  return
}

// -----

// A window that slides over an image and shares no operand between lines of the result: several lines at once.

// CHECK-LABEL: func.func @depthwise(
// CHECK:         scf.index_switch
// CHECK:         case 1 {
// CHECK:         case 3 {
// CHECK:         default {
// CHECK:           scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
func.func @depthwise(%x: memref<?x?xf32>, %w: memref<3x3xf32>, %y: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(h, w, i, j) -> (h + i, w + j)>, affine_map<(h, w, i, j) -> (i, j)>,
                                   affine_map<(h, w, i, j) -> (h, w)>],
                  iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<?x?xf32>, memref<3x3xf32>) outs(%y : memref<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %sum, %0 : f32
    linalg.yield %1 : f32
  }
  return
}

// -----

// Lanes two elements apart are picked from two vectors, of which the second ends with the last lane.
// CHECK-LABEL: func @strided_windows
// CHECK: %[[FIRST:.*]] = vector.load %arg0{{.*}} vector<8xf32>
// CHECK: vector.shuffle %[[FIRST]], %[[FIRST]] [0, 2, 4, 6, {{.*}}]
// CHECK: %[[SECOND:.*]] = vector.load %arg0{{.*}} vector<8xf32>
// CHECK: vector.shuffle %{{.*}}, %[[SECOND]] [0, 1, 2, 3, 9, 11, 13, 15]
// CHECK: vector.maskedload
func.func @strided_windows(%x: memref<?x?xf32>, %w: memref<3xf32>, %y: memref<?x?xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(i, j, k) -> (i, j * 2 + k)>, affine_map<(i, j, k) -> (k)>,
                       affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x?xf32>, memref<3xf32>) outs(%y : memref<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}
