//===- AttachWeights.cpp - Absent weights get data, by name ---------------===//

#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Resources/Safetensors.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"

#include <filesystem>

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNATTACHWEIGHTSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;
namespace fs = std::filesystem;

/// How a model in `folder` (empty is the working directory) names `file`.
static std::string nameFrom(const std::string &folder,
                            const std::string &file) {
  std::error_code error;
  fs::path path = fs::canonical(file, error);
  if (error)
    return file;
  fs::path root = fs::canonical(folder.empty() ? "." : folder, error);
  fs::path relative = error ? fs::path() : path.lexically_relative(root);
  bool isInside = !relative.empty() && *relative.begin() != "..";
  return (isInside ? relative : path).string();
}

namespace {
struct AttachWeightsPass
    : dyn::impl::DynAttachWeightsPassBase<AttachWeightsPass> {
  using DynAttachWeightsPassBase::DynAttachWeightsPassBase;

  /// More errors of one kind help nobody.
  static constexpr unsigned kMaxErrors = 10;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (file.empty()) {
      module.emitError() << "dyn-attach-weights expects the option file=FILE";
      return signalPassFailure();
    }
    Result<Safetensors> opened = Safetensors::open(file);
    if (!opened) {
      module.emitError() << "weights cannot be attached: "
                         << opened.error().message();
      return signalPassFailure();
    }
    MLIRContext *context = &getContext();
    auto place = StringAttr::get(
        context, nameFrom(getWeightFolders(context).model, file));
    unsigned numErrors = 0;
    for (auto weight : module.getOps<WeightOp>()) {
      if (!replace && !weight.getSource().isAbsent())
        continue;
      if (Result<> fits = check(weight, *opened); !fits) {
        if (numErrors++ < kMaxErrors)
          weight.emitOpError()
              << "cannot be attached: " << fits.error().message();
        continue;
      }
      weight.setSource(ExternalAttr::get(place, weight.getSymNameAttr()));
    }
    if (numErrors > kMaxErrors)
      module.emitError() << numErrors - kMaxErrors
                         << " more weights cannot be attached";
    if (numErrors != 0)
      signalPassFailure();
  }

  /// Fails unless the file has a tensor of the weight's name, type and shape.
  Result<> check(WeightOp weight, const Safetensors &opened) {
    Result<Blob> blob = opened.getBlob(weight.getSymName().str());
    if (!blob)
      return blob.error();
    DynTensorType type = weight.getTensorType();
    ElementType element = getElementType(type.getElementType());
    std::vector<int64_t> shape = getStaticShape(type);
    if (blob->getElementType() != element || blob->getShape() != shape)
      return Error(file + ": tensor '" + weight.getSymName().str() + "' is " +
                   formatTensorType(blob->getElementType(), blob->getShape()) +
                   ", expected " + formatTensorType(element, shape));
    return {};
  }
};
} // namespace
