//===- DimParam.h - Names and expressions of sizes in ONNX ------*- C++ -*-===//

#ifndef DYN_LIB_IMPORT_ONNX_DIMPARAM_H
#define DYN_LIB_IMPORT_ONNX_DIMPARAM_H

#include "Dyn/Dialect/Dyn.h"

namespace mlir::dyn::onnx_import {

/// The size that a `dim_param` stands for. Exporters write names and, in the
/// syntax of Python, expressions: "s77 + 1", "2*s0", "s0//2", "s0 % 8", "Max(1,
/// s0)", "floor(s0/2)", "ceiling(s0/2)". Anything else is the name of a symbol
/// as a whole. So is "batch-size": minus signs without spaces, between names
/// that `isSize` does not know.
///
/// Source: SymPy's string printer, which both PyTorch exporters use.
DimAttr parseDimParam(StringRef text,
                      llvm::function_ref<bool(StringRef)> isSize,
                      MLIRContext *context);

} // namespace mlir::dyn::onnx_import

#endif // DYN_LIB_IMPORT_ONNX_DIMPARAM_H
