// What --dim says of a symbol changes the types that follow from it.

// RUN: dyn-compile %s --emit=graph -o - | FileCheck %s --check-prefix=OPEN
// RUN: dyn-compile %s --emit=graph --dim S=1:512 -o - | FileCheck %s

// OPEN: dyn.slice {{.*}} -> !dyn.tensor<[min(S, 512)], i64>
// CHECK: func.func @positions(%{{.*}}: !dyn.tensor<[S], i64> {{.*}}) -> (!dyn.tensor<[S], i64>
// CHECK-SAME: dyn.symbols = {S = #dyn.symbol<1, 512>}
// CHECK: dyn.slice {{.*}} -> !dyn.tensor<[S], i64>
func.func @positions(%ids: !dyn.tensor<[S], i64> {dyn.name = "ids"}, %table: !dyn.tensor<[512], i64> {dyn.name = "table"})
    -> (!dyn.tensor<[min(S, 512)], i64> {dyn.name = "positions"}) {
  %start = dyn.constant dense<0> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %end = dyn.constant #dyn.dims<[S]> as !dyn.tensor<[1], i64>
  %step = dyn.constant dense<1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %0 = dyn.slice %table, %start, %end, %step {axes = array<i64: 0>} : (!dyn.tensor<[512], i64>, !dyn.tensor<[1], i64>,
      !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[min(S, 512)], i64>
  return %0 : !dyn.tensor<[min(S, 512)], i64>
}
