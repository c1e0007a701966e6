//===- DimSyntax.h - Parsing sizes inside attributes and types --*- C++ -*-===//

#ifndef DYN_LIB_DIALECT_DIMSYNTAX_H
#define DYN_LIB_DIALECT_DIMSYNTAX_H

#include "Dyn/Dialect/Dyn.h"

namespace mlir::dyn {

/// Parses a bare size: `B * S + 1` or `?`.
ParseResult parseBareDim(AsmParser &parser, DimAttr &dim);

/// Parses `[dim, dim, ...]`.
ParseResult parseDimList(AsmParser &parser, SmallVectorImpl<DimAttr> &dims);

} // namespace mlir::dyn

#endif // DYN_LIB_DIALECT_DIMSYNTAX_H
