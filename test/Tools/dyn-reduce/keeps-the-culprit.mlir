// RUN: dyn-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/has-matmul.sh' | FileCheck %s

// What does not matter to the test goes: a whole function here.
// CHECK-NOT:   @unrelated
// CHECK-LABEL: func.func @culprit
// CHECK:         dyn.matmul
// CHECK-NOT:   @unrelated
func.func @unrelated(%x: !dyn.tensor<[S], f32>) -> !dyn.tensor<[S], f32> {
  %0 = dyn.exp %x : (!dyn.tensor<[S], f32>) -> !dyn.tensor<[S], f32>
  return %0 : !dyn.tensor<[S], f32>
}
func.func @culprit(%x: !dyn.tensor<[S, 8], f32>, %w: !dyn.tensor<[8, 4], f32>) -> !dyn.tensor<[S, 4], f32> {
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[S, 8], f32>, !dyn.tensor<[8, 4], f32>) -> !dyn.tensor<[S, 4], f32>
  return %0 : !dyn.tensor<[S, 4], f32>
}
