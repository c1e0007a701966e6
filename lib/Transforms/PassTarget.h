//===- PassTarget.h - The CPU that a pass is told -----------------*- C++
//-*-===//

#ifndef DYN_TRANSFORMS_PASSTARGET_H
#define DYN_TRANSFORMS_PASSTARGET_H

#include "Dyn/Target/Target.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Operation.h"

namespace mlir::dyn {

/// The record called `name`, as the option of a pass gives it; an error at `op`
/// if there is none.
inline FailureOr<const Target *> getTarget(Operation *op, StringRef name) {
  llvm::Expected<const Target *> target = lookupTarget(name);
  if (!target)
    return emitError(op->getLoc(), llvm::toString(target.takeError()));
  return *target;
}

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_PASSTARGET_H
