// A reproducer of bytecode names the file instead of printing weights.

// RUN: dyn-opt %s --emit-bytecode -o %t.mlirbc
// RUN: not dyn-opt %t.mlirbc --canonicalize --dyn-internalize-weights \
// RUN:   --mlir-pass-pipeline-crash-reproducer=%t.repro 2>&1 | FileCheck %s --check-prefix=FAILED
// FAILED: weight 'absent': its data are absent
// FAILED: note: reproducer generated at '{{.*}}.repro'

// RUN: FileCheck %s --check-prefix=REPRODUCER --input-file=%t.repro
// REPRODUCER-NOT: 0x
// REPRODUCER: pipeline: "builtin.module(canonicalize{{.*}},dyn-internalize-weights{{.*}})"
// REPRODUCER: input: "/{{.*}}.mlirbc"
// RUN: not dyn-opt --run-reproducer %t.repro 2>&1 | FileCheck %s --check-prefix=AGAIN
// AGAIN: weight 'absent': its data are absent

// Without a failure, and run to its end.
// RUN: dyn-opt %t.mlirbc --pass-pipeline='builtin.module(dyn.weight(dyn-strip-weights))' \
// RUN:   --mlir-generate-reproducer=%t.strip -o %t.ignored
// RUN: dyn-opt --run-reproducer %t.strip | FileCheck %s --check-prefix=STRIPPED
// STRIPPED: dyn.weight @inside : !dyn.tensor<[2], f32> = #dyn.absent

// The file it names has to be what it was.
// RUN: dyn-opt %s --canonicalize --dyn-bytecode-version=1 --emit-bytecode -o %t.mlirbc
// RUN: not dyn-opt --run-reproducer %t.strip 2>&1 | FileCheck %s --check-prefix=CHANGED
// CHANGED: error: {{.*}}.mlirbc: is another file than the one referred to
// RUN: rm %t.mlirbc
// RUN: not dyn-opt --run-reproducer %t.strip 2>&1 | FileCheck %s --check-prefix=GONE
// GONE: error: {{.*}}.mlirbc: no such file

// Of text it is upstream's, and runs as ever.
// RUN: not dyn-opt %s --dyn-internalize-weights --mlir-pass-pipeline-crash-reproducer=%t.text 2>&1 \
// RUN:   | FileCheck %s --check-prefix=AGAIN
// RUN: not dyn-opt --run-reproducer %t.text 2>&1 | FileCheck %s --check-prefix=AGAIN

dyn.weight @inside : !dyn.tensor<[2], f32> = #dyn.resource<inside>
dyn.weight @absent : !dyn.tensor<[2], f32> = #dyn.absent
{-# dialect_resources: { dyn: { inside: "0x040000000000803F00000040" } } #-}
