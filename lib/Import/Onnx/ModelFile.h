//===- ModelFile.h - A model's graph, and its data in place -----*- C++ -*-===//

#ifndef DYN_LIB_IMPORT_ONNX_MODELFILE_H
#define DYN_LIB_IMPORT_ONNX_MODELFILE_H

#include "Dyn/Resources/MappedFile.h"
#include "Wire.h"
#include "mlir/IR/Diagnostics.h"
#include "onnx/onnx.pb.h"
#include <map>
#include <memory>

namespace mlir::dyn::onnx_import {

/// A mapped `.onnx` file: its messages, in which the data of tensors are ranges
/// of the file.
class ModelFile {
public:
  /// Maps and parses the file at `path`, which has to be a model with a graph
  /// and with opsets that the importer knows.
  static FailureOr<std::unique_ptr<ModelFile>> open(StringRef path,
                                                    MLIRContext *context);

  const ::onnx::ModelProto &getModel() const { return model; }
  /// The path as the user gave it.
  StringRef getPath() const { return file->getPath(); }
  /// `getPath()` without its folder.
  StringRef getFileName() const;
  /// The folder of the file; "." if the path has none.
  StringRef getFolder() const;
  StringRef getBytes() const {
    return StringRef(reinterpret_cast<const char *>(file->bytes().data()),
                     file->size());
  }

  /// Starts an error message with the name of the file.
  InFlightDiagnostic emitError() const;

private:
  ModelFile(std::shared_ptr<const MappedFile> file, MLIRContext *context)
      : file(std::move(file)), context(context) {}
  LogicalResult verifyHeader() const;

  std::shared_ptr<const MappedFile> file;
  MLIRContext *context;
  ::onnx::ModelProto model;
};

/// Versions of opsets by domain; "" for ai.onnx.
using Opsets = std::map<std::string, int64_t, std::less<>>;
Opsets
getOpsets(const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto>
              &imports);

/// `domain`, but "" for its synonym ai.onnx.
StringRef normalizeDomain(StringRef domain);

} // namespace mlir::dyn::onnx_import

#endif // DYN_LIB_IMPORT_ONNX_MODELFILE_H
