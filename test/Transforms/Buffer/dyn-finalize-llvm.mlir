// RUN: dyn-opt %s --dyn-finalize-llvm | FileCheck %s

// CHECK: llvm.func @dyn_rt_alloc(i64, i64) -> !llvm.ptr
llvm.func @_mlir_memref_to_llvm_aligned_alloc(i64, i64) -> !llvm.ptr

// CHECK: llvm.func @dyn_rt_free(!llvm.ptr)
llvm.func @_mlir_memref_to_llvm_free(!llvm.ptr)

// CHECK-LABEL: llvm.func internal @allocate
// CHECK-SAME: %[[ALIGNMENT:[a-z0-9]+]]: i64, %[[BYTES:[a-z0-9]+]]: i64
// CHECK: llvm.call @dyn_rt_alloc(%[[BYTES]], %[[ALIGNMENT]])
llvm.func @allocate(%alignment: i64, %bytes: i64) -> !llvm.ptr attributes {sym_visibility = "private"} {
  %p = llvm.call @_mlir_memref_to_llvm_aligned_alloc(%alignment, %bytes) : (i64, i64) -> !llvm.ptr
  llvm.return %p : !llvm.ptr
}

// CHECK-LABEL: llvm.func @bytes
// CHECK: %[[BYTES:.*]] = llvm.load %{{.*}} {alignment = 1 : i64} : !llvm.ptr -> vector<8xi8>
// CHECK: llvm.trunc %[[BYTES]]
// CHECK: %[[WIDE:.*]] = llvm.zext
// CHECK: llvm.store %[[WIDE]]
llvm.func @bytes(%p: !llvm.ptr, %q: !llvm.ptr) {
  %v = llvm.load %p : !llvm.ptr -> vector<8xi1>
  llvm.store %v, %q : vector<8xi1>, !llvm.ptr
  llvm.return
}
