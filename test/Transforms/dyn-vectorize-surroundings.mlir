// What a product starts from and what is done to its result stay in registers.
// RUN: dyn-opt %s --dyn-vectorize="target=skylake-avx512 rows=1 vectors=1" --split-input-file | FileCheck %s

// CHECK-LABEL: func @fused
// CHECK-SAME: %[[A:.+]]: memref<?x64xf32>, %[[B:.+]]: memref<64x16xf32>, %[[BIAS:.+]]: memref<16xf32>, %[[R:.+]]: memref<?x16xf32>, %[[C:.+]]: memref<?x16xf32>
// CHECK-DAG: %[[ZERO:.+]] = arith.constant 0.0{{.*}} : f32
// CHECK-NOT: linalg
// CHECK-NOT: vector.store
// CHECK: %[[TILE:.+]] = memref.subview %[[C]]
// CHECK: %[[START:.+]] = vector.broadcast %[[ZERO]] : f32 to vector<16xf32>
// CHECK: %[[SUM:.+]] = scf.for {{.*}} iter_args(%{{.+}} = %[[START]])
// CHECK: math.fma
// CHECK: }
// CHECK-DAG: %[[BIASES:.+]] = vector.load %[[BIAS]]
// CHECK-DAG: %[[REST:.+]] = vector.load %[[R]]
// CHECK: %[[WITH:.+]] = arith.addf %[[SUM]], %[[BIASES]]
// CHECK: %[[BOTH:.+]] = arith.addf %[[WITH]], %[[REST]]
// CHECK: %[[TWICE:.+]] = arith.mulf %[[BOTH]], %[[BOTH]]
// CHECK: vector.store %[[TWICE]], %[[TILE]]
// CHECK-NOT: vector.store
func.func @fused(%a: memref<?x64xf32>, %b: memref<64x16xf32>, %bias: memref<16xf32>, %r: memref<?x16xf32>,
                 %c: memref<?x16xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x16xf32>)
  linalg.matmul ins(%a, %b : memref<?x64xf32>, memref<64x16xf32>) outs(%c : memref<?x16xf32>)
  linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>,
                                   affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%c, %bias, %r : memref<?x16xf32>, memref<16xf32>, memref<?x16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32, %out: f32):
    %0 = arith.addf %x, %y : f32
    %1 = arith.addf %0, %z : f32
    linalg.yield %1 : f32
  }
  // A second one, with its dimensions named the other way round.
  linalg.generic {indexing_maps = [affine_map<(n, m) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      outs(%c : memref<?x16xf32>) {
  ^bb0(%out: f32):
    %0 = arith.mulf %out, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// Between blocks of a reduction the sums rest in the output, as sums.
// CHECK-LABEL: func @blocks
// CHECK-DAG: %[[ZERO:.+]] = arith.constant 0.0{{.*}} : f32
// CHECK-DAG: %[[C0:.+]] = arith.constant 0 : index
// CHECK: %[[END:.+]] = arith.maxui %[[K:.+]], %{{.+}} : index
// CHECK: scf.for %[[FROM:.+]] = %{{.+}} to %[[END]]
// CHECK: %[[TO:.+]] = arith.minui
// CHECK: %[[ISFIRST:.+]] = arith.cmpi eq, %[[FROM]], %{{.+}} : index
// CHECK: %[[START:.+]] = scf.if %[[ISFIRST]]
// CHECK: } else {
// CHECK: vector.load
// CHECK: %[[SUM:.+]]:2 = scf.for {{.*}} iter_args(%{{.+}} = %[[START]], {{.*}})
// CHECK: %[[ISLAST:.+]] = arith.cmpi eq, %[[TO]], %[[K]] : index
// CHECK: scf.if %[[ISLAST]]
// CHECK: %[[NEGATIVE:.+]] = arith.negf %[[SUM]]#0
// CHECK: vector.store %[[NEGATIVE]]
// CHECK: } else {
// CHECK: vector.store %[[SUM]]#0
func.func @blocks(%a: memref<?x?xf32>, %b: memref<2x1x?x16xf32>, %c: memref<?x16xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x16xf32>)
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                                   affine_map<(m, n, k) -> ((n floordiv 16) mod 2, n floordiv 32, k, n mod 16)>,
                                   affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<?x?xf32>, memref<2x1x?x16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %0 = arith.mulf %x, %y : f32
    %1 = arith.addf %out, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      outs(%c : memref<?x16xf32>) {
  ^bb0(%out: f32):
    %0 = arith.negf %out : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// Sums of lanes are finished as the lines of the output that they are, short at its end.
// CHECK-LABEL: func @dots
// CHECK: %[[MASK:.+]] = vector.create_mask %{{.+}} : vector<4xi1>
// CHECK: %[[DOTS:.+]] = vector.extract_strided_slice {{.*}} : vector<16xf32> to vector<4xf32>
// CHECK: %[[SUMS:.+]] = arith.addf %{{.+}}, %[[DOTS]] : vector<4xf32>
// CHECK: %[[NEGATIVE:.+]] = arith.negf %[[SUMS]] : vector<4xf32>
// CHECK: vector.maskedstore %{{.*}}, %[[MASK]], %[[NEGATIVE]]
// CHECK-NOT: linalg
func.func @dots(%a: memref<?x64xf32>, %b: memref<?x64xf32>, %c: memref<?x?xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x?xf32>)
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                                   affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<?x64xf32>, memref<?x64xf32>) outs(%c : memref<?x?xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %0 = arith.mulf %x, %y : f32
    %1 = arith.addf %out, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      outs(%c : memref<?x?xf32>) {
  ^bb0(%out: f32):
    %0 = arith.negf %out : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// Long work on the result has loops of its own, and so has what is not in place.
// CHECK-LABEL: func @apart
// CHECK: scf.for
// CHECK: math.fma
// CHECK: vector.store
// CHECK: scf.for
// CHECK: math.erf
// CHECK: vector.store
// CHECK: scf.for
// CHECK: arith.truncf
func.func @apart(%a: memref<?x64xf32>, %b: memref<64x16xf32>, %c: memref<?x16xf32>, %d: memref<?x16xf16>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x16xf32>)
  linalg.matmul ins(%a, %b : memref<?x64xf32>, memref<64x16xf32>) outs(%c : memref<?x16xf32>)
  linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      outs(%c : memref<?x16xf32>) {
  ^bb0(%out: f32):
    %0 = math.erf %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%c : memref<?x16xf32>) outs(%d : memref<?x16xf16>) {
  ^bb0(%x: f32, %out: f16):
    %0 = arith.truncf %x : f32 to f16
    linalg.yield %0 : f16
  }
  return
}

// -----

// What the buffer holds in between is read: the fill and the sum stay as they are.
// CHECK-LABEL: func @read_between
// CHECK: vector.store
// CHECK: memref.copy
// CHECK: vector.load
// CHECK: math.fma
func.func @read_between(%a: memref<?x64xf32>, %b: memref<64x16xf32>, %c: memref<?x16xf32>, %d: memref<?x16xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x16xf32>)
  memref.copy %c, %d : memref<?x16xf32> to memref<?x16xf32>
  linalg.matmul ins(%a, %b : memref<?x64xf32>, memref<64x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

// What is summed and was computed just before is summed from registers, and written all the same.
// CHECK-LABEL: func @prologue
// CHECK-SAME: %[[X:.+]]: memref<?xf32>, %[[Y:.+]]: memref<?xf32>, %[[S:.+]]: memref<f32>
// CHECK: scf.for {{.*}} iter_args(%[[A:.+]] = %{{.+}}, %[[B:.+]] = %{{.+}}, %{{.+}} = %{{.+}}, %{{.+}} = %{{.+}})
// CHECK: %[[X0:.+]] = vector.load %[[X]]
// CHECK: %[[E0:.+]] = math.exp %[[X0]]
// CHECK: vector.store %[[E0]], %[[Y]]
// CHECK: %[[X1:.+]] = vector.load %[[X]]
// CHECK: %[[E1:.+]] = math.exp %[[X1]]
// CHECK: vector.store %[[E1]], %[[Y]]
// CHECK: arith.addf %[[A]], %[[E0]]
// CHECK: arith.addf %[[B]], %[[E1]]
// The rest with masks.
// CHECK: scf.for
// CHECK: vector.maskedload %[[X]]
// CHECK: %[[LAST:.+]] = math.exp
// CHECK: vector.maskedstore %[[Y]]{{.*}}, %[[LAST]]
// CHECK-COUNT-3: math.exp
// CHECK-NOT: math.exp
// CHECK: return
#id = affine_map<(i) -> (i)>
func.func @prologue(%x: memref<?xf32>, %y: memref<?xf32>, %s: memref<f32>) {
  %zero = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %old: f32):
    %0 = math.exp %a : f32
    linalg.yield %0 : f32
  }
  linalg.fill ins(%zero : f32) outs(%s : memref<f32>)
  linalg.generic {indexing_maps = [#id, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%y : memref<?xf32>) outs(%s : memref<f32>) {
  ^bb0(%a: f32, %sum: f32):
    %0 = arith.addf %sum, %a : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// Loops of their own: what reads the sums, what is read elsewhere than where it is written, what others come between.
// CHECK-LABEL: func @no_prologue
// CHECK-COUNT-3: vector.store {{.*}} memref<64xf32>
#id = affine_map<(i) -> (i)>
#none = affine_map<(i) -> ()>
func.func @no_prologue(%x: memref<64xf32>, %y: memref<64xf32>, %z: memref<64xf32>, %s: memref<f32>) {
  linalg.generic {indexing_maps = [#id, #none, #id], iterator_types = ["parallel"]}
      ins(%x, %s : memref<64xf32>, memref<f32>) outs(%y : memref<64xf32>) {
  ^bb0(%a: f32, %b: f32, %old: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]} ins(%y : memref<64xf32>) outs(%s : memref<f32>) {
  ^bb0(%a: f32, %sum: f32):
    %0 = arith.addf %sum, %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#id, affine_map<(i) -> (63 - i)>, #id], iterator_types = ["parallel"]}
      ins(%x, %y : memref<64xf32>, memref<64xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%a: f32, %b: f32, %old: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]} ins(%y : memref<64xf32>) outs(%s : memref<f32>) {
  ^bb0(%a: f32, %sum: f32):
    %0 = arith.addf %sum, %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<64xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%a: f32, %old: f32):
    %0 = arith.negf %a : f32
    linalg.yield %0 : f32
  }
  memref.copy %y, %z : memref<64xf32> to memref<64xf32>
  linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]} ins(%y : memref<64xf32>) outs(%s : memref<f32>) {
  ^bb0(%a: f32, %sum: f32):
    %0 = arith.addf %sum, %a : f32
    linalg.yield %0 : f32
  }
  return
}
