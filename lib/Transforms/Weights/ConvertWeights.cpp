//===- ConvertWeights.cpp - Store the floats of weights in another type ---===//

#include "Dyn/Resources/Elements.h"
#include "Dyn/Transforms/Passes.h"
#include "WeightFile.h"
#include "mlir/IR/Builders.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNCONVERTWEIGHTSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

/// Writes `blob`, converted to `type`, as the tensor `name`.
static Result<> writeConverted(SafetensorsWriter &writer,
                               const std::string &name, const Blob &blob,
                               ElementType type) {
  size_t fromWidth = getByteWidth(blob.getElementType());
  std::vector<std::byte> converted;
  return forEachPart(blob, [&](uint64_t, std::span<const std::byte> part) {
    converted.resize(part.size() / fromWidth * getByteWidth(type));
    convertFloats(blob.getElementType(), part, type, converted);
    return writer.write(name, converted);
  });
}

namespace {
struct DynConvertWeightsPass
    : dyn::impl::DynConvertWeightsPassBase<DynConvertWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(convert()))
      signalPassFailure();
  }

  FailureOr<Type> getStoredType() {
    Builder builder(&getContext());
    if (type == "f16")
      return Type(builder.getF16Type());
    if (type == "bf16")
      return Type(builder.getBF16Type());
    if (type == "f32")
      return Type(builder.getF32Type());
    return emitError(getOperation().getLoc(),
                     "the pass expects type=f16, bf16 or f32, ")
           << "got '" << type << "'";
  }

  LogicalResult convert() {
    ModuleOp module = getOperation();
    FailureOr<Type> stored = getStoredType();
    if (failed(stored))
      return failure();
    auto isWanted = [&](WeightOp weight, ArrayRef<GetWeightOp>) {
      Type element = weight.getTensorType().getElementType();
      return isa<FloatType>(element) && element != *stored;
    };
    FailureOr<SmallVector<WeightUse>> weights =
        collectWeights(module, weightsDir, isWanted);
    if (failed(weights))
      return failure();
    FailureOr<WeightFile> file =
        WeightFile::create(module, output, weightsDir, getWeights(*weights));
    if (failed(file))
      return failure();
    ElementType to = getElementType(*stored);
    BlobNumbering numbering;
    llvm::DenseMap<unsigned, std::string> names;
    SmallVector<std::string> nameOf;
    for (const WeightUse &use : *weights) {
      std::string &name = names[numbering.getNumber(use.blob)];
      if (name.empty()) {
        name = file->declare(use.weight, "", to, use.blob.getShape());
        file->addProducer(use.blob.getNumBytes(),
                          [name, blob = use.blob, to](auto &writer) {
                            return writeConverted(writer, name, blob, to);
                          });
      }
      nameOf.push_back(name);
    }
    if (failed(file->write()))
      return failure();
    for (const auto &[use, name] : llvm::zip(*weights, nameOf)) {
      file->refer(use.weight, name, use.weight.getTensorType().clone(*stored));
      for (GetWeightOp reader : use.readers)
        insertConvert(reader, *stored);
    }
    return success();
  }

  /// Gives the readers of `reader` the type they had.
  static void insertConvert(GetWeightOp reader, Type stored) {
    auto type = cast<DynTensorType>(reader.getType());
    reader.getResult().setType(type.clone(stored));
    OpBuilder builder(reader.getContext());
    builder.setInsertionPointAfter(reader);
    auto converted = ConvertOp::create(builder, reader.getLoc(), type, reader,
                                       TypeAttr::get(type.getElementType()));
    reader.getResult().replaceAllUsesExcept(converted, converted);
  }
};
} // namespace
