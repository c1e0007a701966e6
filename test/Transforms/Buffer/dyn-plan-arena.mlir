// RUN: dyn-opt %s --allow-unregistered-dialect --dyn-plan-arena --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @one
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?xf32>
// CHECK-SAME: %[[ARENA:[a-z0-9]+]]: memref<?xi8> {dyn.arena = #dyn.dim<64 * ((N + 15) floordiv 16)>}
// CHECK: memref.view %[[ARENA]][%{{.*}}][%{{.*}}] : memref<?xi8> to memref<?xf32>
// CHECK-NOT: memref.alloc
func.func @one(%x: memref<?xf32> {dyn.type = !dyn.tensor<[N], f32>}) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %tmp = memref.alloc(%n) : memref<?xf32>
  "test.use"(%tmp) : (memref<?xf32>) -> ()
  return
}

// -----

// Three buffers of which two are alive at once: two sizes in all, the third in the place of the first.
// CHECK-LABEL: func.func @reuse
// CHECK-SAME: dyn.arena = #dyn.dim<128 * N>
// CHECK: %[[FIRST:.*]] = arith.constant 0
// CHECK: memref.view %{{.*}}[%[[A:.*]]][%{{.*}}]
// CHECK: memref.view
// CHECK: memref.view
func.func @reuse(%x: memref<?x16xf32> {dyn.type = !dyn.tensor<[N, 16], f32>}) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x16xf32>
  %a = memref.alloc(%n) : memref<?x16xf32>
  %b = memref.alloc(%n) : memref<?x16xf32>
  "test.use"(%x, %a) : (memref<?x16xf32>, memref<?x16xf32>) -> ()
  "test.use"(%a, %b) : (memref<?x16xf32>, memref<?x16xf32>) -> ()
  %c = memref.alloc(%n) : memref<?x16xf32>
  "test.use"(%b, %c) : (memref<?x16xf32>, memref<?x16xf32>) -> ()
  return
}

// -----

// A smaller buffer fits into the place of a larger one by proof; one that is not comparable gets a place of its own.
// CHECK-LABEL: func.func @provable
// CHECK-SAME: dyn.arena = #dyn.dim<256 * B * S>
func.func @provable(%x: memref<?x?xf32> {dyn.type = !dyn.tensor<[B, S], f32>})
    attributes {dyn.symbols = {B = #dyn.symbol<1>, S = #dyn.symbol<1>}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = memref.dim %x, %c0 : memref<?x?xf32>
  %s = memref.dim %x, %c1 : memref<?x?xf32>
  %bs = arith.muli %b, %s : index
  %large = memref.alloc(%bs) : memref<?x64xf32>
  "test.use"(%large) : (memref<?x64xf32>) -> ()
  %small = memref.alloc(%b, %s) : memref<?x?x16xf32>
  %small2 = memref.alloc(%s) : memref<?x16xf32>
  "test.use"(%small, %small2) : (memref<?x?x16xf32>, memref<?x16xf32>) -> ()
  return
}

// CHECK-LABEL: func.func @not_comparable
// CHECK-SAME: dyn.arena = #dyn.dim<max(
func.func @not_comparable(%x: memref<?x?xf32> {dyn.type = !dyn.tensor<[B, S], f32>}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = memref.dim %x, %c0 : memref<?x?xf32>
  %s = memref.dim %x, %c1 : memref<?x?xf32>
  %first = memref.alloc(%b) : memref<?x64xf32>
  "test.use"(%first) : (memref<?x64xf32>) -> ()
  %second = memref.alloc(%s) : memref<?x64xf32>
  "test.use"(%second) : (memref<?x64xf32>) -> ()
  return
}

// -----

// The callee's arena is a buffer of the caller.
// CHECK-LABEL: func.func private @kernel
// CHECK-SAME: %[[SCRATCH:[a-z0-9]+]]: memref<?xi8> {dyn.arena = #dyn.dim<64 * arg0.0 * arg1>}
// CHECK-LABEL: func.func @caller
// CHECK-SAME: dyn.arena = #dyn.dim<192 * N>
// CHECK: %[[VIEW:.*]] = memref.view %{{.*}} to memref<?xi8>
// CHECK: call @kernel(%{{.*}}, %{{.*}}, %[[VIEW]])
func.func private @kernel(%x: memref<?xf32>, %k: index) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %nk = arith.muli %n, %k : index
  %tmp = memref.alloc(%nk) : memref<?x16xf32>
  "test.use"(%tmp) : (memref<?x16xf32>) -> ()
  return
}
func.func @caller(%x: memref<?xf32> {dyn.type = !dyn.tensor<[N], f32>}) {
  %c3 = arith.constant 3 : index
  call @kernel(%x, %c3) : (memref<?xf32>, index) -> ()
  return
}

// -----

// Data-dependent sizes and buffers that an iteration hands to the next one stay.
// CHECK-LABEL: func.func @stays
// CHECK-SAME: dyn.arena = #dyn.dim<0>
// CHECK: memref.alloc(
// CHECK: scf.for
// CHECK: memref.alloc(
func.func @stays(%x: memref<?xindex> {dyn.type = !dyn.tensor<[N], i64>}, %init: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xindex>
  %count = memref.load %x[%c0] : memref<?xindex>
  %data = memref.alloc(%count) : memref<?xf32>
  "test.use"(%data) : (memref<?xf32>) -> ()
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%previous = %init) -> memref<?xf32> {
    %next = memref.alloc(%n) : memref<?xf32>
    "test.use"(%previous, %next) : (memref<?xf32>, memref<?xf32>) -> ()
    scf.yield %next : memref<?xf32>
  }
  "test.use"(%last) : (memref<?xf32>) -> ()
  return
}

// -----

// In a loop, one place serves all iterations.
// CHECK-LABEL: func.func @in_loop
// CHECK-SAME: dyn.arena = #dyn.dim<64 * N>
// CHECK: scf.for
// CHECK: memref.view
func.func @in_loop(%x: memref<?xf32> {dyn.type = !dyn.tensor<[N], f32>}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.for %i = %c0 to %n step %c1 {
    %tmp = memref.alloc(%n) : memref<?x16xf32>
    "test.use"(%tmp) : (memref<?x16xf32>) -> ()
  }
  return
}

// -----

// Threads: a small buffer goes on the stack.
// CHECK-LABEL: func.func @parallel
// CHECK: scf.forall
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<4x16xf32>
// CHECK: memref.alloc() : memref<4096x16xf32>
func.func @parallel(%n: index) {
  scf.forall (%i) in (%n) {
    %small = memref.alloc() : memref<4x16xf32>
    "test.use"(%small) : (memref<4x16xf32>) -> ()
    %large = memref.alloc() : memref<4096x16xf32>
    "test.use"(%large) : (memref<4096x16xf32>) -> ()
  }
  return
}

// -----

// A symbol that only an expression gives is solved for.
// CHECK-LABEL: func.func @solved
// CHECK-SAME: dyn.arena = #dyn.dim<64 * S>
func.func @solved(%x: memref<?x?xf32> {dyn.type = !dyn.tensor<[P, P + 2 * S], f32>}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %p = memref.dim %x, %c0 : memref<?x?xf32>
  %d = memref.dim %x, %c1 : memref<?x?xf32>
  %s2 = arith.subi %d, %p : index
  %s = arith.floordivsi %s2, %c2 : index
  %tmp = memref.alloc(%s) : memref<?x16xf32>
  "test.use"(%tmp) : (memref<?x16xf32>) -> ()
  return
}

// -----

// CHECK-LABEL: func.func @foreign(%{{[a-z0-9]*}}: memref<?xf32>) {
// CHECK: memref.alloc
func.func @foreign(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %tmp = memref.alloc(%n) : memref<?xf32>
  "test.use"(%tmp) : (memref<?xf32>) -> ()
  return
}
