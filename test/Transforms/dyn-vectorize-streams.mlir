// Results that are larger than the caches are written past them, if their rows are whole aligned vectors.
// RUN: dyn-opt %s --split-input-file --dyn-vectorize="target=znver2" --dyn-verify-no-specialization="target=znver2" \
// RUN:   --canonicalize | FileCheck %s

// CHECK-LABEL: func @large
// CHECK-SAME:    %[[IN:.*]]: memref<?x768xf32>, %[[OUT:.*]]: memref<?x768xf32>
// CHECK-DAG:     %[[MASK:.*]] = arith.constant 31 : index
// CHECK-DAG:     %[[LIMIT:.*]] = arith.constant 4096 : index
// CHECK:         scf.for %[[ROW:.*]] =
// CHECK:           arith.cmpi uge, %{{.*}}, %[[LIMIT]] {dyn.tile_sizes = array<i64: 4096>}
// CHECK:           memref.extract_aligned_pointer_as_index
// CHECK:           arith.andi %{{.*}}, %[[MASK]]
// CHECK:           scf.if
// CHECK:             scf.for
// CHECK:               vector.store %{{.*}} {alignment = 32 : i64, nontemporal = true}
// CHECK:           } else {
// CHECK:             scf.for
// CHECK:               vector.store
// CHECK-NOT:           nontemporal
// Behind the loop over rows, which this thread has finished.
// CHECK:         scf.if
// CHECK-NEXT:      llvm.fence seq_cst
#all = affine_map<(i, j) -> (i, j)>
func.func @large(%x: memref<?x768xf32>, %y: memref<?x768xf32>, %from: index, %to: index) {
  %one = arith.constant 1 : index
  scf.for %i = %from to %to step %one {
    %in = memref.subview %x[%i, 0] [1, 768] [1, 1] : memref<?x768xf32> to memref<1x768xf32, strided<[768, 1], offset: ?>>
    %out = memref.subview %y[%i, 0] [1, 768] [1, 1] : memref<?x768xf32> to memref<1x768xf32, strided<[768, 1], offset: ?>>
    linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"],
                    dyn.lowering = {stream = 4096}}
        ins(%in : memref<1x768xf32, strided<[768, 1], offset: ?>>)
        outs(%out : memref<1x768xf32, strided<[768, 1], offset: ?>>) {
    ^bb0(%a: f32, %old: f32):
      %0 = arith.mulf %a, %a : f32
      linalg.yield %0 : f32
    }
  }
  return
}

// -----

// Never: what is worked on in place, what another op of the loop reads again, what is known to be small, a transposition.
// CHECK-LABEL: func @others
// CHECK-NOT:     nontemporal
// CHECK-NOT:     llvm.fence
#all = affine_map<(i, j) -> (i, j)>
#turned = affine_map<(i, j) -> (j, i)>
func.func @others(%x: memref<?x768xf32>, %y: memref<?x768xf32>, %small: memref<16x16xf32>, %z: memref<768x?xf32>) {
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"],
                  dyn.lowering = {stream = 4096}}
      ins(%x : memref<?x768xf32>) outs(%y : memref<?x768xf32>) {
  ^bb0(%a: f32, %old: f32):
    %0 = arith.mulf %a, %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"],
                  dyn.lowering = {stream = 4096}}
      ins(%y : memref<?x768xf32>) outs(%y : memref<?x768xf32>) {
  ^bb0(%a: f32, %old: f32):
    %0 = arith.addf %a, %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"],
                  dyn.lowering = {stream = 4096}}
      ins(%small : memref<16x16xf32>) outs(%small : memref<16x16xf32>) {
  ^bb0(%a: f32, %old: f32):
    %0 = arith.addf %a, %a : f32
    linalg.yield %0 : f32
  }
  linalg.transpose ins(%x : memref<?x768xf32>) outs(%z : memref<768x?xf32>) permutation = [1, 0]
      {dyn.lowering = {stream = 4096}}
  return
}

// -----

// The row that the next op writes is asked for by the last op in front of it, and not at all where that op writes past the
// caches.
// CHECK-LABEL: func @ahead
// CHECK:         %[[STREAMED:.*]] = arith.andi %{{.*}} : i1
// CHECK:         scf.if %[[STREAMED]]
// CHECK-NOT:       prefetch
// CHECK:         } else {
// CHECK:           scf.for
// CHECK-COUNT-4:     memref.prefetch %{{.*}}, write, locality<3>
// CHECK-NOT:       , write
// CHECK:         nontemporal = true
#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
func.func @ahead(%x: memref<?x768xf32>, %y: memref<?x768xf32>, %sum: memref<1xf32>, %from: index, %to: index) {
  %one = arith.constant 1 : index
  scf.for %i = %from to %to step %one {
    %in = memref.subview %x[%i, 0] [1, 768] [1, 1] : memref<?x768xf32> to memref<1x768xf32, strided<[768, 1], offset: ?>>
    %out = memref.subview %y[%i, 0] [1, 768] [1, 1] : memref<?x768xf32> to memref<1x768xf32, strided<[768, 1], offset: ?>>
    linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
        ins(%in : memref<1x768xf32, strided<[768, 1], offset: ?>>) outs(%sum : memref<1xf32>) {
    ^bb0(%a: f32, %s: f32):
      %0 = arith.addf %s, %a : f32
      linalg.yield %0 : f32
    }
    linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"],
                    dyn.lowering = {stream = 4096}}
        ins(%in, %sum : memref<1x768xf32, strided<[768, 1], offset: ?>>, memref<1xf32>)
        outs(%out : memref<1x768xf32, strided<[768, 1], offset: ?>>) {
    ^bb0(%a: f32, %s: f32, %old: f32):
      %0 = arith.mulf %a, %s : f32
      linalg.yield %0 : f32
    }
  }
  return
}

// -----

// The next row of a result that is finished in place is asked for meanwhile, not that which an op writes itself.
// CHECK-LABEL: func @in_place
// CHECK:         scf.for
// CHECK-NOT:       prefetch
// CHECK:           math.exp
// CHECK:           scf.for
// CHECK:             memref.prefetch %{{.*}}, write, locality<3>
// CHECK:             arith.mulf
// CHECK-NOT:       prefetch
#all = affine_map<(i, j) -> (i, j)>
func.func @in_place(%x: memref<?x768xf32>, %y: memref<?x768xf32>, %from: index, %to: index) {
  %one = arith.constant 1 : index
  scf.for %i = %from to %to step %one {
    %in = memref.subview %x[%i, 0] [1, 768] [1, 1] : memref<?x768xf32> to memref<1x768xf32, strided<[768, 1], offset: ?>>
    %out = memref.subview %y[%i, 0] [1, 768] [1, 1] : memref<?x768xf32> to memref<1x768xf32, strided<[768, 1], offset: ?>>
    linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%in : memref<1x768xf32, strided<[768, 1], offset: ?>>)
        outs(%out : memref<1x768xf32, strided<[768, 1], offset: ?>>) {
    ^bb0(%a: f32, %old: f32):
      %0 = math.exp %a : f32
      linalg.yield %0 : f32
    }
    linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%out : memref<1x768xf32, strided<[768, 1], offset: ?>>)
        outs(%out : memref<1x768xf32, strided<[768, 1], offset: ?>>) {
    ^bb0(%a: f32, %old: f32):
      %0 = arith.mulf %a, %a : f32
      linalg.yield %0 : f32
    }
  }
  return
}
