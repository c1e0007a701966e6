// A crash leaves a reproducer: kilobytes for a model of any size, and it reproduces.

// RUN: dyn-opt %s --emit-bytecode -o %t.mlirbc
// RUN: not --crash dyn-opt %t.mlirbc --load-pass-plugin=%dyn_crash_plugin \
// RUN:   --pass-pipeline='builtin.module(canonicalize,test-crash)' \
// RUN:   --mlir-pass-pipeline-crash-reproducer=%t.abort 2>&1 | FileCheck %s --check-prefix=NOTE
// NOTE: note: reproducer generated at '{{.*}}.abort'
// RUN: FileCheck %s --check-prefix=REPRODUCER --input-file=%t.abort
// RUN: %python -c "import os, sys; assert os.path.getsize(sys.argv[1]) < 4096" %t.abort
// REPRODUCER-NOT: 0x
// REPRODUCER: pipeline: "builtin.module(canonicalize{{.*}},test-crash{how=abort})"
// REPRODUCER: input: "/{{.*}}.mlirbc"
// RUN: not --crash dyn-opt --run-reproducer %t.abort --load-pass-plugin=%dyn_crash_plugin \
// RUN:   --mlir-pass-pipeline-crash-reproducer=%t.again
// RUN: cmp %t.abort %t.again

// Of a stack that runs over.
// RUN: not --crash dyn-opt %t.mlirbc --load-pass-plugin=%dyn_crash_plugin \
// RUN:   --pass-pipeline='builtin.module(test-crash{how=overflow})' \
// RUN:   --mlir-pass-pipeline-crash-reproducer=%t.overflow
// RUN: FileCheck %s --check-prefix=OVERFLOW --input-file=%t.overflow
// OVERFLOW: pipeline: "builtin.module(test-crash{how=overflow})"

// In threads of the pool, of a nested pass, by another signal. What was at the target is replaced.
// RUN: cp %s %t.nested
// RUN: not --crash dyn-opt %t.mlirbc --load-pass-plugin=%dyn_crash_plugin \
// RUN:   --pass-pipeline='builtin.module(func.func(test-crash{how=segfault}))' \
// RUN:   --mlir-pass-pipeline-crash-reproducer=%t.nested
// RUN: FileCheck %s --check-prefix=NESTED --input-file=%t.nested
// NESTED-NOT: 0x
// NESTED: pipeline: "builtin.module(func.func(test-crash{how=segfault}))"
// RUN: not --crash dyn-opt --run-reproducer %t.nested --load-pass-plugin=%dyn_crash_plugin

// Text leaves upstream's, with the module; where it refers to files it needs --weights-dir if it lies elsewhere.
// RUN: not dyn-opt %s --load-pass-plugin=%dyn_crash_plugin --pass-pipeline='builtin.module(test-crash)' \
// RUN:   --mlir-pass-pipeline-crash-reproducer=%t.text
// RUN: not --crash dyn-opt --run-reproducer %t.text --load-pass-plugin=%dyn_crash_plugin

dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.resource<w>
func.func @f() { return }
func.func @g() { return }
{-# dialect_resources: { dyn: { w: "0x040000000000803F00000040" } } #-}
