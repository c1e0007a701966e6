//===- ExportWeights.cpp - Weights of a model as safetensors --------------===//

#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Driver/LoadModel.h"
#include "Dyn/Import/Onnx.h"
#include "Dyn/Resources/Safetensors.h"
#include "Dyn/Tools/WeightTools.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::dyn;

static Result<OwningOpRef<ModuleOp>> load(const std::string &path,
                                          const std::string &weightsDir,
                                          MLIRContext *context) {
  Result<ModelFile> model = openModel(path);
  if (!model)
    return model.error();
  switch (model->format) {
  case ModelFormat::Artifact:
    return Error(path + ": is an artifact or another library, expected MLIR or "
                        "ONNX");
  case ModelFormat::ONNX: {
    OwningOpRef<ModuleOp> module = importOnnx(path, {weightsDir}, context);
    if (!module)
      return Error(path + ": cannot be imported");
    return module;
  }
  case ModelFormat::MLIR:
    return parseModel(*std::move(model), context);
  }
  llvm_unreachable("no other format");
}

Result<> dyn::exportWeights(const std::string &path,
                            const std::string &weightsDir,
                            const std::string &output, MLIRContext *context) {
  setWeightFolders(context,
                   {llvm::sys::path::parent_path(path).str(), weightsDir});
  Result<OwningOpRef<ModuleOp>> module = load(path, weightsDir, context);
  if (!module)
    return module.error();
  std::vector<TensorSpec> specs;
  std::vector<Blob> blobs;
  for (WeightOp weight : (**module).getOps<WeightOp>()) {
    // All of them before the first is written: what is missing is found before
    // the work.
    Result<Blob> blob = readWeight(weight);
    if (!blob)
      return Error(path + ": " + blob.error().message());
    specs.push_back(
        {weight.getSymName().str(), blob->getElementType(), blob->getShape()});
    blobs.push_back(*std::move(blob));
  }
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(output, specs);
  if (!writer)
    return writer.error();
  for (const auto &[spec, blob] : llvm::zip(specs, blobs))
    if (Result<> written = writer->write(spec.name, blob); !written)
      return written.error();
  return writer->commit();
}
