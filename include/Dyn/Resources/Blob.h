//===- Blob.h - The data of a weight ----------------------------*- C++ -*-===//

#ifndef DYN_RESOURCES_BLOB_H
#define DYN_RESOURCES_BLOB_H

#include "Dyn/Resources/ElementType.h"
#include "Dyn/Resources/MappedFile.h"
#include "Dyn/Resources/Result.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mlir::dyn {

/// A counted reference to memory that blobs share. `std::shared_ptr` does not
/// do: `use_count()` does not synchronize with the threads that gave up the
/// other references, so a single owner could not write in place.
class MemoryRef {
public:
  MemoryRef() = default;
  MemoryRef(const MemoryRef &other);
  MemoryRef(MemoryRef &&other) noexcept
      : memory(std::exchange(other.memory, nullptr)) {}
  MemoryRef &operator=(MemoryRef other) noexcept {
    std::swap(memory, other.memory);
    return *this;
  }
  ~MemoryRef();

private:
  friend class Blob;
  struct Memory;
  explicit MemoryRef(Memory *memory) : memory(memory) {}
  bool isUnique() const;

  static MemoryRef allocate(size_t numBytes, size_t alignment);
  static MemoryRef mapPrivate(const MappedFile &file, uint64_t offset,
                              size_t numBytes);

  Memory *memory = nullptr;
};

/// Element type, shape, and bytes that are a slice of a mapped file, memory, or
/// absent: known to exist, but elsewhere.
///
/// A handle: copies refer to the same bytes and count as its owners; the bytes
/// go with the last one. Threads may use blobs that share bytes at once, but
/// one blob, as a variable, only as they may a `std::shared_ptr`.
class Blob {
public:
  /// Owned memory starts at a multiple of this many bytes, one cache line,
  /// unless more is asked for.
  static constexpr size_t kDefaultAlignment = 64;

  /// An absent f32 scalar.
  Blob() = default;

  /// Bytes are elsewhere. Fails if `shape` has a negative size or too many
  /// bytes (see `computeNumBytes`), as do all functions below.
  static Result<Blob> absent(ElementType type, std::vector<int64_t> shape);
  /// Memory filled with zeros. `alignment` is a power of two of at most 4096.
  /// Fails if there is no memory.
  static Result<Blob> allocate(ElementType type, std::vector<int64_t> shape,
                               size_t alignment = kDefaultAlignment);
  /// The bytes of `file` from `offset` on, read when they are looked at. Any
  /// offset is fine; see `alignment()`. Fails if the file ends before.
  static Result<Blob> slice(std::shared_ptr<const MappedFile> file,
                            uint64_t offset, ElementType type,
                            std::vector<int64_t> shape);
  /// Bytes that something else owns and keeps unchanged until it is told by
  /// `release`, which is called once, from the thread of the last owner; also
  /// if this fails, which it does unless `bytes` is as long as type and shape
  /// say.
  static Result<Blob> borrow(std::span<const std::byte> bytes, ElementType type,
                             std::vector<int64_t> shape,
                             std::function<void()> release);

  ElementType getElementType() const { return type; }
  const std::vector<int64_t> &getShape() const { return shape; }
  uint64_t getNumBytes() const { return numBytes; }

  bool isAbsent() const { return data == nullptr && numBytes != 0; }
  /// The file whose slice this is, null if it is none (any more).
  const std::shared_ptr<const MappedFile> &getFile() const { return file; }
  /// Where the slice starts in `getFile()`, in bytes.
  uint64_t getFileOffset() const { return data - file->bytes().data(); }
  /// The largest power of two, at most 4096, that divides the address of the
  /// bytes. It can be less than the size of an element, since files promise
  /// nothing.
  size_t alignment() const;

  /// The bytes to read, which stay where they are while an owner lives and none
  /// asks for `mutableBytes()`. The blob is not absent.
  std::span<const std::byte> bytes() const;

  /// The bytes to write, aligned at least to the element. No other blob sees
  /// the change. The only owner of memory gets it in place; one of several a
  /// copy. A slice of a file is mapped again for this blob alone, so that only
  /// pages which are written take memory; the file never changes. The span is
  /// good until the blob is copied, assigned or asked again. Fails if the blob
  /// is absent or there is no memory; it is as before then.
  Result<std::span<std::byte>> mutableBytes();

  /// The same bytes as another type or shape of as many bytes.
  Result<Blob> reinterpret(ElementType type, std::vector<int64_t> shape) const;

  /// Hints that the bytes will not be read soon. Pages of a mapped file leave
  /// this process's resident memory, and come back when read; memory is not
  /// touched. To keep a walk over large weights flat.
  void dropPages() const;

private:
  Blob(ElementType type, std::vector<int64_t> shape, uint64_t numBytes)
      : type(type), shape(std::move(shape)), numBytes(numBytes) {}
  static Result<Blob> make(ElementType type, std::vector<int64_t> shape);
  bool adopt(MemoryRef newMemory);

  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  uint64_t numBytes = 4;
  const std::byte *data = nullptr; ///< Null if absent or without bytes.
  std::shared_ptr<const MappedFile> file;
  MemoryRef memory;
};

} // namespace mlir::dyn

#endif // DYN_RESOURCES_BLOB_H
