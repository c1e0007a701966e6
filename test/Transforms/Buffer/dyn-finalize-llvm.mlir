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

// CHECK-LABEL: llvm.func @bits(
// CHECK-SAME: vector<2xi16>, %{{.*}}: i16) -> vector<2xi16>
// CHECK: llvm.mlir.constant(dense<[32704, -128]> : vector<2xi16>)
// CHECK: llvm.mlir.constant(16256 : i16) : i16
// CHECK: llvm.select %{{.*}}, %{{.*}}, %{{.*}} : vector<2xi1>, vector<2xi16>
// CHECK-NOT: bf16
llvm.func @bits(%p: !llvm.ptr, %mask: vector<2xi1>, %x: vector<2xbf16>, %scalar: bf16) -> vector<2xbf16> {
  %nan = llvm.mlir.constant(dense<[0x7FC0, 0xFF80]> : vector<2xbf16>) : vector<2xbf16>
  %one = llvm.mlir.constant(1.0 : bf16) : bf16
  llvm.store %one, %p : bf16, !llvm.ptr
  %0 = llvm.select %mask, %nan, %x : vector<2xi1>, vector<2xbf16>
  llvm.return %0 : vector<2xbf16>
}
