// RUN: rm -rf %t && split-file %s %t
// RUN: %python %S/Inputs/write_safetensors.py %t/w.safetensors w=f32:2:1,2 'v=i64:1,1:3'
// RUN: %python %S/Inputs/write_safetensors.py %t/other.safetensors w=f32:2:5,6 'v=i64:1,1:7'
// RUN: %python %S/Inputs/write_safetensors.py %t/empty.safetensors x=f32:1:1
// RUN: %python %S/Inputs/write_safetensors.py %t/wrong.safetensors w=f32:3:5,6,7

// RUN: dyn-opt %t/model.mlir --pass-pipeline='builtin.module(dyn.weight(dyn-strip-weights))' -o %t/stripped.mlir
// RUN: FileCheck %s --check-prefix=STRIPPED --input-file=%t/stripped.mlir
// STRIPPED: dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.absent
// STRIPPED: dyn.weight @v : !dyn.tensor<[1, 1], i64> = #dyn.absent

// By name, as a reference from the model's folder.
// RUN: dyn-opt %t/stripped.mlir --dyn-attach-weights=file=%t/w.safetensors | FileCheck %s --check-prefix=ATTACHED
// ATTACHED: dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.external<"w.safetensors", "w">
// ATTACHED: dyn.weight @v : !dyn.tensor<[1, 1], i64> = #dyn.external<"w.safetensors", "v">

// Other weights for the same program.
// RUN: dyn-opt %t/model.mlir --dyn-attach-weights="file=%t/other.safetensors replace" --dyn-internalize-weights \
// RUN:   | FileCheck %s --check-prefix=OTHER
// OTHER: dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.resource<w>
// OTHER-DAG: w: "0x{{[0-9A-F]+}}0000A0400000C040"
// OTHER-DAG: v: "0x{{[0-9A-F]+}}0700000000000000"
// Weights that have data keep them else.
// RUN: dyn-opt %t/model.mlir --dyn-attach-weights=file=%t/other.safetensors | FileCheck %s --check-prefix=KEPT
// KEPT: #dyn.external<"w.safetensors", "w">

// A tensor of another name than the weight's keeps it, in bytecode too; a file with the weight's own name will do.
// RUN: dyn-opt %t/keyed.mlir --pass-pipeline='builtin.module(dyn.weight(dyn-strip-weights))' --emit-bytecode \
// RUN:   -o %t/keyed.mlirbc
// RUN: dyn-opt %t/keyed.mlirbc | FileCheck %s --check-prefix=KEY
// KEY: dyn.weight @first : !dyn.tensor<[2], f32> = #dyn.absent {dyn.key = "w"}
// KEY: dyn.weight @v : !dyn.tensor<[1, 1], i64> = #dyn.absent{{$}}
// RUN: dyn-opt %t/keyed.mlirbc --dyn-attach-weights=file=%t/w.safetensors | FileCheck %s --check-prefix=BYKEY
// RUN: dyn-opt %t/keyed.mlir --dyn-attach-weights="file=%t/w.safetensors replace" | FileCheck %s --check-prefix=BYKEY
// BYKEY: dyn.weight @first : !dyn.tensor<[2], f32> = #dyn.external<"w.safetensors", "w">{{$}}
// BYKEY: dyn.weight @v : !dyn.tensor<[1, 1], i64> = #dyn.external<"w.safetensors", "v">{{$}}
// RUN: dyn-translate --export-weights %t/keyed.mlir -o %t/exported.safetensors
// RUN: dyn-opt %t/keyed.mlirbc --dyn-attach-weights=file=%t/exported.safetensors | FileCheck %s --check-prefix=BYNAME
// BYNAME: dyn.weight @first : !dyn.tensor<[2], f32> = #dyn.external<"exported.safetensors", "first">{{$}}
// RUN: not dyn-opt %t/keyed.mlirbc --dyn-attach-weights=file=%t/empty.safetensors 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NOKEY
// NOKEY: 'dyn.weight' op cannot be attached: {{.*}}empty.safetensors: has no tensor 'w'

// From elsewhere by its absolute name.
// RUN: mkdir %t/away && cp %t/stripped.mlir %t/away
// RUN: dyn-opt %t/away/stripped.mlir --dyn-attach-weights=file=%t/w.safetensors -o %t/away/attached.mlir
// RUN: FileCheck %s --check-prefix=AWAY --input-file=%t/away/attached.mlir
// AWAY: #dyn.external<"/{{.*}}/w.safetensors", "w">
// RUN: not dyn-opt %t/away/attached.mlir --dyn-internalize-weights 2>&1 | FileCheck %s --check-prefix=REFUSED
// REFUSED: error: weight 'w': /{{.*}}: an absolute path is not followed; to allow it, pass --weights-dir=
// RUN: dyn-opt %t/away/attached.mlir --dyn-internalize-weights=weights-dir=%t | FileCheck %s --check-prefix=INSIDE
// RUN: dyn-opt %t/away/attached.mlir --dyn-internalize-weights --weights-dir=%t | FileCheck %s --check-prefix=INSIDE
// INSIDE: #dyn.resource<w>

// Stock mlir-opt has the passes too.
// RUN: mlir-opt %t/stripped.mlir --load-dialect-plugin=%dyn_plugin --load-pass-plugin=%dyn_plugin \
// RUN:   --pass-pipeline='builtin.module(dyn-attach-weights{file=%t/w.safetensors},dyn-internalize-weights{weights-dir=%t})' \
// RUN:   | FileCheck %s --check-prefix=INSIDE

// RUN: not dyn-opt %t/stripped.mlir --dyn-attach-weights=file=%t/wrong.safetensors 2>&1 | FileCheck %s --check-prefix=WRONG
// WRONG: 'dyn.weight' op cannot be attached: {{.*}}wrong.safetensors: tensor 'w' is f32 [3], expected f32 [2]
// WRONG: 'dyn.weight' op cannot be attached: {{.*}}wrong.safetensors: has no tensor 'v'
// RUN: not dyn-opt %t/stripped.mlir --dyn-attach-weights=file=%t/nowhere 2>&1 | FileCheck %s --check-prefix=NOWHERE
// NOWHERE: error: weights cannot be attached: {{.*}}nowhere: no such file
// RUN: not dyn-opt %t/stripped.mlir --dyn-attach-weights 2>&1 | FileCheck %s --check-prefix=NOFILE
// NOFILE: error: dyn-attach-weights expects the option file=FILE
// RUN: not dyn-opt %t/stripped.mlir --dyn-internalize-weights 2>&1 | FileCheck %s --check-prefix=ABSENT
// ABSENT: error: weight 'w': its data are absent: name the file that has them with --dyn-attach-weights=file=FILE

//--- keyed.mlir
dyn.weight @first : !dyn.tensor<[2], f32> = #dyn.external<"w.safetensors", "w">
dyn.weight @v : !dyn.tensor<[1, 1], i64> = #dyn.external<"w.safetensors", "v">
//--- model.mlir
dyn.weight @w : !dyn.tensor<[2], f32> = #dyn.external<"w.safetensors", "w">
dyn.weight @v : !dyn.tensor<[1, 1], i64> = #dyn.external<"w.safetensors", "v">
