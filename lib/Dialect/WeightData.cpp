//===- WeightData.cpp - Read and change the data of weights ---------------===//

#include "Dyn/Dialect/WeightData.h"
#include "WeightResources.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Types and places
//===----------------------------------------------------------------------===//

ElementType dyn::getElementType(Type type) {
  assert(DynTensorType::isValidElementType(type) && "is no element");
  if (type.isUnsignedInteger(8))
    return ElementType::U8;
  if (auto integer = dyn_cast<IntegerType>(type))
    switch (integer.getWidth()) {
    case 1:
      return ElementType::I1;
    case 8:
      return ElementType::I8;
    case 16:
      return ElementType::I16;
    case 32:
      return ElementType::I32;
    default:
      return ElementType::I64;
    }
  if (type.isF16())
    return ElementType::F16;
  if (type.isBF16())
    return ElementType::BF16;
  return type.isF32() ? ElementType::F32 : ElementType::F64;
}

Type dyn::getElementType(MLIRContext *context, ElementType type) {
  Builder builder(context);
  switch (type) {
  case ElementType::I1:
    return builder.getI1Type();
  case ElementType::I8:
    return builder.getI8Type();
  case ElementType::I16:
    return builder.getI16Type();
  case ElementType::I32:
    return builder.getI32Type();
  case ElementType::I64:
    return builder.getI64Type();
  case ElementType::U8:
    return builder.getIntegerType(8, /*isSigned=*/false);
  case ElementType::F16:
    return builder.getF16Type();
  case ElementType::BF16:
    return builder.getBF16Type();
  case ElementType::F32:
    return builder.getF32Type();
  case ElementType::F64:
    return builder.getF64Type();
  default:
    return {};
  }
}

std::vector<int64_t> dyn::getStaticShape(DynTensorType type) {
  std::vector<int64_t> shape;
  for (DimAttr dim : type.getShape())
    shape.push_back(*dim.getConstant());
  return shape;
}

WeightLocation dyn::getLocation(ExternalAttr reference) {
  WeightLocation location;
  location.file = reference.getFile().str();
  if (reference.getKey())
    location.key = reference.getKey().str();
  location.offset = reference.getOffset();
  location.length = reference.getLength();
  return location;
}

ExternalAttr dyn::getReference(MLIRContext *context,
                               const WeightLocation &location) {
  auto file = StringAttr::get(context, location.file);
  if (location.key)
    return ExternalAttr::get(file, StringAttr::get(context, *location.key));
  return ExternalAttr::get(file, location.offset, location.length);
}

//===----------------------------------------------------------------------===//
// Context
//===----------------------------------------------------------------------===//

void dyn::setWeightFolders(MLIRContext *context, WeightFolders folders) {
  WeightResources::get(context).getFolders() = std::move(folders);
}

const WeightFolders &dyn::getWeightFolders(MLIRContext *context) {
  return WeightResources::get(context).getFolders();
}

void dyn::releaseUnclaimedWeights(MLIRContext *context) {
  WeightResources::get(context).releaseUnclaimed();
}

std::shared_ptr<const MappedFile> dyn::findFile(MLIRContext *context,
                                                ArrayRef<char> bytes) {
  return WeightResources::get(context).findFile(bytes);
}

Blob dyn::viewBytes(MLIRContext *context, ArrayRef<char> bytes,
                    std::function<void()> release) {
  return WeightResources::get(context).viewBytes(bytes, std::move(release));
}

namespace {
/// Keeps the mapping while upstream keeps the buffer.
class MappedBuffer : public llvm::MemoryBuffer {
public:
  explicit MappedBuffer(std::shared_ptr<const MappedFile> file)
      : file(std::move(file)) {
    const char *begin =
        reinterpret_cast<const char *>(this->file->bytes().data());
    init(begin, begin + this->file->size(), /*RequiresNullTerminator=*/false);
  }
  BufferKind getBufferKind() const override { return MemoryBuffer_MMap; }
  StringRef getBufferIdentifier() const override { return file->getPath(); }

private:
  std::shared_ptr<const MappedFile> file;
};
} // namespace

std::unique_ptr<llvm::MemoryBuffer>
dyn::makeBuffer(MLIRContext *context, std::shared_ptr<const MappedFile> file) {
  WeightResources::get(context).addFile(file);
  return std::make_unique<MappedBuffer>(std::move(file));
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

// Large weights start at a page of the file, so that they are mapped alone.
// Upstream's reader wants the whole buffer aligned like its most aligned entry:
// no mapping promises more than a page, and files of less than 16 KiB are not
// mapped but read to a buffer aligned to 16.
uint32_t dyn::getFileAlignment(uint64_t numBytes) {
  return numBytes >= 65536 ? 4096 : 16;
}

static Error addName(WeightOp weight, const Error &error) {
  return Error("weight '" + weight.getSymName().str() +
               "': " + error.message());
}

static Result<Blob> read(WeightOp weight, StringRef weightsDir) {
  const WeightSource &source = weight.getProperties().source;
  DynTensorType type = weight.getTensorType();
  ElementType elementType = getElementType(type.getElementType());
  if (const Blob *blob = source.getBlob())
    return blob->reinterpret(elementType, getStaticShape(type));
  ExternalAttr reference = source.getReference();
  if (!reference)
    return Error(source.isAbsent()
                     ? "its data are absent: name the file that has them with "
                       "--dyn-attach-weights=file=FILE"
                     : "resource '" + source.getName().str() + "' has no data");
  const WeightResources &resources = WeightResources::get(weight.getContext());
  WeightFolders folders = resources.getFolders();
  if (!weightsDir.empty())
    folders.weightsDir = weightsDir.str();
  Result<Blob> blob =
      openWeight(resources.getFiles(), folders, getLocation(reference),
                 elementType, getStaticShape(type));
  if (blob && blob->getFile())
    resources.addFile(blob->getFile());
  return blob;
}

Result<Blob> dyn::readWeight(WeightOp weight, StringRef weightsDir) {
  Result<Blob> blob = read(weight, weightsDir);
  if (!blob)
    return addName(weight, blob.error());
  return blob;
}

Result<std::span<std::byte>> dyn::changeWeight(WeightOp weight,
                                               StringRef weightsDir) {
  WeightSource &source = weight.getProperties().source;
  std::optional<WeightSource> reference;
  if (!source.getBlob()) {
    Result<Blob> blob = readWeight(weight, weightsDir);
    if (!blob)
      return blob.error();
    reference = std::exchange(source, WeightSource(weight.getContext(),
                                                   weight.getSymName(),
                                                   *std::move(blob)));
  }
  DynTensorType type = weight.getTensorType();
  Result<std::span<std::byte>> bytes = source.mutableBytes(
      getElementType(type.getElementType()), getStaticShape(type));
  if (bytes)
    return bytes;
  if (reference)
    source = *std::move(reference);
  return addName(weight, bytes.error());
}

void dyn::setWeight(WeightOp weight, Blob blob) {
  assert(computeNumBytes(
             getElementType(weight.getTensorType().getElementType()),
             getStaticShape(weight.getTensorType())) == blob.getNumBytes() &&
         "the type of a weight says how many bytes it has");
  if (blob.getFile())
    WeightResources::get(weight.getContext()).addFile(blob.getFile());
  weight.getProperties().source.setBlob(weight.getContext(),
                                        weight.getSymName(), std::move(blob));
}
