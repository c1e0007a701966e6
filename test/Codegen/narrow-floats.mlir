// No arithmetic on f16 and bf16 may end in a call of a library: dyn-compile refuses code that calls one.
// RUN: dyn-compile %s --entry=model --target=skylake-avx512 --emit=so -o %t.avx512.so
// RUN: dyn-compile %s --entry=model --target=znver2 --emit=so -o %t.avx2.so
// RUN: dyn-compile %s --entry=model --target=neoverse-n1 --emit=so -o %t.neon.so

func.func @model(%x: !dyn.tensor<[M, 9], bf16> {dyn.name = "x"}, %w: !dyn.tensor<[9, 33], bf16> {dyn.name = "w"},
                 %h: !dyn.tensor<[M, 33], f16> {dyn.name = "h"}, %d: !dyn.tensor<[M, 33], f64> {dyn.name = "d"},
                 %c: !dyn.tensor<[M, 33], i1> {dyn.name = "c"}, %i: !dyn.tensor<[M, 33], i64> {dyn.name = "i"})
    -> (!dyn.tensor<[M, 33], bf16> {dyn.name = "y"}, !dyn.tensor<[M, 33], f16> {dyn.name = "z"}) {
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[M, 9], bf16>, !dyn.tensor<[9, 33], bf16>) -> !dyn.tensor<[M, 33], bf16>
  %1 = dyn.exp %0 : (!dyn.tensor<[M, 33], bf16>) -> !dyn.tensor<[M, 33], bf16>
  %2 = dyn.convert %d {element_type = bf16} : (!dyn.tensor<[M, 33], f64>) -> !dyn.tensor<[M, 33], bf16>
  %3 = dyn.select %c, %1, %2 : (!dyn.tensor<[M, 33], i1>, !dyn.tensor<[M, 33], bf16>, !dyn.tensor<[M, 33], bf16>) -> !dyn.tensor<[M, 33], bf16>
  %4 = dyn.softmax %3 {axis = 1} : (!dyn.tensor<[M, 33], bf16>) -> !dyn.tensor<[M, 33], bf16>
  %5 = dyn.convert %i {element_type = f16} : (!dyn.tensor<[M, 33], i64>) -> !dyn.tensor<[M, 33], f16>
  %6 = dyn.convert %d {element_type = f16} : (!dyn.tensor<[M, 33], f64>) -> !dyn.tensor<[M, 33], f16>
  %7 = dyn.add %5, %6 : (!dyn.tensor<[M, 33], f16>, !dyn.tensor<[M, 33], f16>) -> !dyn.tensor<[M, 33], f16>
  %8 = dyn.pow %7, %h : (!dyn.tensor<[M, 33], f16>, !dyn.tensor<[M, 33], f16>) -> !dyn.tensor<[M, 33], f16>
  return %4, %8 : !dyn.tensor<[M, 33], bf16>, !dyn.tensor<[M, 33], f16>
}
