//===- Passes.h - Dyn's passes ----------------------------------*- C++ -*-===//

#ifndef DYN_TRANSFORMS_PASSES_H
#define DYN_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::dyn {

#define GEN_PASS_DECL
#include "Dyn/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "Dyn/Transforms/Passes.h.inc"

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_PASSES_H
