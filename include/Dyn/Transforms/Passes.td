//===- Passes.td - Dyn's passes -------------------------------*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_PASSES
#define DYN_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

#endif // DYN_TRANSFORMS_PASSES
