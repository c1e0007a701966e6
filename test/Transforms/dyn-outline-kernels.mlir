// RUN: dyn-opt %s --dyn-outline-kernels | FileCheck %s
// RUN: mlir-opt-22 %s --load-pass-plugin=%dyn_plugin --pass-pipeline='builtin.module(dyn-outline-kernels)' | FileCheck %s

// Two layers with weights of their own, and one with another function.
// CHECK-LABEL: func @layers
// CHECK-SAME:    %[[N:.*]]: index, %[[X:.*]]: memref<?xf32>, %[[A:.*]]: memref<?xf32>, %[[B:.*]]: memref<?xf32>
// CHECK:         call @[[ADD:.*]](%[[N]], %[[X]], %[[A]])
// CHECK-NEXT:    call @[[ADD]](%[[N]], %[[X]], %[[B]])
// CHECK-NEXT:    call @[[MUL:.*]](%[[N]], %[[X]], %[[B]])
// CHECK-NEXT:    return
// CHECK:       func.func private @[[ADD]](
// CHECK:         scf.forall
// CHECK:         linalg.add
// CHECK:       func.func private @[[MUL]](
// CHECK:         linalg.mul
// CHECK-NOT:   func.func
func.func @layers(%n: index, %x: memref<?xf32>, %a: memref<?xf32>, %b: memref<?xf32>) {
  scf.forall (%i) = (0) to (%n) step (64) {
    linalg.add ins(%x, %a : memref<?xf32>, memref<?xf32>) outs(%x : memref<?xf32>)
  }
  scf.forall (%i) = (0) to (%n) step (64) {
    linalg.add ins(%x, %b : memref<?xf32>, memref<?xf32>) outs(%x : memref<?xf32>)
  }
  scf.forall (%i) = (0) to (%n) step (64) {
    linalg.mul ins(%x, %b : memref<?xf32>, memref<?xf32>) outs(%x : memref<?xf32>)
  }
  return
}
