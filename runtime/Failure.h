//===- Failure.h - Errors on their way to the caller ------------*- C++ -*-===//
//
// Inside the runtime an error is thrown; the functions of runtime.h catch it
// and return its status. std::bad_alloc takes the same way.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_RUNTIME_FAILURE_H
#define DYN_RUNTIME_FAILURE_H

#include "dyn/runtime.h"

#include <sstream>
#include <string>

namespace mlir::dyn::runtime {

/// A status and its sentence, see `dyn_last_error`.
struct Failure {
  dyn_status status;
  std::string message;
};

/// Throws a `Failure` whose message is `parts`, printed one after the other.
/// Apart from what a run that succeeds executes.
template <typename... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(dyn_status status,
                                                 const Parts &...parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Failure{status, message.str()};
}

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_FAILURE_H
