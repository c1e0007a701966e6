// RUN: dyn-opt %s --dyn-lower-to-linalg --split-input-file --verify-diagnostics

// expected-error@+1 {{'func.func' op cannot compute symbol 'N': no argument has a size from which it follows}}
func.func @no_argument(%x: !dyn.tensor<[B], f32>) -> !dyn.tensor<[1], i64> {
  // expected-note@+1 {{first used here}}
  %0 = dyn.constant #dyn.dims<[N + B]> as !dyn.tensor<[1], i64>
  return %0 : !dyn.tensor<[1], i64>
}

// -----

// expected-error@+1 {{'func.func' op cannot compute symbol 'N'}}
func.func @not_linear(%x: !dyn.tensor<[N * N], f32>) -> !dyn.tensor<[N * N], f32> {
  return %x : !dyn.tensor<[N * N], f32>
}
