// RUN: dyn-opt %s --dyn-refine-shapes --allow-unregistered-dialect --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @shapes_that_became_constant
// CHECK-SAME:    -> !dyn.tensor<[S * T], f32>
// CHECK:         %[[N:.*]] = dyn.constant #dyn.dims<[T]>
// CHECK-NEXT:    %[[R:.*]] = dyn.tile %arg0, %[[N]] : {{.*}} -> !dyn.tensor<[S * T], f32>
// CHECK-NEXT:    return %[[R]] : !dyn.tensor<[S * T], f32>
func.func @shapes_that_became_constant(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[T], f32>) -> !dyn.tensor<[?], f32> {
  %s = dyn.shape_of %y {start = 0, end = 1} : (!dyn.tensor<[T], f32>) -> !dyn.tensor<[1], i64>
  %0 = dyn.tile %x, %s : (!dyn.tensor<[S], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?], f32>
  return %0 : !dyn.tensor<[?], f32>
}

// -----

// Sizes flow through everything that follows in the one sweep.
// CHECK-LABEL: func.func @chain
// CHECK-SAME:    -> (!dyn.tensor<[S, 6], f32>, !dyn.tensor<[], i64>)
// CHECK-DAG:     %[[C:.*]] = dyn.constant #dyn.dims<scalar [6 * S]>
// CHECK:         return %{{.*}}, %[[C]]
func.func @chain(%x: !dyn.tensor<[S, 2, 3], f32>) -> (!dyn.tensor<[?, ?], f32>, !dyn.tensor<[], i64>) {
  %s = dyn.constant #dyn.dims<[S, 6]> as !dyn.tensor<[2], i64>
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[S, 2, 3], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[?, ?], f32>
  %1 = dyn.exp %0 : (!dyn.tensor<[?, ?], f32>) -> !dyn.tensor<[?, ?], f32>
  %2 = dyn.shape_of %1 {start = 0, end = 2} : (!dyn.tensor<[?, ?], f32>) -> !dyn.tensor<[2], i64>
  %3 = dyn.reduce_prod %2 {axes = array<i64: 0>, keep_dims = false} : (!dyn.tensor<[2], i64>) -> !dyn.tensor<[], i64>
  return %1, %3 : !dyn.tensor<[?, ?], f32>, !dyn.tensor<[], i64>
}

// -----

// CHECK-LABEL: func.func @already_inferred
// CHECK-NEXT:    %[[Y:.*]] = dyn.exp %arg0
// CHECK-NEXT:    return %[[Y]]
func.func @already_inferred(%x: !dyn.tensor<[S], f32>) -> !dyn.tensor<[S], f32> {
  %0 = dyn.exp %x : (!dyn.tensor<[S], f32>) -> !dyn.tensor<[S], f32>
  return %0 : !dyn.tensor<[S], f32>
}

// -----

// The type said T before the shape was known to say S * 2: the run compares them.
// CHECK-LABEL: func.func @stated_size
// CHECK:         %[[R:.*]] = dyn.reshape {{.*}} -> !dyn.tensor<[2 * S], f32>
// CHECK-NEXT:    %[[T:.*]] = dyn.refine %[[R]] : !dyn.tensor<[2 * S], f32> to !dyn.tensor<[T], f32>
// CHECK-NEXT:    return %[[T]]
func.func @stated_size(%x: !dyn.tensor<[S, 2], f32>, %t: !dyn.tensor<[T], f32>) -> !dyn.tensor<[T], f32> {
  %flat = dyn.constant dense<-1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %zero = dyn.constant dense<0> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %shape = dyn.add %flat, %zero : (!dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[1], i64>
  %0 = dyn.reshape %x, %shape : (!dyn.tensor<[S, 2], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[T], f32>
  return %0 : !dyn.tensor<[T], f32>
}

// -----

// What infers nothing keeps its operand's type, and so does the signature of a function that is called.
// CHECK-LABEL: func.func @others_keep_their_types
// CHECK-SAME:    -> !dyn.tensor<[?], f32>
// CHECK:         %[[Y:.*]] = dyn.reshape {{.*}} -> !dyn.tensor<[2 * S], f32>
// CHECK:         %[[U:.*]] = dyn.refine %[[Y]] : !dyn.tensor<[2 * S], f32> to !dyn.tensor<[?], f32>
// CHECK:         dyn.to_builtin %[[U]] : !dyn.tensor<[?], f32> to tensor<?xf32>
// CHECK:         %[[V:.*]] = dyn.refine %[[Y]] : !dyn.tensor<[2 * S], f32> to !dyn.tensor<[?], f32>
// CHECK:         return %[[V]]
func.func @others_keep_their_types(%x: !dyn.tensor<[S, 2], f32>) -> !dyn.tensor<[?], f32> {
  %flat = dyn.constant dense<-1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %0 = dyn.reshape %x, %flat : (!dyn.tensor<[S, 2], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?], f32>
  %1 = dyn.to_builtin %0 : !dyn.tensor<[?], f32> to tensor<?xf32>
  "test.use"(%1) : (tensor<?xf32>) -> ()
  return %0 : !dyn.tensor<[?], f32>
}
func.func @caller(%x: !dyn.tensor<[S, 2], f32>) -> !dyn.tensor<[?], f32> {
  %0 = func.call @others_keep_their_types(%x) : (!dyn.tensor<[S, 2], f32>) -> !dyn.tensor<[?], f32>
  return %0 : !dyn.tensor<[?], f32>
}

// -----

// CHECK-LABEL: func.func @ranges_decide
// CHECK:         dyn.slice {{.*}} -> !dyn.tensor<[S], f32>
func.func @ranges_decide(%x: !dyn.tensor<[512], f32>, %y: !dyn.tensor<[S], f32>) -> !dyn.tensor<[?], f32>
    attributes {dyn.symbols = {S = #dyn.symbol<1, 512>}} {
  %start = dyn.constant dense<0> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %end = dyn.constant #dyn.dims<[S]> as !dyn.tensor<[1], i64>
  %step = dyn.constant dense<1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %0 = dyn.slice %x, %start, %end, %step {axes = array<i64: 0>} : (!dyn.tensor<[512], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?], f32>
  return %0 : !dyn.tensor<[?], f32>
}

// -----

func.func @contradiction(%x: !dyn.tensor<[6], f32>, %y: !dyn.tensor<[4], f32>) -> !dyn.tensor<[?], f32> {
  %two = dyn.constant dense<2> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %0 = dyn.tile %y, %two : (!dyn.tensor<[4], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?], f32>
  // expected-error@+1 {{expects sizes that are equal or 1 to broadcast, got 6 and 8 in shapes [6] and [8]}}
  %1 = dyn.add %x, %0 : (!dyn.tensor<[6], f32>, !dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32>
  return %1 : !dyn.tensor<[?], f32>
}
