// RUN: dyn-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: dyn.weight @table
dyn.weight @table : !dyn.tensor<[100, 8], f32> = #dyn.external<"m.safetensors", "t">
// CHECK: dyn.weight @bits
dyn.weight @bits : !dyn.tensor<[3, 5], i1> = #dyn.external<"m.bin", 0, 15>
// CHECK: dyn.weight @empty
dyn.weight @empty : !dyn.tensor<[0, 5], f64> = #dyn.external<"m.bin", 0, 0>
// CHECK-LABEL: func.func @good
func.func @good(%x: !dyn.tensor<[B, ?, 8], f32>, %t: tensor<?x4xi8>) {
  // CHECK: dyn.get_weight @table : !dyn.tensor<[100, 8], f32>
  %w = dyn.get_weight @table : !dyn.tensor<[100, 8], f32>
  // CHECK: dyn.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32> as !dyn.tensor<[2], f32>
  %0 = dyn.constant dense<[1.0, 2.0]> : tensor<2xf32> as !dyn.tensor<[2], f32>
  // CHECK: dyn.constant #dyn.dims<scalar [S]> as !dyn.tensor<[], i32>
  %1 = dyn.constant #dyn.dims<scalar [S]> as !dyn.tensor<[], i32>
  // CHECK: dyn.from_builtin %{{.*}} : tensor<?x4xi8> to !dyn.tensor<[N, 4], ui8>
  %2 = dyn.from_builtin %t : tensor<?x4xi8> to !dyn.tensor<[N, 4], ui8>
  // CHECK: dyn.to_builtin %{{.*}} : !dyn.tensor<[N, 4], ui8> to tensor<?x4xi8>
  %3 = dyn.to_builtin %2 : !dyn.tensor<[N, 4], ui8> to tensor<?x4xi8>
  // CHECK: dyn.refine %{{.*}} : !dyn.tensor<[B, ?, 8], f32> to !dyn.tensor<[B, M, ?], f32>
  %4 = dyn.refine %x : !dyn.tensor<[B, ?, 8], f32> to !dyn.tensor<[B, M, ?], f32>
  // CHECK: dyn.shape_of %{{.*}} {end = 3 : i64, start = 1 : i64}
  %5 = dyn.shape_of %x {start = 1, end = 3} : (!dyn.tensor<[B, ?, 8], f32>) -> !dyn.tensor<[2], i64>
  return
}

// -----

// constant_c1
func.func @constant_shape() {
  // expected-error@+1 {{expects a value of type 'tensor<3xf32>', got 'tensor<2xf32>'}}
  %0 = dyn.constant dense<[1.0, 2.0]> : tensor<2xf32> as !dyn.tensor<[3], f32>
  return
}

// -----

// constant_c1
func.func @constant_element_type() {
  // expected-error@+1 {{expects a value of type 'tensor<2xf64>', got 'tensor<2xf32>'}}
  %0 = dyn.constant dense<[1.0, 2.0]> : tensor<2xf32> as !dyn.tensor<[2], f64>
  return
}

// -----

// constant_c1
func.func @constant_dims_shape() {
  // expected-error@+1 {{expects a result of the shape of its value, [2], got '!dyn.tensor<[3], i64>'}}
  %0 = dyn.constant #dyn.dims<[B, S]> as !dyn.tensor<[3], i64>
  return
}

// -----

// constant_c2
func.func @constant_dims_of_floats() {
  // expected-error@+1 {{expects an integer result for a value of sizes, got '!dyn.tensor<[2], f32>'}}
  %0 = dyn.constant #dyn.dims<[B, S]> as !dyn.tensor<[2], f32>
  return
}

// -----

func.func @constant_of_something_else() {
  // expected-error@+1 {{expects a dense or #dyn.dims value, got "text"}}
  %0 = dyn.constant "text" as !dyn.tensor<[2], f32>
  return
}

// -----

// weight_c1
// expected-error@+1 {{expects a dyn tensor whose sizes are numbers, got '!dyn.tensor<[S, 8], f32>'}}
dyn.weight @w : !dyn.tensor<[S, 8], f32> = #dyn.external<"m.safetensors", "w">

// -----

// weight_c2
// expected-error@+1 {{expects 16 bytes for '!dyn.tensor<[4], f32>', got 12}}
dyn.weight @w : !dyn.tensor<[4], f32> = #dyn.external<"m.bin", 0, 12>

// -----

// weight_c2
// expected-error@+1 {{expects a size in bytes that fits 64 bits, got '!dyn.tensor<[4294967296, 4294967296], f32>'}}
dyn.weight @w : !dyn.tensor<[4294967296, 4294967296], f32> = #dyn.external<"m.bin", 0, 12>

// -----

// get_weight_c1
func.func @get_what_is_not_there() {
  // expected-error@+1 {{expects @w to name a dyn.weight}}
  %0 = dyn.get_weight @w : !dyn.tensor<[4], f32>
  return
}

// -----

// get_weight_c2
// expected-note@+1 {{the weight is '!dyn.tensor<[4], f32>'}}
dyn.weight @w : !dyn.tensor<[4], f32> = #dyn.external<"m.safetensors", "w">
func.func @get_another_type() {
  // expected-error@+1 {{expects the weight's type, got '!dyn.tensor<[5], f32>'}}
  %0 = dyn.get_weight @w : !dyn.tensor<[5], f32>
  return
}

// -----

// to_builtin_c1
func.func @to_builtin(%x: !dyn.tensor<[B, 8], f32>) {
  // expected-error@+1 {{expects result 'tensor<?x8xf32>', got 'tensor<?x?xf32>'}}
  %0 = dyn.to_builtin %x : !dyn.tensor<[B, 8], f32> to tensor<?x?xf32>
  return
}

// -----

// from_builtin_c1
func.func @from_builtin(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expects operand 'tensor<?x8xf32>', got 'tensor<?x?xf32>'}}
  %0 = dyn.from_builtin %x : tensor<?x?xf32> to !dyn.tensor<[B, 8], f32>
  return
}

// -----

// refine_c1
func.func @refine_numbers(%x: !dyn.tensor<[B, 8], f32>) {
  // expected-error@+1 {{are cast incompatible}}
  %0 = dyn.refine %x : !dyn.tensor<[B, 8], f32> to !dyn.tensor<[B, 9], f32>
  return
}

// -----

// refine_c1
func.func @refine_rank(%x: !dyn.tensor<[B, 8], f32>) {
  // expected-error@+1 {{are cast incompatible}}
  %0 = dyn.refine %x : !dyn.tensor<[B, 8], f32> to !dyn.tensor<[B], f32>
  return
}

// -----

// shape_of_c1
func.func @shape_of(%x: !dyn.tensor<[B, 8], f32>) {
  // expected-error@+2 {{expects 0 <= start <= end <= 2, got start 1 and end 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = dyn.shape_of %x {start = 1, end = 3} : (!dyn.tensor<[B, 8], f32>) -> !dyn.tensor<[2], i64>
  return
}
