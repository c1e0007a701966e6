//===- GraphPasses.td - Passes: dyn to dyn, and dyn to linalg -*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_GRAPHPASSES
#define DYN_TRANSFORMS_GRAPHPASSES

include "mlir/Pass/PassBase.td"

#endif // DYN_TRANSFORMS_GRAPHPASSES
