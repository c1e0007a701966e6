//===- Onnx.h - ONNX models as dyn IR ---------------------------*- C++ -*-===//

#ifndef DYN_IMPORT_ONNX_H
#define DYN_IMPORT_ONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir::dyn {

struct OnnxImportOptions {
  /// A folder besides the model's own in which files of external data may be,
  /// also through symbolic links; or "".
  std::string weightsDir;
};

/// Imports the ONNX model at `path` as a module with one function, named after
/// the graph, and one `dyn.weight` for each large initializer in use.
///
/// Weights are not read: a weight refers to a range of bytes in the file of its
/// external data, or in the `.onnx` itself, by a name relative to the model's
/// folder. That the files exist and are long enough is checked. The memory that
/// the import takes is that of the graph. The shapes that the graph computes
/// are folded to sizes of the function's symbols.
///
/// Null after an error, which names the file and the node, input or tensor and
/// is emitted on `context`. Operators that are not supported are reported all
/// at once. `context` needs `registerAllDialects` of Dyn/InitAll.h.
///
/// Source: ONNX IR 3 to 11, `onnx.proto`; docs/Onnx.md lists operators and
/// opsets.
OwningOpRef<ModuleOp> importOnnx(StringRef path,
                                 const OnnxImportOptions &options,
                                 MLIRContext *context);

/// A tensor that a model comes with.
struct OnnxTensor {
  std::string name;
  std::string type;                 ///< "f32 [768, 768]"
  std::optional<uint64_t> numBytes; ///< If type and sizes tell.
  std::string place;                ///< "w.bin, byte 4096"
  std::vector<std::string> users;   ///< Nodes, by name or else operator.
};

/// The initializers of the model's graph and of the graphs inside it, and the
/// values of its Constant nodes that are ranges of the file. Reads the graph
/// alone: whether operators are supported and files are there is not asked.
/// Fails like `importOnnx`.
FailureOr<std::vector<OnnxTensor>> listOnnxTensors(StringRef path,
                                                   MLIRContext *context);

/// The table of operators as Markdown, the generated part of docs/Onnx.md.
void printOnnxOperators(raw_ostream &os);

} // namespace mlir::dyn

#endif // DYN_IMPORT_ONNX_H
