// RUN: dyn-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// Written types are what inference says, or the verifier refuses them.
// CHECK-LABEL: func.func @reshape
func.func @reshape(%x: !dyn.tensor<[B, S, 768], f32>, %run: !dyn.tensor<[2], i64>) {
  %heads = dyn.constant #dyn.dims<[B, S, 12, -1]> as !dyn.tensor<[4], i64>
  %flat = dyn.constant dense<-1> : tensor<1xi32> as !dyn.tensor<[1], i32>
  // CHECK: dyn.reshape {{.*}} -> !dyn.tensor<[B, S, 12, 64], f32>
  %0 = dyn.reshape %x, %heads : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[B, S, 12, 64], f32>
  // CHECK: dyn.reshape {{.*}} -> !dyn.tensor<[768 * B * S], f32>
  %1 = dyn.reshape %x, %flat : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[1], i32>) -> !dyn.tensor<[768 * B * S], f32>
  // CHECK: dyn.reshape {{.*}} -> !dyn.tensor<[?, ?], f32>
  %2 = dyn.reshape %x, %run : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[?, ?], f32>
  return
}

// CHECK-LABEL: func.func @slice
func.func @slice(%x: !dyn.tensor<[S, 10], f32>, %at: !dyn.tensor<[1], i64>) {
  %zero = dyn.constant dense<0> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %one = dyn.constant dense<1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %two = dyn.constant dense<2> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %m1 = dyn.constant dense<-1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %low = dyn.constant dense<-9223372036854775808> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %high = dyn.constant dense<9223372036854775807> : tensor<1xi64> as !dyn.tensor<[1], i64>
  // x[1:], x[:-1], x[::2], x[::-1], x[-1:], and [2:at] of what only the run knows.
  // CHECK: -> !dyn.tensor<[S - min(S, 1), 10], f32>
  %0 = dyn.slice %x, %one, %high, %one {axes = array<i64: 0>} : (!dyn.tensor<[S, 10], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[S - min(S, 1), 10], f32>
  // CHECK: -> !dyn.tensor<[S, 9], f32>
  %1 = dyn.slice %x, %zero, %m1, %one {axes = array<i64: 1>} : (!dyn.tensor<[S, 10], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[S, 9], f32>
  // CHECK: -> !dyn.tensor<[-((-S) floordiv 2), 10], f32>
  %2 = dyn.slice %x, %zero, %high, %two {axes = array<i64: 0>} : (!dyn.tensor<[S, 10], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[S ceildiv 2, 10], f32>
  // CHECK: -> !dyn.tensor<[S, 10], f32>
  %3 = dyn.slice %x, %high, %low, %m1 {axes = array<i64: 0>} : (!dyn.tensor<[S, 10], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[S, 10], f32>
  // CHECK: -> !dyn.tensor<[S, 1], f32>
  %4 = dyn.slice %x, %m1, %high, %one {axes = array<i64: 1>} : (!dyn.tensor<[S, 10], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[S, 1], f32>
  // CHECK: -> !dyn.tensor<[S, ?], f32>
  %5 = dyn.slice %x, %two, %at, %one {axes = array<i64: 1>} : (!dyn.tensor<[S, 10], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[S, ?], f32>
  return
}

// CHECK-LABEL: func.func @moves
func.func @moves(%x: !dyn.tensor<[B, S], f32>, %y: !dyn.tensor<[B, T], f32>, %i: !dyn.tensor<[N, 2], i64>, %k: !dyn.tensor<[], i64>,
                 %v: !dyn.tensor<[], f32>) {
  // CHECK: dyn.transpose
  %0 = dyn.transpose %x {permutation = array<i64: 1, 0>} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[S, B], f32>
  %shape = dyn.constant #dyn.dims<[T, 1, S]> as !dyn.tensor<[3], i64>
  // CHECK: dyn.broadcast_to
  %1 = dyn.broadcast_to %x, %shape : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[3], i64>) -> !dyn.tensor<[T, B, S], f32>
  // CHECK: dyn.concat
  %2 = dyn.concat %x, %y, %x {axis = 1} : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[B, T], f32>, !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, 2 * S + T], f32>
  // CHECK: dyn.gather
  %3 = dyn.gather %x, %i {axis = 0} : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[N, 2], i64>) -> !dyn.tensor<[N, 2, S], f32>
  // CHECK: dyn.gather
  %4 = dyn.gather %x, %k {axis = 1} : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[], i64>) -> !dyn.tensor<[B], f32>
  // CHECK: dyn.gather_elements
  %5 = dyn.gather_elements %x, %i {axis = 1} : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[N, 2], i64>) -> !dyn.tensor<[N, 2], f32>
  // CHECK: dyn.gather_nd
  %6 = dyn.gather_nd %x, %i {batch_dims = 0} : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[N, 2], i64>) -> !dyn.tensor<[N], f32>
  %pads = dyn.constant dense<[1, 0, 2, -1]> : tensor<4xi64> as !dyn.tensor<[4], i64>
  // CHECK: dyn.pad
  %7 = dyn.pad %x, %pads, %v : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[4], i64>, !dyn.tensor<[], f32>) -> !dyn.tensor<[B + 3, S - 1], f32>
  %repeats = dyn.constant #dyn.dims<[2, T]> as !dyn.tensor<[2], i64>
  // CHECK: dyn.tile
  %8 = dyn.tile %x, %repeats : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[2 * B, S * T], f32>
  %start = dyn.constant dense<0> : tensor<i64> as !dyn.tensor<[], i64>
  %limit = dyn.constant #dyn.dims<scalar [S]> as !dyn.tensor<[], i64>
  %step = dyn.constant dense<1> : tensor<i64> as !dyn.tensor<[], i64>
  // CHECK: dyn.iota
  %9 = dyn.iota %start, %limit, %step : (!dyn.tensor<[], i64>, !dyn.tensor<[], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[S], i64>
  // CHECK: dyn.iota
  %10 = dyn.iota %limit, %start, %step : (!dyn.tensor<[], i64>, !dyn.tensor<[], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[0], i64>
  // CHECK: dyn.trilu
  %11 = dyn.trilu %x, %k {upper = false} : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[], i64>) -> !dyn.tensor<[B, S], f32>
  return
}

// -----

// reshape_c1
func.func @reshape_shape_rank(%x: !dyn.tensor<[4], f32>, %s: !dyn.tensor<[], i64>) {
  // expected-error@+2 {{expects 'shape' of rank 1, got rank 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[4], f32>, !dyn.tensor<[], i64>) -> !dyn.tensor<[4], f32>
  return
}

// -----

// reshape_c1
func.func @reshape_shape_size(%x: !dyn.tensor<[4], f32>, %s: !dyn.tensor<[N], i64>) {
  // expected-error@+2 {{expects 'shape' to have a number of elements that is known, got N}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[4], f32>, !dyn.tensor<[N], i64>) -> !dyn.tensor<[4], f32>
  return
}

// -----

// reshape_c2
func.func @reshape_elements(%x: !dyn.tensor<[4, 6], f32>) {
  %s = dyn.constant dense<[5, 5]> : tensor<2xi64> as !dyn.tensor<[2], i64>
  // expected-error@+2 {{expects a shape of 24 elements, got [5, 5]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[4, 6], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[5, 5], f32>
  return
}

// -----

// reshape_c2
func.func @reshape_open_size(%x: !dyn.tensor<[4, 6], f32>) {
  %s = dyn.constant dense<[5, -1]> : tensor<2xi64> as !dyn.tensor<[2], i64>
  // expected-error@+2 {{expects a shape of 24 elements, got [5, -1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[4, 6], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[5, 5], f32>
  return
}

// -----

// reshape_c3
func.func @reshape_two_open_sizes(%x: !dyn.tensor<[4, 6], f32>) {
  %s = dyn.constant dense<-1> : tensor<2xi64> as !dyn.tensor<[2], i64>
  // expected-error@+2 {{expects at most one size of -1, got [-1, -1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[4, 6], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[4, 6], f32>
  return
}

// -----

// reshape_c3
func.func @reshape_negative(%x: !dyn.tensor<[4, 6], f32>) {
  %s = dyn.constant dense<-2> : tensor<2xi64> as !dyn.tensor<[2], i64>
  // expected-error@+2 {{expects sizes of at least -1, got -2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.reshape %x, %s : (!dyn.tensor<[4, 6], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[4, 6], f32>
  return
}

// -----

// transpose_c1
func.func @transpose_count(%x: !dyn.tensor<[B, S], f32>) {
  // expected-error@+2 {{expects a permutation of 2 axes, got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.transpose %x {permutation = array<i64: 0>} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[S, B], f32>
  return
}

// -----

// transpose_c1
func.func @transpose_twice(%x: !dyn.tensor<[B, S], f32>) {
  // expected-error@+2 {{expects different axes, got 0 twice}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.transpose %x {permutation = array<i64: 0, 0>} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[S, B], f32>
  return
}

// -----

// broadcast_to_c1
func.func @broadcast_to_shape(%x: !dyn.tensor<[4], f32>, %s: !dyn.tensor<[2, 2], i64>) {
  // expected-error@+2 {{expects 'shape' of rank 1, got rank 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.broadcast_to %x, %s : (!dyn.tensor<[4], f32>, !dyn.tensor<[2, 2], i64>) -> !dyn.tensor<[4], f32>
  return
}

// -----

// broadcast_to_c2
func.func @broadcast_to_negative(%x: !dyn.tensor<[1], f32>) {
  %s = dyn.constant dense<-1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  // expected-error@+2 {{expects sizes of at least 0, got -1 for dimension 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.broadcast_to %x, %s : (!dyn.tensor<[1], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[1], f32>
  return
}

// -----

// broadcast_c1
func.func @broadcast_to_another_size(%x: !dyn.tensor<[3], f32>) {
  %s = dyn.constant dense<2> : tensor<1xi64> as !dyn.tensor<[1], i64>
  // expected-error@+2 {{expects sizes that are equal or 1 to broadcast, got 3 and 2 in shapes [3] and [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.broadcast_to %x, %s : (!dyn.tensor<[3], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[3], f32>
  return
}

// -----

// concat_c1
func.func @concat_nothing() {
  // expected-error@+2 {{expects an operand}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.concat {axis = 0} : () -> !dyn.tensor<[0], f32>
  return
}

// -----

// concat_c1
func.func @concat_ranks(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[S, 1], f32>) {
  // expected-error@+2 {{expects operands of one rank and element type, got '!dyn.tensor<[S], f32>' and '!dyn.tensor<[S, 1], f32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.concat %x, %y {axis = 0} : (!dyn.tensor<[S], f32>, !dyn.tensor<[S, 1], f32>) -> !dyn.tensor<[2 * S], f32>
  return
}

// -----

// concat_c2
func.func @concat_axis(%x: !dyn.tensor<[S], f32>) {
  // expected-error@+2 {{expects an axis between 0 and 0, got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.concat %x, %x {axis = 1} : (!dyn.tensor<[S], f32>, !dyn.tensor<[S], f32>) -> !dyn.tensor<[2 * S], f32>
  return
}

// -----

// concat_c3
func.func @concat_sizes(%x: !dyn.tensor<[S, 2], f32>, %y: !dyn.tensor<[S, 3], f32>) {
  // expected-error@+2 {{joins size 2 with 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.concat %x, %y {axis = 0} : (!dyn.tensor<[S, 2], f32>, !dyn.tensor<[S, 3], f32>) -> !dyn.tensor<[2 * S, 2], f32>
  return
}

// -----

// slice_c1
func.func @slice_count(%x: !dyn.tensor<[S, 2], f32>, %a: !dyn.tensor<[2], i64>, %b: !dyn.tensor<[1], i64>) {
  // expected-error@+2 {{expects 'starts' of 1 elements, one an axis, got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.slice %x, %a, %b, %b {axes = array<i64: 0>} : (!dyn.tensor<[S, 2], f32>, !dyn.tensor<[2], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?, 2], f32>
  return
}

// -----

// slice_c2
func.func @slice_axes(%x: !dyn.tensor<[S, 2], f32>, %a: !dyn.tensor<[2], i64>) {
  // expected-error@+2 {{expects different axes, got 1 twice}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.slice %x, %a, %a, %a {axes = array<i64: 1, 1>} : (!dyn.tensor<[S, 2], f32>, !dyn.tensor<[2], i64>, !dyn.tensor<[2], i64>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[S, ?], f32>
  return
}

// -----

// slice_c3
func.func @slice_step(%x: !dyn.tensor<[S, 2], f32>) {
  %zero = dyn.constant dense<0> : tensor<1xi64> as !dyn.tensor<[1], i64>
  // expected-error@+2 {{expects steps other than 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.slice %x, %zero, %zero, %zero {axes = array<i64: 0>} : (!dyn.tensor<[S, 2], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?, 2], f32>
  return
}

// -----

// gather_c1
func.func @gather_of_a_scalar(%x: !dyn.tensor<[], f32>, %i: !dyn.tensor<[N], i64>) {
  // expected-error@+2 {{expects an axis, got 0 for a scalar}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.gather %x, %i {axis = 0} : (!dyn.tensor<[], f32>, !dyn.tensor<[N], i64>) -> !dyn.tensor<[N], f32>
  return
}

// -----

func.func @gather_by_floats(%x: !dyn.tensor<[S], f32>, %i: !dyn.tensor<[N], f32>) {
  // expected-error@+1 {{operand #1 must be dyn tensor of i32 or i64, but got '!dyn.tensor<[N], f32>'}}
  %0 = dyn.gather %x, %i {axis = 0} : (!dyn.tensor<[S], f32>, !dyn.tensor<[N], f32>) -> !dyn.tensor<[N], f32>
  return
}

// -----

// gather_elements_c1
func.func @gather_elements_axis(%x: !dyn.tensor<[S, 4], f32>, %i: !dyn.tensor<[S, 4], i64>) {
  // expected-error@+2 {{expects an axis between 0 and 1, got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.gather_elements %x, %i {axis = 2} : (!dyn.tensor<[S, 4], f32>, !dyn.tensor<[S, 4], i64>) -> !dyn.tensor<[S, 4], f32>
  return
}

// -----

// gather_elements_c1
func.func @gather_elements_rank(%x: !dyn.tensor<[S, 4], f32>, %i: !dyn.tensor<[S], i64>) {
  // expected-error@+2 {{expects indices of rank 2, got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.gather_elements %x, %i {axis = 0} : (!dyn.tensor<[S, 4], f32>, !dyn.tensor<[S], i64>) -> !dyn.tensor<[S], f32>
  return
}

// -----

// gather_elements_c2
func.func @gather_elements_sizes(%x: !dyn.tensor<[S, 4], f32>, %i: !dyn.tensor<[S, 5], i64>) {
  // expected-error@+2 {{expects at most 4 indices along axis 1, got 5}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.gather_elements %x, %i {axis = 0} : (!dyn.tensor<[S, 4], f32>, !dyn.tensor<[S, 5], i64>) -> !dyn.tensor<[S, 5], f32>
  return
}

// -----

// gather_nd_c1
func.func @gather_nd_depth(%x: !dyn.tensor<[S, 4], f32>, %i: !dyn.tensor<[N, 3], i64>) {
  // expected-error@+2 {{expects a last size of indices between 1 and 2, got 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.gather_nd %x, %i {batch_dims = 0} : (!dyn.tensor<[S, 4], f32>, !dyn.tensor<[N, 3], i64>) -> !dyn.tensor<[N], f32>
  return
}

// -----

// gather_nd_c1
func.func @gather_nd_symbolic_depth(%x: !dyn.tensor<[S, 4], f32>, %i: !dyn.tensor<[N, D], i64>) {
  // expected-error@+2 {{expects a last size of indices between 1 and 2, got D}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.gather_nd %x, %i {batch_dims = 0} : (!dyn.tensor<[S, 4], f32>, !dyn.tensor<[N, D], i64>) -> !dyn.tensor<[N], f32>
  return
}

// -----

// gather_nd_c2
func.func @gather_nd_batch(%x: !dyn.tensor<[S, 4], f32>, %i: !dyn.tensor<[S, 1], i64>) {
  // expected-error@+2 {{expects batch_dims between 0 and 1, got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.gather_nd %x, %i {batch_dims = 2} : (!dyn.tensor<[S, 4], f32>, !dyn.tensor<[S, 1], i64>) -> !dyn.tensor<[S], f32>
  return
}

// -----

// gather_nd_c2
func.func @gather_nd_batch_sizes(%x: !dyn.tensor<[3, 4], f32>, %i: !dyn.tensor<[2, 1], i64>) {
  // expected-error@+2 {{shares batch size 3 with 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.gather_nd %x, %i {batch_dims = 1} : (!dyn.tensor<[3, 4], f32>, !dyn.tensor<[2, 1], i64>) -> !dyn.tensor<[3], f32>
  return
}

// -----

// pad_c1
func.func @pad_count(%x: !dyn.tensor<[S], f32>, %p: !dyn.tensor<[1], i64>, %v: !dyn.tensor<[], f32>) {
  // expected-error@+2 {{expects 'pads' of 2 elements, got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.pad %x, %p, %v : (!dyn.tensor<[S], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[], f32>) -> !dyn.tensor<[?], f32>
  return
}

// -----

// pad_c2
func.func @pad_value(%x: !dyn.tensor<[S], f32>, %p: !dyn.tensor<[2], i64>, %v: !dyn.tensor<[], f16>) {
  // expected-error@+2 {{expects a scalar 'f32' to pad with, got '!dyn.tensor<[], f16>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.pad %x, %p, %v : (!dyn.tensor<[S], f32>, !dyn.tensor<[2], i64>, !dyn.tensor<[], f16>) -> !dyn.tensor<[?], f32>
  return
}

// -----

// pad_c3
func.func @pad_cuts_too_much(%x: !dyn.tensor<[3], f32>, %v: !dyn.tensor<[], f32>) {
  %p = dyn.constant dense<[-2, -2]> : tensor<2xi64> as !dyn.tensor<[2], i64>
  // expected-error@+2 {{expects sizes of at least 0, got -1 for dimension 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.pad %x, %p, %v : (!dyn.tensor<[3], f32>, !dyn.tensor<[2], i64>, !dyn.tensor<[], f32>) -> !dyn.tensor<[?], f32>
  return
}

// -----

// tile_c1
func.func @tile_count(%x: !dyn.tensor<[S, 2], f32>, %r: !dyn.tensor<[1], i64>) {
  // expected-error@+2 {{expects 'repeats' of 2 elements, got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.tile %x, %r : (!dyn.tensor<[S, 2], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?, ?], f32>
  return
}

// -----

// tile_c2
func.func @tile_negative(%x: !dyn.tensor<[0], f32>) {
  %r = dyn.constant dense<-1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  // expected-error@+2 {{expects sizes of at least 0, got -1 for dimension 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.tile %x, %r : (!dyn.tensor<[0], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?], f32>
  return
}

// -----

// iota_c1
func.func @iota_types(%a: !dyn.tensor<[], i64>, %b: !dyn.tensor<[], i32>) {
  // expected-error@+2 {{expects scalars of one element type, got '!dyn.tensor<[], i64>' and '!dyn.tensor<[], i32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.iota %a, %b, %a : (!dyn.tensor<[], i64>, !dyn.tensor<[], i32>, !dyn.tensor<[], i64>) -> !dyn.tensor<[?], i64>
  return
}

// -----

// trilu_c1
func.func @trilu_rank(%x: !dyn.tensor<[S], f32>, %k: !dyn.tensor<[], i64>) {
  // expected-error@+2 {{expects a matrix and a scalar, got ranks 1 and 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.trilu %x, %k {upper = true} : (!dyn.tensor<[S], f32>, !dyn.tensor<[], i64>) -> !dyn.tensor<[S], f32>
  return
}
