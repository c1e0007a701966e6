//===- Dyn.h - The dyn dialect: attributes, types, operations ---*- C++ -*-===//

#ifndef DYN_DIALECT_DYN_H
#define DYN_DIALECT_DYN_H

#include "Dyn/Dialect/WeightSource.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/CastInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringMap.h"

#include <mutex>

namespace mlir::dyn {

/// True if each written type may stand where the inferred one does: same rank
/// and element type, and no two sizes that are known to differ. `?` may stand
/// for any size, on either side.
bool areCompatible(TypeRange inferred, TypeRange written);

} // namespace mlir::dyn

#include "Dyn/Dialect/DynDialect.h.inc"
#include "Dyn/Dialect/DynEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "Dyn/Dialect/DynAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "Dyn/Dialect/DynTypes.h.inc"
#define GET_OP_CLASSES
#include "Dyn/Dialect/DynOps.h.inc"

#endif // DYN_DIALECT_DYN_H
