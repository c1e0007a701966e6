// RUN: dyn-opt %s --dyn-codegen-pipeline --dyn-to-llvm-pipeline | FileCheck %s
// RUN: dyn-opt %s --dyn-codegen-pipeline=runtime=false --dyn-to-llvm-pipeline=runtime=false | FileCheck %s --check-prefix=PLAIN

// Nothing is called but the runtime.
// CHECK-DAG: llvm.func @dyn_rt_alloc(i64, i64)
// CHECK-DAG: llvm.func @dyn_rt_free(!llvm.ptr)
// CHECK-DAG: llvm.func @dyn_rt_parallel_for(
// CHECK-NOT: llvm.func @
// CHECK-LABEL: llvm.func internal @model_parallel_0(
// CHECK-LABEL: llvm.func internal @model(
// CHECK-NOT: llvm.func @{{memrefCopy|malloc|fmod}}
// CHECK-LABEL: llvm.func @dyn_entry(
// CHECK-NOT: llvm.func
// CHECK-NOT: builtin.unrealized_conversion_cast

// PLAIN-NOT: dyn_rt
// PLAIN: llvm.func @malloc(i64)
// PLAIN-NOT: dyn_rt

func.func @model(%x: tensor<?x16xf32> {dyn.name = "x", dyn.type = !dyn.tensor<[N, 16], f32>},
                 %count: tensor<i64> {dyn.name = "count", dyn.type = !dyn.tensor<[], i64>})
    -> (tensor<?x16xf32> {dyn.name = "y", dyn.type = !dyn.tensor<[N, 16], f32>},
        tensor<?x16xf32> {dyn.name = "z", dyn.type = !dyn.tensor<[?, 16], f32>}) {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x16xf32>
  %empty = tensor.empty(%n) : tensor<?x16xf32>
  %y = scf.forall (%i) in (%n) shared_outs(%out = %empty) -> tensor<?x16xf32> {
    %row = tensor.extract_slice %x[%i, 0] [1, 16] [1, 1] : tensor<?x16xf32> to tensor<1x16xf32>
    %into = tensor.extract_slice %out[%i, 0] [1, 16] [1, 1] : tensor<?x16xf32> to tensor<1x16xf32>
    %sum = linalg.add ins(%row, %row : tensor<1x16xf32>, tensor<1x16xf32>)
        outs(%into : tensor<1x16xf32>) -> tensor<1x16xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %sum into %out[%i, 0] [1, 16] [1, 1] : tensor<1x16xf32> into tensor<?x16xf32>
    }
  }
  %size = tensor.extract %count[] : tensor<i64>
  %m = arith.index_cast %size : i64 to index
  %data = tensor.empty(%m) : tensor<?x16xf32>
  %filled = linalg.fill ins(%one : f32) outs(%data : tensor<?x16xf32>) -> tensor<?x16xf32>
  %z = linalg.add ins(%filled, %filled : tensor<?x16xf32>, tensor<?x16xf32>)
      outs(%data : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %y, %z : tensor<?x16xf32>, tensor<?x16xf32>
}
