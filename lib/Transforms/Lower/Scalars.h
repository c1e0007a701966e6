//===- Scalars.h - Arithmetic on elements, inside a loop's body -*- C++ -*-===//
//
// `type` is always the element type of the dyn tensor: it says whether an i8 is
// signed. f16 and bf16 come as f32.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_LIB_TRANSFORMS_LOWER_SCALARS_H
#define DYN_LIB_TRANSFORMS_LOWER_SCALARS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::dyn {

/// A number as an attribute of integer or float type.
TypedAttr getNumberAttr(Type type, double value);
Value getNumber(ImplicitLocOpBuilder &b, Type type, double value);

/// The type that a body computes with: f32 for f16 and bf16, whose arithmetic
/// is then rounded once and needs nothing of the target but conversions.
Type getComputeType(Type elementType);
/// The least and the greatest value of a type; infinities for floats.
TypedAttr getLowest(Type type);
TypedAttr getHighest(Type type);

Value emitAdd(ImplicitLocOpBuilder &b, Value lhs, Value rhs);
Value emitSub(ImplicitLocOpBuilder &b, Value lhs, Value rhs);
Value emitMul(ImplicitLocOpBuilder &b, Value lhs, Value rhs);
/// NaN if either is.
Value emitMin(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type type);
Value emitMax(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type type);
Value emitEqual(ImplicitLocOpBuilder &b, Value lhs, Value rhs);
Value emitLess(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type type);
Value emitLessEqual(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type type);
/// Division of integers that never traps: by 0 as by 1, and the least value
/// divided by -1 wraps.
Value emitIntDiv(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type type);
Value emitIntRem(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Type type);

/// Between any two element types, as `dyn.convert` says.
Value emitConvert(ImplicitLocOpBuilder &b, Value value, Type from, Type to);

} // namespace mlir::dyn

#endif // DYN_LIB_TRANSFORMS_LOWER_SCALARS_H
