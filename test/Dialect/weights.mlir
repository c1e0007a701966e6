// Data that travel with the IR, in text and in bytecode.

// RUN: dyn-opt %s | dyn-opt | FileCheck %s
// RUN: dyn-opt %s --mlir-print-op-generic | dyn-opt | FileCheck %s
// RUN: dyn-opt %s --emit-bytecode -o %t.mlirbc
// RUN: dyn-opt %t.mlirbc --canonicalize --cse | FileCheck %s
// RUN: dyn-opt %t.mlirbc --emit-bytecode | dyn-opt | FileCheck %s
// RUN: dyn-opt %s --verify-roundtrip | FileCheck %s

// Stock mlir-opt carries them too.
// RUN: mlir-opt %s --load-dialect-plugin=%dyn_plugin | FileCheck %s
// RUN: mlir-opt %s --load-dialect-plugin=%dyn_plugin --emit-bytecode -o %t.stock
// RUN: mlir-opt %t.stock --load-dialect-plugin=%dyn_plugin --emit-bytecode -o %t.again
// RUN: mlir-opt %t.again --load-dialect-plugin=%dyn_plugin | FileCheck %s
// RUN: mlir-opt %t.mlirbc --load-dialect-plugin=%dyn_plugin --mlir-print-op-generic \
// RUN:   | FileCheck %s --check-prefix=GENERIC

// RUN: mlir-opt %t.mlirbc --load-dialect-plugin=%dyn_plugin --load-pass-plugin=%dyn_plugin \
// RUN:   --pass-pipeline='builtin.module(dyn.weight(dyn-strip-weights))' | FileCheck %s --check-prefix=STRIPPED

// CHECK: dyn.weight @here : !dyn.tensor<[2], f32> = #dyn.resource<here>
dyn.weight @here : !dyn.tensor<[2], f32> = #dyn.resource<here>
// CHECK: dyn.weight @shared : !dyn.tensor<[2, 4], i1> = #dyn.resource<here>
dyn.weight @shared : !dyn.tensor<[2, 4], i1> = #dyn.resource<here>
// CHECK: dyn.weight "private" @named : !dyn.tensor<[1], i16> = #dyn.resource<"a \22name\22">
dyn.weight "private" @named : !dyn.tensor<[1], i16> = #dyn.resource<"a \"name\"">
// CHECK: dyn.weight @empty : !dyn.tensor<[0, 3], f64> = #dyn.resource<empty>
dyn.weight @empty : !dyn.tensor<[0, 3], f64> = #dyn.resource<empty>
// CHECK: dyn.weight @absent : !dyn.tensor<[1000000, 1000000], f32> = #dyn.absent
dyn.weight @absent : !dyn.tensor<[1000000, 1000000], f32> = #dyn.absent

// GENERIC: "dyn.weight"() <{source = #dyn.resource<here>, sym_name = "here", type = !dyn.tensor<[2], f32>}>

// STRIPPED: dyn.weight @here : !dyn.tensor<[2], f32> = #dyn.absent
// STRIPPED-NOT: dialect_resources

// CHECK: dialect_resources
// CHECK-NOT: unused
// CHECK-DAG: here: "0x{{[0-9A-F]+}}0000803F00000040"
// CHECK-DAG: "a \22name\22": "0x{{[0-9A-F]+}}0102"
// CHECK-DAG: empty: "0x{{[0-9A-F]+}}"
// CHECK-NOT: unused
{-#
  dialect_resources: {
    dyn: {
      here: "0x040000000000803F00000040",
      unused: "0x04000000AAAAAAAA",
      "a \"name\"": "0x010000000102",
      empty: "0x01000000"
    }
  },
  external_resources: { someone: { else: true } }
#-}
