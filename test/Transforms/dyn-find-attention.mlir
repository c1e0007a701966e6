// RUN: dyn-opt %s --split-input-file --dyn-find-attention | FileCheck %s
// RUN: mlir-opt-22 %s --split-input-file --load-pass-plugin=%dyn_plugin --pass-pipeline='builtin.module(dyn-find-attention)' | FileCheck %s

// Spelled out, with a scale in front.
// CHECK-LABEL: func @spelled_out
// CHECK:         %[[SCORES:.*]] = linalg.batch_matmul
// CHECK:         %[[SCALED:.*]] = linalg.generic {{.*}} ins(%[[SCORES]]
// CHECK:         %[[WEIGHTS:.*]] = linalg.softmax {dyn.attention} dimension(2) ins(%[[SCALED]]
// CHECK:         linalg.batch_matmul ins(%[[WEIGHTS]]
#all = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#row = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @spelled_out(%q: tensor<?x?x64xf32>, %k: tensor<?x64x?xf32>, %v: tensor<?x?x64xf32>,
                       %all: tensor<?x?x?xf32>, %rows: tensor<?x?xf32>, %out: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %eighth = arith.constant 0.125 : f32
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %scores = linalg.batch_matmul ins(%q, %k : tensor<?x?x64xf32>, tensor<?x64x?xf32>)
    outs(%0 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %scaled = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%scores : tensor<?x?x?xf32>) outs(%all : tensor<?x?x?xf32>) {
  ^bb0(%in: f32, %o: f32):
    %x = arith.mulf %in, %eighth : f32
    linalg.yield %x : f32
  } -> tensor<?x?x?xf32>
  %1 = linalg.fill ins(%low : f32) outs(%rows : tensor<?x?xf32>) -> tensor<?x?xf32>
  %max = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%scaled : tensor<?x?x?xf32>) outs(%1 : tensor<?x?xf32>) {
  ^bb0(%in: f32, %o: f32):
    %x = arith.maximumf %in, %o : f32
    linalg.yield %x : f32
  } -> tensor<?x?xf32>
  %exp = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%scaled, %max : tensor<?x?x?xf32>, tensor<?x?xf32>) outs(%all : tensor<?x?x?xf32>) {
  ^bb0(%in: f32, %m: f32, %o: f32):
    %x = arith.subf %in, %m : f32
    %e = math.exp %x : f32
    linalg.yield %e : f32
  } -> tensor<?x?x?xf32>
  %2 = linalg.fill ins(%zero : f32) outs(%rows : tensor<?x?xf32>) -> tensor<?x?xf32>
  %sum = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%exp : tensor<?x?x?xf32>) outs(%2 : tensor<?x?xf32>) {
  ^bb0(%in: f32, %o: f32):
    %x = arith.addf %o, %in : f32
    linalg.yield %x : f32
  } -> tensor<?x?xf32>
  %weights = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%exp, %sum : tensor<?x?x?xf32>, tensor<?x?xf32>) outs(%all : tensor<?x?x?xf32>) {
  ^bb0(%in: f32, %s: f32, %o: f32):
    %x = arith.divf %in, %s : f32
    linalg.yield %x : f32
  } -> tensor<?x?x?xf32>
  %3 = linalg.fill ins(%zero : f32) outs(%out : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %result = linalg.batch_matmul ins(%weights, %v : tensor<?x?x?xf32>, tensor<?x?x64xf32>)
    outs(%3 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %result : tensor<?x?x64xf32>
}

// -----

// A softmax that is read elsewhere, and one of no contraction, stay as they are.
// CHECK-LABEL: func @others
// CHECK-NOT:     dyn.attention
func.func @others(%q: tensor<?x?xf32>, %k: tensor<?x?xf32>, %v: tensor<?x?xf32>, %o: tensor<?x?xf32>)
    -> (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) {
  %scores = linalg.matmul ins(%q, %k : tensor<?x?xf32>, tensor<?x?xf32>) outs(%o : tensor<?x?xf32>) -> tensor<?x?xf32>
  %seen = linalg.softmax dimension(1) ins(%scores : tensor<?x?xf32>) outs(%o : tensor<?x?xf32>) -> tensor<?x?xf32>
  %r = linalg.matmul ins(%seen, %v : tensor<?x?xf32>, tensor<?x?xf32>) outs(%o : tensor<?x?xf32>) -> tensor<?x?xf32>
  %alone = linalg.softmax dimension(1) ins(%q : tensor<?x?xf32>) outs(%o : tensor<?x?xf32>) -> tensor<?x?xf32>
  %t = linalg.matmul ins(%alone, %v : tensor<?x?xf32>, tensor<?x?xf32>) outs(%o : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %seen, %r, %t : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>
}
