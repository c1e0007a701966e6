//===- Inlining.h - Calls between functions of dyn operations ---*- C++ -*-===//

#ifndef DYN_LIB_DIALECT_INLINING_H
#define DYN_LIB_DIALECT_INLINING_H

#include "Dyn/Dialect/SymbolicDim.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/InliningUtils.h"

namespace mlir::dyn {

/// Lets dyn operations be inlined where that changes no symbol's meaning.
/// `func.call` compares types exactly, so symbols of the callee's arguments are
/// the caller's of the same name; left to check is what else gives symbols a
/// meaning.
struct DynInlinerInterface : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;

  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const override {
    return true;
  }

  bool isLegalToInline(Operation *op, Region *destination, bool,
                       IRMapping &) const override;
};

} // namespace mlir::dyn

#endif // DYN_LIB_DIALECT_INLINING_H
