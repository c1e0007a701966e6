// One register tile a CPU: width, rows and vectors of a row.
// RUN: dyn-opt %s --dyn-vectorize="target=skylake-avx512" | FileCheck %s --check-prefix=SKYLAKE
// RUN: dyn-opt %s --dyn-vectorize="target=znver2" | FileCheck %s --check-prefix=ZEN2
// RUN: dyn-opt %s --dyn-vectorize="target=neoverse-n1" | FileCheck %s --check-prefix=NEOVERSE

// SKYLAKE:     case 13 {
// SKYLAKE-NOT: case 14 {
// SKYLAKE:     default {
// SKYLAKE:       scf.for {{.*}} step %c1{{[_0-9]*}} iter_args
// SKYLAKE-COUNT-28: math.fma {{.*}} : vector<16xf32>
// SKYLAKE-NOT:   math.fma

// ZEN2:        case 5 {
// ZEN2-NOT:    case 6 {
// ZEN2:        default {
// ZEN2-COUNT-12: math.fma {{.*}} : vector<8xf32>
// ZEN2-NOT:      math.fma

// NEOVERSE:     case 4 {
// NEOVERSE-NOT: case 5 {
// NEOVERSE:     default {
// NEOVERSE-COUNT-20: math.fma {{.*}} : vector<4xf32>
// NEOVERSE-NOT:   math.fma
func.func @matmul(%a: memref<?x768xf32>, %b: memref<768x64xf32>, %c: memref<?x64xf32>) {
  linalg.matmul ins(%a, %b : memref<?x768xf32>, memref<768x64xf32>) outs(%c : memref<?x64xf32>)
  return
}

// The power of 2 in an exponential of a softmax is an instruction of AVX-512.
// SKYLAKE-LABEL: func @softmax
// SKYLAKE:         %[[N:.*]] = math.roundeven %[[X:.*]] : vector<16xf32>
// SKYLAKE:         arith.subf %[[X]], %[[N]]
// SKYLAKE:         llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%{{.*}}, %[[N]],
// SKYLAKE-NOT:     math.exp
// SKYLAKE:         return
// ZEN2-LABEL:    func @softmax
// ZEN2:            math.exp {{.*}} {dyn.softmax} : vector<8xf32>
// ZEN2-NOT:        call_intrinsic
// NEOVERSE-LABEL: func @softmax
// NEOVERSE:        math.exp {{.*}} {dyn.softmax} : vector<4xf32>
func.func @softmax(%x: memref<?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %old: f32):
    %0 = math.exp %a {dyn.softmax} : f32
    linalg.yield %0 : f32
  }
  return
}
