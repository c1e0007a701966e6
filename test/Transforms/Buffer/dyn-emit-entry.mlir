// RUN: dyn-opt %s --dyn-emit-entry --split-input-file --verify-diagnostics | FileCheck %s

// Descriptors are inputs and weights, results by their number, the arena.
// CHECK-LABEL: func.func private @model
// CHECK-LABEL: func.func @dyn_entry(%{{.*}}: !llvm.ptr) -> i32
// CHECK: llvm.getelementptr %{{.*}}[0]
// CHECK: %[[X:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<?xf32>
// CHECK: llvm.getelementptr %{{.*}}[2]
// CHECK: %[[Y:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<?xf32>
// CHECK: llvm.getelementptr %{{.*}}[3]
// CHECK: %[[ARENA:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<?xi8>
// CHECK: %[[R:.*]] = call @model(%[[X]], %[[Y]], %[[ARENA]])
// CHECK: %[[LOWERED:.*]] = builtin.unrealized_conversion_cast %[[R]]
// CHECK: %[[SLOT:.*]] = llvm.getelementptr %{{.*}}[1]
// CHECK: %[[TARGET:.*]] = llvm.load %[[SLOT]]
// CHECK: llvm.store %[[LOWERED]], %[[TARGET]]
func.func @model(%x: memref<?xf32> {dyn.type = !dyn.tensor<[N], f32>},
                 %y: memref<?xf32> {dyn.result = 1, dyn.type = !dyn.tensor<[N], f32>},
                 %arena: memref<?xi8> {dyn.arena = #dyn.dim<0>})
    -> (memref<?xf32> {dyn.result = 0, dyn.type = !dyn.tensor<[?], f32>}) {
  return %x : memref<?xf32>
}

// -----

// CHECK-LABEL: func.func @foreign
// CHECK-NOT: dyn_entry
func.func @foreign(%x: memref<?xf32>) {
  return
}

// -----

// expected-note @+1 {{the first one is here}}
func.func @one(%x: memref<?xf32> {dyn.type = !dyn.tensor<[N], f32>}) { return }
// expected-error @+1 {{is a second model's function: expects one}}
func.func @two(%x: memref<?xf32> {dyn.type = !dyn.tensor<[N], f32>}) { return }
