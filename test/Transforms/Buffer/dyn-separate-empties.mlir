// RUN: dyn-opt %s --pass-pipeline='builtin.module(func.func(dyn-separate-empties))' | FileCheck %s

// CHECK-LABEL: func.func @shared
// CHECK-COUNT-2: tensor.empty(%{{.*}}) : tensor<?xf32>
// CHECK-NOT: tensor.empty
func.func @shared(%x: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  %e = tensor.empty(%n) : tensor<?xf32>
  %0 = linalg.exp ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %1 = linalg.abs ins(%0 : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}
