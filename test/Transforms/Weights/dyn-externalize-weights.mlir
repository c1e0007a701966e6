// RUN: dyn-opt %s --dyn-externalize-weights=min-bytes=16 | FileCheck %s

// And back, by way of bytecode and stock mlir-opt.
// RUN: dyn-opt %s --dyn-externalize-weights=min-bytes=16 --emit-bytecode -o %t.mlirbc
// RUN: dyn-opt %t.mlirbc | FileCheck %s
// RUN: not dyn-opt %t.mlirbc --dyn-internalize-weights 2>&1 | FileCheck %s --check-prefix=ABSENT
// ABSENT: error: weight 'elsewhere': its data are absent

// The default leaves small dense constants alone.
// RUN: dyn-opt %s --dyn-externalize-weights | FileCheck %s --check-prefix=DEFAULT
// DEFAULT:     dyn.weight @w
// DEFAULT-NOT: dyn.weight @constant
// DEFAULT:     arith.constant dense<{{\[\[}}1.000000e+00

// CHECK:      dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.resource<w>
// CHECK-NEXT: dyn.weight @elsewhere : !dyn.tensor<[3], f16> = #dyn.absent
// CHECK-NEXT: dyn.weight @constant : !dyn.tensor<[2, 2], f32> = #dyn.resource<constant>
// CHECK-NEXT: dyn.weight @[[BITS:.*]] : !dyn.tensor<[17], i1> = #dyn.resource<[[BITS_NAME:.*]]>
// CHECK-NEXT: dyn.weight @[[BYTES:.*]] : !dyn.tensor<[16], ui8> = #dyn.resource<[[BYTES_NAME:.*]]>
// CHECK-NEXT: func.func @resources
func.func @resources() -> (tensor<2xf32>, tensor<2xf32>, tensor<3xf16>) {
  // CHECK: %[[W:.*]] = dyn.get_weight @w : !dyn.tensor<[2], f32>
  // CHECK: dyn.to_builtin %[[W]] : !dyn.tensor<[2], f32> to tensor<2xf32>
  %0 = arith.constant dense_resource<w> : tensor<2xf32>
  func.call @other() : () -> ()
  // One attribute is one weight.
  // CHECK: dyn.get_weight @w
  %1 = arith.constant dense_resource<w> : tensor<2xf32>
  // CHECK: dyn.get_weight @elsewhere
  %2 = arith.constant dense_resource<elsewhere> : tensor<3xf16>
  return %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<3xf16>
}

// CHECK-LABEL: func.func @dense
func.func @dense() -> (tensor<2x2xf32>, tensor<17xi1>, !dyn.tensor<[16], ui8>) {
  // CHECK: dyn.get_weight @constant
  %0 = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  // CHECK: dyn.get_weight @[[BITS]] : !dyn.tensor<[17], i1>
  %1 = arith.constant dense<[1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]> : tensor<17xi1>
  // CHECK: %[[V:.*]] = dyn.get_weight @[[BYTES]] : !dyn.tensor<[16], ui8>
  %2 = dyn.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]> : tensor<16xi8>
      as !dyn.tensor<[16], ui8>
  // CHECK: return %{{.*}}, %{{.*}}, %[[V]]
  return %0, %1, %2 : tensor<2x2xf32>, tensor<17xi1>, !dyn.tensor<[16], ui8>
}

// What stays: splats, small ones, types that dyn has not, what is no constant of a tensor.
// CHECK-LABEL: func.func @other
// CHECK-NOT: dyn.get_weight
func.func @other() {
  %0 = arith.constant dense<1.0> : tensor<100xf32>
  %1 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %2 = arith.constant dense<[1, 2, 3, 4]> : tensor<4xindex>
  %3 = arith.constant dense<[1, 2, 3, 4]> : vector<4xi32>
  %4 = dyn.constant #dyn.dims<[S, 1, 2, 3, 4, 5, 6, 7]> as !dyn.tensor<[8], i64>
  return
}

// CHECK: dialect_resources
// CHECK-DAG: w: "0x{{[0-9A-F]+}}0000803F00000040"
// CHECK-DAG: constant: "0x{{[0-9A-F]+}}0000803F000000400000404000008040"
// CHECK-DAG: [[BITS_NAME]]: "0x{{[0-9A-F]+}}0100010000000000000000000000000001"
// CHECK-DAG: [[BYTES_NAME]]: "0x{{[0-9A-F]+}}000102030405060708090A0B0C0D0EFF"
{-# dialect_resources: { builtin: { w: "0x040000000000803F00000040" } } #-}
