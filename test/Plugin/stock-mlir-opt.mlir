// The plugin in stock mlir-opt: the dialect, a pass and a pipeline, from the two flags.

// RUN: mlir-opt %s --load-dialect-plugin=%dyn_plugin --load-pass-plugin=%dyn_plugin \
// RUN:   --pass-pipeline='builtin.module(dyn-refine-shapes,canonicalize)' | FileCheck %s
// RUN: mlir-opt %s --load-dialect-plugin=%dyn_plugin --load-pass-plugin=%dyn_plugin \
// RUN:   --pass-pipeline='builtin.module(dyn-graph-pipeline)' | FileCheck %s --check-prefix=LINALG

// The dialect plugin alone brings the passes as well; bytecode goes both ways.
// RUN: mlir-opt %s --load-dialect-plugin=%dyn_plugin --emit-bytecode -o %t.mlirbc
// RUN: mlir-opt %t.mlirbc --load-dialect-plugin=%dyn_plugin \
// RUN:   --pass-pipeline='builtin.module(dyn-refine-shapes,canonicalize)' | FileCheck %s

// CHECK-LABEL: func.func @heads
// CHECK-SAME:    -> !dyn.tensor<[B, S, 12, 64], f32>
// CHECK:         dyn.constant #dyn.dims<[B, S, 12, 64]>
// CHECK-NEXT:    dyn.reshape
// LINALG-LABEL: func.func @heads
// LINALG-SAME:    tensor<?x?x768xf32>
// LINALG-NOT:     dyn.reshape
func.func @heads(%x: !dyn.tensor<[B, S, 768], f32>) -> !dyn.tensor<[?, ?, ?, ?], f32> {
  %bs = dyn.shape_of %x {start = 0, end = 2} : (!dyn.tensor<[B, S, 768], f32>) -> !dyn.tensor<[2], i64>
  %rest = dyn.constant dense<[12, 64]> : tensor<2xi64> as !dyn.tensor<[2], i64>
  %shape = dyn.concat %bs, %rest {axis = 0} : (!dyn.tensor<[2], i64>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[4], i64>
  %0 = dyn.reshape %x, %shape : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[?, ?, ?, ?], f32>
  return %0 : !dyn.tensor<[?, ?, ?, ?], f32>
}
