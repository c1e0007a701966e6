//===- Tensors.cpp - Constants and weights from ONNX tensors --------------===//

#include "Tensors.h"
#include "Dyn/Dialect/SymbolicDim.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;
using ::onnx::TensorProto;

static constexpr uint64_t kMaxInlineFloatBytes = 64;
static constexpr uint64_t kMaxInlineIntegerBytes = 1024;
static constexpr uint64_t kMaxInlineByteVectorBytes = 1 << 16;
static constexpr uint64_t kMaxInlineEncodedBytes = 1 << 20;

/// How many bytes of `type` may become a constant.
static uint64_t getMaxInlineBytes(DynTensorType type) {
  if (isa<FloatType>(type.getElementType()))
    return kMaxInlineFloatBytes;
  return type.getRank() == 1 && type.getElementType().isInteger(8)
             ? kMaxInlineByteVectorBytes
             : kMaxInlineIntegerBytes;
}

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

std::string onnx_import::getDataTypeName(int32_t dataType) {
  // TensorProto.DataType; the last eight are younger than the schema that Dyn
  // is built with.
  static constexpr StringLiteral names[] = {
      "undefined",      "float32",      "uint8",          "int8",
      "uint16",         "int16",        "int32",          "int64",
      "string",         "bool",         "float16",        "float64",
      "uint32",         "uint64",       "complex64",      "complex128",
      "bfloat16",       "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
      "float8e5m2fnuz", "uint4",        "int4",           "float4e2m1"};
  if (dataType >= 0 && static_cast<size_t>(dataType) < std::size(names))
    return names[dataType].str();
  return "type " + std::to_string(dataType);
}

std::optional<ElementType> onnx_import::getElementType(int32_t dataType) {
  switch (dataType) {
  case TensorProto::FLOAT:
    return ElementType::F32;
  case TensorProto::UINT8:
    return ElementType::U8;
  case TensorProto::INT8:
    return ElementType::I8;
  case TensorProto::INT16:
    return ElementType::I16;
  case TensorProto::INT32:
    return ElementType::I32;
  case TensorProto::INT64:
    return ElementType::I64;
  case TensorProto::BOOL:
    return ElementType::I1;
  case TensorProto::FLOAT16:
    return ElementType::F16;
  case TensorProto::DOUBLE:
    return ElementType::F64;
  case TensorProto::BFLOAT16:
    return ElementType::BF16;
  default:
    return std::nullopt;
  }
}

FailureOr<Type> onnx_import::convertElementType(int32_t dataType,
                                                MLIRContext *context) {
  Builder builder(context);
  switch (dataType) {
  case TensorProto::FLOAT:
    return Type(builder.getF32Type());
  case TensorProto::UINT8:
    return Type(builder.getIntegerType(8, /*isSigned=*/false));
  case TensorProto::INT8:
    return Type(builder.getI8Type());
  case TensorProto::INT16:
    return Type(builder.getI16Type());
  case TensorProto::INT32:
    return Type(builder.getI32Type());
  case TensorProto::INT64:
    return Type(builder.getI64Type());
  case TensorProto::BOOL:
    return Type(builder.getI1Type());
  case TensorProto::FLOAT16:
    return Type(builder.getF16Type());
  case TensorProto::DOUBLE:
    return Type(builder.getF64Type());
  case TensorProto::BFLOAT16:
    return Type(builder.getBF16Type());
  default:
    return mlir::emitError(UnknownLoc::get(context))
           << "expects elements of float16, bfloat16, float32, float64, bool, "
              "int8, int16, int32, int64 or uint8, got "
           << getDataTypeName(dataType);
  }
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

template <typename To, typename From>
static std::string encode(const From &elements) {
  std::string bytes;
  for (auto element : elements) {
    auto converted = static_cast<To>(element);
    bytes.append(reinterpret_cast<const char *>(&converted), sizeof(converted));
  }
  return bytes;
}

/// The data in a field of numbers, as memory has them; "" if the field of the
/// tensor's type is empty.
static std::string encodeTypedData(const TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return encode<float>(tensor.float_data());
  case TensorProto::DOUBLE:
    return encode<double>(tensor.double_data());
  case TensorProto::INT64:
    return encode<int64_t>(tensor.int64_data());
  case TensorProto::INT32:
    return encode<int32_t>(tensor.int32_data());
  case TensorProto::INT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return encode<int16_t>(tensor.int32_data());
  default:
    return encode<int8_t>(tensor.int32_data());
  }
}

/// The constant of `type` whose elements are `bytes`, as ONNX has them in
/// `raw_data`.
static DenseElementsAttr decode(DynTensorType type, StringRef bytes) {
  RankedTensorType builtin = type.toBuiltin();
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> bits;
    for (char byte : bytes)
      bits.push_back(byte != 0);
    return DenseElementsAttr::get(builtin, bits);
  }
  return DenseElementsAttr::getFromRawBuffer(
      builtin, ArrayRef<char>(bytes.data(), bytes.size()));
}

TensorReader::TensorReader(const ModelFile &model,
                           const OnnxImportOptions &options,
                           MLIRContext *context)
    : model(model), context(context),
      folders{model.getFolder().str(), options.weightsDir} {}

InFlightDiagnostic TensorReader::emitError(const TensorProto &tensor) const {
  return mlir::emitError(UnknownLoc::get(context))
         << "tensor '" << tensor.name() << "' ";
}

/// The place of `numBytes` bytes that are not in the message.
FailureOr<WeightLocation> TensorReader::locate(const TensorProto &tensor,
                                               uint64_t numBytes) const {
  WeightLocation location;
  if (tensor.has_segment()) {
    location.file = model.getFileName();
    location.offset = tensor.segment().begin();
    location.length = tensor.segment().end() - tensor.segment().begin();
  } else {
    location.length = numBytes;
    for (const auto &entry : tensor.external_data()) {
      if (entry.key() == "location")
        location.file = entry.value();
      int64_t *number = entry.key() == "offset"   ? &location.offset
                        : entry.key() == "length" ? &location.length
                                                  : nullptr;
      if (number &&
          (StringRef(entry.value()).getAsInteger(10, *number) || *number < 0))
        return emitError(tensor)
               << "expects the " << entry.key()
               << " of its external data to be a number of at least 0, "
               << "got '" << entry.value() << "'";
    }
    if (location.file.empty())
      return emitError(tensor) << "has external data without a location";
  }
  if (static_cast<uint64_t>(location.length) != numBytes)
    return emitError(tensor)
           << "expects " << numBytes << " bytes for its type and shape, got "
           << location.length;
  return location;
}

FailureOr<Tensor> TensorReader::read(const TensorProto &tensor) {
  SmallVector<DimAttr> shape;
  for (int64_t size : tensor.dims()) {
    if (size < 0)
      return emitError(tensor) << "expects sizes of at least 0, got " << size;
    shape.push_back(DimAttr::get(context, size));
  }
  std::optional<ElementType> elementType = getElementType(tensor.data_type());
  if (!elementType) {
    emitError(tensor) << "has elements of "
                      << getDataTypeName(tensor.data_type())
                      << ", which are not supported";
    return failure();
  }
  Type mlirType = *convertElementType(tensor.data_type(), context);
  std::vector<int64_t> sizes(tensor.dims().begin(), tensor.dims().end());
  std::optional<uint64_t> numBytes = computeNumBytes(*elementType, sizes);
  if (!numBytes)
    return emitError(tensor)
           << "has a size in bytes that does not fit 64 bits: "
           << formatShape(shape);

  Tensor result{DynTensorType::get(shape, mlirType), {}};
  bool external = tensor.data_location() == TensorProto::EXTERNAL;
  if (!external && !tensor.has_segment()) {
    std::string bytes =
        tensor.has_raw_data() ? tensor.raw_data() : encodeTypedData(tensor);
    if (bytes.size() != *numBytes)
      return emitError(tensor) << "expects " << *numBytes << " bytes for "
                               << result.type << ", got " << bytes.size();
    if (bytes.size() > kMaxInlineEncodedBytes)
      return emitError(tensor)
             << "has " << bytes.size()
             << " bytes in a field of integers, expected at most "
             << kMaxInlineEncodedBytes
             << ": save the model with its data in 'raw_data' or external";
    result.value = decode(result.type, bytes);
    return result;
  }
  FailureOr<WeightLocation> location = locate(tensor, *numBytes);
  if (failed(location))
    return failure();
  // Opening checks the place; it reads nothing.
  Result<Blob> blob =
      openWeight(files, folders, *location, *elementType, sizes);
  if (!blob)
    return emitError(tensor) << "cannot be found: " << blob.error().message();
  if (*numBytes <= getMaxInlineBytes(result.type)) {
    std::span<const std::byte> bytes = blob->bytes();
    result.value = decode(
        result.type,
        StringRef(reinterpret_cast<const char *>(bytes.data()), bytes.size()));
    return result;
  }
  result.value = ExternalAttr::get(StringAttr::get(context, location->file),
                                   location->offset, location->length);
  return result;
}
