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
