//===- BufferPasses.td - Passes: tensors to buffers, buffers to code -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_BUFFERPASSES
#define DYN_TRANSFORMS_BUFFERPASSES

include "mlir/Pass/PassBase.td"

#endif // DYN_TRANSFORMS_BUFFERPASSES
