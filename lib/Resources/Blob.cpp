//===- Blob.cpp - The data of a weight ------------------------------------===//

#include "Dyn/Resources/Blob.h"
#include "Posix.h"
#include "Text.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir::dyn;

static size_t getPageBytes() {
  static const size_t bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

/// Less comes from the heap and is copied to be written: 64 KiB take 1 us
/// there, 12 us to map privately and 36 us to fill when new from the system.
static constexpr size_t kSystemBytes = 65536;

//===----------------------------------------------------------------------===//
// MemoryRef
//===----------------------------------------------------------------------===//

struct MemoryRef::Memory {
  Memory(std::byte *data, std::function<void()> release)
      : data(data), release(std::move(release)) {}

  std::atomic<size_t> owners{1};
  std::byte *data; ///< Null if it may not be written.
  std::function<void()> release;
};

MemoryRef::MemoryRef(const MemoryRef &other) : memory(other.memory) {
  if (memory)
    memory->owners.fetch_add(1, std::memory_order_relaxed);
}

MemoryRef::~MemoryRef() {
  if (!memory || memory->owners.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  memory->release();
  delete memory;
}

// Acquires what the former owners did before they let go: their reads come
// before the writes that follow.
bool MemoryRef::isUnique() const {
  return memory->owners.load(std::memory_order_acquire) == 1;
}

MemoryRef MemoryRef::allocate(size_t numBytes, size_t alignment) {
  // Straight from the system, so that it goes back there when released: malloc
  // keeps blocks of up to 32 MiB.
  if (numBytes >= kSystemBytes) {
    void *address = ::mmap(nullptr, numBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address != MAP_FAILED)
      return MemoryRef(new Memory(static_cast<std::byte *>(address),
                                  [=] { ::munmap(address, numBytes); }));
  }
  // Also when a process has as many mappings as it may.
  std::align_val_t aligned{std::max(alignment, Blob::kDefaultAlignment)};
  void *address = ::operator new(numBytes, aligned, std::nothrow);
  if (!address)
    return {};
  std::memset(address, 0, numBytes);
  return MemoryRef(new Memory(static_cast<std::byte *>(address),
                              [=] { ::operator delete(address, aligned); }));
}

MemoryRef MemoryRef::mapPrivate(const MappedFile &file, uint64_t offset,
                                size_t numBytes) {
  // The mapping keeps the inode in use, so that an equal identity is the same
  // file, unless another took its name.
  Result<OpenFile> opened = openRegularFile(file.getAbsolutePath());
  if (!opened || opened->identity != file.getIdentity())
    return {};
  size_t shift = offset % getPageBytes();
  size_t mappedBytes = numBytes + shift;
  void *address = ::mmap(nullptr, mappedBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_NORESERVE, opened->fd.get(),
                         static_cast<off_t>(offset - shift));
  if (address == MAP_FAILED)
    return {};
  return MemoryRef(new Memory(static_cast<std::byte *>(address) + shift,
                              [=] { ::munmap(address, mappedBytes); }));
}

//===----------------------------------------------------------------------===//
// Blob
//===----------------------------------------------------------------------===//

Result<Blob> Blob::make(ElementType type, std::vector<int64_t> shape) {
  if (std::optional<uint64_t> numBytes = computeNumBytes(type, shape))
    return Blob(type, std::move(shape), *numBytes);
  for (int64_t size : shape)
    if (size < 0)
      return makeError(formatTensorType(type, shape),
                       ": expects sizes of at least 0, got ", size);
  return makeError(formatTensorType(type, shape),
                   ": has more bytes than fit 63 bits");
}

Result<Blob> Blob::absent(ElementType type, std::vector<int64_t> shape) {
  return make(type, std::move(shape));
}

Result<Blob> Blob::allocate(ElementType type, std::vector<int64_t> shape,
                            size_t alignment) {
  assert(std::has_single_bit(alignment) && alignment <= 4096 &&
         "expects a power of two of at most 4096");
  Result<Blob> blob = make(type, std::move(shape));
  if (blob && !blob->adopt(MemoryRef::allocate(blob->numBytes, alignment)))
    return makeError(formatTensorType(type, blob->shape), ": needs ",
                     blob->numBytes,
                     " bytes of memory, more than the system gives");
  return blob;
}

Result<Blob> Blob::slice(std::shared_ptr<const MappedFile> file,
                         uint64_t offset, ElementType type,
                         std::vector<int64_t> shape) {
  Result<Blob> blob = make(type, std::move(shape));
  if (!blob)
    return makeError(file->getPath(), ": ", blob.error().message());
  if (offset > file->size() || blob->numBytes > file->size() - offset)
    return makeError(file->getPath(), ": ", formatTensorType(type, blob->shape),
                     " takes ", blob->numBytes, " bytes from byte ", offset,
                     " on, the file ends at ", file->size());
  blob->data = file->bytes().data() + offset;
  blob->file = std::move(file);
  return blob;
}

Result<Blob> Blob::borrow(std::span<const std::byte> bytes, ElementType type,
                          std::vector<int64_t> shape,
                          std::function<void()> release) {
  MemoryRef memory(new MemoryRef::Memory(nullptr, std::move(release)));
  Result<Blob> blob = make(type, std::move(shape));
  if (!blob)
    return blob;
  if (bytes.size() != blob->numBytes)
    return makeError(formatTensorType(type, blob->shape), ": has ",
                     blob->numBytes, " bytes, got ", bytes.size());
  blob->data = bytes.data();
  blob->memory = std::move(memory);
  return blob;
}

/// Makes `newMemory`, which is writable or null, the place of the bytes.
bool Blob::adopt(MemoryRef newMemory) {
  if (!newMemory.memory)
    return false;
  data = newMemory.memory->data;
  memory = std::move(newMemory);
  file.reset();
  return true;
}

size_t Blob::alignment() const {
  constexpr uintptr_t kMaxAlignment = 4096;
  uintptr_t address = reinterpret_cast<uintptr_t>(data) | kMaxAlignment;
  return address & -address;
}

std::span<const std::byte> Blob::bytes() const {
  assert(!isAbsent() && "absent data has no bytes");
  return {data, numBytes};
}

Result<std::span<std::byte>> Blob::mutableBytes() {
  if (isAbsent())
    return makeError(formatTensorType(type, shape), ": its data is absent");
  auto writable = [&] {
    return std::span<std::byte>(memory.memory->data, numBytes);
  };
  bool isAligned = alignment() % getByteWidth(type) == 0;
  if (memory.memory && memory.memory->data && memory.isUnique() && isAligned)
    return writable();
  if (file && isAligned && numBytes >= kSystemBytes &&
      adopt(MemoryRef::mapPrivate(*file, getFileOffset(), numBytes)))
    return writable();
  std::span<const std::byte> old = bytes();
  MemoryRef copy = MemoryRef::allocate(numBytes, kDefaultAlignment);
  if (!copy.memory)
    return makeError(
        formatTensorType(type, shape), ": needs ", numBytes,
        " bytes of memory to be changed, more than the system gives");
  if (numBytes != 0)
    std::memcpy(copy.memory->data, old.data(), numBytes);
  adopt(std::move(copy));
  return writable();
}

Result<Blob> Blob::reinterpret(ElementType newType,
                               std::vector<int64_t> newShape) const {
  Result<Blob> blob = make(newType, std::move(newShape));
  if (!blob)
    return blob;
  if (blob->numBytes != numBytes)
    return makeError(formatTensorType(newType, blob->shape), ": has ",
                     blob->numBytes, " bytes, got the ", numBytes, " of ",
                     formatTensorType(type, shape));
  blob->data = data;
  blob->file = file;
  blob->memory = memory;
  return blob;
}

void Blob::dropPages() const {
  if (file && numBytes != 0)
    file->dropPages(getFileOffset(), numBytes);
}
