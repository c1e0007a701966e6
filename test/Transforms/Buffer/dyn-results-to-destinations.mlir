// RUN: dyn-opt %s --dyn-results-to-destinations --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @known_sizes
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?xf32> {bufferization.writable = false}
// CHECK-SAME: %[[Y:[a-z0-9]+]]: memref<?xf32> {dyn.name = "y", dyn.result = 0 : i64, dyn.type = !dyn.tensor<[N], f32>})
// CHECK: bufferization.materialize_in_destination %[[X]] in restrict writable %[[Y]]
// CHECK: return{{$}}
func.func @known_sizes(%x: tensor<?xf32>) -> (tensor<?xf32> {dyn.name = "y", dyn.type = !dyn.tensor<[N], f32>}) {
  return %x : tensor<?xf32>
}

// -----

// A result with a size that only the run tells comes out as a new buffer; the other one keeps its number.
// CHECK-LABEL: func.func @unknown_size
// CHECK-SAME: %[[Y:[a-z0-9]+]]: memref<?xf32> {dyn.result = 1 : i64, dyn.type = !dyn.tensor<[N], f32>})
// CHECK-SAME: -> (memref<?x4xf32> {dyn.result = 0 : i64, dyn.type = !dyn.tensor<[?, 4], f32>})
// CHECK: %[[SIZE:.*]] = tensor.dim
// CHECK: %[[NEW:.*]] = memref.alloc(%[[SIZE]]) : memref<?x4xf32>
// CHECK: materialize_in_destination {{.*}} in restrict writable %[[NEW]]
// CHECK: materialize_in_destination {{.*}} in restrict writable %[[Y]]
// CHECK: return %[[NEW]]
func.func @unknown_size(%x: tensor<?x4xf32>, %y: tensor<?xf32>)
    -> (tensor<?x4xf32> {dyn.type = !dyn.tensor<[?, 4], f32>}, tensor<?xf32> {dyn.type = !dyn.tensor<[N], f32>}) {
  return %x, %y : tensor<?x4xf32>, tensor<?xf32>
}

// -----

// The value below the reshape is computed in the caller's memory.
// CHECK-LABEL: func.func @reshaped
// CHECK-SAME: %[[Y:[a-z0-9]+]]: memref<?x?x4xf32>
// CHECK: %[[FLAT:.*]] = memref.collapse_shape %[[Y]] {{\[}}[0, 1], [2]]
// CHECK: materialize_in_destination %{{.*}} in restrict writable %[[FLAT]]
func.func @reshaped(%x: tensor<?x4xf32>, %b: index, %s: index)
    -> (tensor<?x?x4xf32> {dyn.type = !dyn.tensor<[B, S, 4], f32>}) {
  %y = tensor.expand_shape %x [[0, 1], [2]] output_shape [%b, %s, 4] : tensor<?x4xf32> into tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

// The sizes of what a result is collapsed from follow from the result's.
// CHECK-LABEL: func.func @collapsed(
// CHECK-SAME:    %[[OUT:[a-z0-9]+]]: memref<?x?x768xf32>
// CHECK: %[[HEADS:.*]] = memref.expand_shape %[[OUT]] {{\[}}[0], [1], [2, 3]] {{.*}} into memref<?x?x12x64xf32>
// CHECK: materialize_in_destination %{{.*}} in restrict writable %[[HEADS]]
func.func @collapsed(%x: tensor<?x?x12x64xf32>)
    -> (tensor<?x?x768xf32> {dyn.type = !dyn.tensor<[B, S, 768], f32>}) {
  %y = tensor.collapse_shape %x [[0], [1], [2, 3]] : tensor<?x?x12x64xf32> into tensor<?x?x768xf32>
  return %y : tensor<?x?x768xf32>
}

// -----

// Nothing says how B and S make up B * S.
// CHECK-LABEL: func.func @merged(
// CHECK-SAME:    %[[OUT:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NOT: memref.expand_shape
// CHECK: materialize_in_destination %{{.*}} in restrict writable %[[OUT]]
func.func @merged(%x: tensor<?x?x64xf32>)
    -> (tensor<?x64xf32> {dyn.type = !dyn.tensor<[B * S, 64], f32>}) {
  %y = tensor.collapse_shape %x [[0, 1], [2]] : tensor<?x?x64xf32> into tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// CHECK-LABEL: func.func @foreign(%{{.*}}: tensor<?xf32>) -> tensor<?xf32>
func.func @foreign(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}

// -----

// expected-error @+1 {{'func.func' op expects 'dyn.type' on all results or none, got none on result 1}}
func.func @half_described(%x: tensor<?xf32>) -> (tensor<?xf32> {dyn.type = !dyn.tensor<[N], f32>}, tensor<?xf32>) {
  return %x, %x : tensor<?xf32>, tensor<?xf32>
}

// -----

// expected-error @+1 {{is a model's function and cannot be called inside the module}}
func.func @called(%x: tensor<?xf32>) -> (tensor<?xf32> {dyn.type = !dyn.tensor<[N], f32>}) {
  return %x : tensor<?xf32>
}
func.func private @caller(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = call @called(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}
