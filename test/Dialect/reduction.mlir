// RUN: dyn-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// Written types are what inference says, or the verifier refuses them.
// CHECK-LABEL: func.func @matmul
func.func @matmul(%x: !dyn.tensor<[B, H, S, 64], f32>, %w: !dyn.tensor<[64, T], f32>, %v: !dyn.tensor<[64], f32>,
                  %k: !dyn.tensor<[1, H, 64, T], f32>, %u: !dyn.tensor<[S, ?], f32>) {
  // CHECK-COUNT-6: dyn.matmul
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[B, H, S, 64], f32>, !dyn.tensor<[64, T], f32>) -> !dyn.tensor<[B, H, S, T], f32>
  %1 = dyn.matmul %x, %k : (!dyn.tensor<[B, H, S, 64], f32>, !dyn.tensor<[1, H, 64, T], f32>) -> !dyn.tensor<[B, H, S, T], f32>
  %2 = dyn.matmul %v, %w : (!dyn.tensor<[64], f32>, !dyn.tensor<[64, T], f32>) -> !dyn.tensor<[T], f32>
  %3 = dyn.matmul %x, %v : (!dyn.tensor<[B, H, S, 64], f32>, !dyn.tensor<[64], f32>) -> !dyn.tensor<[B, H, S], f32>
  %4 = dyn.matmul %v, %v : (!dyn.tensor<[64], f32>, !dyn.tensor<[64], f32>) -> !dyn.tensor<[], f32>
  %5 = dyn.matmul %u, %w : (!dyn.tensor<[S, ?], f32>, !dyn.tensor<[64, T], f32>) -> !dyn.tensor<[S, T], f32>
  return
}

// CHECK-LABEL: func.func @conv
func.func @conv(%x: !dyn.tensor<[B, 80, S], f32>, %w: !dyn.tensor<[384, 80, 3], f32>, %d: !dyn.tensor<[80, 1, K], f32>,
                %y: !dyn.tensor<[1, C, H, W], f16>, %v: !dyn.tensor<[F, C, 3, 1], f16>) {
  // CHECK-COUNT-3: dyn.conv
  %0 = dyn.conv %x, %w {strides = array<i64: 2>, dilations = array<i64: 1>, groups = 1 : i64} : (!dyn.tensor<[B, 80, S], f32>, !dyn.tensor<[384, 80, 3], f32>) -> !dyn.tensor<[B, 384, (S - 3) floordiv 2 + 1], f32>
  %1 = dyn.conv %x, %d {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 80 : i64} : (!dyn.tensor<[B, 80, S], f32>, !dyn.tensor<[80, 1, K], f32>) -> !dyn.tensor<[B, 80, S - K + 1], f32>
  %2 = dyn.conv %y, %v {strides = array<i64: 1, 2>, dilations = array<i64: 2, 1>, groups = 1 : i64} : (!dyn.tensor<[1, C, H, W], f16>, !dyn.tensor<[F, C, 3, 1], f16>) -> !dyn.tensor<[1, F, H - 4, (W - 1) floordiv 2 + 1], f16>
  return
}

// CHECK-LABEL: func.func @window
func.func @window(%x: !dyn.tensor<[B, 80, S], f32>, %y: !dyn.tensor<[H, W], f16>) {
  // CHECK: dyn.window_max
  %0 = dyn.window_max %x {taps = array<i64: 3>, strides = array<i64: 2>, dilations = array<i64: 1>} : (!dyn.tensor<[B, 80, S], f32>) -> !dyn.tensor<[B, 80, (S - 3) floordiv 2 + 1], f32>
  // CHECK: dyn.window_sum
  %1 = dyn.window_sum %y {taps = array<i64: 3, 2>, strides = array<i64: 1, 1>, dilations = array<i64: 2, 1>} : (!dyn.tensor<[H, W], f16>) -> !dyn.tensor<[H - 4, W - 1], f16>
  return
}

// CHECK-LABEL: func.func @reduce
func.func @reduce(%x: !dyn.tensor<[B, S, 8], f32>, %b: !dyn.tensor<[S], i1>) {
  // CHECK: dyn.reduce_sum
  %0 = dyn.reduce_sum %x {axes = array<i64: 1>, keep_dims = false} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, 8], f32>
  // CHECK: dyn.reduce_mean
  %1 = dyn.reduce_mean %x {axes = array<i64: 2, 0>, keep_dims = true} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[1, S, 1], f32>
  // CHECK: dyn.reduce_prod
  %2 = dyn.reduce_prod %x {axes = array<i64: 0, 1, 2>, keep_dims = false} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[], f32>
  // CHECK: dyn.reduce_max
  %3 = dyn.reduce_max %b {axes = array<i64: 0>, keep_dims = true} : (!dyn.tensor<[S], i1>) -> !dyn.tensor<[1], i1>
  // CHECK: dyn.reduce_min
  %4 = dyn.reduce_min %x {axes = array<i64>, keep_dims = false} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, S, 8], f32>
  // CHECK: dyn.arg_max
  %5 = dyn.arg_max %x {axis = 1, keep_dims = true, select_last = false} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, 1, 8], i64>
  // CHECK: dyn.arg_min
  %6 = dyn.arg_min %x {axis = 2, keep_dims = false, select_last = true} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, S], i64>
  // CHECK: dyn.softmax
  %7 = dyn.softmax %x {axis = 2} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, S, 8], f32>
  // CHECK: dyn.cumsum
  %8 = dyn.cumsum %x {axis = 0, exclusive = true, reverse = true} : (!dyn.tensor<[B, S, 8], f32>) -> !dyn.tensor<[B, S, 8], f32>
  return
}

// CHECK-LABEL: func.func @layer_norm
func.func @layer_norm(%x: !dyn.tensor<[B, S, 8], f32>, %s: !dyn.tensor<[8], f32>, %b: !dyn.tensor<[1, 8], f32>) {
  // CHECK-COUNT-2: dyn.layer_norm
  %0 = dyn.layer_norm %x, %s, %b {axis = 2, epsilon = 1.0e-5} : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[8], f32>, !dyn.tensor<[1, 8], f32>) -> !dyn.tensor<[B, S, 8], f32>
  %1 = dyn.layer_norm %x, %s {axis = 1, epsilon = 1.0e-5} : (!dyn.tensor<[B, S, 8], f32>, !dyn.tensor<[8], f32>) -> !dyn.tensor<[B, S, 8], f32>
  return
}

// -----

// matmul_c1
func.func @matmul_of_a_scalar(%x: !dyn.tensor<[], f32>, %w: !dyn.tensor<[8], f32>) {
  // expected-error@+2 {{expects operands of rank 1 or more, got ranks 0 and 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[], f32>, !dyn.tensor<[8], f32>) -> !dyn.tensor<[], f32>
  return
}

// -----

// matmul_c2
func.func @matmul_of_different_sizes(%x: !dyn.tensor<[M, 768], f32>, %w: !dyn.tensor<[512, N], f32>) {
  // expected-error@+2 {{contracts 768 with 512}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[M, 768], f32>, !dyn.tensor<[512, N], f32>) -> !dyn.tensor<[M, N], f32>
  return
}

// -----

// matmul_c2
func.func @matmul_of_sizes_that_never_are_equal(%x: !dyn.tensor<[M, K], f32>, %w: !dyn.tensor<[K + 1, N], f32>) {
  // expected-error@+2 {{contracts K with K + 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[M, K], f32>, !dyn.tensor<[K + 1, N], f32>) -> !dyn.tensor<[M, N], f32>
  return
}

// -----

// matmul_c3
func.func @matmul_of_different_types(%x: !dyn.tensor<[M, 8], f32>, %w: !dyn.tensor<[8, N], f16>) {
  // expected-error@+2 {{expects operands of one element type, got 'f32' and 'f16'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[M, 8], f32>, !dyn.tensor<[8, N], f16>) -> !dyn.tensor<[M, N], f32>
  return
}

// -----

// broadcast_c1
func.func @matmul_of_batches(%x: !dyn.tensor<[3, M, 8], f32>, %w: !dyn.tensor<[2, 8, N], f32>) {
  // expected-error@+2 {{expects sizes that are equal or 1 to broadcast, got 3 and 2 in shapes [3] and [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[3, M, 8], f32>, !dyn.tensor<[2, 8, N], f32>) -> !dyn.tensor<[3, M, N], f32>
  return
}

// -----

func.func @matmul_with_another_result(%x: !dyn.tensor<[M, 8], f32>, %w: !dyn.tensor<[8, N], f32>) {
  // expected-error@+2 {{'dyn.matmul' op inferred type(s) '!dyn.tensor<[M, N], f32>' are incompatible with return type(s) of operation '!dyn.tensor<[M, M], f32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[M, 8], f32>, !dyn.tensor<[8, N], f32>) -> !dyn.tensor<[M, M], f32>
  return
}

// -----

// reduce_c1
func.func @reduce_range(%x: !dyn.tensor<[B, S], f32>) {
  // expected-error@+2 {{expects an axis between 0 and 1, got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.reduce_sum %x {axes = array<i64: 2>, keep_dims = false} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B], f32>
  return
}

// -----

// reduce_c1
func.func @reduce_twice(%x: !dyn.tensor<[B, S], f32>) {
  // expected-error@+2 {{expects different axes, got 1 twice}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.reduce_mean %x {axes = array<i64: 1, 1>, keep_dims = false} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B], f32>
  return
}

// -----

// arg_reduce_c1
func.func @arg_max_range(%x: !dyn.tensor<[B, S], f32>) {
  // expected-error@+2 {{expects an axis between 0 and 1, got -1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.arg_max %x {axis = -1, keep_dims = false, select_last = false} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B], i64>
  return
}

// -----

// softmax_c1
func.func @softmax_of_a_scalar(%x: !dyn.tensor<[], f32>) {
  // expected-error@+2 {{expects an axis, got 0 for a scalar}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.softmax %x {axis = 0} : (!dyn.tensor<[], f32>) -> !dyn.tensor<[], f32>
  return
}

// -----

// cumsum_c1
func.func @cumsum_range(%x: !dyn.tensor<[B, S], f32>) {
  // expected-error@+2 {{expects an axis between 0 and 1, got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.cumsum %x {axis = 2, exclusive = false, reverse = false} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32>
  return
}

// -----

// layer_norm_c1
func.func @layer_norm_range(%x: !dyn.tensor<[B, 8], f32>, %s: !dyn.tensor<[8], f32>) {
  // expected-error@+2 {{expects an axis between 0 and 1, got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.layer_norm %x, %s {axis = 2, epsilon = 1.0e-5} : (!dyn.tensor<[B, 8], f32>, !dyn.tensor<[8], f32>) -> !dyn.tensor<[B, 8], f32>
  return
}

// -----

// layer_norm_c2
func.func @layer_norm_types(%x: !dyn.tensor<[B, 8], f32>, %s: !dyn.tensor<[8], f16>) {
  // expected-error@+2 {{expects operands of one element type, got 'f32' and 'f16'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.layer_norm %x, %s {axis = 1, epsilon = 1.0e-5} : (!dyn.tensor<[B, 8], f32>, !dyn.tensor<[8], f16>) -> !dyn.tensor<[B, 8], f32>
  return
}

// -----

// layer_norm_c3
func.func @layer_norm_scale(%x: !dyn.tensor<[B, 1], f32>, %s: !dyn.tensor<[8], f32>) {
  // expected-error@+2 {{expects scale and bias to broadcast to '!dyn.tensor<[B, 1], f32>', got '!dyn.tensor<[8], f32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.layer_norm %x, %s {axis = 1, epsilon = 1.0e-5} : (!dyn.tensor<[B, 1], f32>, !dyn.tensor<[8], f32>) -> !dyn.tensor<[B, 1], f32>
  return
}

// -----

// conv_c1
func.func @conv_types(%x: !dyn.tensor<[1, 2, S], f32>, %w: !dyn.tensor<[4, 2, 3], f16>) {
  // expected-error@+2 {{expects operands of one element type, got 'f32' and 'f16'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 1 : i64} : (!dyn.tensor<[1, 2, S], f32>, !dyn.tensor<[4, 2, 3], f16>) -> !dyn.tensor<[1, 4, S - 2], f32>
  return
}

// -----

// conv_c1
func.func @conv_ranks(%x: !dyn.tensor<[2, S], f32>, %w: !dyn.tensor<[4, 2], f32>) {
  // expected-error@+2 {{expects operands of one rank of 3 or more, got ranks 2 and 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.conv %x, %w {strides = array<i64>, dilations = array<i64>, groups = 1 : i64} : (!dyn.tensor<[2, S], f32>, !dyn.tensor<[4, 2], f32>) -> !dyn.tensor<[4, S], f32>
  return
}

// -----

// conv_c2
func.func @conv_strides(%x: !dyn.tensor<[1, 2, S], f32>, %w: !dyn.tensor<[4, 2, 3], f32>) {
  // expected-error@+2 {{expects 'strides' of 1 elements, got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1>, groups = 1 : i64} : (!dyn.tensor<[1, 2, S], f32>, !dyn.tensor<[4, 2, 3], f32>) -> !dyn.tensor<[1, 4, S - 2], f32>
  return
}

// -----

// conv_c2
func.func @conv_dilations(%x: !dyn.tensor<[1, 2, S], f32>, %w: !dyn.tensor<[4, 2, 3], f32>) {
  // expected-error@+2 {{expects 'dilations' of 1 or more, got 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 0>, groups = 1 : i64} : (!dyn.tensor<[1, 2, S], f32>, !dyn.tensor<[4, 2, 3], f32>) -> !dyn.tensor<[1, 4, S - 2], f32>
  return
}

// -----

// conv_c3
func.func @conv_no_group(%x: !dyn.tensor<[1, 2, S], f32>, %w: !dyn.tensor<[4, 2, 3], f32>) {
  // expected-error@+2 {{expects 1 or more groups, got 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 0 : i64} : (!dyn.tensor<[1, 2, S], f32>, !dyn.tensor<[4, 2, 3], f32>) -> !dyn.tensor<[1, 4, S - 2], f32>
  return
}

// -----

// conv_c3
func.func @conv_groups(%x: !dyn.tensor<[1, 6, S], f32>, %w: !dyn.tensor<[4, 2, 3], f32>) {
  // expected-error@+2 {{expects a multiple of 3 filters, got 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 3 : i64} : (!dyn.tensor<[1, 6, S], f32>, !dyn.tensor<[4, 2, 3], f32>) -> !dyn.tensor<[1, 4, S - 2], f32>
  return
}

// -----

// conv_c4
func.func @conv_channels(%x: !dyn.tensor<[1, 5, S], f32>, %w: !dyn.tensor<[4, 2, 3], f32>) {
  // expected-error@+2 {{convolves channels 5 with 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, groups = 2 : i64} : (!dyn.tensor<[1, 5, S], f32>, !dyn.tensor<[4, 2, 3], f32>) -> !dyn.tensor<[1, 4, S - 2], f32>
  return
}

// -----

// conv_c5
func.func @conv_small(%x: !dyn.tensor<[1, 2, 4], f32>, %w: !dyn.tensor<[4, 2, 3], f32>) {
  // expected-error@+2 {{expects dimension 2 to be as large as the filter, 5, got 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 2>, groups = 1 : i64} : (!dyn.tensor<[1, 2, 4], f32>, !dyn.tensor<[4, 2, 3], f32>) -> !dyn.tensor<[1, 4, 0], f32>
  return
}

// -----

// window_c1
func.func @window_taps(%x: !dyn.tensor<[2, S], f32>) {
  // expected-error@+2 {{expects 'taps' of 1 to 2 elements, got 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.window_max %x {taps = array<i64: 1, 2, 3>, strides = array<i64: 1>, dilations = array<i64: 1>} : (!dyn.tensor<[2, S], f32>) -> !dyn.tensor<[2, S], f32>
  return
}

// -----

// window_c1
func.func @window_strides(%x: !dyn.tensor<[2, S], f32>) {
  // expected-error@+2 {{expects 'strides' of 1 or more, got 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.window_sum %x {taps = array<i64: 3>, strides = array<i64: 0>, dilations = array<i64: 1>} : (!dyn.tensor<[2, S], f32>) -> !dyn.tensor<[2, S], f32>
  return
}

// -----

// window_c2
func.func @window_too_large(%x: !dyn.tensor<[B, 4], f32>) {
  // expected-error@+2 {{expects dimension 1 to be as large as the window, 5, got 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.window_max %x {taps = array<i64: 3>, strides = array<i64: 1>, dilations = array<i64: 2>} : (!dyn.tensor<[B, 4], f32>) -> !dyn.tensor<[B, 0], f32>
  return
}
