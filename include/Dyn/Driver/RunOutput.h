//===- RunOutput.h - What dyn-run shows -------------------------*- C++ -*-===//

#ifndef DYN_DRIVER_RUNOUTPUT_H
#define DYN_DRIVER_RUNOUTPUT_H

#include "Dyn/Driver/Session.h"

namespace mlir::dyn {

/// A session's signature as JSON: name, target, inputs, outputs, symbols.
std::string writeSignatureJson(const Session &session);

/// Results of a run, one line an output: type, shape, least, largest and mean
/// element.
void printOutputs(const Session &session,
                  llvm::ArrayRef<Session::OwnedTensor> outputs,
                  llvm::raw_ostream &os);
/// The same as one JSON object.
std::string writeOutputsJson(const Session &session,
                             llvm::ArrayRef<Session::OwnedTensor> outputs);
/// Writes NAME.npy for each output. The folder is made if it is not there.
Result<> saveOutputs(const Session &session,
                     llvm::ArrayRef<Session::OwnedTensor> outputs,
                     const std::string &folder);

/// Milliseconds, symbols and memory, as text or as one JSON object.
Result<std::string> formatTimings(const Session &session,
                                  llvm::ArrayRef<dyn_argument> inputs,
                                  const Timings &timings, bool json);

} // namespace mlir::dyn

#endif // DYN_DRIVER_RUNOUTPUT_H
