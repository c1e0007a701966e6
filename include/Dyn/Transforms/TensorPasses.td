//===- TensorPasses.td - Passes: linalg on tensors to linalg on tensors -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_TENSORPASSES
#define DYN_TRANSFORMS_TENSORPASSES

include "mlir/Pass/PassBase.td"

#endif // DYN_TRANSFORMS_TENSORPASSES
