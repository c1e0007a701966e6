//===- ModelFile.cpp - A model's graph, and its data in place -------------===//

#include "ModelFile.h"
#include "OperatorTable.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

StringRef onnx_import::normalizeDomain(StringRef domain) {
  return domain == "ai.onnx" ? "" : domain;
}

Opsets onnx_import::getOpsets(
    const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto>
        &imports) {
  Opsets opsets;
  for (const ::onnx::OperatorSetIdProto &import : imports)
    opsets[normalizeDomain(import.domain()).str()] = import.version();
  return opsets;
}

StringRef ModelFile::getFileName() const {
  return llvm::sys::path::filename(getPath());
}

StringRef ModelFile::getFolder() const {
  StringRef folder = llvm::sys::path::parent_path(getPath());
  return folder.empty() ? "." : folder;
}

InFlightDiagnostic ModelFile::emitError() const {
  return mlir::emitError(UnknownLoc::get(context)) << getPath() << ": ";
}

FailureOr<std::unique_ptr<ModelFile>> ModelFile::open(StringRef path,
                                                      MLIRContext *context) {
  Result<std::shared_ptr<const MappedFile>> mapped =
      MappedFile::open(path.str());
  if (!mapped)
    return mlir::emitError(UnknownLoc::get(context))
           << mapped.error().message();
  std::unique_ptr<ModelFile> file(new ModelFile(*mapped, context));
  if (file->getBytes().empty())
    return file->emitError() << "is empty, expected an ONNX model";
  llvm::Expected<std::string> graph = copyWithoutData(file->getBytes());
  if (!graph)
    return file->emitError() << llvm::toString(graph.takeError());
  if (graph->size() > INT_MAX)
    return file->emitError()
           << "has a graph of " << graph->size()
           << " bytes without its tensors, expected at most " << INT_MAX;
  if (!file->model.ParseFromString(*graph))
    return file->emitError()
           << "is not an ONNX model: its messages do not follow the schema";
  if (failed(file->verifyHeader()))
    return failure();
  return file;
}

LogicalResult ModelFile::verifyHeader() const {
  // A file of another kind can be a message by accident, of unknown fields.
  if (!model.has_graph() || !model.has_ir_version())
    return emitError() << "is not an ONNX model: it has no "
                       << (model.has_graph() ? "ir_version" : "graph");
  Opsets opsets = getOpsets(model.opset_import());
  auto opset = opsets.find("");
  if (opset == opsets.end()) {
    if (opsets.empty())
      return emitError() << "imports no opset, expected one of ai.onnx";
    return success();
  }
  if (opset->second < OperatorTable::kMinOpset ||
      opset->second > OperatorTable::kMaxOpset)
    return emitError() << "imports opset " << opset->second
                       << " of ai.onnx, supported are "
                       << OperatorTable::kMinOpset << " to "
                       << OperatorTable::kMaxOpset;
  return success();
}
