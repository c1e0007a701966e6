// RUN: dyn-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(dyn-free-buffers))' | FileCheck %s

// CHECK-LABEL: func.func @after_last_use
// CHECK: %[[A:.*]] = memref.alloc
// CHECK: memref.subview %[[A]]
// CHECK: "test.last"
// CHECK-NEXT: memref.dealloc %[[A]]
// CHECK-NEXT: "test.other"
func.func @after_last_use(%n: index) {
  %a = memref.alloc(%n) : memref<?xf32>
  %view = memref.subview %a[0] [1] [1] : memref<?xf32> to memref<1xf32, strided<[1]>>
  "test.last"(%view) : (memref<1xf32, strided<[1]>>) -> ()
  "test.other"() : () -> ()
  return
}

// CHECK-LABEL: func.func @returned
// CHECK-NOT: memref.dealloc
func.func @returned(%n: index) -> memref<?xf32> {
  %a = memref.alloc(%n) : memref<?xf32>
  return %a : memref<?xf32>
}

// CHECK-LABEL: func.func @freed_already
// CHECK: memref.dealloc
// CHECK-NOT: memref.dealloc
func.func @freed_already(%n: index) {
  %a = memref.alloc(%n) : memref<?xf32>
  memref.dealloc %a : memref<?xf32>
  return
}

// CHECK-LABEL: func.func @in_loop
// CHECK: scf.for
// CHECK: memref.alloc
// CHECK-NEXT: "test.use"
// CHECK-NEXT: memref.dealloc
func.func @in_loop(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %a = memref.alloc(%i) : memref<?xf32>
    "test.use"(%a) : (memref<?xf32>) -> ()
  }
  return
}
