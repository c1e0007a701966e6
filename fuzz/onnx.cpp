//===- onnx.cpp - Fuzzes the import of ONNX models ------------------------===//

#include "Dyn/Import/Onnx.h"
#include "Require.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // The importer maps a file; this one has no name and no disk.
  int fd = memfd_create("model", 0);
  require(fd >= 0 && write(fd, data, size) == static_cast<ssize_t>(size),
          "there is memory for a file");
  MLIRContext context(MLIRContext::Threading::DISABLED);
  bool hasError = false;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    hasError |= diagnostic.getSeverity() == DiagnosticSeverity::Error;
    require(!diagnostic.str().empty(), "an error says something");
    return success();
  });
  OwningOpRef<ModuleOp> module =
      dyn::importOnnx("/proc/self/fd/" + std::to_string(fd),
                      dyn::OnnxImportOptions(), &context);
  require(hasError == !module, "there is a module or an error");
  require(!module || succeeded(verify(*module)), "modules are valid");
  close(fd);
  return 0;
}
