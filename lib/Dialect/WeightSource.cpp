//===- WeightSource.cpp - What a weight owns ------------------------------===//

#include "Dyn/Dialect/WeightSource.h"
#include "WeightResources.h"

#include <atomic>

using namespace mlir;
using namespace mlir::dyn;

MLIR_DEFINE_EXPLICIT_TYPE_ID(mlir::dyn::WeightHandle)

WeightSource::WeightSource(ExternalAttr reference) : reference(reference) {}

WeightSource::WeightSource(MLIRContext *context, StringRef name, Blob blob)
    : data(
          WeightResources::get(context).addSlot(name).create(std::move(blob))) {
}

WeightSource::WeightSource(WeightHandle handle)
    : data(handle.getResource()->claim()) {}

ExternalAttr WeightSource::getReference() const {
  return cast_or_null<ExternalAttr>(reference);
}

WeightHandle WeightSource::getHandle() const {
  return WeightHandle(data->slot, data->slot->dialect);
}

StringRef WeightSource::getName() const {
  return data ? data->slot->name : StringRef();
}

const Blob *WeightSource::getBlob() const {
  return data && data->blob ? &*data->blob : nullptr;
}

llvm::hash_code WeightSource::hash() const {
  return llvm::hash_combine(reference, data.get());
}

/// True if nobody else has `data`. What others did with it before they let go
/// comes before what is done next.
template <typename T>
static bool isSingleOwner(const std::shared_ptr<T> &data) {
  // Counted up, which ThreadSanitizer sees: fences it does not.
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  std::shared_ptr<T> counted = data;
  bool isSingle = counted.use_count() == 2;
  std::atomic_thread_fence(std::memory_order_acquire);
  return isSingle;
}

Result<std::span<std::byte>>
WeightSource::mutableBytes(ElementType type, std::vector<int64_t> shape) {
  assert(getBlob() && "there is nothing to change");
  bool isSingle = isSingleOwner(data);
  Result<Blob> blob = data->blob->reinterpret(type, std::move(shape));
  if (!blob)
    return blob.error();
  if (isSingle) {
    *data->blob = *std::move(blob);
    return data->blob->mutableBytes();
  }
  Result<std::span<std::byte>> bytes = blob->mutableBytes();
  if (bytes)
    *this = WeightSource(data->slot->dialect->getContext(), getName(),
                         *std::move(blob));
  return bytes;
}

void WeightSource::setBlob(MLIRContext *context, StringRef name, Blob blob) {
  if (isSingleOwner(data))
    data->blob = std::move(blob);
  else
    *this = WeightSource(context, name, std::move(blob));
}

Attribute WeightSource::toAttribute(MLIRContext *context) const {
  if (reference)
    return reference;
  if (data)
    return ResourceAttr::get(context, getHandle());
  return AbsentAttr::get(context);
}

LogicalResult
WeightSource::setFromAttribute(Attribute attr,
                               function_ref<InFlightDiagnostic()> emitError) {
  if (auto external = dyn_cast_or_null<ExternalAttr>(attr)) {
    *this = WeightSource(external);
    return success();
  }
  if (auto resource = dyn_cast_or_null<ResourceAttr>(attr)) {
    *this = WeightSource(resource.getHandle());
    return success();
  }
  if (isa_and_nonnull<AbsentAttr>(attr)) {
    *this = WeightSource();
    return success();
  }
  if (emitError)
    emitError() << "expects #dyn.external, #dyn.resource or #dyn.absent, got "
                << attr;
  return failure();
}
