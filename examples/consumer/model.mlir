// Two layers on any number of rows. The caller owns the buffers; %out is written in place.
func.func @model(%x: memref<?x?xf32>, %w0: memref<?x24xf32>, %b0: memref<24xf32>, %w1: memref<24x?xf32>,
                 %b1: memref<?xf32>, %out: memref<?x?xf32>) attributes {llvm.emit_c_interface} {
  %tx = bufferization.to_tensor %x restrict : memref<?x?xf32> to tensor<?x?xf32>
  %tw0 = bufferization.to_tensor %w0 restrict : memref<?x24xf32> to tensor<?x24xf32>
  %tb0 = bufferization.to_tensor %b0 restrict : memref<24xf32> to tensor<24xf32>
  %tw1 = bufferization.to_tensor %w1 restrict : memref<24x?xf32> to tensor<24x?xf32>
  %tb1 = bufferization.to_tensor %b1 restrict : memref<?xf32> to tensor<?xf32>
  %0 = toyla.affine %tx, %tw0, %tb0 : (tensor<?x?xf32>, tensor<?x24xf32>, tensor<24xf32>) -> tensor<?x24xf32>
  %1 = toyla.rectify %0 : (tensor<?x24xf32>) -> tensor<?x24xf32>
  %2 = toyla.affine %1, %tw1, %tb1 : (tensor<?x24xf32>, tensor<24x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %3 = toyla.center %2 : (tensor<?x?xf32>) -> tensor<?x?xf32>
  bufferization.materialize_in_destination %3 in restrict writable %out : (tensor<?x?xf32>, memref<?x?xf32>) -> ()
  return
}
