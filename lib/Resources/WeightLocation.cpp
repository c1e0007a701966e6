//===- WeightLocation.cpp - Weights that a model refers to ----------------===//

#include "Dyn/Resources/WeightLocation.h"
#include "Text.h"

#include <filesystem>

using namespace mlir::dyn;
namespace fs = std::filesystem;

std::string mlir::dyn::formatLocation(const WeightLocation &location) {
  if (location.key)
    return makeError(location.file, ": tensor ", quote(*location.key))
        .message();
  return makeError(location.file, ": ", location.length, " bytes from byte ",
                   location.offset, " on")
      .message();
}

//===----------------------------------------------------------------------===//
// Resolution
//===----------------------------------------------------------------------===//

/// Both paths are absolute and free of links and dots.
static bool isInside(const fs::path &path, const fs::path &folder) {
  fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && relative != "." && *relative.begin() != "..";
}

/// `folder` without links and dots; empty is the working directory.
static Result<fs::path> canonicalFolder(const std::string &folder) {
  std::error_code error;
  fs::path path = fs::canonical(folder.empty() ? "." : folder, error);
  if (error)
    return makeError(folder, ": cannot be searched for weights: ",
                     describeErrno(error.value()));
  return path;
}

Result<std::string> mlir::dyn::resolveWeightFile(std::string_view file,
                                                 const WeightFolders &folders) {
  if (file.empty() || file.find('\0') != std::string_view::npos)
    return makeError(quote(file), ": is no name of a weights file");
  fs::path name(file);
  bool hasWeightsDir = !folders.weightsDir.empty();
  if (name.is_absolute() && !hasWeightsDir)
    return makeError(
        file,
        ": an absolute path is not followed; to allow it, pass --weights-dir=",
        name.parent_path().string());
  // In the order in which they are searched.
  std::vector<fs::path> roots;
  for (const std::string *folder : {&folders.weightsDir, &folders.model}) {
    if (folder == &folders.weightsDir && !hasWeightsDir)
      continue;
    Result<fs::path> root = canonicalFolder(*folder);
    if (!root)
      return root.error();
    roots.push_back(*std::move(root));
  }
  std::optional<fs::path> outside;
  for (const fs::path &root : roots) {
    std::error_code error;
    fs::path path =
        fs::canonical(root / name, error); // An absolute name stays as it is.
    if (error == std::errc::no_such_file_or_directory ||
        error == std::errc::not_a_directory)
      continue;
    if (error)
      return makeError(file, ": ", describeErrno(error.value()));
    for (const fs::path &allowed : roots)
      if (isInside(path, allowed))
        return path.string();
    outside = std::move(path);
  }
  const fs::path &modelFolder = roots.back();
  if (outside)
    return makeError(
        file, ": leads to ", outside->string(), ", outside the model's folder ",
        modelFolder.string(),
        "; to allow it, pass --weights-dir=", outside->parent_path().string());
  return makeError(file, ": there is no such file in ",
                   hasWeightsDir ? roots.front().string() + " or "
                                 : std::string(),
                   modelFolder.string());
}

//===----------------------------------------------------------------------===//
// FileCache
//===----------------------------------------------------------------------===//

Result<FileCache::Entry *> FileCache::find(std::string_view file,
                                           const WeightFolders &folders) {
  std::string name;
  for (std::string_view part : {std::string_view(folders.model),
                                std::string_view(folders.weightsDir), file})
    (name += part) += '\0';
  if (auto it = byName.find(name); it != byName.end())
    return it->second;
  Result<std::string> path = resolveWeightFile(file, folders);
  if (!path)
    return path.error();
  Entry &entry = byPath[*path];
  entry.path = *path;
  byName.emplace(std::move(name), &entry);
  return &entry;
}

Result<std::shared_ptr<const MappedFile>> FileCache::map(Entry &entry) {
  if (std::shared_ptr<const MappedFile> file = entry.file.lock())
    return file;
  Result<std::shared_ptr<const MappedFile>> file = MappedFile::open(entry.path);
  if (!file)
    return file;
  if (entry.identity != (*file)->getIdentity())
    entry.index.reset();
  entry.identity = (*file)->getIdentity();
  entry.file = *file;
  return file;
}

Result<std::shared_ptr<const MappedFile>>
FileCache::openFile(std::string_view file, const WeightFolders &folders) {
  std::lock_guard<std::mutex> lock(mutex);
  Result<Entry *> entry = find(file, folders);
  if (!entry)
    return entry.error();
  return map(**entry);
}

Result<Safetensors> FileCache::openSafetensors(std::string_view file,
                                               const WeightFolders &folders) {
  std::lock_guard<std::mutex> lock(mutex);
  Result<Entry *> entry = find(file, folders);
  if (!entry)
    return entry.error();
  Result<std::shared_ptr<const MappedFile>> mapped = map(**entry);
  if (!mapped)
    return mapped.error();
  if (std::shared_ptr<const SafetensorsIndex> &index = (*entry)->index)
    return Safetensors(*std::move(mapped), index);
  Result<Safetensors> opened = Safetensors::open(*std::move(mapped));
  if (opened)
    (*entry)->index = opened->getIndex();
  return opened;
}

void FileCache::clear() {
  std::lock_guard<std::mutex> lock(mutex);
  byName.clear();
  byPath.clear();
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

static Result<Blob> openTensor(FileCache &cache, const WeightFolders &folders,
                               const WeightLocation &location, ElementType type,
                               const std::vector<int64_t> &shape) {
  Result<Safetensors> file = cache.openSafetensors(location.file, folders);
  if (!file)
    return file.error();
  Result<Blob> blob = file->getBlob(*location.key);
  if (blob && (blob->getElementType() != type || blob->getShape() != shape))
    return makeError(file->getFile()->getPath(), ": tensor ",
                     quote(*location.key), " is ",
                     formatTensorType(blob->getElementType(), blob->getShape()),
                     ", expected ", formatTensorType(type, shape));
  return blob;
}

static Result<Blob> openRange(FileCache &cache, const WeightFolders &folders,
                              const WeightLocation &location, ElementType type,
                              std::vector<int64_t> shape) {
  if (location.offset < 0 || location.length < 0)
    return makeError(location.file, ": a weight of ", location.length,
                     " bytes from byte ", location.offset,
                     " on is referred to, expected numbers of at least 0");
  std::optional<uint64_t> numBytes = computeNumBytes(type, shape);
  if (numBytes && *numBytes != static_cast<uint64_t>(location.length))
    return makeError(location.file, ": a weight of ", location.length,
                     " bytes from byte ", location.offset,
                     " on is referred to, but ", formatTensorType(type, shape),
                     " has ", *numBytes);
  Result<std::shared_ptr<const MappedFile>> file =
      cache.openFile(location.file, folders);
  if (!file)
    return file.error();
  return Blob::slice(*std::move(file), static_cast<uint64_t>(location.offset),
                     type, std::move(shape));
}

Result<Blob> mlir::dyn::openWeight(FileCache &cache,
                                   const WeightFolders &folders,
                                   const WeightLocation &location,
                                   ElementType type,
                                   std::vector<int64_t> shape) {
  if (location.key)
    return openTensor(cache, folders, location, type, shape);
  return openRange(cache, folders, location, type, std::move(shape));
}
