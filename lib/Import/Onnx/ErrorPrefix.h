//===- ErrorPrefix.h - Whom an error is about -------------------*- C++ -*-===//

#ifndef DYN_LIB_IMPORT_ONNX_ERRORPREFIX_H
#define DYN_LIB_IMPORT_ONNX_ERRORPREFIX_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include <string>

namespace mlir::dyn::onnx_import {

/// While it lives, holds back the diagnostics of this thread; then emits them
/// with `prefix` before each message. Locations are dropped: the prefixes, from
/// the file inwards, say it better. Nests.
class ErrorPrefix {
public:
  ErrorPrefix(MLIRContext *context, std::string prefix);
  ~ErrorPrefix();

  bool hasErrors() const { return errors; }

private:
  struct Message {
    DiagnosticSeverity severity;
    std::string text;
    std::vector<std::string> notes;
  };

  MLIRContext *context;
  std::string prefix;
  std::vector<Message> messages;
  bool errors = false;
  std::optional<ScopedDiagnosticHandler> handler;
};

} // namespace mlir::dyn::onnx_import

#endif // DYN_LIB_IMPORT_ONNX_ERRORPREFIX_H
