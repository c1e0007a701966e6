//===- Passes.td - Dyn's passes, level by level ---------------*- tablegen -*-===//

#ifndef DYN_TRANSFORMS_PASSES
#define DYN_TRANSFORMS_PASSES

include "Dyn/Transforms/GraphPasses.td"
include "Dyn/Transforms/TensorPasses.td"
include "Dyn/Transforms/TilePasses.td"
include "Dyn/Transforms/BufferPasses.td"
include "Dyn/Transforms/WeightPasses.td"
include "Dyn/Transforms/VerifyPasses.td"

#endif // DYN_TRANSFORMS_PASSES
