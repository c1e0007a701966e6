// Where a turn of the reduction is as long as a vector, what the lanes share is loaded once a turn and row.
// RUN: dyn-opt %s --dyn-vectorize="target=neoverse-n1 rows=1 vectors=1" | FileCheck %s

// CHECK-LABEL: func @panels
// CHECK-SAME: %[[A:.+]]: memref<1x?xf32>
// CHECK: %[[TURNS:.+]]:{{[0-9]+}} = scf.for %[[K:.+]] = %{{.+}} to %[[END:.+]] step %c4
// CHECK: %[[LINE:.+]] = vector.load %{{.+}}[%{{.+}}, %[[K]]] : {{.*}}, vector<4xf32>
// CHECK: %[[FIRST:.+]] = vector.extract %[[LINE]][0] : f32 from vector<4xf32>
// CHECK: %[[LANES:.+]] = vector.broadcast %[[FIRST]]
// CHECK: math.fma %[[LANES]]
// CHECK: vector.extract %[[LINE]][1]
// CHECK: math.fma
// CHECK: vector.extract %[[LINE]][2]
// CHECK: math.fma
// CHECK: vector.extract %[[LINE]][3]
// CHECK: math.fma
// CHECK-NOT: memref.load
// CHECK: scf.yield
// What is left of the reduction goes a step a turn.
// CHECK: scf.for %{{.+}} = %[[END]] to %{{.+}} step %c1{{.*}} iter_args(%{{.+}} = %[[TURNS]]#0
// CHECK: memref.load
// CHECK: math.fma
func.func @panels(%a: memref<1x?xf32>, %b: memref<2x1x?x16xf32>, %c: memref<1x32xf32>) {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                                   affine_map<(m, n, k) -> ((n floordiv 16) mod 2, n floordiv 32, k, n mod 16)>,
                                   affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<1x?xf32>, memref<2x1x?x16xf32>) outs(%c : memref<1x32xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %0 = arith.mulf %x, %y : f32
    %1 = arith.addf %out, %0 : f32
    linalg.yield %1 : f32
  }
  return
}
