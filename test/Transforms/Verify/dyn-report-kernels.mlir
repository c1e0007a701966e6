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

// An op with a configuration of its own is planned by that one.
func.func @own_configuration(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  // expected-remark@+1 {{contraction: blocks of up to 2 rows by 4 vectors of 8}}
  linalg.matmul {dyn.lowering = {registers = array<i64: 2, 4>}}
    ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  // expected-remark@+1 {{contraction: blocks of up to 6 rows by 2 vectors of 8; no attention: the softmax is read by several ops}}
  linalg.matmul {dyn.no_attention = "the softmax is read by several ops"}
    ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}

func.func @wrong_configuration(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  // expected-error@+1 {{registers 30 x 2 need 63 vector registers, znver2 has 16}}
  linalg.matmul {dyn.lowering = {registers = array<i64: 30, 2>}}
    ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}
