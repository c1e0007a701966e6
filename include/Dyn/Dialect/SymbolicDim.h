//===- SymbolicDim.h - What can be said about sizes -------------*- C++ -*-===//
//
// Questions about `DimAttr`s whose answers depend on more than one of them.
// Arithmetic is in `DimAttr` itself.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_DIALECT_SYMBOLICDIM_H
#define DYN_DIALECT_SYMBOLICDIM_H

#include "Dyn/Dialect/Dyn.h"

namespace mlir::dyn {

// `symbols` is what is known of symbols, a function's `dyn.symbols` dictionary
// or null; a symbol without an entry is at least 0.

/// Whether two sizes are equal, if that holds for every value of their symbols;
/// nullopt if it depends or is unknown.
std::optional<bool> areEqual(DimAttr lhs, DimAttr rhs,
                             DictionaryAttr symbols = {});

/// Whether `lhs <= rhs`, if that holds for every value of their symbols;
/// nullopt if it depends or is unknown.
std::optional<bool> isLessEqual(DimAttr lhs, DimAttr rhs,
                                DictionaryAttr symbols = {});

/// Inclusive bounds of a size; INT64_MIN and INT64_MAX stand for none.
struct DimBounds {
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
};

/// Bounds of `dim` by interval arithmetic; none for `?`.
DimBounds computeBounds(DimAttr dim, DictionaryAttr symbols);

/// The same size with what `symbols` decides decided: `min(S, 512)` is S where
/// S is at most 512, a symbol of one value is that number.
DimAttr simplify(DimAttr dim, DictionaryAttr symbols);

/// The `dyn.symbols` of the function around `op` or of `op` itself, null if
/// there is none.
DictionaryAttr getSymbols(Operation *op);

/// The `dyn.symbols` of the function that holds `values`, null if there is
/// none.
DictionaryAttr getSymbols(ValueRange values);

/// The value of an integer tensor of rank 0 or 1 as sizes, if `value` is a
/// constant whose elements are numbers or sizes. Accepts what fold methods
/// receive: a `DenseElementsAttr`, a `DimsAttr` or null.
std::optional<SmallVector<DimAttr>> getConstantDims(Attribute constant);
std::optional<SmallVector<DimAttr>> getConstantDims(Value value);

/// Parses an expression as `#dyn.dim` writes it, for names and expressions that
/// come from outside of MLIR. Null if `text` is not one.
DimAttr parseDim(StringRef text, MLIRContext *context);

/// Shape as an error message shows it: "[B, S, 768]".
std::string formatShape(ArrayRef<DimAttr> shape);

} // namespace mlir::dyn

#endif // DYN_DIALECT_SYMBOLICDIM_H
