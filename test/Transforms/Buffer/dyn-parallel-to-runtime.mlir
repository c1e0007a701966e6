// RUN: dyn-opt %s --dyn-parallel-to-runtime | FileCheck %s
// RUN: dyn-opt %s --dyn-parallel-to-runtime=threads=false | FileCheck %s --check-prefix=SERIAL

// SERIAL-NOT: scf.forall
// SERIAL-NOT: scf.parallel
// SERIAL-NOT: dyn_rt_parallel_for

// CHECK: func.func private @dyn_rt_parallel_for(!llvm.ptr, !llvm.ptr, i64, i64)

// CHECK-LABEL: func.func private @rows_parallel_0
// CHECK-SAME: (%[[DATA:[a-z0-9]+]]: !llvm.ptr, %[[BEGIN:[a-z0-9]+]]: i64, %[[END:[a-z0-9]+]]: i64)
// CHECK: %[[LOADED:.*]] = llvm.load %[[DATA]]
// CHECK: llvm.extractvalue %[[LOADED]][0]
// CHECK: builtin.unrealized_conversion_cast {{.*}} to memref<?x?xf32>
// CHECK: scf.for
// CHECK: arith.remui
// CHECK: arith.divui
// CHECK: memref.store

// CHECK-LABEL: func.func @rows
// CHECK-NOT: scf.forall
// CHECK: %[[SLOT:.*]] = llvm.alloca
// CHECK: %[[COUNT:.*]] = arith.muli
// CHECK: llvm.store %{{.*}}, %[[SLOT]]
// CHECK: constant @rows_parallel_0
// CHECK: %[[GRAIN:.*]] = arith.constant 4 : i64
// CHECK: call @dyn_rt_parallel_for(%{{.*}}, %[[SLOT]], %{{.*}}, %[[GRAIN]])
// SERIAL-LABEL: func.func @rows
// SERIAL: scf.for
// SERIAL: scf.for
// SERIAL: memref.store
func.func @rows(%out: memref<?x?xf32>, %m: index, %n: index) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i, %j) in (%m, %n) {
    memref.store %zero, %out[%i, %j] : memref<?x?xf32>
  } {dyn.grain = 4}
  return
}

// An inner parallel loop runs in the thread of the outer one's iteration.
// CHECK-LABEL: func.func private @nested_parallel_0
// CHECK: scf.for
// CHECK: scf.for
// CHECK-NOT: scf.parallel
func.func @nested(%out: memref<?x?xf32>, %m: index, %n: index) {
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  scf.parallel (%i) = (%c2) to (%m) step (%c3) {
    scf.forall (%j) in (%n) {
      %zero = arith.constant 0.0 : f32
      memref.store %zero, %out[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// Loops that differ in no more than their buffers share a function; where the sizes of steps come from stays in sight.
// CHECK-LABEL: func.func private @equal_parallel_0
// CHECK: memref.dim
// CHECK: affine.min
// CHECK: scf.for
// CHECK-NOT: @equal_parallel_1
// CHECK-LABEL: func.func @equal
// CHECK-COUNT-2: constant @equal_parallel_0
func.func @equal(%a: memref<?xf32>, %b: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %a, %c0 : memref<?xf32>
  %step = affine.min affine_map<()[s0] -> (s0, 8)>()[%n]
  %m = memref.dim %b, %c0 : memref<?xf32>
  %step2 = affine.min affine_map<()[s0] -> (s0, 8)>()[%m]
  scf.forall (%i) = (0) to (%n) step (%step) {
    %t = memref.alloca(%step) : memref<?xf32>
    memref.copy %t, %a : memref<?xf32> to memref<?xf32>
  }
  scf.forall (%i) = (0) to (%m) step (%step2) {
    %t = memref.alloca(%step2) : memref<?xf32>
    memref.copy %t, %b : memref<?xf32> to memref<?xf32>
  }
  return
}

// A whole buffer goes along as its memory and the sizes that its type leaves
// open, a part of one as its descriptor.
// CHECK-LABEL: func.func private @captures_parallel_0
// CHECK: %[[LOADED:.*]] = llvm.load %{{.*}} : !llvm.ptr -> !llvm.struct<(ptr, i64, ptr, struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>, i64)>
// CHECK: %[[MEMORY:.*]] = llvm.extractvalue %[[LOADED]][0]
// CHECK: llvm.insertvalue %[[MEMORY]], %{{.*}}[0]
// CHECK: llvm.insertvalue %[[MEMORY]], %{{.*}}[1]
// CHECK: %[[SIZE:.*]] = llvm.extractvalue %[[LOADED]][1]
// CHECK: %[[THREE:.*]] = llvm.mlir.constant(3 : i64)
// CHECK: %[[ONE:.*]] = llvm.mlir.constant(1 : i64)
// CHECK: llvm.insertvalue %[[THREE]], %{{.*}}[3, 1]
// CHECK: llvm.insertvalue %[[ONE]], %{{.*}}[4, 1]
// CHECK: llvm.insertvalue %[[SIZE]], %{{.*}}[3, 0]
// CHECK: builtin.unrealized_conversion_cast {{.*}} to memref<?x3xf32>
func.func @captures(%a: memref<?x3xf32>, %b: memref<f32>, %c: memref<?xf32, strided<[?], offset: ?>>) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  scf.forall (%i) in (%c8) {
    %0 = memref.load %a[%i, %c0] : memref<?x3xf32>
    memref.store %0, %b[] : memref<f32>
    memref.store %0, %c[%i] : memref<?xf32, strided<[?], offset: ?>>
  }
  return
}
