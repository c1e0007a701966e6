//===- Toyla.h - A little dialect of another compiler -----------*- C++ -*-===//

#ifndef TOYLA_H
#define TOYLA_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"

#include "ToylaDialect.h.inc"

#define GET_OP_CLASSES
#include "ToylaOps.h.inc"

namespace toyla {

/// Lowers every toyla op to linalg on tensors.
std::unique_ptr<mlir::Pass> createToylaToLinalgPass();

} // namespace toyla

#endif // TOYLA_H
