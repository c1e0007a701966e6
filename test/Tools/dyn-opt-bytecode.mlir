// Bytecode goes through dyn-opt's own reader; input and output may be one file.

// RUN: dyn-opt %s --emit-bytecode -o %t.mlirbc
// RUN: dyn-opt %t.mlirbc --canonicalize --emit-bytecode -o %t.mlirbc
// RUN: dyn-opt %t.mlirbc | FileCheck %s
// RUN: dyn-opt %t.mlirbc --mlir-elide-resource-strings-if-larger=0 | FileCheck %s --check-prefix=ELIDED

// RUN: dyn-opt %t.mlirbc --verify-roundtrip | FileCheck %s
// RUN: dyn-opt %t.mlirbc --split-input-file | FileCheck %s
// RUN: dyn-opt %t.mlirbc --verify-diagnostics | FileCheck %s
// RUN: not dyn-opt %t.mlirbc --verify-diagnostics --pass-pipeline='builtin.module(func.func(symbol-dce))' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=UNEXPECTED
// UNEXPECTED: unexpected error

// Pipes and devices.
// RUN: cat %t.mlirbc | dyn-opt | FileCheck %s
// RUN: dyn-opt < %t.mlirbc --emit-bytecode | dyn-opt | FileCheck %s
// RUN: dyn-opt %t.mlirbc --emit-bytecode -o /dev/null
// RUN: dyn-opt %t.mlirbc -o /dev/null && test -c /dev/null
// RUN: dyn-opt %t.mlirbc -o /dev/fd/1 > %t.redirected
// RUN: FileCheck %s --input-file=%t.redirected
// RUN: not dyn-opt %t.mlirbc --emit-bytecode -o %t.no/out 2>&1 | FileCheck %s --check-prefix=FOLDER
// FOLDER: error: {{.*}}out: cannot be written: its folder: no such file or directory

// Text that is verified and split is upstream's, from standard input too.
// RUN: cat %s | dyn-opt --split-input-file --verify-diagnostics
// RUN: cat %s | dyn-opt --split-input-file --canonicalize | FileCheck %s

// A failure leaves the target as it was.
// RUN: cp %t.mlirbc %t.copy
// RUN: not dyn-opt %t.mlirbc --pass-pipeline='builtin.module(no-such-pass)' --emit-bytecode -o %t.mlirbc
// RUN: cmp %t.mlirbc %t.copy

// A truncated file is refused with its name.
// RUN: head -c 100 %t.mlirbc > %t.short
// RUN: not dyn-opt %t.short 2>&1 | FileCheck %s --check-prefix=SHORT

// CHECK-LABEL: func.func @weights() -> tensor<2xf32>
// CHECK-NOT: arith.constant dense<0.0
// CHECK: arith.constant dense_resource<w> : tensor<2xf32>
// CHECK: w: "0x040000000000803F00000040"
// ELIDED: dense_resource<w>
// ELIDED-NOT: 0x04
// SHORT: dyn-opt-bytecode.mlir.tmp.short
func.func @weights() -> tensor<2xf32> {
  %unused = arith.constant dense<0.0> : tensor<2xf32>
  %w = arith.constant dense_resource<w> : tensor<2xf32>
  return %w : tensor<2xf32>
}

{-# dialect_resources: { builtin: { w: "0x040000000000803F00000040" } } #-}
