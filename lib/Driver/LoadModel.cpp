//===- LoadModel.cpp - Read a model, whatever it is -----------------------===//

#include "Dyn/Driver/LoadModel.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::dyn;

ModelFormat dyn::detectFormat(StringRef contents) {
  auto bytes = llvm::MemoryBufferRef(contents, "model");
  if (isBytecode(bytes))
    return ModelFormat::MLIR;
  if (contents.starts_with("\x7f"
                           "ELF"))
    return ModelFormat::Artifact;
  // Protobuf begins with a field's tag, a control character; text has none but
  // white space.
  StringRef head = contents.take_front(4096);
  bool isText = llvm::none_of(head, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
  return isText ? ModelFormat::MLIR : ModelFormat::ONNX;
}

Result<std::unique_ptr<llvm::MemoryBuffer>>
dyn::openModel(const std::string &path) {
  if (path != "-") {
    llvm::sys::fs::file_status status;
    if (std::error_code code = llvm::sys::fs::status(path, status))
      return Error(path + ": " + code.message());
    if (!llvm::sys::fs::is_regular_file(status))
      return Error(path + ": is no regular file");
  }
  // Mapped, not read: weights inside are not looked at.
  auto buffer =
      path == "-"
          ? llvm::MemoryBuffer::getSTDIN()
          : llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                        /*RequiresNullTerminator=*/false);
  if (!buffer)
    return Error(path + ": " + buffer.getError().message());
  if ((*buffer)->getBufferSize() == 0)
    return Error((path == "-" ? "standard input" : path) +
                 ": is empty, expected an ONNX or MLIR model");
  return std::move(*buffer);
}

Result<ModelFormat> dyn::detectFileFormat(const std::string &path) {
  if (path == "-")
    return ModelFormat::MLIR;
  Result<std::unique_ptr<llvm::MemoryBuffer>> buffer = openModel(path);
  if (!buffer)
    return buffer.error();
  return detectFormat((*buffer)->getBuffer());
}

Result<OwningOpRef<ModuleOp>>
dyn::parseModel(std::unique_ptr<llvm::MemoryBuffer> buffer,
                MLIRContext *context) {
  std::string name = buffer->getBufferIdentifier().str();
  // Text needs a terminating 0, which a mapping may not have.
  if (!isBytecode(buffer->getMemBufferRef()))
    buffer = llvm::MemoryBuffer::getMemBufferCopy(buffer->getBuffer(), name);
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(sources, ParserConfig(context));
  if (!module)
    return Error(name + ": is no MLIR module");
  return module;
}
