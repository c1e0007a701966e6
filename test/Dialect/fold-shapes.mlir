// RUN: dyn-opt %s --canonicalize --split-input-file | FileCheck %s

// Shape arithmetic as exporters write it: every function returns what is left of it.

// x.shape[0], x.shape[1] by Gather and Unsqueeze, then Concat and Reshape with -1.
// CHECK-LABEL: func.func @view_as_heads
// CHECK-DAG:     %[[S:.*]] = dyn.constant #dyn.dims<[B, S, 12, 64]>
// CHECK:         dyn.reshape %arg0, %[[S]]
// CHECK-NOT:     dyn.gather
func.func @view_as_heads(%x: !dyn.tensor<[B, S, 768], f32>) -> !dyn.tensor<[B, S, 12, 64], f32> {
  %zero = dyn.constant dense<0> : tensor<i64> as !dyn.tensor<[], i64>
  %one = dyn.constant dense<1> : tensor<i64> as !dyn.tensor<[], i64>
  %axis = dyn.constant dense<1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %rest = dyn.constant dense<[12, 64]> : tensor<2xi64> as !dyn.tensor<[2], i64>
  %shape0 = dyn.shape_of %x {start = 0, end = 3} : (!dyn.tensor<[B, S, 768], f32>) -> !dyn.tensor<[3], i64>
  %b = dyn.gather %shape0, %zero {axis = 0} : (!dyn.tensor<[3], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[], i64>
  %s = dyn.gather %shape0, %one {axis = 0} : (!dyn.tensor<[3], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[], i64>
  %b1 = dyn.reshape %b, %axis : (!dyn.tensor<[], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[1], i64>
  %s1 = dyn.reshape %s, %axis : (!dyn.tensor<[], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[1], i64>
  %to = dyn.concat %b1, %s1, %rest {axis = 0} : (!dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[4], i64>
  %y = dyn.reshape %x, %to : (!dyn.tensor<[B, S, 768], f32>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[?, ?, ?, ?], f32>
  %r = dyn.refine %y : !dyn.tensor<[?, ?, ?, ?], f32> to !dyn.tensor<[B, S, 12, 64], f32>
  return %r : !dyn.tensor<[B, S, 12, 64], f32>
}

// -----

// Expand: Where(Equal(shape, -1), ones, shape) with ones by ConstantOfShape.
// CHECK-LABEL: func.func @expand_shape
// CHECK-NEXT:    %[[C:.*]] = dyn.constant #dyn.dims<[B, 1, S, S]> as !dyn.tensor<[4], i64>
// CHECK-NEXT:    return %[[C]]
func.func @expand_shape(%mask: !dyn.tensor<[B, S], i64>) -> !dyn.tensor<[4], i64> {
  %shape = dyn.shape_of %mask {start = 0, end = 2} : (!dyn.tensor<[B, S], i64>) -> !dyn.tensor<[2], i64>
  %i = dyn.constant dense<[0, 1, 1, 1]> : tensor<4xi64> as !dyn.tensor<[4], i64>
  %gathered = dyn.gather %shape, %i {axis = 0} : (!dyn.tensor<[2], i64>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[4], i64>
  %four = dyn.shape_of %gathered {start = 0, end = 1} : (!dyn.tensor<[4], i64>) -> !dyn.tensor<[1], i64>
  %value = dyn.constant dense<1> : tensor<i64> as !dyn.tensor<[], i64>
  %ones = dyn.broadcast_to %value, %four : (!dyn.tensor<[], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[4], i64>
  %keep = dyn.constant dense<-1> : tensor<i64> as !dyn.tensor<[], i64>
  %minus = dyn.mul %ones, %keep : (!dyn.tensor<[4], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[4], i64>
  %wanted = dyn.constant dense<[0, 1, 0, 0]> : tensor<4xi64> as !dyn.tensor<[4], i64>
  %isOne = dyn.equal %wanted, %ones : (!dyn.tensor<[4], i64>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[4], i1>
  %dims = dyn.select %isOne, %minus, %gathered : (!dyn.tensor<[4], i1>, !dyn.tensor<[4], i64>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[4], i64>
  %open = dyn.equal %dims, %minus : (!dyn.tensor<[4], i64>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[4], i1>
  %to = dyn.select %open, %ones, %dims : (!dyn.tensor<[4], i1>, !dyn.tensor<[4], i64>, !dyn.tensor<[4], i64>) -> !dyn.tensor<[4], i64>
  return %to : !dyn.tensor<[4], i64>
}

// -----

// The scale of attention: 1 / sqrt(float(shape[-1] / heads)).
// CHECK-LABEL: func.func @scale
// CHECK-NEXT:    %[[C:.*]] = dyn.constant dense<1.250000e-01> : tensor<f32> as !dyn.tensor<[], f32>
// CHECK-NEXT:    return %[[C]]
func.func @scale(%x: !dyn.tensor<[B, S, 768], f32>) -> !dyn.tensor<[], f32> {
  %start = dyn.constant dense<-1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %end = dyn.constant dense<9223372036854775807> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %step = dyn.constant dense<1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %none = dyn.constant dense<> : tensor<0xi64> as !dyn.tensor<[0], i64>
  %heads = dyn.constant dense<12> : tensor<i64> as !dyn.tensor<[], i64>
  %one = dyn.constant dense<1.0> : tensor<f32> as !dyn.tensor<[], f32>
  %shape = dyn.shape_of %x {start = 0, end = 3} : (!dyn.tensor<[B, S, 768], f32>) -> !dyn.tensor<[3], i64>
  %last = dyn.slice %shape, %start, %end, %step {axes = array<i64: 0>} : (!dyn.tensor<[3], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[1], i64>
  %scalar = dyn.reshape %last, %none : (!dyn.tensor<[1], i64>, !dyn.tensor<[0], i64>) -> !dyn.tensor<[], i64>
  %size = dyn.div %scalar, %heads : (!dyn.tensor<[], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[], i64>
  %float = dyn.convert %size {element_type = f32} : (!dyn.tensor<[], i64>) -> !dyn.tensor<[], f32>
  %root = dyn.sqrt %float : (!dyn.tensor<[], f32>) -> !dyn.tensor<[], f32>
  %r = dyn.div %one, %root : (!dyn.tensor<[], f32>, !dyn.tensor<[], f32>) -> !dyn.tensor<[], f32>
  return %r : !dyn.tensor<[], f32>
}

// -----

// CHECK-LABEL: func.func @arithmetic
// CHECK-SAME:    (%[[X:.*]]: !dyn.tensor
// CHECK-DAG:     %[[ADD:.*]] = dyn.constant #dyn.dims<[B + 3, S + 3]>
// CHECK-DAG:     %[[DIV:.*]] = dyn.constant #dyn.dims<[B floordiv 2, S floordiv 2]>
// CHECK-DAG:     %[[NEG:.*]] = dyn.constant #dyn.dims<[-(B floordiv 2), -(S floordiv 2)]>
// CHECK-DAG:     %[[PROD:.*]] = dyn.constant #dyn.dims<scalar [B * S]>
// CHECK-DAG:     %[[MIN:.*]] = dyn.constant #dyn.dims<[B, min(S, 64)]>
// CHECK:         return %[[ADD]], %[[DIV]], %[[NEG]], %[[PROD]], %[[MIN]]
func.func @arithmetic(%x: !dyn.tensor<[B, S], f32>) -> (!dyn.tensor<[2], i64>, !dyn.tensor<[2], i64>, !dyn.tensor<[2], i64>, !dyn.tensor<[], i64>, !dyn.tensor<[2], i64>)
    attributes {dyn.symbols = {B = #dyn.symbol<1, 64>, S = #dyn.symbol<0, 512>}} {
  %s = dyn.shape_of %x {start = 0, end = 2} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[2], i64>
  %two = dyn.constant dense<2> : tensor<i64> as !dyn.tensor<[], i64>
  %three = dyn.constant dense<3> : tensor<i64> as !dyn.tensor<[], i64>
  %sixtyFour = dyn.constant dense<64> : tensor<i64> as !dyn.tensor<[], i64>
  %add = dyn.add %s, %three : (!dyn.tensor<[2], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[2], i64>
  %div = dyn.div %s, %two : (!dyn.tensor<[2], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[2], i64>
  %minus = dyn.neg %s : (!dyn.tensor<[2], i64>) -> !dyn.tensor<[2], i64>
  %neg = dyn.div %minus, %two : (!dyn.tensor<[2], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[2], i64>
  %prod = dyn.reduce_prod %s {axes = array<i64: 0>, keep_dims = false} : (!dyn.tensor<[2], i64>) -> !dyn.tensor<[], i64>
  %min = dyn.min %s, %sixtyFour : (!dyn.tensor<[2], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[2], i64>
  return %add, %div, %neg, %prod, %min : !dyn.tensor<[2], i64>, !dyn.tensor<[2], i64>, !dyn.tensor<[2], i64>, !dyn.tensor<[], i64>, !dyn.tensor<[2], i64>
}

// -----

// What depends on the sizes stays: S may be 0 or not, T may be 0 and divide.
// CHECK-LABEL: func.func @undecided
// CHECK-DAG:     dyn.equal
// CHECK-DAG:     dyn.div
func.func @undecided(%x: !dyn.tensor<[S, T], f32>) -> (!dyn.tensor<[], i1>, !dyn.tensor<[], i64>) {
  %none = dyn.constant dense<> : tensor<0xi64> as !dyn.tensor<[0], i64>
  %zero = dyn.constant dense<0> : tensor<i64> as !dyn.tensor<[], i64>
  %s1 = dyn.shape_of %x {start = 0, end = 1} : (!dyn.tensor<[S, T], f32>) -> !dyn.tensor<[1], i64>
  %t1 = dyn.shape_of %x {start = 1, end = 2} : (!dyn.tensor<[S, T], f32>) -> !dyn.tensor<[1], i64>
  %s = dyn.reshape %s1, %none : (!dyn.tensor<[1], i64>, !dyn.tensor<[0], i64>) -> !dyn.tensor<[], i64>
  %t = dyn.reshape %t1, %none : (!dyn.tensor<[1], i64>, !dyn.tensor<[0], i64>) -> !dyn.tensor<[], i64>
  %e = dyn.equal %s, %zero : (!dyn.tensor<[], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[], i1>
  %q = dyn.div %s, %t : (!dyn.tensor<[], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[], i64>
  return %e, %q : !dyn.tensor<[], i1>, !dyn.tensor<[], i64>
}

// -----

// CHECK-LABEL: func.func @large_constants_stay
// CHECK:         dyn.broadcast_to
func.func @large_constants_stay() -> !dyn.tensor<[1025], i64> {
  %one = dyn.constant dense<1> : tensor<i64> as !dyn.tensor<[], i64>
  %n = dyn.constant dense<1025> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %r = dyn.broadcast_to %one, %n : (!dyn.tensor<[], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[1025], i64>
  return %r : !dyn.tensor<[1025], i64>
}

// -----

// CHECK-LABEL: func.func @moves
// CHECK-DAG:     %[[T:.*]] = dyn.constant dense<{{\[}}[1, 4], [2, 5], [3, 6]]> : tensor<3x2xi64>
// CHECK-DAG:     %[[REV:.*]] = dyn.constant #dyn.dims<[T, S]>
// CHECK-DAG:     %[[PAD:.*]] = dyn.constant dense<[9, 0, 1, 9, 9]>
// CHECK-DAG:     %[[TILE:.*]] = dyn.constant #dyn.dims<[S, T, S, T]>
// CHECK-DAG:     %[[IOTA:.*]] = dyn.constant dense<[10, 7, 4]>
// CHECK:         return %[[T]], %[[REV]], %[[PAD]], %[[TILE]], %[[IOTA]]
func.func @moves(%x: !dyn.tensor<[S, T], f32>) -> (!dyn.tensor<[3, 2], i64>, !dyn.tensor<[2], i64>, !dyn.tensor<[5], i64>, !dyn.tensor<[4], i64>, !dyn.tensor<[3], i64>) {
  %s = dyn.shape_of %x {start = 0, end = 2} : (!dyn.tensor<[S, T], f32>) -> !dyn.tensor<[2], i64>
  %c = dyn.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64> as !dyn.tensor<[2, 3], i64>
  %t = dyn.transpose %c {permutation = array<i64: 1, 0>} : (!dyn.tensor<[2, 3], i64>) -> !dyn.tensor<[3, 2], i64>
  %m1 = dyn.constant dense<-1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %low = dyn.constant dense<-9223372036854775807> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %rev = dyn.slice %s, %m1, %low, %m1 {axes = array<i64: 0>} : (!dyn.tensor<[2], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[2], i64>
  %zero = dyn.constant dense<0> : tensor<i64> as !dyn.tensor<[], i64>
  %two = dyn.constant dense<2> : tensor<i64> as !dyn.tensor<[], i64>
  %one = dyn.constant dense<1> : tensor<i64> as !dyn.tensor<[], i64>
  %i = dyn.iota %zero, %two, %one : (!dyn.tensor<[], i64>, !dyn.tensor<[], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[2], i64>
  %pads = dyn.constant dense<[1, 2]> : tensor<2xi64> as !dyn.tensor<[2], i64>
  %nine = dyn.constant dense<9> : tensor<i64> as !dyn.tensor<[], i64>
  %pad = dyn.pad %i, %pads, %nine : (!dyn.tensor<[2], i64>, !dyn.tensor<[2], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[5], i64>
  %twice = dyn.constant dense<2> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %tile = dyn.tile %s, %twice : (!dyn.tensor<[2], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[4], i64>
  %ten = dyn.constant dense<10> : tensor<i64> as !dyn.tensor<[], i64>
  %m3 = dyn.constant dense<-3> : tensor<i64> as !dyn.tensor<[], i64>
  %down = dyn.iota %ten, %one, %m3 : (!dyn.tensor<[], i64>, !dyn.tensor<[], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[3], i64>
  return %t, %rev, %pad, %tile, %down : !dyn.tensor<[3, 2], i64>, !dyn.tensor<[2], i64>, !dyn.tensor<[5], i64>, !dyn.tensor<[4], i64>, !dyn.tensor<[3], i64>
}
