// RUN: dyn-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// Written types are what inference says, or the verifier refuses them.
// CHECK-LABEL: func.func @binary
func.func @binary(%x: !dyn.tensor<[B, 1, 8], f32>, %y: !dyn.tensor<[S, 1], f32>, %i: !dyn.tensor<[S], i32>, %u: !dyn.tensor<[1], ui8>,
                  %b: !dyn.tensor<[S], i1>, %q: !dyn.tensor<[?], f32>) {
  // CHECK-NEXT: dyn.add
  %0 = dyn.add %x, %y : (!dyn.tensor<[B, 1, 8], f32>, !dyn.tensor<[S, 1], f32>) -> !dyn.tensor<[B, S, 8], f32>
  // CHECK-NEXT: dyn.sub
  %1 = dyn.sub %x, %x : (!dyn.tensor<[B, 1, 8], f32>, !dyn.tensor<[B, 1, 8], f32>) -> !dyn.tensor<[B, 1, 8], f32>
  // CHECK-NEXT: dyn.mul
  %2 = dyn.mul %q, %q : (!dyn.tensor<[?], f32>, !dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32>
  // CHECK-NEXT: dyn.div
  %3 = dyn.div %x, %q : (!dyn.tensor<[B, 1, 8], f32>, !dyn.tensor<[?], f32>) -> !dyn.tensor<[B, 1, 8], f32>
  // CHECK-NEXT: dyn.mod
  %4 = dyn.mod %i, %i : (!dyn.tensor<[S], i32>, !dyn.tensor<[S], i32>) -> !dyn.tensor<[S], i32>
  // CHECK-NEXT: dyn.fmod
  %5 = dyn.fmod %y, %y : (!dyn.tensor<[S, 1], f32>, !dyn.tensor<[S, 1], f32>) -> !dyn.tensor<[S, 1], f32>
  // CHECK-NEXT: dyn.pow
  %6 = dyn.pow %y, %i : (!dyn.tensor<[S, 1], f32>, !dyn.tensor<[S], i32>) -> !dyn.tensor<[S, S], f32>
  // CHECK-NEXT: dyn.min
  %7 = dyn.min %u, %u : (!dyn.tensor<[1], ui8>, !dyn.tensor<[1], ui8>) -> !dyn.tensor<[1], ui8>
  // CHECK-NEXT: dyn.max
  %8 = dyn.max %i, %i : (!dyn.tensor<[S], i32>, !dyn.tensor<[S], i32>) -> !dyn.tensor<[S], i32>
  // CHECK-NEXT: dyn.and
  %9 = dyn.and %b, %b : (!dyn.tensor<[S], i1>, !dyn.tensor<[S], i1>) -> !dyn.tensor<[S], i1>
  // CHECK-NEXT: dyn.or
  %10 = dyn.or %i, %i : (!dyn.tensor<[S], i32>, !dyn.tensor<[S], i32>) -> !dyn.tensor<[S], i32>
  // CHECK-NEXT: dyn.xor
  %11 = dyn.xor %b, %b : (!dyn.tensor<[S], i1>, !dyn.tensor<[S], i1>) -> !dyn.tensor<[S], i1>
  // CHECK-NEXT: dyn.shift_left
  %12 = dyn.shift_left %u, %u : (!dyn.tensor<[1], ui8>, !dyn.tensor<[1], ui8>) -> !dyn.tensor<[1], ui8>
  // CHECK-NEXT: dyn.shift_right
  %13 = dyn.shift_right %i, %i : (!dyn.tensor<[S], i32>, !dyn.tensor<[S], i32>) -> !dyn.tensor<[S], i32>
  // CHECK-NEXT: dyn.equal
  %14 = dyn.equal %b, %b : (!dyn.tensor<[S], i1>, !dyn.tensor<[S], i1>) -> !dyn.tensor<[S], i1>
  // CHECK-NEXT: dyn.less
  %15 = dyn.less %x, %y : (!dyn.tensor<[B, 1, 8], f32>, !dyn.tensor<[S, 1], f32>) -> !dyn.tensor<[B, S, 8], i1>
  // CHECK-NEXT: dyn.less_equal
  %16 = dyn.less_equal %i, %i : (!dyn.tensor<[S], i32>, !dyn.tensor<[S], i32>) -> !dyn.tensor<[S], i1>
  // CHECK-NEXT: dyn.select
  %17 = dyn.select %b, %x, %y : (!dyn.tensor<[S], i1>, !dyn.tensor<[B, 1, 8], f32>, !dyn.tensor<[S, 1], f32>) -> !dyn.tensor<[B, S, 8], f32>
  return
}

// -----

// CHECK-LABEL: func.func @unary
func.func @unary(%x: !dyn.tensor<[B, ?], f16>, %i: !dyn.tensor<[], i64>, %b: !dyn.tensor<[0], i1>) {
  // CHECK-NEXT: dyn.abs
  %0 = dyn.abs %i : (!dyn.tensor<[], i64>) -> !dyn.tensor<[], i64>
  // CHECK-NEXT: dyn.neg
  %1 = dyn.neg %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.sign
  %2 = dyn.sign %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.not
  %3 = dyn.not %b : (!dyn.tensor<[0], i1>) -> !dyn.tensor<[0], i1>
  // CHECK-NEXT: dyn.ceil
  %4 = dyn.ceil %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.floor
  %5 = dyn.floor %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.round
  %6 = dyn.round %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.sqrt
  %7 = dyn.sqrt %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.exp
  %8 = dyn.exp %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.log
  %9 = dyn.log %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.erf
  %10 = dyn.erf %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.sigmoid
  %11 = dyn.sigmoid %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.tanh
  %12 = dyn.tanh %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.sin
  %13 = dyn.sin %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.cos
  %14 = dyn.cos %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.tan
  %15 = dyn.tan %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.atan
  %16 = dyn.atan %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], f16>
  // CHECK-NEXT: dyn.is_nan
  %17 = dyn.is_nan %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], i1>
  // CHECK-NEXT: dyn.is_inf
  %18 = dyn.is_inf %x : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], i1>
  // CHECK-NEXT: dyn.convert
  %19 = dyn.convert %x {element_type = ui8} : (!dyn.tensor<[B, ?], f16>) -> !dyn.tensor<[B, ?], ui8>
  return
}

// -----

// Sizes that broadcast and are not known to be equal.
// CHECK-LABEL: func.func @symbols_that_broadcast
func.func @symbols_that_broadcast(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[T], f32>, %z: !dyn.tensor<[512], f32>) {
  // CHECK-NEXT: -> !dyn.tensor<[broadcast(S, T)], f32>
  %0 = dyn.add %x, %y : (!dyn.tensor<[S], f32>, !dyn.tensor<[T], f32>) -> !dyn.tensor<[broadcast(S, T)], f32>
  // CHECK-NEXT: -> !dyn.tensor<[512], f32>
  %1 = dyn.add %x, %z : (!dyn.tensor<[S], f32>, !dyn.tensor<[512], f32>) -> !dyn.tensor<[512], f32>
  return
}

// -----

// A size that is at least 2 is the result, if the run finds the other equal or 1.
// CHECK-LABEL: func.func @ranges_decide_broadcasts
func.func @ranges_decide_broadcasts(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[T], f32>)
    attributes {dyn.symbols = {S = #dyn.symbol<2, 8>}} {
  // CHECK-NEXT: -> !dyn.tensor<[S], f32>
  %0 = dyn.add %x, %y : (!dyn.tensor<[S], f32>, !dyn.tensor<[T], f32>) -> !dyn.tensor<[S], f32>
  return
}

// -----

// broadcast_c1
func.func @broadcast(%x: !dyn.tensor<[B, 3], f32>, %y: !dyn.tensor<[2], f32>) {
  // expected-error@+2 {{expects sizes that are equal or 1 to broadcast, got 3 and 2 in shapes [B, 3] and [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.add %x, %y : (!dyn.tensor<[B, 3], f32>, !dyn.tensor<[2], f32>) -> !dyn.tensor<[B, 3], f32>
  return
}

// -----

// elementwise_c1
func.func @element_types(%x: !dyn.tensor<[B], f32>, %y: !dyn.tensor<[B], f16>) {
  // expected-error@+2 {{expects operands of one element type, got 'f32' and 'f16'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.mul %x, %y : (!dyn.tensor<[B], f32>, !dyn.tensor<[B], f16>) -> !dyn.tensor<[B], f32>
  return
}

// -----

// elementwise_c1
func.func @compared_element_types(%x: !dyn.tensor<[B], f32>, %y: !dyn.tensor<[B], i32>) {
  // expected-error@+2 {{expects operands of one element type, got 'f32' and 'i32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.equal %x, %y : (!dyn.tensor<[B], f32>, !dyn.tensor<[B], i32>) -> !dyn.tensor<[B], i1>
  return
}

// -----

// elementwise_c1
func.func @selected_element_types(%c: !dyn.tensor<[B], i1>, %x: !dyn.tensor<[B], f32>, %y: !dyn.tensor<[B], i32>) {
  // expected-error@+2 {{expects operands of one element type, got 'f32' and 'i32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.select %c, %x, %y : (!dyn.tensor<[B], i1>, !dyn.tensor<[B], f32>, !dyn.tensor<[B], i32>) -> !dyn.tensor<[B], f32>
  return
}

// -----

// convert_c1
func.func @convert(%x: !dyn.tensor<[B], f32>) {
  // expected-error@+2 {{expects an element type of dyn tensors, got 'i128'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.convert %x {element_type = i128} : (!dyn.tensor<[B], f32>) -> !dyn.tensor<[B], f32>
  return
}

// -----

func.func @and_of_floats(%x: !dyn.tensor<[B], f32>) {
  // expected-error@+1 {{operand #0 must be dyn tensor of i1 or integers, but got '!dyn.tensor<[B], f32>'}}
  %0 = dyn.and %x, %x : (!dyn.tensor<[B], f32>, !dyn.tensor<[B], f32>) -> !dyn.tensor<[B], f32>
  return
}

// -----

func.func @exp_of_integers(%x: !dyn.tensor<[B], i32>) {
  // expected-error@+1 {{operand #0 must be dyn tensor of floats, but got '!dyn.tensor<[B], i32>'}}
  %0 = dyn.exp %x : (!dyn.tensor<[B], i32>) -> !dyn.tensor<[B], i32>
  return
}

// -----

// A size that inference knows cannot be another one.
func.func @another_symbol(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[T], f32>) {
  // expected-error@+2 {{inferred type(s) '!dyn.tensor<[S], f32>' are incompatible with return type(s) of operation '!dyn.tensor<[T], f32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.exp %x : (!dyn.tensor<[S], f32>) -> !dyn.tensor<[T], f32>
  return
}
