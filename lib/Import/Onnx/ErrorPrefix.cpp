//===- ErrorPrefix.cpp - Whom an error is about ---------------------------===//

#include "ErrorPrefix.h"

using namespace mlir;
using namespace mlir::dyn::onnx_import;

ErrorPrefix::ErrorPrefix(MLIRContext *context, std::string prefix)
    : context(context), prefix(std::move(prefix)) {
  handler.emplace(context, [this](Diagnostic &diagnostic) {
    errors |= diagnostic.getSeverity() == DiagnosticSeverity::Error;
    Message &message = messages.emplace_back(
        Message{diagnostic.getSeverity(), diagnostic.str(), {}});
    for (Diagnostic &note : diagnostic.getNotes())
      message.notes.push_back(note.str());
    return success();
  });
}

ErrorPrefix::~ErrorPrefix() {
  handler.reset();
  for (const Message &message : messages) {
    InFlightDiagnostic diagnostic = context->getDiagEngine().emit(
        UnknownLoc::get(context), message.severity);
    diagnostic << prefix << message.text;
    for (const std::string &note : message.notes)
      diagnostic.attachNote() << note;
  }
}
