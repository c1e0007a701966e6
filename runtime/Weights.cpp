//===- Weights.cpp - The weights of a model in memory ---------------------===//

#include "Weights.h"

#include "Dyn/Resources/Safetensors.h"
#include "Failure.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mlir::dyn::runtime {

Weights::Weights(const Artifact &artifact, const WeightSource &source) {
  addresses.reserve(artifact.getMetadata().weights.size());
  if (!source.replacement.empty())
    mapReplacement(artifact, source.replacement);
  else
    map(artifact, source.folder.empty() ? artifact.getFolder() : source.folder);
}

/// The stamp as the compiler wrote it; a digest that is none matches no file.
static Stamp parseStamp(const WeightsFile &file) {
  Stamp stamp = {file.size, 0};
  const char *end = file.stamp.data() + file.stamp.size();
  std::from_chars(file.stamp.data(), end, stamp.digest, 16);
  return stamp;
}

void Weights::map(const Artifact &artifact, const std::string &folder) {
  const Metadata &metadata = artifact.getMetadata();
  for (const WeightsFile &info : metadata.files) {
    std::string path =
        info.path.starts_with('/') ? info.path : folder + "/" + info.path;
    auto file = MappedFile::open(path);
    if (!file)
      fail(DYN_INVALID_WEIGHTS, "weights of ", artifact.getFileName(), ": ",
           file.error().message());
    // Samples that were read alone would keep what is around them from being
    // read as a large page: those 32 MiB are read now, not in the first run.
    (*file)->preferLargePages();
    if (auto same = checkStamp(**file, parseStamp(info)); !same)
      fail(DYN_INVALID_WEIGHTS, "weights of ", artifact.getFileName(), ": ",
           same.error().message(),
           "; compile the model again, or put the old file back");
    files.push_back(std::move(*file));
  }
  for (const Weight &weight : artifact.getMetadata().weights) {
    const MappedFile &file = *files[weight.file];
    if (weight.offset > file.size() ||
        weight.bytes > file.size() - weight.offset)
      fail(DYN_INVALID_WEIGHTS, "weights of ", artifact.getFileName(), ": ",
           file.getPath(), ": weight '", weight.name, "' needs ", weight.bytes,
           " bytes at ", weight.offset, ", the file has ", file.size());
    add(weight, file, weight.offset);
  }
}

void Weights::mapReplacement(const Artifact &artifact,
                             const std::string &path) {
  auto tensors = Safetensors::open(path);
  if (!tensors)
    fail(DYN_INVALID_WEIGHTS, "weights for ", artifact.getFileName(), ": ",
         tensors.error().message());
  files.push_back(tensors->getFile());
  files.back()->preferLargePages();
  for (const Weight &weight : artifact.getMetadata().weights) {
    const TensorEntry *entry = tensors->getIndex()->find(weight.name);
    if (!entry)
      fail(DYN_INVALID_WEIGHTS, "weights for ", artifact.getFileName(), ": ",
           path, " has no tensor '", weight.name, "'");
    if (getName(entry->type) != weight.element->name ||
        !std::ranges::equal(entry->shape, weight.shape))
      fail(DYN_INVALID_WEIGHTS, "weights for ", artifact.getFileName(), ": ",
           path, ": tensor '", weight.name, "' is ",
           formatTensorType(entry->type, entry->shape), ", expected ",
           weight.element->name, " ", formatShape(weight.shape));
    add(weight, *files.front(), entry->offset);
  }
}

void Weights::add(const Weight &weight, const MappedFile &file,
                  uint64_t offset) {
  // Mapped memory starts at a page: the offset decides the alignment. The code
  // only reads.
  char *data = reinterpret_cast<char *>(
      const_cast<std::byte *>(file.bytes().data() + offset));
  if (offset % weight.element->size() != 0) {
    copies.push_back(allocateMemory(
        weight.bytes, [&] { return "weight '" + weight.name + "'"; }));
    std::memcpy(copies.back().get(), data, weight.bytes);
    data = copies.back().get();
  }
  addresses.push_back(data);
}

} // namespace mlir::dyn::runtime
