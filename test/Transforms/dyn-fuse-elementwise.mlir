// RUN: dyn-opt %s --split-input-file --dyn-fuse-elementwise | FileCheck %s
// RUN: mlir-opt-22 %s --split-input-file --load-pass-plugin=%dyn_plugin --pass-pipeline='builtin.module(dyn-fuse-elementwise)' | FileCheck %s

// A cheap producer is computed again for its second reader, a function is not.
// CHECK-LABEL: func @readers
// CHECK:         %[[EXP:.*]] = linalg.generic
// CHECK:           math.exp
// CHECK:         %[[A:.*]] = linalg.generic {{.*}} ins(%[[EXP]] :
// CHECK:           arith.negf
// CHECK-NEXT:      arith.addf
// CHECK:         %[[B:.*]] = linalg.generic {{.*}} ins(%[[EXP]] :
// CHECK:           arith.negf
// CHECK-NEXT:      arith.mulf
// CHECK:         return %[[A]], %[[B]]
func.func @readers(%x: tensor<?xf32>, %init: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %exp = linalg.exp ins(%x : tensor<?xf32>) outs(%init : tensor<?xf32>) -> tensor<?xf32>
  %neg = linalg.negf ins(%exp : tensor<?xf32>) outs(%init : tensor<?xf32>) -> tensor<?xf32>
  %a = linalg.add ins(%neg, %neg : tensor<?xf32>, tensor<?xf32>) outs(%init : tensor<?xf32>) -> tensor<?xf32>
  %b = linalg.mul ins(%neg, %neg : tensor<?xf32>, tensor<?xf32>) outs(%init : tensor<?xf32>) -> tensor<?xf32>
  return %a, %b : tensor<?xf32>, tensor<?xf32>
}

// -----

// Transpositions become the order in which a contraction reads and writes.
// CHECK-DAG:   #[[LHS:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG:   #[[RHS:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG:   #[[OUT:.*]] = affine_map<(d0, d1, d2) -> (d1, d0)>
// CHECK-LABEL: func @transposed
// CHECK-NOT:     linalg.transpose
// CHECK:         linalg.generic {indexing_maps = [#[[LHS]], #[[RHS]], #[[OUT]]]
// CHECK-NOT:     linalg.generic
func.func @transposed(%a: tensor<?x64xf32>, %b: tensor<?x64xf32>, %kn: tensor<64x?xf32>, %mn: tensor<?x?xf32>,
                      %m: index, %n: index) -> tensor<?x?xf32> {
  %zero = arith.constant 0.0 : f32
  %bt = linalg.transpose ins(%b : tensor<?x64xf32>) outs(%kn : tensor<64x?xf32>) permutation = [1, 0]
  %fill = linalg.fill ins(%zero : f32) outs(%mn : tensor<?x?xf32>) -> tensor<?x?xf32>
  %product = linalg.matmul ins(%a, %bt : tensor<?x64xf32>, tensor<64x?xf32>)
    outs(%fill : tensor<?x?xf32>) -> tensor<?x?xf32>
  %nm = tensor.empty(%n, %m) : tensor<?x?xf32>
  %result = linalg.transpose ins(%product : tensor<?x?xf32>) outs(%nm : tensor<?x?xf32>) permutation = [1, 0]
  return %result : tensor<?x?xf32>
}

// -----

// A weight is converted where it is multiplied; what is no weight is converted once.
// CHECK-LABEL: func @narrow_weight
// CHECK:         linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<64x32xbf16>)
// CHECK:           arith.extf
// CHECK:         linalg.generic {{.*}} ins(%{{.*}} : tensor<32x16xbf16>)
// CHECK:         linalg.matmul {{.*}} tensor<32x16xf32>
#id = affine_map<(i, j) -> (i, j)>
func.func @narrow_weight(%x: tensor<?x64xf32>, %w: tensor<64x32xbf16> {dyn.weight}, %v: tensor<32x16xbf16>,
                         %e: tensor<?x32xf32>, %f: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = tensor.empty() : tensor<64x32xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%w : tensor<64x32xbf16>) outs(%0 : tensor<64x32xf32>) {
  ^bb0(%a: bf16, %old: f32):
    %2 = arith.extf %a : bf16 to f32
    linalg.yield %2 : f32
  } -> tensor<64x32xf32>
  %3 = linalg.matmul ins(%x, %1 : tensor<?x64xf32>, tensor<64x32xf32>) outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
  %4 = tensor.empty() : tensor<32x16xf32>
  %5 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%v : tensor<32x16xbf16>) outs(%4 : tensor<32x16xf32>) {
  ^bb0(%a: bf16, %old: f32):
    %6 = arith.extf %a : bf16 to f32
    linalg.yield %6 : f32
  } -> tensor<32x16xf32>
  %7 = linalg.matmul ins(%3, %5 : tensor<?x32xf32>, tensor<32x16xf32>) outs(%f : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %7 : tensor<?x16xf32>
}

// -----

// The ops of a softmax are told so; another division by a sum is not.
// CHECK-LABEL: func @softmax
// CHECK:         arith.maximumf {{.*}} {dyn.softmax}
// CHECK:         math.exp {{.*}} {dyn.softmax}
// CHECK:         arith.addf %{{[^ ]*}}, %{{[^ ]*}} : f32
// CHECK:         arith.divf {{.*}} {dyn.softmax}
// CHECK:         arith.divf %{{[^ ]*}}, %{{[^ ]*}} : f32
#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
func.func @softmax(%x: tensor<?x?xf32>, %out: tensor<?x?xf32>, %rows: tensor<?xf32>)
    -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %0 = linalg.fill ins(%lowest : f32) outs(%rows : tensor<?xf32>) -> tensor<?xf32>
  %1 = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x?xf32>) outs(%0 : tensor<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %7 = arith.maximumf %b, %a : f32
    linalg.yield %7 : f32
  } -> tensor<?xf32>
  %2 = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %1 : tensor<?x?xf32>, tensor<?xf32>) outs(%out : tensor<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %old: f32):
    %7 = arith.subf %a, %b : f32
    %8 = math.exp %7 : f32
    linalg.yield %8 : f32
  } -> tensor<?x?xf32>
  %3 = linalg.fill ins(%zero : f32) outs(%rows : tensor<?xf32>) -> tensor<?xf32>
  %4 = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%2 : tensor<?x?xf32>) outs(%3 : tensor<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %7 = arith.addf %b, %a : f32
    linalg.yield %7 : f32
  } -> tensor<?xf32>
  %5 = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%2, %4 : tensor<?x?xf32>, tensor<?xf32>) outs(%out : tensor<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %old: f32):
    %7 = arith.divf %a, %b : f32
    linalg.yield %7 : f32
  } -> tensor<?x?xf32>
  %6 = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %4 : tensor<?x?xf32>, tensor<?xf32>) outs(%out : tensor<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %old: f32):
    %7 = arith.divf %a, %b : f32
    linalg.yield %7 : f32
  } -> tensor<?x?xf32>
  return %5, %6 : tensor<?x?xf32>, tensor<?x?xf32>
}

// -----

// The product reads the integers; scale and zero point of a column come to the result, with the sums of the rows.
// CHECK-DAG:   #[[ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG:   #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG:   #[[ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func @quantized_weight
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[Q:.*]]: tensor<64x32xi8> {{.*}}, %[[Z:[^:]*]]: tensor<32xf32>, %[[S:[^:]*]]: tensor<32xf32>
// CHECK:         %[[SUMS:.*]] = linalg.generic {indexing_maps = [#[[ALL]], #[[ROW]]]{{.*}}} ins(%[[X]] :
// CHECK:         %[[PRODUCT:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[Q]] :
// CHECK:           arith.sitofp
// CHECK-NEXT:      arith.mulf
// CHECK-NEXT:      arith.addf
// CHECK:         linalg.generic {indexing_maps = [#[[ALL]], #[[COLUMN]], #[[ROW]], #[[COLUMN]], #[[ALL]]]
// CHECK-SAME:        ins(%[[PRODUCT]], %[[Z]], %[[SUMS]], %[[S]] :
// CHECK:         ^bb0(%[[P:.*]]: f32, %[[ZERO:.*]]: f32, %[[SUM:.*]]: f32, %[[SCALE:.*]]: f32, %{{.*}}: f32):
// CHECK:           %[[SHARE:.*]] = arith.mulf %[[ZERO]], %[[SUM]]
// CHECK:           %[[REST:.*]] = arith.subf %[[P]], %[[SHARE]]
// CHECK:           arith.mulf %[[REST]], %[[SCALE]]
#id = affine_map<(i, j) -> (i, j)>
#column = affine_map<(i, j) -> (j)>
func.func @quantized_weight(%x: tensor<?x64xf32>, %q: tensor<64x32xi8> {dyn.weight}, %z: tensor<32xf32>,
                            %s: tensor<32xf32>, %m: index) -> tensor<?x32xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = tensor.empty() : tensor<64x32xf32>
  %1 = linalg.generic {indexing_maps = [#id, #column, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%q, %z, %s : tensor<64x32xi8>, tensor<32xf32>, tensor<32xf32>) outs(%0 : tensor<64x32xf32>) {
  ^bb0(%a: i8, %b: f32, %c: f32, %old: f32):
    %5 = arith.sitofp %a : i8 to f32
    %6 = arith.subf %5, %b : f32
    %7 = arith.mulf %6, %c : f32
    linalg.yield %7 : f32
  } -> tensor<64x32xf32>
  %2 = tensor.empty(%m) : tensor<?x32xf32>
  %3 = linalg.fill ins(%zero : f32) outs(%2 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %4 = linalg.matmul ins(%x, %1 : tensor<?x64xf32>, tensor<64x32xf32>) outs(%3 : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %4 : tensor<?x32xf32>
}

// -----

// A scale that changes along the reduction stays, as does that of a weight as wide as the product.
// CHECK-LABEL: func @scales_that_stay
// CHECK-COUNT-2: linalg.matmul
// CHECK-NEXT:    return
#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>
func.func @scales_that_stay(%x: tensor<?x64xf32>, %q: tensor<64x32xi8> {dyn.weight}, %w: tensor<64x32xf32> {dyn.weight},
                            %r: tensor<64xf32>, %s: tensor<32xf32>, %m: index)
    -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %0 = tensor.empty() : tensor<64x32xf32>
  %1 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%q, %r : tensor<64x32xi8>, tensor<64xf32>) outs(%0 : tensor<64x32xf32>) {
  ^bb0(%a: i8, %b: f32, %old: f32):
    %7 = arith.sitofp %a : i8 to f32
    %8 = arith.mulf %7, %b : f32
    linalg.yield %8 : f32
  } -> tensor<64x32xf32>
  %2 = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%w, %s : tensor<64x32xf32>, tensor<32xf32>) outs(%0 : tensor<64x32xf32>) {
  ^bb0(%a: f32, %b: f32, %old: f32):
    %7 = arith.mulf %a, %b : f32
    linalg.yield %7 : f32
  } -> tensor<64x32xf32>
  %3 = tensor.empty(%m) : tensor<?x32xf32>
  %4 = linalg.fill ins(%zero : f32) outs(%3 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %5 = linalg.matmul ins(%x, %1 : tensor<?x64xf32>, tensor<64x32xf32>) outs(%4 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %6 = linalg.matmul ins(%x, %2 : tensor<?x64xf32>, tensor<64x32xf32>) outs(%4 : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %5, %6 : tensor<?x32xf32>, tensor<?x32xf32>
}
