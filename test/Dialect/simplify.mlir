// RUN: dyn-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @identities
// CHECK-SAME:    (%[[X:.*]]: !dyn.tensor<[B, S, 8], f32>)
// CHECK-NEXT:    return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]]
func.func @identities(%x: !dyn.tensor<[B, S, 8], f32>) -> (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>) {
  %one = dyn.constant dense<1.0> : tensor<f32> as !dyn.tensor<[], f32>
  %zero = dyn.constant dense<0.0> : tensor<f32> as !dyn.tensor<[], f32>
  %shape = dyn.constant #dyn.dims<[B, S, 8]> as !dyn.tensor<[3], i64>
  %ones = dyn.constant dense<1> : tensor<3xi64> as !dyn.tensor<[3], i64>
  %none = dyn.constant dense<0> : tensor<6xi64> as !dyn.tensor<[6], i64>
  %start = dyn.constant dense<0> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %end = dyn.constant dense<9223372036854775807> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %step = dyn.constant dense<1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %0 = dyn.mul %x, %one : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[], f32>) -> !dyn.tensor<[B, S, 8], f32>
  %1 = dyn.sub %x, %zero : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[], f32>) -> !dyn.tensor<[B, S, 8], f32>
  %2 = dyn.reshape %x, %shape : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[3], i64>) -> !dyn.tensor<[B, S, 8], f32>
  %3 = dyn.broadcast_to %x, %ones : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[3], i64>) -> !dyn.tensor<[B, S, 8], f32>
  %4 = dyn.slice %x, %start, %end, %step {axes = array<i64: 1>} : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[B, S, 8], f32>
  %5 = dyn.pad %x, %none, %zero : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[6], i64>, !dyn.tensor<[], f32>) -> !dyn.tensor<[B, S, 8], f32>
  %6 = dyn.convert %x {element_type = f32} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, S, 8], f32>
  %turned = dyn.transpose %x {permutation = array<i64: 2, 0, 1>} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[8, B, S], f32>
  %7 = dyn.transpose %turned {permutation = array<i64: 1, 2, 0>} : (!dyn.tensor<[8, B, S], f32>) -> !dyn.tensor<[B, S, 8], f32>
  return %0, %1, %2, %3, %4, %5, %6, %7 : !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[B, S, 8], f32>
}

// -----

// -0.0 + 0.0 is 0.0.
// CHECK-LABEL: func.func @float_zero_is_not_neutral
// CHECK:         dyn.add
func.func @float_zero_is_not_neutral(%x: !dyn.tensor<[S], f32>) -> !dyn.tensor<[S], f32> {
  %zero = dyn.constant dense<0.0> : tensor<f32> as !dyn.tensor<[], f32>
  %0 = dyn.add %x, %zero : (!dyn.tensor<[S], f32>, !dyn.tensor<[], f32>) -> !dyn.tensor<[S], f32>
  return %0 : !dyn.tensor<[S], f32>
}

// -----

// x * ones[1, 1] has another rank.
// CHECK-LABEL: func.func @neutral_element_that_adds_an_axis
// CHECK:         dyn.mul
func.func @neutral_element_that_adds_an_axis(%x: !dyn.tensor<[S], f32>) -> !dyn.tensor<[1, S], f32> {
  %one = dyn.constant dense<1.0> : tensor<1x1xf32> as !dyn.tensor<[1, 1], f32>
  %0 = dyn.mul %x, %one : (!dyn.tensor<[S], f32>, !dyn.tensor<[1, 1], f32>) -> !dyn.tensor<[1, S], f32>
  return %0 : !dyn.tensor<[1, S], f32>
}

// -----

// CHECK-LABEL: func.func @reshape_of_reshape
// CHECK-SAME:    (%[[X:.*]]: !dyn.tensor<[B, S, 8], f32>)
// CHECK:         %[[Y:.*]] = dyn.reshape %[[X]], %{{.*}} -> !dyn.tensor<[8 * B * S], f32>
// CHECK-NEXT:    return %[[Y]]
func.func @reshape_of_reshape(%x: !dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[8 * B * S], f32> {
  %two = dyn.constant dense<[-1, 8]> : tensor<2xi64> as !dyn.tensor<[2], i64>
  %flat = dyn.constant dense<-1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %0 = dyn.reshape %x, %two : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[B * S, 8], f32>
  %1 = dyn.reshape %0, %flat : (!dyn.tensor<[B * S, 8], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[8 * B * S], f32>
  return %1 : !dyn.tensor<[8 * B * S], f32>
}

// -----

// The inner reshape fails where T * 4 is not S.
// CHECK-LABEL: func.func @reshape_that_checks
// CHECK-COUNT-2: dyn.reshape
func.func @reshape_that_checks(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[T], f32>) -> !dyn.tensor<[4 * T], f32> {
  %a = dyn.constant #dyn.dims<[T, 4]> as !dyn.tensor<[2], i64>
  %b = dyn.constant #dyn.dims<[4 * T]> as !dyn.tensor<[1], i64>
  %0 = dyn.reshape %x, %a : (!dyn.tensor<[S], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[T, 4], f32>
  %1 = dyn.reshape %0, %b : (!dyn.tensor<[T, 4], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[4 * T], f32>
  return %1 : !dyn.tensor<[4 * T], f32>
}

// -----

// The type states what only the run can tell: it is checked there, not folded away.
// CHECK-LABEL: func.func @stated_size_is_kept
// CHECK:         dyn.slice
func.func @stated_size_is_kept(%x: !dyn.tensor<[S], f32>, %end: !dyn.tensor<[1], i64>) -> !dyn.tensor<[S], f32> {
  %start = dyn.constant dense<0> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %step = dyn.constant dense<1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %0 = dyn.slice %x, %start, %end, %step {axes = array<i64: 0>} : (!dyn.tensor<[S], f32>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[S], f32>
  return %0 : !dyn.tensor<[S], f32>
}

// -----

// Two `?` may differ: only the operand that cannot broadcast further is the result.
// CHECK-LABEL: func.func @select_of_unknown_sizes
// CHECK:         dyn.select
func.func @select_of_unknown_sizes(%x: !dyn.tensor<[?], f32>, %y: !dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32> {
  %true = dyn.constant dense<true> : tensor<i1> as !dyn.tensor<[], i1>
  %0 = dyn.select %true, %x, %y : (!dyn.tensor<[], i1>, !dyn.tensor<[?], f32>, !dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32>
  return %0 : !dyn.tensor<[?], f32>
}

// -----

// CHECK-LABEL: func.func @concat_drops_what_is_empty
// CHECK-SAME:    (%[[X:.*]]: !dyn.tensor<[S, 4], f32>, %{{.*}}: !dyn.tensor<[0, 4], f32>)
// CHECK-NEXT:    return %[[X]]
func.func @concat_drops_what_is_empty(%x: !dyn.tensor<[S, 4], f32>, %e: !dyn.tensor<[0, 4], f32>) -> !dyn.tensor<[S, 4], f32> {
  %0 = dyn.concat %e, %x {axis = 0} : (!dyn.tensor<[0, 4], f32>, !dyn.tensor<[S, 4], f32>) -> !dyn.tensor<[S, 4], f32>
  return %0 : !dyn.tensor<[S, 4], f32>
}
