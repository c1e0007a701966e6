// RUN: dyn-opt %s --verify-diagnostics --dyn-report-kernels="target=znver2"

#all = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#turned = affine_map<(d0, d1) -> (d1, d0)>
#twice = affine_map<(d0) -> (2 * d0)>
#once = affine_map<(d0) -> (d0)>
func.func @paths(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>, %r: memref<?xf32>) {
  // expected-remark@+1 {{contraction: blocks of up to 6 rows by 2 vectors of 8}}
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  // expected-remark@+1 {{elementwise: 1 vector of 8}}
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%a : memref<?x?xf32>) outs(%c : memref<?x?xf32>) {
  ^bb0(%x: f32, %out: f32):
    %0 = math.exp %x : f32
    linalg.yield %0 : f32
  }
  // expected-remark@+1 {{copy: 1 vector of 8}}
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%a : memref<?x?xf32>) outs(%c : memref<?x?xf32>) {
  ^bb0(%x: f32, %out: f32):
    linalg.yield %x : f32
  }
  // expected-remark@+1 {{reduction: 4 vectors of 8 along the reduction}}
  linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%a : memref<?x?xf32>) outs(%r : memref<?xf32>) {
  ^bb0(%x: f32, %out: f32):
    %0 = arith.addf %x, %out : f32
    linalg.yield %0 : f32
  }
  return
}

func.func @scalar(%a: memref<?xf32>, %b: memref<?xf32>) {
  // expected-remark@+1 {{scalar loop: an output is not indexed by distinct loops}}
  linalg.generic {indexing_maps = [#once, #twice], iterator_types = ["parallel"]}
      ins(%a : memref<?xf32>) outs(%b : memref<?xf32>) {
  ^bb0(%x: f32, %out: f32):
    linalg.yield %x : f32
  }
  return
}
