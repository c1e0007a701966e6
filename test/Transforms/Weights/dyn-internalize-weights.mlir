// RUN: dyn-opt %s --dyn-internalize-weights | FileCheck %s
// RUN: dyn-opt %s --dyn-internalize-weights --dyn-externalize-weights | FileCheck %s --check-prefix=AGAIN

// CHECK-NOT: @all_builtin
// CHECK:     dyn.weight @both : !dyn.tensor<[2], f32> = #dyn.resource<both>
// CHECK:     dyn.weight @unused : !dyn.tensor<[1], i16> = #dyn.resource<unused>
dyn.weight @all_builtin : !dyn.tensor<[2], f32> = #dyn.resource<all_builtin>
dyn.weight @both : !dyn.tensor<[2], f32> = #dyn.resource<both>
dyn.weight @unused : !dyn.tensor<[1], i16> = #dyn.resource<unused>

// AGAIN: dyn.weight @both{{.*}} : !dyn.tensor<[2], f32>
// AGAIN: dyn.get_weight

// CHECK-LABEL: func.func @f
func.func @f() -> (tensor<2xf32>, tensor<2xf32>, !dyn.tensor<[2], f32>) {
  // CHECK: arith.constant dense_resource<all_builtin> : tensor<2xf32>
  %0 = dyn.get_weight @all_builtin : !dyn.tensor<[2], f32>
  %1 = dyn.to_builtin %0 : !dyn.tensor<[2], f32> to tensor<2xf32>
  // CHECK: %[[W:.*]] = dyn.get_weight @both
  // CHECK: arith.constant dense_resource<both> : tensor<2xf32>
  %2 = dyn.get_weight @both : !dyn.tensor<[2], f32>
  %3 = dyn.to_builtin %2 : !dyn.tensor<[2], f32> to tensor<2xf32>
  // CHECK: return %{{.*}}, %{{.*}}, %[[W]]
  return %1, %3, %2 : tensor<2xf32>, tensor<2xf32>, !dyn.tensor<[2], f32>
}

// CHECK: dialect_resources
// CHECK-DAG: all_builtin: "0x{{[0-9A-F]+}}0000803F00000040"
// CHECK-DAG: both: "0x{{[0-9A-F]+}}0000404000008040"
// CHECK-DAG: both: "0x{{[0-9A-F]+}}0000404000008040"
// CHECK-DAG: unused: "0x{{[0-9A-F]+}}0100"
{-# dialect_resources: { dyn: {
  all_builtin: "0x040000000000803F00000040",
  both: "0x040000000000404000008040",
  unused: "0x040000000100"
} } #-}
