// RUN: dyn-opt %s --dyn-expand-math | FileCheck %s
// RUN: mlir-opt-22 %s --load-pass-plugin=%dyn_plugin --pass-pipeline='builtin.module(dyn-expand-math)' | FileCheck %s

// Scalars and vectors take the same steps.
// CHECK-LABEL: func @exp
// CHECK-NOT:     math.exp
// CHECK:         math.fma {{.*}} : f32
// CHECK:         math.fma {{.*}} : vector<8xf32>
func.func @exp(%x: f32, %v: vector<8xf32>) -> (f32, vector<8xf32>) {
  %0 = math.exp %x : f32
  %1 = math.exp %v : vector<8xf32>
  return %0, %1 : f32, vector<8xf32>
}

// CHECK-LABEL: func @narrow
// CHECK:         arith.extf {{.*}} : f16 to f32
// CHECK-NOT:     math.tanh
// CHECK:         arith.truncf {{.*}} : f32 to f16
func.func @narrow(%x: f16) -> f16 {
  %0 = math.tanh %x : f16
  return %0 : f16
}

// What processors do themselves stays.
// CHECK-LABEL: func @instructions
// CHECK:         math.sqrt
// CHECK:         math.floor
// CHECK-NOT:     math.round
func.func @instructions(%x: f64) -> (f64, f64, f64) {
  %0 = math.sqrt %x : f64
  %1 = math.floor %x : f64
  %2 = math.round %x : f64
  return %0, %1, %2 : f64, f64, f64
}

// In a softmax a maximum is one instruction, and an exponential has one border.
// CHECK-LABEL: func @softmax
// CHECK:         %[[LARGER:.*]] = arith.cmpf ogt, %arg0, %arg1
// CHECK-NEXT:    arith.select %[[LARGER]], %arg0, %arg1
// CHECK:         arith.mulf %arg0
// CHECK-COUNT-1: arith.cmpf
// CHECK-NOT:     arith.cmpf
// CHECK:         return
func.func @softmax(%x: vector<8xf32>, %y: vector<8xf32>) -> (vector<8xf32>, vector<8xf32>) {
  %0 = arith.maximumf %x, %y {dyn.softmax} : vector<8xf32>
  %1 = math.exp %x {dyn.softmax} : vector<8xf32>
  return %0, %1 : vector<8xf32>, vector<8xf32>
}
