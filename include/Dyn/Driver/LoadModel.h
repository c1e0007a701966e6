//===- LoadModel.h - Read a model, whatever it is ---------------*- C++ -*-===//

#ifndef DYN_DRIVER_LOADMODEL_H
#define DYN_DRIVER_LOADMODEL_H

#include "Dyn/Resources/MappedFile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mlir::dyn {

/// `MLIR` is text or bytecode, `Artifact` any ELF file.
enum class ModelFormat { MLIR, ONNX, Artifact };

/// What the file at `path` is. Standard input, "-", is never an artifact.
Result<ModelFormat> detectFileFormat(const std::string &path);

/// An open model.
struct ModelFile {
  /// Mapped, not read: weights inside are not looked at. Null for standard
  /// input.
  std::shared_ptr<const MappedFile> mapped;
  std::unique_ptr<llvm::MemoryBuffer> input; ///< For standard input.
  ModelFormat format = ModelFormat::MLIR;    ///< By its first bytes.

  StringRef getContents() const;
};

/// Opens the file at `path`, "-" for standard input. Errors: no such file, no
/// regular file, nothing in it.
Result<ModelFile> openModel(const std::string &path);

/// Parses MLIR. Weights inside a file of bytecode become slices of it. The
/// error says less than the diagnostics emitted before.
Result<OwningOpRef<ModuleOp>> parseModel(ModelFile model, MLIRContext *context);

} // namespace mlir::dyn

#endif // DYN_DRIVER_LOADMODEL_H
