//===- MappedFile.cpp - A file seen as memory -----------------------------===//

#include "Dyn/Resources/MappedFile.h"
#include "Dyn/Resources/Safetensors.h"
#include "Posix.h"
#include "Text.h"

// Header-only: the digest needs no library at run time.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir::dyn;

static std::string makeAbsolute(const std::string &path) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.string();
}

MappedFile::MappedFile(std::string path, const FileIdentity &identity,
                       std::span<const std::byte> contents)
    : path(std::move(path)), absolutePath(makeAbsolute(this->path)),
      identity(identity), contents(contents) {}

MappedFile::~MappedFile() {
  if (!contents.empty())
    ::munmap(const_cast<std::byte *>(contents.data()), contents.size());
}

Result<std::shared_ptr<const MappedFile>>
MappedFile::open(const std::string &path) {
  Result<OpenFile> file = openRegularFile(path);
  if (!file)
    return file.error();
  uint64_t size = file->identity.size;
  if (size == 0) // mmap refuses to map nothing.
    return std::shared_ptr<const MappedFile>(
        new MappedFile(path, file->identity, {}));
  if (size > PTRDIFF_MAX)
    return makeError(path, ": has ", size,
                     " bytes, more than this machine can address");
  void *address =
      ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file->fd.get(), 0);
  if (address == MAP_FAILED)
    return makeError(path,
                     ": cannot be mapped into memory: ", describeErrno(errno));
  return std::shared_ptr<const MappedFile>(new MappedFile(
      path, file->identity, {static_cast<const std::byte *>(address), size}));
}

void MappedFile::dropPages(uint64_t offset, uint64_t numBytes) const {
  static const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  // Whole pages within the range only: the rest belongs to neighbours that may
  // be in use.
  uint64_t skipped = (page - offset % page) % page;
  if (numBytes >= skipped + page)
    ::madvise(const_cast<std::byte *>(contents.data()) + offset + skipped,
              (numBytes - skipped) / page * page, MADV_DONTNEED);
}

/// A hint about how pages of `file` will be used. Never fails in a way that
/// matters.
static void advise(const MappedFile &file, int advice) {
  if (file.size() != 0)
    ::madvise(const_cast<std::byte *>(file.bytes().data()), file.size(),
              advice);
}

void MappedFile::preferLargePages() const { advise(*this, MADV_HUGEPAGE); }

// A read of one byte maps what the page cache holds in one folio, up to 2 MiB
// and whatever is advised, but only within one mapping (Linux 6.18,
// finish_fault). Neighbours that differ in a flag are mappings of their own:
// of 2 MiB here, with borders in the middle of the largest folios.
static void splitMapping(const MappedFile &file) {
  constexpr uint64_t kFolio = 2 << 20, kMostParts = 4096;
  uint64_t part = std::max<uint64_t>(1, file.size() / kMostParts / kFolio);
  part *= kFolio;
  auto *start = const_cast<std::byte *>(file.bytes().data());
  for (uint64_t at = kFolio / 2; at < file.size(); at += 2 * part)
    ::madvise(start + at, std::min(part, file.size() - at), MADV_DONTDUMP);
}

SparseReading::SparseReading(const MappedFile &file) : file(file) {
  advise(file, MADV_RANDOM);
  splitMapping(file);
}

// Of a file in the page cache, the system maps 64 KiB around each page that is
// looked at. They go, and come back when read. So do their page tables, but
// only those that lie within one mapping: where one is left, the system no
// longer maps 2 MiB by a single entry. So mappings are joined before.
SparseReading::~SparseReading() {
  advise(file, MADV_DODUMP);
  advise(file, MADV_NORMAL);
  advise(file, MADV_DONTNEED);
}

Stamp mlir::dyn::computeStamp(const MappedFile &file) {
  constexpr uint64_t kBlocks = 16;
  constexpr uint64_t kBlockBytes = 4096;
  SparseReading sparse(file);
  std::span<const std::byte> bytes = file.bytes();
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  auto update = [&](std::span<const std::byte> part) {
    XXH3_64bits_update(&state, part.data(), part.size());
  };
  if (bytes.size() <= kBlocks * kBlockBytes) {
    update(bytes);
  } else {
    update(bytes.first(findSafetensorsIndex(bytes)));
    // The last block ends at the last byte. Divided first, since sizes times 15
    // may overflow.
    uint64_t step = (bytes.size() - kBlockBytes) / (kBlocks - 1);
    for (uint64_t i = 0; i + 1 < kBlocks; ++i)
      update(bytes.subspan(i * step, kBlockBytes));
    update(bytes.last(kBlockBytes));
  }
  return {bytes.size(), XXH3_64bits_digest(&state)};
}

Result<> mlir::dyn::checkStamp(const MappedFile &file, const Stamp &expected) {
  if (file.size() != expected.size)
    return makeError(file.getPath(),
                     ": is another file than the one referred to: it has ",
                     file.size(), " bytes, expected ", expected.size);
  if (computeStamp(file) != expected)
    return makeError(file.getPath(), ": is another file than the one referred "
                                     "to: same size, other contents");
  return {};
}
