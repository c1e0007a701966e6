//===- AttachWeights.cpp - Absent weights get data, by name ---------------===//

#include "Dyn/Transforms/Passes.h"
#include "WeightFile.h"

#include <filesystem>

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNATTACHWEIGHTSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

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
    // A link is what it leads to: that is what readers check.
    std::error_code error;
    std::string resolved = std::filesystem::canonical(file.getValue(), error);
    auto place = StringAttr::get(
        context, makeReference(error ? file.getValue() : resolved,
                               getWeightFolders(context).model));
    unsigned numErrors = 0;
    for (auto weight : module.getOps<WeightOp>()) {
      if (!replace && !weight.getSource().isAbsent())
        continue;
      StringAttr key = findKey(weight, *opened);
      if (Result<> fits = check(weight, key, *opened); !fits) {
        if (numErrors++ < kMaxErrors)
          weight.emitOpError()
              << "cannot be attached: " << fits.error().message();
        continue;
      }
      weight.setSource(ExternalAttr::get(place, key));
      weight->removeAttr(DynDialect::kKeyAttr);
    }
    if (numErrors > kMaxErrors)
      module.emitError() << numErrors - kMaxErrors
                         << " more weights cannot be attached";
    if (numErrors != 0)
      signalPassFailure();
  }

  /// The name that the weight's tensor has in the file: the one it had where
  /// the weight came from, or the weight's own, which files that Dyn exports
  /// have.
  static StringAttr findKey(WeightOp weight, const Safetensors &opened) {
    ExternalAttr reference = weight.getSource().getReference();
    StringAttr key =
        reference ? reference.getKey()
                  : weight->getAttrOfType<StringAttr>(DynDialect::kKeyAttr);
    StringAttr name = weight.getSymNameAttr();
    auto isThere = [&](StringAttr name) {
      return opened.getIndex()->find(name.str()) != nullptr;
    };
    return key && (isThere(key) || !isThere(name)) ? key : name;
  }

  /// Fails unless the tensor `key` of the file is there and of the weight's
  /// type and shape.
  Result<> check(WeightOp weight, StringAttr key, const Safetensors &opened) {
    Result<Blob> blob = opened.getBlob(key.str());
    if (!blob)
      return blob.error();
    DynTensorType type = weight.getTensorType();
    ElementType element = getElementType(type.getElementType());
    std::vector<int64_t> shape = getStaticShape(type);
    if (blob->getElementType() != element || blob->getShape() != shape)
      return Error(file + ": tensor '" + key.str() + "' is " +
                   formatTensorType(blob->getElementType(), blob->getShape()) +
                   ", expected " + formatTensorType(element, shape));
    return {};
  }
};
} // namespace
