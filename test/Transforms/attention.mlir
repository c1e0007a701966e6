// RUN: dyn-opt %s --dyn-tile=target=skylake-avx512 | FileCheck %s --check-prefix=TILE
// RUN: dyn-opt %s --dyn-codegen-pipeline="target=skylake-avx512 runtime=false" | FileCheck %s
// RUN: dyn-opt %s --dyn-codegen-pipeline="target=skylake-avx512 runtime=false" | FileCheck %s --check-prefix=SCALEF
// RUN: dyn-opt %s --dyn-codegen-pipeline="target=znver2 runtime=false" | FileCheck %s --check-prefix=ZEN2
// RUN: dyn-opt %s --dyn-codegen-pipeline="target=neoverse-n1 runtime=false report-kernels" -o %t 2>&1 | FileCheck %s --check-prefix=REPORT

// REPORT: remark: attention: queries in the lanes of up to 4 vectors of 4

// A block of 32 queries at a time; what lies between the products is as large as that.
// TILE-LABEL: func @attention
// TILE:         scf.forall (%[[B:.*]], %[[Q:.*]]) = (0, 0) to (%{{.*}}, %{{.*}}) step (1, 32) shared_outs(%[[OUT:.*]] =
// TILE:           %[[SCORES:.*]] = linalg.batch_matmul {{.*}} -> tensor<1x?x?xf32>
// TILE:           %[[WEIGHTS:.*]] = linalg.softmax {dyn.attention} dimension(2) ins(%[[SCORES]]
// TILE:           %[[RESULT:.*]] = linalg.batch_matmul ins(%[[WEIGHTS]]
// TILE:           tensor.parallel_insert_slice %[[RESULT]] into %[[OUT]]

// Memory of a size that no length changes, on the stack: queries, weights of 128 keys, sums.
// CHECK-LABEL: func @attention
// CHECK-NOT:     memref.alloc(
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<64x32xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<128x32xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<32x64xf32>
// CHECK-NOT:     linalg
// One query: up to 4 keys are one sum each, others stand in the lanes, as they lie here; their maximum goes across lanes.
// CHECK:         %[[ONE:.*]] = arith.cmpi eq, %{{.*}}, %c1
// CHECK:         scf.if %[[ONE]]
// CHECK:           %[[FEW:.*]] = arith.cmpi ule, %{{.*}}, %c4
// CHECK:           scf.if %[[FEW]] -> (vector<16xf32>)
// CHECK:             math.fma {{.*}} : f32
// CHECK:           } else {
// CHECK:             math.fma {{.*}} : vector<16xf32>
// CHECK:           vector.shuffle
// CHECK:           memref.prefetch
// CHECK:         } else {
// Several: tiles of 1, 4, 8, 12 and 14 keys by two vectors of queries, or of 1, 4, 8 and 16 by one.
// CHECK:           scf.while
// CHECK:           scf.index_switch
// CHECK:           case 3 {
// CHECK-NOT:       case 4 {
// CHECK:           default {
// CHECK:           scf.while
// CHECK:           scf.index_switch
// CHECK:           case 2 {
// CHECK-NOT:       case 3 {
// CHECK:           default {
// CHECK:         scf.index_switch
// CHECK-NOT:     vector.maskedload
// CHECK-NOT:     math.exp
// CHECK:         return

// AVX-512 has an instruction for the power of 2 in a weight.
// SCALEF-LABEL: func @attention
// SCALEF:         %[[N:.*]] = math.roundeven %[[X:.*]] : vector<16xf32>
// SCALEF:         arith.subf %[[X]], %[[N]]
// SCALEF:         llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%{{.*}}, %[[N]],
// ZEN2-NOT:     call_intrinsic

// ZEN2-LABEL: func @attention
// ZEN2-DAG:     memref<128x16xf32>
// ZEN2-DAG:     memref<16x64xf32>
// Tiles of 1, 4 and 8 keys by one vector of queries.
// ZEN2:         scf.index_switch
// ZEN2:         case 1 {
// ZEN2-NOT:     case 2 {
// ZEN2:         default {
func.func @attention(%q: tensor<?x?x64xf32>, %k: tensor<?x64x?xf32>, %v: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %b = tensor.dim %q, %c0 : tensor<?x?x64xf32>
  %m = tensor.dim %q, %c1 : tensor<?x?x64xf32>
  %n = tensor.dim %v, %c1 : tensor<?x?x64xf32>
  %all = tensor.empty(%b, %m, %n) : tensor<?x?x?xf32>
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %scores = linalg.batch_matmul ins(%q, %k : tensor<?x?x64xf32>, tensor<?x64x?xf32>)
    outs(%0 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %weights = linalg.softmax {dyn.attention} dimension(2) ins(%scores : tensor<?x?x?xf32>)
    outs(%all : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %out = tensor.empty(%b, %m) : tensor<?x?x64xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%out : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %result = linalg.batch_matmul ins(%weights, %v : tensor<?x?x?xf32>, tensor<?x?x64xf32>)
    outs(%1 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %result : tensor<?x?x64xf32>
}

// A result that is only read to be permuted is written in that order.
// TILE-LABEL: func @heads_side_by_side
// TILE-SAME:    -> tensor<?x12x64xf32>
// TILE:         %[[OUT:.*]] = scf.forall {{.*}} step (1, 32) shared_outs(%{{.*}} = %{{.*}}) -> (tensor<?x12x64xf32>)
// TILE:           tensor.parallel_insert_slice
// TILE:         return %[[OUT]]
// CHECK-LABEL: func @heads_side_by_side
// CHECK:         memref.alloc({{.*}} memref<?x12x64xf32>
// CHECK-NOT:     memref.alloc(
// CHECK:         return
func.func @heads_side_by_side(%q: tensor<12x?x64xf32>, %k: tensor<12x64x?xf32>, %v: tensor<12x?x64xf32>)
    -> tensor<?x12x64xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %q, %c1 : tensor<12x?x64xf32>
  %n = tensor.dim %v, %c1 : tensor<12x?x64xf32>
  %all = tensor.empty(%m, %n) : tensor<12x?x?xf32>
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %scores = linalg.batch_matmul ins(%q, %k : tensor<12x?x64xf32>, tensor<12x64x?xf32>)
    outs(%0 : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %weights = linalg.softmax {dyn.attention} dimension(2) ins(%scores : tensor<12x?x?xf32>)
    outs(%all : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %out = tensor.empty(%m) : tensor<12x?x64xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%out : tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
  %result = linalg.batch_matmul ins(%weights, %v : tensor<12x?x?xf32>, tensor<12x?x64xf32>)
    outs(%1 : tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
  %rows = tensor.empty(%m) : tensor<?x12x64xf32>
  %permuted = linalg.transpose ins(%result : tensor<12x?x64xf32>) outs(%rows : tensor<?x12x64xf32>)
    permutation = [1, 0, 2]
  return %permuted : tensor<?x12x64xf32>
}

// Keys behind the last query of a block are left out: of 32 queries from %[[Q]] the first %[[Q]] + 32 remain.
// CHECK-LABEL: func @causal
// CHECK:         scf.for %[[Q:.*]] = %{{.*}} to %{{.*}} step %c32
// CHECK-DAG:       %[[ROWS:.*]] = affine.min {{.*}}(%[[Q]])
// CHECK-DAG:       %[[LAST:.*]] = arith.subi %[[ROWS]], %c1
// CHECK-DAG:       %[[PLACE:.*]] = arith.addi %[[LAST]], %[[Q]]
// CHECK-DAG:       %[[SEEN:.*]] = arith.addi %[[PLACE]], %c1
// CHECK-DAG:       %[[SOME:.*]] = arith.maxsi %[[SEEN]], %c1
// CHECK-DAG:       %[[KEYS:.*]] = arith.minsi %[[SOME]], %{{.*}}
// CHECK:           scf.for %{{.*}} = %c0 to %[[KEYS]] step %c128
// One query: keys and their weights.
// CHECK:           } else {
// Of several, the keys that the first vector of them sees are for both; then come those that the second one sees alone.
// CHECK:             scf.for %[[FIRST:.*]] = %c0 to %[[KEYS]] step %c128
// CHECK:               %[[COUNT:.*]] = arith.minui %{{.*}}, %c128
// CHECK:               arith.addi %[[Q]], %c16
// CHECK:               %[[SEEN:.*]] = arith.minsi %{{.*}}, %[[COUNT]]
// CHECK:               %[[SHARED:.*]] = arith.select %{{.*}}, %c0, %[[SEEN]]
// CHECK:               arith.cmpi ult, %{{.*}}, %[[SHARED]]
// CHECK:               scf.for %{{.*}} = %c0 to %{{.*}} step %c16
// CHECK:                 arith.subi %{{.*}}, %[[SHARED]]
// Weights of keys that a vector of queries does not see are 0.
// CHECK:               scf.for %[[KEY:.*]] = %{{.*}} to %[[COUNT]] step %c1 {
// CHECK-NEXT:            vector.store %{{.*}}, %{{.*}}[%[[KEY]], %{{.*}}] : memref<128x32xf32>, vector<16xf32>
func.func @causal(%q: tensor<1x?x64xf32>, %k: tensor<1x64x?xf32>, %v: tensor<1x?x64xf32>) -> tensor<1x?x64xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %never = arith.constant 0xFF800000 : f32
  %m = tensor.dim %q, %c1 : tensor<1x?x64xf32>
  %n = tensor.dim %v, %c1 : tensor<1x?x64xf32>
  %all = tensor.empty(%m, %n) : tensor<1x?x?xf32>
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<1x?x?xf32>) -> tensor<1x?x?xf32>
  %scores = linalg.batch_matmul ins(%q, %k : tensor<1x?x64xf32>, tensor<1x64x?xf32>)
    outs(%0 : tensor<1x?x?xf32>) -> tensor<1x?x?xf32>
  %past = linalg.generic {
      indexing_maps = [affine_map<(b, i, j) -> (b, i, j)>, affine_map<(b, i, j) -> (b, i, j)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%scores : tensor<1x?x?xf32>) outs(%all : tensor<1x?x?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %future = arith.cmpi slt, %i, %j : index
    %kept = arith.select %future, %never, %in : f32
    linalg.yield %kept : f32
  } -> tensor<1x?x?xf32>
  %weights = linalg.softmax {dyn.attention} dimension(2) ins(%past : tensor<1x?x?xf32>)
    outs(%all : tensor<1x?x?xf32>) -> tensor<1x?x?xf32>
  %out = tensor.empty(%m) : tensor<1x?x64xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%out : tensor<1x?x64xf32>) -> tensor<1x?x64xf32>
  %result = linalg.batch_matmul ins(%weights, %v : tensor<1x?x?xf32>, tensor<1x?x64xf32>)
    outs(%1 : tensor<1x?x64xf32>) -> tensor<1x?x64xf32>
  return %result : tensor<1x?x64xf32>
}

// A mask of queries by keys is turned like the queries, a block of keys at a time.
// CHECK-LABEL: func @masked
// CHECK:         } else {
// CHECK:           scf.for %[[KEY:.*]] = %c0 to %{{.*}} step %c128
// CHECK:             vector.maskedload %{{.*}} : memref<{{.*}}>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK:             vector.shuffle
// CHECK:             scf.while
// CHECK-NOT:         vector.from_elements
// CHECK:         return
func.func @masked(%q: tensor<1x?x64xf32>, %k: tensor<1x64x?xf32>, %v: tensor<1x?x64xf32>, %mask: tensor<?x?xf32>)
    -> tensor<1x?x64xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %q, %c1 : tensor<1x?x64xf32>
  %n = tensor.dim %v, %c1 : tensor<1x?x64xf32>
  %all = tensor.empty(%m, %n) : tensor<1x?x?xf32>
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<1x?x?xf32>) -> tensor<1x?x?xf32>
  %scores = linalg.batch_matmul ins(%q, %k : tensor<1x?x64xf32>, tensor<1x64x?xf32>)
    outs(%0 : tensor<1x?x?xf32>) -> tensor<1x?x?xf32>
  %masked = linalg.generic {
      indexing_maps = [affine_map<(b, i, j) -> (b, i, j)>, affine_map<(b, i, j) -> (i, j)>,
                       affine_map<(b, i, j) -> (b, i, j)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%scores, %mask : tensor<1x?x?xf32>, tensor<?x?xf32>) outs(%all : tensor<1x?x?xf32>) {
  ^bb0(%in: f32, %add: f32, %out: f32):
    %sum = arith.addf %in, %add : f32
    linalg.yield %sum : f32
  } -> tensor<1x?x?xf32>
  %weights = linalg.softmax {dyn.attention} dimension(2) ins(%masked : tensor<1x?x?xf32>)
    outs(%all : tensor<1x?x?xf32>) -> tensor<1x?x?xf32>
  %out = tensor.empty(%m) : tensor<1x?x64xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%out : tensor<1x?x64xf32>) -> tensor<1x?x64xf32>
  %result = linalg.batch_matmul ins(%weights, %v : tensor<1x?x?xf32>, tensor<1x?x64xf32>)
    outs(%1 : tensor<1x?x64xf32>) -> tensor<1x?x64xf32>
  return %result : tensor<1x?x64xf32>
}
