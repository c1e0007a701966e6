//===- LoadModel.cpp - Read a model, whatever it is -----------------------===//

#include "Dyn/Driver/LoadModel.h"
#include "Dyn/Dialect/WeightData.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::dyn;

/// What a file is, by its first bytes.
static ModelFormat detectFormat(StringRef contents) {
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

StringRef ModelFile::getContents() const {
  if (!mapped)
    return input->getBuffer();
  std::span<const std::byte> bytes = mapped->bytes();
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

Result<ModelFile> dyn::openModel(const std::string &path) {
  ModelFile model;
  if (path == "-") {
    auto input = llvm::MemoryBuffer::getSTDIN();
    if (!input)
      return Error("standard input: " + input.getError().message());
    model.input = std::move(*input);
  } else {
    Result<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
    if (!file)
      return file.error();
    model.mapped = *std::move(file);
  }
  if (model.getContents().empty())
    return Error((path == "-" ? "standard input" : path) +
                 ": is empty, expected an ONNX or MLIR model");
  // The first look at a file; the system would read megabytes behind it.
  std::optional<SparseReading> sparse;
  if (model.mapped)
    sparse.emplace(*model.mapped);
  model.format = detectFormat(model.getContents());
  return model;
}

Result<ModelFormat> dyn::detectFileFormat(const std::string &path) {
  if (path == "-")
    return ModelFormat::MLIR;
  Result<ModelFile> model = openModel(path);
  if (!model)
    return model.error();
  return model->format;
}

Result<OwningOpRef<ModuleOp>> dyn::parseModel(ModelFile model,
                                              MLIRContext *context) {
  std::string name = model.mapped ? model.mapped->getPath() : "standard input";
  std::optional<SparseReading> sparse;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  if (!isBytecode({model.getContents(), name})) {
    // Text needs a terminating 0, which a mapping may not have.
    buffer = llvm::MemoryBuffer::getMemBufferCopy(model.getContents(), name);
  } else if (model.mapped) {
    sparse.emplace(*model.mapped);
    buffer = makeBuffer(context, model.mapped);
  } else {
    buffer = std::move(model.input);
  }
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(sources, ParserConfig(context));
  releaseUnclaimedWeights(context);
  if (!module)
    return Error(name + ": is no MLIR module");
  return module;
}
