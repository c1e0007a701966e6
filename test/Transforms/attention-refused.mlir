// What looks like attention and is none says so in the report, through all passes in between.
// RUN: dyn-opt %s --dyn-codegen-pipeline="target=skylake-avx512 runtime=false report-kernels" -o %t 2>&1 | FileCheck %s

// A head that is no whole number of vectors wide.
// CHECK: remark: contraction: {{.*}}; no attention: the width of a head is no known multiple of 16 (queries and keys 24, values 64)
func.func @width(%q: tensor<12x?x24xf32>, %k: tensor<12x24x?xf32>, %v: tensor<12x?x64xf32>, %all: tensor<12x?x?xf32>,
                 %out: tensor<12x?x64xf32>) -> tensor<12x?x64xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %scores = linalg.batch_matmul ins(%q, %k : tensor<12x?x24xf32>, tensor<12x24x?xf32>)
    outs(%0 : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %weights = linalg.softmax dimension(2) ins(%scores : tensor<12x?x?xf32>) outs(%all : tensor<12x?x?xf32>)
    -> tensor<12x?x?xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%out : tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
  %result = linalg.batch_matmul ins(%weights, %v : tensor<12x?x?xf32>, tensor<12x?x64xf32>)
    outs(%1 : tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
  return %result : tensor<12x?x64xf32>
}

// Weights that sum to 1 over the queries.
// CHECK: remark: contraction: {{.*}}; no attention: the softmax is not along the keys, which the product behind it sums over
func.func @axis(%q: tensor<12x?x64xf32>, %k: tensor<12x64x?xf32>, %v: tensor<12x?x64xf32>, %all: tensor<12x?x?xf32>,
                %out: tensor<12x?x64xf32>) -> tensor<12x?x64xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %scores = linalg.batch_matmul ins(%q, %k : tensor<12x?x64xf32>, tensor<12x64x?xf32>)
    outs(%0 : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %weights = linalg.softmax dimension(1) ins(%scores : tensor<12x?x?xf32>) outs(%all : tensor<12x?x?xf32>)
    -> tensor<12x?x?xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%out : tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
  %result = linalg.batch_matmul ins(%weights, %v : tensor<12x?x?xf32>, tensor<12x?x64xf32>)
    outs(%1 : tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
  return %result : tensor<12x?x64xf32>
}

// Weights that the caller gets too.
// CHECK: remark: contraction: {{.*}}; no attention: the softmax is read by several ops
func.func @read_twice(%q: tensor<12x?x64xf32>, %k: tensor<12x64x?xf32>, %v: tensor<12x?x64xf32>,
                      %all: tensor<12x?x?xf32>, %out: tensor<12x?x64xf32>)
    -> (tensor<12x?x64xf32>, tensor<12x?x?xf32>) {
  %zero = arith.constant 0.0 : f32
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %scores = linalg.batch_matmul ins(%q, %k : tensor<12x?x64xf32>, tensor<12x64x?xf32>)
    outs(%0 : tensor<12x?x?xf32>) -> tensor<12x?x?xf32>
  %weights = linalg.softmax dimension(2) ins(%scores : tensor<12x?x?xf32>) outs(%all : tensor<12x?x?xf32>)
    -> tensor<12x?x?xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%out : tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
  %result = linalg.batch_matmul ins(%weights, %v : tensor<12x?x?xf32>, tensor<12x?x64xf32>)
    outs(%1 : tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
  return %result, %weights : tensor<12x?x64xf32>, tensor<12x?x?xf32>
}

// Scores that are seen as blocks of keys: a softmax of 64 of them at a time.
// CHECK: remark: contraction: {{.*}}; no attention: no product of two matrices of f32 with at most one elementwise op behind it makes the scores, but 'tensor.expand_shape'
func.func @reshaped(%q: tensor<12x?x64xf32>, %k: tensor<12x64x128xf32>, %v: tensor<12x2x64x64xf32>,
                    %all: tensor<12x?x128xf32>, %split: tensor<12x?x2x64xf32>, %out: tensor<12x2x?x64xf32>, %m: index)
    -> tensor<12x2x?x64xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<12x?x128xf32>) -> tensor<12x?x128xf32>
  %scores = linalg.batch_matmul ins(%q, %k : tensor<12x?x64xf32>, tensor<12x64x128xf32>)
    outs(%0 : tensor<12x?x128xf32>) -> tensor<12x?x128xf32>
  %parts = tensor.expand_shape %scores [[0], [1], [2, 3]] output_shape [12, %m, 2, 64]
    : tensor<12x?x128xf32> into tensor<12x?x2x64xf32>
  %weights = linalg.softmax dimension(3) ins(%parts : tensor<12x?x2x64xf32>) outs(%split : tensor<12x?x2x64xf32>)
    -> tensor<12x?x2x64xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%out : tensor<12x2x?x64xf32>) -> tensor<12x2x?x64xf32>
  %result = linalg.generic {
      indexing_maps = [affine_map<(b, p, i, c, j) -> (b, i, p, j)>, affine_map<(b, p, i, c, j) -> (b, p, j, c)>,
                       affine_map<(b, p, i, c, j) -> (b, p, i, c)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
    ins(%weights, %v : tensor<12x?x2x64xf32>, tensor<12x2x64x64xf32>) outs(%1 : tensor<12x2x?x64xf32>) {
  ^bb0(%x: f32, %y: f32, %sum: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<12x2x?x64xf32>
  return %result : tensor<12x2x?x64xf32>
}
