//===- AtomicFile.cpp - A file that appears complete ----------------------===//

#include "Dyn/Resources/AtomicFile.h"
#include "Posix.h"
#include "Text.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace mlir::dyn;

struct AtomicFile::State {
  std::string path;
  std::string name;          ///< Of the target, in `folder`.
  std::string temporaryName; ///< Empty while the file has no name.
  UniqueFd folder; ///< Open, so that a change of the working directory does not
                   ///< move the target.
  UniqueFd fd;
  std::optional<uint64_t> numBytes; ///< Nothing if the file grows.
  /// What is not written yet: the beginning of a folio, or a part of it.
  std::vector<std::byte> gathered;
  uint64_t gatheredAt = 0; ///< Where it belongs.

  ~State() {
    if (folder.isOpen() && !temporaryName.empty())
      ::unlinkat(folder.get(), temporaryName.c_str(), 0);
  }

  Error fail(int code) const {
    return makeError(path, ": cannot be written: ", describeErrno(code));
  }
  Result<> checkTarget();
  Result<> createFile();
  /// Whether the process may write a file of `end` bytes: the write beyond its
  /// limit raises SIGXFSZ.
  Result<> checkLimit(uint64_t end) const;
  Result<> reserve();
  Result<> rename();
  Result<> writeNow(uint64_t offset, std::span<const std::byte> bytes);
  Result<> flush();
  /// True if what is written there is inside what was reserved.
  bool isInside(uint64_t offset, uint64_t size) const {
    return !numBytes || (offset <= *numBytes && size <= *numBytes - offset);
  }
};

static std::string makeTemporaryName() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  unsigned char random[8] = {};
  (void)!::getrandom(random, sizeof(random),
                     0); // A name that is taken is tried again.
  std::string name = ".dyn-";
  for (unsigned char byte : random) {
    name += kDigits[byte >> 4];
    name += kDigits[byte & 15];
  }
  return name + ".tmp";
}

/// Calls `create` with new names until one is free; the name, or nothing, with
/// `errno` set.
static std::string takeName(auto create) {
  while (true) {
    std::string name = makeTemporaryName();
    if (create(name.c_str()))
      return name;
    if (errno != EEXIST)
      return {};
  }
}

/// What may not be replaced is refused now, not after hours of work.
Result<> AtomicFile::State::checkTarget() {
  struct stat status;
  if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? Result<>() : fail(errno);
  if (S_ISLNK(status.st_mode))
    return {};
  if (!S_ISREG(status.st_mode))
    return makeError(path, ": is ", describeKind(status),
                     ", expected a regular file or none");
  if (::faccessat(folder.get(), name.c_str(), W_OK, AT_EACCESS) != 0)
    return fail(errno);
  return {};
}

Result<> AtomicFile::State::createFile() {
  constexpr mode_t kMode = 0666; // Less the umask.
  // Such a file is given its name through /proc, which not every sandbox has.
  if (::access("/proc/self/fd", X_OK) == 0)
    fd = UniqueFd(
        ::openat(folder.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode));
  // EISDIR comes from kernels and file systems that take the flag for a folder
  // to be written.
  if (!fd.isOpen() && (errno == EOPNOTSUPP || errno == EISDIR ||
                       errno == ENOENT || errno == EACCES))
    temporaryName = takeName([&](const char *name) {
      fd = UniqueFd(::openat(folder.get(), name,
                             O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kMode));
      return fd.isOpen();
    });
  if (!fd.isOpen())
    return fail(errno);
  return {};
}

Result<> AtomicFile::State::checkLimit(uint64_t end) const {
  struct rlimit limit;
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && end > limit.rlim_cur)
    return makeError(path, ": needs ", numBytes ? "" : "at least ", end,
                     " bytes, the process may write files of at most ",
                     limit.rlim_cur, " (ulimit -f)");
  return {};
}

Result<> AtomicFile::State::reserve() {
  if (!numBytes || *numBytes == 0)
    return {};
  if (Result<> allowed = checkLimit(*numBytes); !allowed)
    return allowed;
  if (*numBytes > INT64_MAX)
    return fail(EFBIG);
  int code = 0;
  do
    code = ::fallocate(fd.get(), 0, 0, static_cast<off_t>(*numBytes)) == 0
               ? 0
               : errno;
  while (code == EINTR);
  if (code == EOPNOTSUPP ||
      code == ENOSYS) // Lack of space shows when data are written.
    code =
        ::ftruncate(fd.get(), static_cast<off_t>(*numBytes)) == 0 ? 0 : errno;
  struct statvfs space;
  if (code == ENOSPC && ::fstatvfs(fd.get(), &space) == 0)
    return makeError(path, ": needs ", *numBytes,
                     " bytes, its file system has ",
                     uint64_t(space.f_bavail) * space.f_frsize, " free");
  if (code != 0)
    return fail(code);
  return {};
}

Result<> AtomicFile::State::rename() {
  if (temporaryName.empty()) {
    std::string self = "/proc/self/fd/" + std::to_string(fd.get());
    auto link = [&](const char *name) {
      return ::linkat(AT_FDCWD, self.c_str(), folder.get(), name,
                      AT_SYMLINK_FOLLOW) == 0;
    };
    if (link(name.c_str()))
      return {};
    if (errno != EEXIST) // A link does not replace a file, a rename does.
      return fail(errno);
    temporaryName = takeName(link);
    if (temporaryName.empty())
      return fail(errno);
  }
  if (::renameat(folder.get(), temporaryName.c_str(), folder.get(),
                 name.c_str()) != 0)
    return fail(errno);
  temporaryName.clear();
  return {};
}

AtomicFile::AtomicFile(std::unique_ptr<State> state)
    : state(std::move(state)) {}
AtomicFile::AtomicFile(AtomicFile &&) noexcept = default;
AtomicFile &AtomicFile::operator=(AtomicFile &&) noexcept = default;
AtomicFile::~AtomicFile() = default;

const std::string &AtomicFile::getPath() const { return state->path; }

Result<AtomicFile> AtomicFile::create(const std::string &path,
                                      uint64_t numBytes) {
  return start(path, numBytes);
}

Result<AtomicFile> AtomicFile::create(const std::string &path) {
  return start(path, std::nullopt);
}

Result<AtomicFile> AtomicFile::start(const std::string &path,
                                     std::optional<uint64_t> numBytes) {
  auto state = std::make_unique<State>();
  std::filesystem::path split(path);
  state->path = path;
  state->name = split.filename().string();
  state->numBytes = numBytes;
  if (state->name.empty() || state->name == "." || state->name == ".." ||
      path.find('\0') != std::string::npos)
    return makeError(quote(path), ": is no name of a file to write");
  std::string folder =
      split.has_parent_path() ? split.parent_path().string() : ".";
  state->folder =
      UniqueFd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!state->folder.isOpen())
    return makeError(path,
                     ": cannot be written: its folder: ", describeErrno(errno));
  for (auto step : {&State::checkTarget, &State::createFile, &State::reserve})
    if (Result<> done = (*state.*step)(); !done)
      return done.error();
  return AtomicFile(std::move(state));
}

Result<> AtomicFile::State::writeNow(uint64_t offset,
                                     std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::pwrite(fd.get(), bytes.data(), bytes.size(),
                               static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return fail(written == 0 ? EIO : errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return {};
}

Result<> AtomicFile::State::flush() {
  std::vector<std::byte> bytes = std::exchange(gathered, {});
  return writeNow(gatheredAt, bytes);
}

// The page cache keeps what one call writes in folios as large as the call and
// its alignment allow (Linux 6.18, ext4 and XFS). One of 2 MiB takes a single
// entry of the TLB where the file is mapped: products that read weights from
// memory gain 3 to 5%. So what follows each other is gathered to whole folios.
Result<> AtomicFile::write(uint64_t offset, std::span<const std::byte> bytes) {
  constexpr uint64_t kFolio = 2 << 20;
  assert(state->isInside(offset, bytes.size()) &&
         "writes beyond the reserved bytes");
  if (!state->numBytes)
    if (Result<> allowed = state->checkLimit(offset + bytes.size()); !allowed)
      return allowed;
  std::vector<std::byte> &gathered = state->gathered;
  if (!gathered.empty() && offset != state->gatheredAt + gathered.size())
    if (Result<> written = state->flush(); !written)
      return written;
  while (!bytes.empty()) {
    if (gathered.empty())
      state->gatheredAt = offset;
    uint64_t count = std::min(kFolio - offset % kFolio, bytes.size());
    std::span<const std::byte> part = bytes.first(count);
    bytes = bytes.subspan(count);
    offset += count;
    if (count == kFolio) {
      if (Result<> written = state->writeNow(offset - count, part); !written)
        return written;
      continue;
    }
    gathered.insert(gathered.end(), part.begin(), part.end());
    if (offset % kFolio == 0)
      if (Result<> written = state->flush(); !written)
        return written;
  }
  return {};
}

/// What was copied of the bytes, from their start on; less than all if that
/// fails.
static uint64_t copyThroughBuffer(int target, uint64_t offset, int source,
                                  uint64_t sourceOffset, uint64_t numBytes) {
  // With more at once the kernel looks for as much memory in one piece, which
  // takes longer than the copy where there is little of that.
  constexpr uint64_t kBufferBytes = 128 << 10;
  std::vector<std::byte> buffer(kBufferBytes);
  uint64_t done = 0;
  while (done < numBytes) {
    // Whole pages of the target; what is not written is read again.
    uint64_t position = offset + done;
    uint64_t wanted =
        std::min(numBytes - done, kBufferBytes - position % kBufferBytes);
    ssize_t count = ::pread(source, buffer.data(), wanted,
                            static_cast<off_t>(sourceOffset + done));
    if (count > 0)
      count = ::pwrite(target, buffer.data(), static_cast<size_t>(count),
                       static_cast<off_t>(position));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      break;
    done += static_cast<uint64_t>(count);
  }
  return done;
}

/// What was copied of the bytes by the kernel's means, from their start on;
/// less than all where it cannot.
static uint64_t copyInKernel(int target, uint64_t offset,
                             const MappedFile &source, uint64_t sourceOffset,
                             uint64_t numBytes) {
  // The mapping keeps no descriptor. An equal identity is the same file, since
  // the mapping keeps its inode in use.
  Result<OpenFile> opened = openRegularFile(source.getAbsolutePath());
  if (!opened || opened->identity != source.getIdentity())
    return 0;
  // Pages that do not lie alike in both files are two copies each for it.
  static const uint64_t page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  if (offset % page != sourceOffset % page)
    return copyThroughBuffer(target, offset, opened->fd.get(), sourceOffset,
                             numBytes);
  uint64_t done = 0;
  while (done < numBytes) {
    auto from = static_cast<off_t>(sourceOffset + done);
    auto to = static_cast<off_t>(offset + done);
    ssize_t copied = ::copy_file_range(opened->fd.get(), &from, target, &to,
                                       numBytes - done, 0);
    if (copied < 0 && errno == EINTR)
      continue;
    if (copied <= 0)
      break;
    done += static_cast<uint64_t>(copied);
  }
  return done;
}

Result<> AtomicFile::copy(uint64_t offset, const MappedFile &source,
                          uint64_t sourceOffset, uint64_t numBytes) {
  assert(sourceOffset <= source.size() &&
         numBytes <= source.size() - sourceOffset && "copies beyond the end");
  assert(state->isInside(offset, numBytes) &&
         "writes beyond the reserved bytes");
  if (Result<> written = state->flush(); !written)
    return written;
  constexpr uint64_t kChunkBytes = 8 << 20; // What is resident at a time.
  uint64_t done =
      copyInKernel(state->fd.get(), offset, source, sourceOffset, numBytes);
  while (done < numBytes) {
    uint64_t chunk = std::min(kChunkBytes, numBytes - done);
    std::span<const std::byte> bytes =
        source.bytes().subspan(sourceOffset + done, chunk);
    if (Result<> written = write(offset + done, bytes); !written)
      return written;
    source.dropPages(sourceOffset + done, chunk);
    done += chunk;
  }
  return {};
}

Result<> AtomicFile::commit(bool waitForDisk) {
  if (Result<> written = state->flush(); !written)
    return written;
  if (!waitForDisk)
    return state->rename();
  if (::fsync(state->fd.get()) != 0)
    return state->fail(errno);
  if (Result<> done = state->rename(); !done)
    return done;
  // The new name survives a power loss too, where the folder may be opened and
  // synchronized.
  UniqueFd folder(
      ::openat(state->folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.isOpen())
    ::fsync(folder.get());
  return {};
}
