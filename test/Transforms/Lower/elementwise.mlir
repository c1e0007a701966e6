// RUN: dyn-opt %s --dyn-lower-to-linalg --split-input-file | FileCheck %s

// A dimension of 1 that is repeated is no dimension of the operand; a constant scalar is one in the body.

// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-LABEL: func.func @unit_dimension(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x4x?xf32> {{.*}}, %[[Y:[a-z0-9]+]]: tensor<?x1x?xf32>
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[Y]] {{\[\[}}0], [1, 2]]
// CHECK: linalg.generic {indexing_maps = [#[[ALL]], #[[ROW]], #[[ALL]]]{{.*}}} ins(%[[X]], %[[ROWS]]
// CHECK: linalg.generic {indexing_maps = [#[[ALL]], #[[ALL]]]
// CHECK: %[[TWO:.*]] = arith.constant 2.0
// CHECK: arith.divf %{{.*}}, %[[TWO]]
func.func @unit_dimension(%x: !dyn.tensor<[B, 4, S], f32>, %y: !dyn.tensor<[B, 1, S], f32>) -> !dyn.tensor<[B, 4, S], f32> {
  %0 = dyn.add %x, %y : (!dyn.tensor<[B, 4, S], f32>, !dyn.tensor<[B, 1, S], f32>) -> !dyn.tensor<[B, 4, S], f32>
  %two = dyn.constant dense<2.0> : tensor<f32> as !dyn.tensor<[], f32>
  %1 = dyn.div %0, %two : (!dyn.tensor<[B, 4, S], f32>, !dyn.tensor<[], f32>) -> !dyn.tensor<[B, 4, S], f32>
  return %1 : !dyn.tensor<[B, 4, S], f32>
}

// -----

// Sizes that symbols cannot compare are compared once; an operand that turns out to be 1 is repeated before the loops.

// CHECK: module attributes {dyn.messages = ["node 'sum': sizes {0} and {1} do not broadcast, they are neither equal nor 1"]}
// CHECK-LABEL: func.func @open(
// CHECK: %[[N:.*]] = tensor.dim %arg0
// CHECK: %[[M:.*]] = tensor.dim %arg1
// CHECK: %[[DIFFER:.*]] = arith.cmpi ne, %[[N]], %[[M]]
// CHECK: scf.if
// CHECK: func.call @dyn_rt_fail(
// CHECK: %[[X:.*]] = scf.if {{.*}} -> (tensor<?xf32>)
// CHECK: %[[Y:.*]] = scf.if {{.*}} -> (tensor<?xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[X]], %[[Y]]
// CHECK-NOT: @dyn_rt_fail(
// CHECK: return
// CHECK: func.func private @dyn_rt_fail(i64, i64, i64)
func.func @open(%x: !dyn.tensor<[N], f32>, %y: !dyn.tensor<[M], f32>) -> !dyn.tensor<[broadcast(M, N)], f32> {
  %0 = dyn.add %x, %y : (!dyn.tensor<[N], f32>, !dyn.tensor<[M], f32>) -> !dyn.tensor<[broadcast(M, N)], f32> loc("sum")
  %1 = dyn.mul %x, %y : (!dyn.tensor<[N], f32>, !dyn.tensor<[M], f32>) -> !dyn.tensor<[broadcast(M, N)], f32>
  %2 = dyn.sub %0, %1 : (!dyn.tensor<[broadcast(M, N)], f32>, !dyn.tensor<[broadcast(M, N)], f32>) -> !dyn.tensor<[broadcast(M, N)], f32>
  return %2 : !dyn.tensor<[broadcast(M, N)], f32>
}

// -----

// Sizes of 2 and more that broadcast are equal: nothing is repeated.

// CHECK-LABEL: func.func @many(
// CHECK: arith.cmpi ne
// CHECK-NOT: arith.cmpi
// CHECK: func.call @dyn_rt_fail(
// CHECK-NOT: scf.if
// CHECK: linalg.generic {{.*}} ins(%arg0, %arg1
func.func @many(%x: !dyn.tensor<[N], f32>, %y: !dyn.tensor<[M], f32>) -> !dyn.tensor<[M], f32>
    attributes {dyn.symbols = {M = #dyn.symbol<2>, N = #dyn.symbol<2>}} {
  %0 = dyn.add %x, %y : (!dyn.tensor<[N], f32>, !dyn.tensor<[M], f32>) -> !dyn.tensor<[M], f32>
  return %0 : !dyn.tensor<[M], f32>
}

// -----

// min(S, 512) is 1 only if S is: what broadcasts is equal.

// CHECK-LABEL: func.func @positions(
// CHECK: scf.if
// CHECK: func.call @dyn_rt_fail(
// CHECK-NOT: scf.if
// CHECK: linalg.generic
func.func @positions(%x: !dyn.tensor<[S], f32>, %y: !dyn.tensor<[min(S, 512)], f32>) -> !dyn.tensor<[S], f32> {
  %0 = dyn.add %x, %y : (!dyn.tensor<[S], f32>, !dyn.tensor<[min(S, 512)], f32>) -> !dyn.tensor<[S], f32>
  return %0 : !dyn.tensor<[S], f32>
}

// -----

// f16 is computed in f32 and rounded once.

// CHECK-LABEL: func.func @half(
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: math.exp %{{.*}} : f32
// CHECK: arith.truncf %{{.*}} : f32 to f16
func.func @half(%x: !dyn.tensor<[N], f16>) -> !dyn.tensor<[N], f16> {
  %0 = dyn.exp %x : (!dyn.tensor<[N], f16>) -> !dyn.tensor<[N], f16>
  return %0 : !dyn.tensor<[N], f16>
}

// -----

// ui8 is i8 with unsigned arithmetic.

// CHECK-LABEL: func.func @bytes(
// CHECK-SAME: tensor<?xi8> {dyn.type = !dyn.tensor<[N], ui8>}
// CHECK: arith.maxui {{.*}} : i8
// CHECK: arith.uitofp {{.*}} : i8 to f32
func.func @bytes(%x: !dyn.tensor<[N], ui8>, %y: !dyn.tensor<[N], ui8>) -> !dyn.tensor<[N], f32> {
  %0 = dyn.max %x, %y : (!dyn.tensor<[N], ui8>, !dyn.tensor<[N], ui8>) -> !dyn.tensor<[N], ui8>
  %1 = dyn.convert %0 {element_type = f32} : (!dyn.tensor<[N], ui8>) -> !dyn.tensor<[N], f32>
  return %1 : !dyn.tensor<[N], f32>
}

// -----

// Divisors are looked at before the loops that divide; a constant is known to be harmless.

// CHECK: dyn.messages = ["dyn.div: division of an integer by 0"]
// CHECK-LABEL: func.func @divide(
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction"]
// CHECK: arith.cmpi eq
// CHECK: arith.ori
// CHECK: scf.if
// CHECK: func.call @dyn_rt_report(
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]
// CHECK: arith.divsi
// CHECK-NOT: func.call
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]
// CHECK-NEXT: ^bb0(%[[A:.*]]: i64, %{{.*}}: i64)
// CHECK-NEXT: %[[SEVEN:.*]] = arith.constant 7
// CHECK-NEXT: arith.divsi %[[A]], %[[SEVEN]]
// CHECK-NEXT: linalg.yield
func.func @divide(%x: !dyn.tensor<[N], i64>, %y: !dyn.tensor<[N], i64>) -> !dyn.tensor<[N], i64> {
  %0 = dyn.div %x, %y : (!dyn.tensor<[N], i64>, !dyn.tensor<[N], i64>) -> !dyn.tensor<[N], i64>
  %seven = dyn.constant dense<7> : tensor<i64> as !dyn.tensor<[], i64>
  %1 = dyn.div %0, %seven : (!dyn.tensor<[N], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[N], i64>
  return %1 : !dyn.tensor<[N], i64>
}
