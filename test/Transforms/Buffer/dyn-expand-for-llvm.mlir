// RUN: dyn-opt %s --allow-unregistered-dialect --pass-pipeline='builtin.module(func.func(dyn-expand-for-llvm))' | FileCheck %s

// CHECK-LABEL: func.func @strided_copy
// CHECK-NOT: memref.copy
// CHECK: scf.for
// CHECK: memref.store
func.func @strided_copy(%x: memref<?xf32, strided<[2]>>, %y: memref<?xf32>) {
  memref.copy %x, %y : memref<?xf32, strided<[2]>> to memref<?xf32>
  return
}

// CHECK-LABEL: func.func @contiguous_copy
// CHECK: memref.copy
func.func @contiguous_copy(%x: memref<?xf32>, %y: memref<?xf32>) {
  memref.copy %x, %y : memref<?xf32> to memref<?xf32>
  return
}

// CHECK-LABEL: func.func @remainder
// CHECK-NOT: arith.remf
// CHECK: scf.while
// CHECK: math.copysign
func.func @remainder(%x: vector<2xbf16>, %y: vector<2xbf16>) -> vector<2xbf16> {
  %r = arith.remf %x, %y : vector<2xbf16>
  return %r : vector<2xbf16>
}

// CHECK-LABEL: func.func @stack
// CHECK-NOT: scf.for
// CHECK: memref.alloca
// CHECK: scf.for
func.func @stack(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %a = memref.alloca() : memref<4xf32>
    "test.use"(%a) : (memref<4xf32>) -> ()
  }
  return
}

// CHECK-LABEL: func.func @two_dynamic_sizes
// CHECK-SAME: %[[X:arg[0-9]+]]: memref<?x384xf32>, %[[B:arg[0-9]+]]: index, %[[S:arg[0-9]+]]: index
// CHECK: %[[BASE:[^,]*]], {{.*}} = memref.extract_strided_metadata %[[X]]
// CHECK: %[[STRIDE:.*]] = arith.muli %[[S]], %c384
// CHECK: memref.reinterpret_cast %[[BASE]] to offset: [0], sizes: [%[[B]], %[[S]], 384], strides: [%[[STRIDE]], 384, 1]
func.func @two_dynamic_sizes(%x: memref<?x384xf32>, %b: index, %s: index) -> memref<?x?x384xf32> {
  %r = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %s, 384] : memref<?x384xf32> into memref<?x?x384xf32>
  return %r : memref<?x?x384xf32>
}
