//===- QuantizeWeights.cpp - Matrices as int8 with scales -----------------===//

#include "Dyn/Resources/Elements.h"
#include "Dyn/Transforms/Passes.h"
#include "WeightFile.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNQUANTIZEWEIGHTSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Channels
//===----------------------------------------------------------------------===//

/// The axis of `value` that is the output's: the columns of a right operand of
/// a product, the rows of a left one. Nothing if something else uses it, or if
/// uses do not agree.
static std::optional<int64_t> findChannelAxis(Value value) {
  std::optional<int64_t> axis;
  int64_t rank = cast<DynTensorType>(value.getType()).getRank();
  if (rank < 2)
    return std::nullopt;
  for (OpOperand &use : value.getUses()) {
    std::optional<int64_t> found;
    if (isa<MatmulOp>(use.getOwner())) {
      found = use.getOperandNumber() == 1 ? rank - 1 : rank - 2;
    } else if (auto transpose = dyn_cast<TransposeOp>(use.getOwner())) {
      if (auto behind = findChannelAxis(transpose.getResult()))
        found = transpose.getPermutation()[*behind];
    }
    if (!found || (axis && axis != found))
      return std::nullopt;
    axis = found;
  }
  return axis;
}

static std::optional<int64_t> findChannelAxis(ArrayRef<GetWeightOp> readers) {
  std::optional<int64_t> axis;
  for (GetWeightOp reader : readers) {
    if (reader->use_empty())
      continue;
    std::optional<int64_t> found = findChannelAxis(reader.getResult());
    if (!found || (axis && axis != found))
      return std::nullopt;
    axis = found;
  }
  return axis;
}

static bool isQuantized(WeightOp weight, ArrayRef<GetWeightOp> readers) {
  Type element = weight.getTensorType().getElementType();
  return (element.isF16() || element.isBF16() || element.isF32()) &&
         findChannelAxis(readers);
}

/// The shape of the scales, which broadcasts against the weight.
static ArrayRef<DimAttr> getScaleShape(DynTensorType type, int64_t axis,
                                       SmallVectorImpl<DimAttr> &shape) {
  shape.assign(type.getRank() - axis, DimAttr::get(type.getContext(), 1));
  shape.front() = type.getDim(axis);
  return shape;
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

/// Calls `visit` with the parts of `blob` as f32.
static Result<> forEachFloatPart(
    const Blob &blob,
    function_ref<Result<>(uint64_t, std::span<const float>)> visit) {
  std::vector<float> floats;
  size_t width = getByteWidth(blob.getElementType());
  return forEachPart(blob, [&](uint64_t first, auto part) {
    floats.resize(part.size() / width);
    convertFloats(blob.getElementType(), part, ElementType::F32,
                  std::as_writable_bytes(std::span(floats)));
    return visit(first, floats);
  });
}

static Result<> writeQuantized(SafetensorsWriter &writer,
                               const std::string &name,
                               const std::string &scaleName,
                               const std::string &symbol, const Blob &blob,
                               int64_t axis) {
  ChannelQuantizer quantizer(blob.getShape(), axis);
  auto observe = [&](uint64_t first, std::span<const float> part) {
    quantizer.observe(first, part);
    return Result<>();
  };
  if (Result<> done = forEachFloatPart(blob, observe); !done)
    return done;
  if (!quantizer.computeScales())
    return Error("weight '" + symbol +
                 "': holds NaN or infinity, which int8 cannot");
  std::vector<int8_t> codes;
  auto quantize = [&](uint64_t first, std::span<const float> part) {
    codes.resize(part.size());
    quantizer.quantize(first, part, codes);
    return writer.write(name, std::as_bytes(std::span(codes)));
  };
  if (Result<> done = forEachFloatPart(blob, quantize); !done)
    return done;
  return writer.write(scaleName,
                      std::as_bytes(std::span(quantizer.getScales())));
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
/// A weight's tensors in the file.
struct QuantizedNames {
  std::string codes;
  std::string scales;
};

struct DynQuantizeWeightsPass
    : dyn::impl::DynQuantizeWeightsPassBase<DynQuantizeWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(quantize()))
      signalPassFailure();
  }

  LogicalResult quantize() {
    ModuleOp module = getOperation();
    FailureOr<SmallVector<WeightUse>> uses =
        collectWeights(module, weightsDir, isQuantized);
    if (failed(uses))
      return failure();
    FailureOr<WeightFile> file =
        WeightFile::create(module, output, weightsDir, getWeights(*uses));
    if (failed(file))
      return failure();
    SmallVector<QuantizedNames> names = declare(*file, *uses);
    if (failed(file->write()))
      return failure();
    SymbolTable symbols(module);
    for (const auto &[use, name] : llvm::zip(*uses, names))
      rewrite(*file, symbols, use, name);
    return success();
  }

  static SmallVector<QuantizedNames> declare(WeightFile &file,
                                             ArrayRef<WeightUse> uses) {
    BlobNumbering numbering;
    std::map<std::pair<unsigned, int64_t>, QuantizedNames> known;
    SmallVector<QuantizedNames> all;
    for (const WeightUse &use : uses) {
      WeightOp weight = use.weight;
      int64_t axis = *findChannelAxis(use.readers);
      QuantizedNames &names = known[{numbering.getNumber(use.blob), axis}];
      if (names.codes.empty()) {
        SmallVector<DimAttr> storage;
        ArrayRef<DimAttr> scaleShape =
            getScaleShape(weight.getTensorType(), axis, storage);
        names.codes =
            file.declare(weight, "", ElementType::I8, use.blob.getShape());
        names.scales = file.declare(
            weight, "_scale", ElementType::F32,
            getStaticShape(DynTensorType::get(
                scaleShape, Float32Type::get(weight.getContext()))));
        file.addProducer(2 * use.blob.getNumBytes(),
                         [names, symbol = weight.getSymName().str(),
                          blob = use.blob, axis](auto &writer) {
                           return writeQuantized(writer, names.codes,
                                                 names.scales, symbol, blob,
                                                 axis);
                         });
      }
      all.push_back(names);
    }
    return all;
  }

  static void rewrite(const WeightFile &file, SymbolTable &symbols,
                      const WeightUse &use, const QuantizedNames &names) {
    WeightOp weight = use.weight;
    Builder builder(weight.getContext());
    DynTensorType type = weight.getTensorType();
    SmallVector<DimAttr> storage;
    ArrayRef<DimAttr> scaleShape =
        getScaleShape(type, *findChannelAxis(use.readers), storage);
    auto scale = cast<WeightOp>(weight->clone());
    scale.setSymName((weight.getSymName() + "_scale").str());
    symbols.insert(scale, std::next(Block::iterator(weight)));
    file.refer(scale, names.scales,
               DynTensorType::get(scaleShape, builder.getF32Type()));
    file.refer(weight, names.codes, type.clone(builder.getI8Type()));
    for (GetWeightOp reader : use.readers)
      dequantize(reader, type, weight, scale);
  }

  /// `convert(q) * scale`, in f32, for what used the weight as it was.
  static void dequantize(GetWeightOp reader, DynTensorType type,
                         WeightOp weight, WeightOp scale) {
    OpBuilder builder(reader);
    Location loc = reader.getLoc();
    Type f32 = builder.getF32Type();
    auto convertTo = [&](Value value, Type element) {
      return ConvertOp::create(builder, loc, type.clone(element), value,
                               TypeAttr::get(element))
          .getResult();
    };
    Value codes = GetWeightOp::create(builder, loc, weight.getTensorType(),
                                      weight.getSymName());
    Value scales = GetWeightOp::create(builder, loc, scale.getTensorType(),
                                       scale.getSymName());
    Value product = MulOp::create(builder, loc, type.clone(f32),
                                  convertTo(codes, f32), scales);
    if (type.getElementType() != f32)
      product = convertTo(product, type.getElementType());
    reader->replaceAllUsesWith(ValueRange(product));
    reader->erase();
  }
};
} // namespace
