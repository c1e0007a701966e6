//===- WeightResources.cpp - The dialect's resources section --------------===//

#include "WeightResources.h"
#include "mlir/IR/AsmState.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

std::shared_ptr<WeightSource::Data> WeightSlot::claim() {
  std::lock_guard<std::mutex> lock(mutex);
  if (std::shared_ptr<WeightSource::Data> data = claimed.lock())
    return data;
  auto data = std::make_shared<WeightSource::Data>(
      WeightSource::Data{this, std::exchange(waiting, std::nullopt)});
  claimed = data;
  return data;
}

LogicalResult WeightSlot::provide(Blob blob) {
  std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<WeightSource::Data> data = claimed.lock();
  std::optional<Blob> &place = data ? data->blob : waiting;
  if (place)
    return failure();
  place = std::move(blob);
  return success();
}

std::shared_ptr<WeightSource::Data> WeightSlot::get() {
  std::lock_guard<std::mutex> lock(mutex);
  return claimed.lock();
}

void WeightSlot::releaseUnclaimed() {
  std::lock_guard<std::mutex> lock(mutex);
  waiting.reset();
}

std::shared_ptr<WeightSource::Data> WeightSlot::create(Blob blob) {
  std::lock_guard<std::mutex> lock(mutex);
  auto data = std::make_shared<WeightSource::Data>(
      WeightSource::Data{this, std::move(blob)});
  claimed = data;
  return data;
}

//===----------------------------------------------------------------------===//
// Context
//===----------------------------------------------------------------------===//

const WeightResources &WeightResources::get(MLIRContext *context) {
  auto *dialect = context->getOrLoadDialect<DynDialect>();
  return *static_cast<const WeightResources *>(
      dialect->getRegisteredInterface<OpAsmDialectInterface>());
}

WeightSlot &WeightResources::addSlot(StringRef name) const {
  std::lock_guard<std::mutex> lock(state->mutex);
  std::string candidate = name.str();
  for (unsigned i = 1;; ++i) {
    auto [it, inserted] = state->slots.try_emplace(candidate);
    if (inserted) {
      it->second = std::make_unique<WeightSlot>();
      it->second->dialect = cast<DynDialect>(getDialect());
      it->second->name = it->first();
      return *it->second;
    }
    candidate = (name + "_" + Twine(i)).str();
  }
}

void WeightResources::addFile(
    const std::shared_ptr<const MappedFile> &file) const {
  std::lock_guard<std::mutex> lock(state->mutex);
  for (auto it = state->files.begin(); it != state->files.end();) {
    std::shared_ptr<const MappedFile> known = it->lock();
    if (known == file)
      return;
    it = known ? it + 1 : state->files.erase(it);
  }
  state->files.push_back(file);
}

std::shared_ptr<const MappedFile>
WeightResources::findFile(ArrayRef<char> data) const {
  const auto *begin = reinterpret_cast<const std::byte *>(data.begin());
  std::lock_guard<std::mutex> lock(state->mutex);
  for (const std::weak_ptr<const MappedFile> &entry : state->files)
    if (std::shared_ptr<const MappedFile> file = entry.lock();
        file && begin >= file->bytes().data() &&
        begin + data.size() <= file->bytes().data() + file->size())
      return file;
  return nullptr;
}

void WeightResources::releaseUnclaimed() const {
  std::lock_guard<std::mutex> lock(state->mutex);
  for (auto &slot : state->slots)
    slot.second->releaseUnclaimed();
}

//===----------------------------------------------------------------------===//
// Reading and writing
//===----------------------------------------------------------------------===//

FailureOr<AsmDialectResourceHandle>
WeightResources::declareResource(StringRef key) const {
  WeightSlot &slot = addSlot(key);
  return AsmDialectResourceHandle(WeightHandle(&slot, slot.dialect));
}

std::string
WeightResources::getResourceKey(const AsmDialectResourceHandle &handle) const {
  return cast<WeightHandle>(handle).getResource()->name.str();
}

Blob WeightResources::viewBytes(ArrayRef<char> bytes,
                                std::function<void()> release) const {
  std::vector<int64_t> shape = {static_cast<int64_t>(bytes.size())};
  std::shared_ptr<const MappedFile> file = findFile(bytes);
  if (!file)
    return *Blob::borrow(std::as_bytes(std::span(bytes.data(), bytes.size())),
                         ElementType::U8, shape, std::move(release));
  release();
  uint64_t offset =
      reinterpret_cast<const std::byte *>(bytes.data()) - file->bytes().data();
  return *Blob::slice(std::move(file), offset, ElementType::U8, shape);
}

FailureOr<Blob>
WeightResources::parseBlob(AsmParsedResourceEntry &entry) const {
  // Called where data are copied: out of hex digits, or of a buffer that cannot
  // be kept.
  std::optional<Blob> copied;
  auto allocate = [&](size_t size, size_t alignment) {
    alignment = std::clamp<size_t>(alignment, Blob::kDefaultAlignment, 4096);
    Result<Blob> blob = Blob::allocate(ElementType::U8,
                                       {static_cast<int64_t>(size)}, alignment);
    if (!blob)
      llvm::report_bad_alloc_error("no memory for a weight that is parsed");
    copied = *std::move(blob);
    std::span<std::byte> bytes = *copied->mutableBytes();
    return UnmanagedAsmResourceBlob::allocateWithAlign(
        ArrayRef<char>(reinterpret_cast<char *>(bytes.data()), bytes.size()),
        alignment, /*deleter=*/{}, /*dataIsMutable=*/true);
  };
  FailureOr<AsmResourceBlob> parsed = entry.parseAsBlob(allocate);
  if (failed(parsed))
    return failure();
  if (copied)
    return *copied;
  // A buffer of the tool's, which the parsed entry keeps.
  auto kept = std::make_shared<AsmResourceBlob>(*std::move(parsed));
  return viewBytes(kept->getData(), [kept] {});
}

LogicalResult
WeightResources::parseResource(AsmParsedResourceEntry &entry) const {
  WeightSlot *slot;
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    auto it = state->slots.find(entry.getKey());
    assert(it != state->slots.end() && "upstream declares before it parses");
    slot = it->second.get();
  }
  FailureOr<Blob> blob = parseBlob(entry);
  if (failed(blob))
    return failure();
  if (failed(slot->provide(*std::move(blob))))
    return entry.emitError()
           << "resource '" << entry.getKey() << "' has data already";
  return success();
}

void WeightResources::buildResources(
    Operation *, const SetVector<AsmDialectResourceHandle> &referencedResources,
    AsmResourceBuilder &builder) const {
  for (const AsmDialectResourceHandle &handle : referencedResources) {
    auto weight = cast<WeightHandle>(handle);
    // The weight that is written keeps the bytes where they are.
    std::shared_ptr<WeightSource::Data> data = weight.getResource()->get();
    if (!data || !data->blob)
      continue;
    std::span<const std::byte> bytes = data->blob->bytes();
    builder.buildBlob(
        weight.getResource()->name,
        ArrayRef<char>(reinterpret_cast<const char *>(bytes.data()),
                       bytes.size()),
        getFileAlignment(bytes.size()));
  }
}
