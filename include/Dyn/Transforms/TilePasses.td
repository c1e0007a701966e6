//===- TilePasses.td - Passes: linalg on tensors to tiled loops over vectors -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_TILEPASSES
#define DYN_TRANSFORMS_TILEPASSES

include "mlir/Pass/PassBase.td"

#endif // DYN_TRANSFORMS_TILEPASSES
