// RUN: rm -rf %t && mkdir %t && printf "%.64d" 0 > %t/w.bin && cp %s %t/model.mlir

// RUN: dyn-compile %t/model.mlir -o %t/model.so --target=znver2 --dim N=1:64:2 --report=%t/report.json
// RUN: llvm-readelf --dynamic --dyn-symbols %t/model.so | FileCheck %s
// CHECK: NEEDED{{.*}}[libdyn_runtime.so.0]
// CHECK-NOT: NEEDED

// Nothing is exported but the artifact, nothing is called but what the runtime has.
// RUN: llvm-nm -D --defined-only %t/model.so | FileCheck %s --check-prefix=SYMBOLS
// RUN: llvm-nm -D --defined-only %t/model.so | count 1
// SYMBOLS: D dyn_artifact
// RUN: llvm-nm -D --undefined-only %t/model.so \
// RUN:   | not grep -vE ' U (dyn_rt_(alloc|free|report|fail|parallel_for)|mem(cpy|move|set))$'

// RUN: llvm-strings %t/model.so | FileCheck %s --check-prefix=METADATA
// METADATA: "arena":{"bytes":0,"text":"0"}
// METADATA-SAME: "files":[{"path":"w.bin","size":64,"stamp":"{{[0-9a-f]+}}"}]
// METADATA-SAME: "inputs":[{"name":"x","shape":["N",16],"type":"f32"}]
// METADATA-SAME: "outputs":[{"name":"y","shape":["N",16],"type":"f32"}]
// METADATA-SAME: "symbols":[{"max":64,"min":1,"multiple":2,"name":"N"}]
// METADATA-SAME: "cpu":"znver2"
// METADATA-SAME: "weights":[{"bytes":64,"file":0,"name":"w","offset":0,"shape":[16],"type":"f32"}]

// RUN: FileCheck %s --check-prefix=REPORT < %t/report.json
// REPORT: "kernels"
// REPORT: "peak_memory"
// REPORT: "seconds"
// REPORT: "targets"
// REPORT: "weights"

// Another machine's code needs nothing of that machine here.
// RUN: dyn-compile %t/model.mlir -o %t/arm.so --target=neoverse-n1
// RUN: llvm-readelf --file-header --dynamic %t/arm.so | FileCheck %s --check-prefix=ARM
// ARM: Machine: AArch64
// ARM: NEEDED{{.*}}[libdyn_runtime.so.0]

// Two in one.
// RUN: dyn-compile %t/model.mlir -o %t/both.so --target=skylake-avx512,znver2
// RUN: llvm-strings %t/both.so | FileCheck %s --check-prefix=BOTH
// BOTH: "cpu":"skylake-avx512"{{.*}}"cpu":"znver2"

// Each stage.
// RUN: dyn-compile %t/model.mlir --emit=graph | FileCheck %s --check-prefix=GRAPH
// GRAPH: linalg.generic
// RUN: dyn-compile %t/model.mlir --emit=tiled | FileCheck %s --check-prefix=TILED
// TILED: memref
// RUN: dyn-compile %t/model.mlir --emit=llvm | FileCheck %s --check-prefix=LLVM
// LLVM: llvm.func @dyn_entry
// RUN: dyn-compile %t/model.mlir --emit=llvm-ir | FileCheck %s --check-prefix=IR
// IR: define hidden {{.*}}i32 @dyn_entry
// RUN: dyn-compile %t/model.mlir --emit=asm --target=neoverse-n1 | FileCheck %s --check-prefix=ASM
// ASM: dyn_entry:
// RUN: dyn-compile %t/model.mlir --emit=obj -o %t/model.o
// RUN: llvm-nm %t/model.o | FileCheck %s --check-prefix=OBJ
// OBJ: T dyn_entry

#map = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d1)>
dyn.weight @w : !dyn.tensor<[16], f32> = #dyn.external<"w.bin", 0, 64>
func.func @model(%x: tensor<?x16xf32> {dyn.name = "x", dyn.type = !dyn.tensor<[N, 16], f32>},
                 %w: tensor<16xf32> {dyn.weight = @w, dyn.type = !dyn.tensor<[16], f32>})
    -> (tensor<?x16xf32> {dyn.name = "y", dyn.type = !dyn.tensor<[N, 16], f32>}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x16xf32>
  %empty = tensor.empty(%n) : tensor<?x16xf32>
  %y = linalg.generic {indexing_maps = [#map, #row, #map], iterator_types = ["parallel", "parallel"]}
      ins(%x, %w : tensor<?x16xf32>, tensor<16xf32>) outs(%empty : tensor<?x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %sum = arith.addf %a, %b : f32
    linalg.yield %sum : f32
  } -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
