// RUN: dyn-opt %s --inline --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @caller
// CHECK-NEXT:    dyn.exp
// CHECK-NEXT:    return
func.func private @callee(%x: !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32> {
  %0 = dyn.exp %x : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32>
  return %0 : !dyn.tensor<[B, S], f32>
}
func.func @caller(%x: !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32> {
  %0 = func.call @callee(%x) : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32>
  return %0 : !dyn.tensor<[B, S], f32>
}

// -----

// The types of the callee's body rest on a range that the caller does not have.
// CHECK-LABEL: func.func @knows_less
// CHECK:         call @callee
func.func private @callee(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[T], f32>) -> !dyn.tensor<[S], f32>
    attributes {dyn.symbols = {S = #dyn.symbol<2, 8>}} {
  %0 = dyn.add %x, %y : (!dyn.tensor<[S], f32>, !dyn.tensor<[T], f32>) -> !dyn.tensor<[S], f32>
  return %0 : !dyn.tensor<[S], f32>
}
func.func @knows_less(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[T], f32>) -> !dyn.tensor<[S], f32> {
  %0 = func.call @callee(%x, %y) : (!dyn.tensor<[S], f32>, !dyn.tensor<[T], f32>) -> !dyn.tensor<[S], f32>
  return %0 : !dyn.tensor<[S], f32>
}

// -----

// N is born in the callee's body, anew in each call.
// CHECK-LABEL: func.func @born_twice
// CHECK-COUNT-2: call @callee
func.func private @callee(%x: !dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32> {
  %0 = dyn.refine %x : !dyn.tensor<[?], f32> to !dyn.tensor<[N], f32>
  %1 = dyn.refine %0 : !dyn.tensor<[N], f32> to !dyn.tensor<[?], f32>
  return %1 : !dyn.tensor<[?], f32>
}
func.func @born_twice(%x: !dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32> {
  %0 = func.call @callee(%x) : (!dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32>
  %1 = func.call @callee(%0) : (!dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32>
  return %1 : !dyn.tensor<[?], f32>
}

// -----

// Sizes of another name: the caller states the callee's and forgets its own.
// CHECK-LABEL: func.func @other_names
// CHECK-NEXT:    %[[X:.*]] = dyn.refine %arg0 : !dyn.tensor<[S], f32> to !dyn.tensor<[?], f32>
// CHECK-NEXT:    %[[Y:.*]] = dyn.exp %[[X]]
// CHECK-NEXT:    dyn.refine %[[Y]] : !dyn.tensor<[?], f32> to !dyn.tensor<[S], f32>
func.func private @callee(%x: !dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32> {
  %0 = dyn.exp %x : (!dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32>
  return %0 : !dyn.tensor<[?], f32>
}
func.func @other_names(%x: !dyn.tensor<[S], f32>) -> !dyn.tensor<[S], f32> {
  %0 = dyn.refine %x : !dyn.tensor<[S], f32> to !dyn.tensor<[?], f32>
  %1 = func.call @callee(%0) : (!dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32>
  %2 = dyn.refine %1 : !dyn.tensor<[?], f32> to !dyn.tensor<[S], f32>
  return %2 : !dyn.tensor<[S], f32>
}
