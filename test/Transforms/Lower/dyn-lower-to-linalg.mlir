// RUN: dyn-opt %s --dyn-lower-to-linalg --split-input-file | FileCheck %s
// RUN: mlir-opt-22 --load-dialect-plugin=%dyn_plugin --pass-pipeline='builtin.module(dyn-lower-to-linalg)' --split-input-file %s | FileCheck %s

// Inputs keep their names, weights follow in the module's order, the symbolic types stay as attributes.

// CHECK: dyn.weight @scale
// CHECK: dyn.weight @shift
// CHECK-LABEL: func.func @affine(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32> {dyn.name = "x", dyn.type = !dyn.tensor<[B, 8], f32>},
// CHECK-SAME: %[[SCALE:.*]]: tensor<8xf32> {dyn.type = !dyn.tensor<[8], f32>, dyn.weight = @scale},
// CHECK-SAME: %[[SHIFT:.*]]: tensor<8xf32> {dyn.type = !dyn.tensor<[8], f32>, dyn.weight = @shift})
// CHECK-SAME: -> (tensor<?x8xf32> {dyn.name = "y", dyn.type = !dyn.tensor<[B, 8], f32>})
// CHECK-SAME: attributes {dyn.symbols = {B = #dyn.symbol<1, 64>}}
// CHECK: %[[B:.*]] = tensor.dim %[[X]],
// CHECK: tensor.empty(%[[B]])
// CHECK: linalg.generic {{.*}} ins(%[[X]], %[[SCALE]]
// CHECK: arith.mulf
// CHECK: linalg.generic {{.*}}, %[[SHIFT]]
// CHECK: arith.addf
// CHECK-NOT: dyn.get_weight
dyn.weight @scale : !dyn.tensor<[8], f32> = #dyn.external<"m.safetensors", "scale">
dyn.weight @shift : !dyn.tensor<[8], f32> = #dyn.external<"m.safetensors", "shift">
func.func @affine(%x: !dyn.tensor<[B, 8], f32> {dyn.name = "x"}) -> (!dyn.tensor<[B, 8], f32> {dyn.name = "y"})
    attributes {dyn.symbols = {B = #dyn.symbol<1, 64>}} {
  %shift = dyn.get_weight @shift : !dyn.tensor<[8], f32>
  %scale = dyn.get_weight @scale : !dyn.tensor<[8], f32>
  %0 = dyn.mul %x, %scale : (!dyn.tensor<[B, 8], f32>, !dyn.tensor<[8], f32>) -> !dyn.tensor<[B, 8], f32>
  %1 = dyn.add %0, %shift : (!dyn.tensor<[B, 8], f32>, !dyn.tensor<[8], f32>) -> !dyn.tensor<[B, 8], f32>
  return %1 : !dyn.tensor<[B, 8], f32>
}

// -----

// A caller hands on the weights that its callee reads.

// CHECK-LABEL: func.func @caller(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?xf32>
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<1xf32> {{{.*}}dyn.weight = @w}
// CHECK: call @callee(%[[X]], %[[W]])
// CHECK-LABEL: func.func private @callee(
// CHECK-SAME: tensor<?xf32>
// CHECK-SAME: tensor<1xf32> {{{.*}}dyn.weight = @w}
dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.external<"m.safetensors", "w">
func.func @caller(%x: !dyn.tensor<[N], f32>) -> !dyn.tensor<[N], f32> {
  %0 = call @callee(%x) : (!dyn.tensor<[N], f32>) -> !dyn.tensor<[N], f32>
  return %0 : !dyn.tensor<[N], f32>
}
func.func private @callee(%x: !dyn.tensor<[N], f32>) -> !dyn.tensor<[N], f32> {
  %w = dyn.get_weight @w : !dyn.tensor<[1], f32>
  %0 = dyn.mul %x, %w : (!dyn.tensor<[N], f32>, !dyn.tensor<[1], f32>) -> !dyn.tensor<[N], f32>
  return %0 : !dyn.tensor<[N], f32>
}

// -----

// Symbols inside expressions are solved for; each size is one value.

// CHECK-LABEL: func.func @solve(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x?xf32>
// CHECK-SAME: %[[Y:[a-z0-9]+]]: tensor<?xf32>
// CHECK-DAG: %[[P:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[TWO_D:.*]] = tensor.dim %[[X]], %c1
// CHECK-DAG: %[[D:.*]] = arith.divsi %[[TWO_D]], %c2
// CHECK-DAG: %[[PS:.*]] = tensor.dim %[[Y]], %c0
// CHECK-DAG: %[[S:.*]] = arith.subi %[[PS]], %[[P]]
// CHECK: tensor.from_elements
// CHECK-NOT: tensor.dim
func.func @solve(%x: !dyn.tensor<[P, 2 * D], f32>, %y: !dyn.tensor<[P + S], f32>) -> !dyn.tensor<[2], i64> {
  %0 = dyn.constant #dyn.dims<[S, D]> as !dyn.tensor<[2], i64>
  return %0 : !dyn.tensor<[2], i64>
}

// -----

// Shapes that no one reads as tensors are not made.

// CHECK-LABEL: func.func @heads(
// CHECK-NOT: from_elements
// CHECK: %[[E:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1], [2, 3]] output_shape [%{{.*}}, %{{.*}}, 12, 64]
// CHECK: linalg.transpose ins(%[[E]]
// CHECK-SAME: permutation = [0, 2, 1, 3]
func.func @heads(%x: !dyn.tensor<[B, S, 768], f32>) -> !dyn.tensor<[B, 12, S, 64], f32> {
  %s = dyn.constant #dyn.dims<[B, S, 12, 64]> as !dyn.tensor<[4], i64>
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[B, S, 12, 64], f32>
  %1 = dyn.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (!dyn.tensor<[B, S, 12, 64], f32>) -> !dyn.tensor<[B, 12, S, 64], f32>
  return %1 : !dyn.tensor<[B, 12, S, 64], f32>
}
