//===- Artifact.cpp - A compiled model, loaded ----------------------------===//

#include "Artifact.h"

#include "Cpu.h"
#include "Failure.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mlir::dyn::runtime {

namespace {
/// An open file.
class File {
public:
  explicit File(const std::string &path)
      : descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
      fail(DYN_INVALID_ARTIFACT, "cannot open artifact '", path,
           "': ", std::strerror(errno));
    if (!S_ISREG(status.st_mode))
      fail(DYN_INVALID_ARTIFACT, "artifact '", path, "' is not a regular file");
  }
  ~File() { close(descriptor); }
  File(const File &) = delete;

  const struct stat &getStatus() const { return status; }
  bool read(void *to, size_t size, uint64_t offset) const {
    return pread(descriptor, to, size, static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(size);
  }

private:
  int descriptor;
  struct stat status = {};
};
} // namespace

/// Looks for what the dynamic loader would trip over or say less clearly: it
/// crashes on a file that is cut short.
static void checkElf(const File &file, const std::string &fileName) {
  Elf64_Ehdr header;
  if (!file.read(&header, sizeof(header), 0) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN)
    fail(
        DYN_INVALID_ARTIFACT, fileName,
        " is not an artifact: expects a shared library that dyn-compile wrote");
  if (header.e_machine != getElfMachine())
    fail(DYN_INVALID_ARTIFACT, fileName, " is compiled for ",
         getArchitectureName(header.e_machine), ", this machine is ",
         getArchitecture(),
         ": compile with --target=native on this machine or name its CPU");
  auto fileSize = static_cast<uint64_t>(file.getStatus().st_size);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    uint64_t end = 0;
    if (!file.read(&segment, sizeof(segment),
                   header.e_phoff + uint64_t(i) * sizeof(segment)) ||
        __builtin_add_overflow(segment.p_offset, segment.p_filesz, &end) ||
        end > fileSize)
      fail(DYN_INVALID_ARTIFACT, fileName, " is cut short: it has ", fileSize,
           " bytes, its contents need ", std::max<uint64_t>(end, fileSize + 1),
           " or more");
  }
}

/// A path of the same file that says which file it is. The loader tells
/// libraries by the path they were opened with: after a recompilation it would
/// hand out the old code for as long as that is in use.
static std::string spellOut(const std::string &path, const struct stat &file) {
  size_t slash = path.rfind('/');
  std::string spelled = path.substr(0, slash);
  for (uint64_t bits = file.st_ino; bits; bits >>= 1)
    spelled += bits & 1 ? "/." : "/";
  return spelled + path.substr(slash);
}

static void *load(const std::string &path, const File &file,
                  const std::string &fileName) {
  std::string toOpen = path;
  if (void *loaded = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD)) {
    dlclose(loaded);
    toOpen = spellOut(path, file.getStatus());
  }
  if (void *library = dlopen(toOpen.c_str(), RTLD_NOW | RTLD_LOCAL))
    return library;
  std::string reason = dlerror();
  if (reason.find("undefined symbol: dyn_rt_") != std::string::npos)
    fail(DYN_INVALID_ARTIFACT, fileName, " needs a newer runtime than ",
         dyn_version(), " (", reason, ")");
  fail(DYN_INVALID_ARTIFACT, fileName, " cannot be loaded: ", reason);
}

void Artifact::Unload::operator()(void *library) const { dlclose(library); }

Artifact::Artifact(const std::string &path) {
  File file(path);
  // The loader searches a path without a slash elsewhere.
  std::unique_ptr<char, decltype(&std::free)> real(
      realpath(path.c_str(), nullptr), std::free);
  std::string realPath = real ? real.get() : path;
  folder = realPath.substr(0, realPath.rfind('/'));
  fileName = path.substr(path.rfind('/') + 1);

  checkElf(file, fileName);
  library.reset(load(realPath, file, fileName));
  table =
      static_cast<const dyn_artifact *>(dlsym(library.get(), "dyn_artifact"));
  if (!table || table->magic != DYN_ARTIFACT_MAGIC)
    fail(DYN_INVALID_ARTIFACT, fileName,
         " is not an artifact: it is a shared library that dyn-compile did "
         "not write");
  if (table->abi_version != DYN_ARTIFACT_ABI_VERSION)
    fail(DYN_INVALID_ARTIFACT, fileName, " has ABI version ",
         table->abi_version, ", this runtime (", dyn_version(), ") has ",
         DYN_ARTIFACT_ABI_VERSION, ": ",
         table->abi_version > DYN_ARTIFACT_ABI_VERSION
             ? "use a newer runtime"
             : "compile the model again");
  metadata = parseMetadata({table->metadata, table->metadata_size}, fileName);
  if (metadata.targets.size() != table->entry_count)
    fail(DYN_INVALID_ARTIFACT, fileName, " is damaged: it has ",
         metadata.targets.size(), " targets, but ", table->entry_count,
         " entries");
  target = selectTarget(metadata, fileName);
}

} // namespace mlir::dyn::runtime
