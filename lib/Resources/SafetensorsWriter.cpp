//===- SafetensorsWriter.cpp - Writing safetensors tensor by tensor -------===//

#include "Dyn/Resources/Safetensors.h"
#include "SafetensorsFormat.h"
#include "Text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

using namespace mlir::dyn;

/// Where tensors may start: cache lines, and the widest vector loads.
static constexpr uint64_t kAlignment = 64;

/// The largest power of two, at most kAlignment, that divides `numBytes`.
static uint64_t getPlaceAlignment(uint64_t numBytes) {
  return numBytes == 0 ? kAlignment
                       : std::min(kAlignment, numBytes & -numBytes);
}

static Result<TensorEntry> checkSpec(const TensorSpec &spec) {
  if (findInvalidUtf8(spec.name))
    return makeError("the name ", quote(spec.name), " is not UTF-8");
  if (spec.name == kMetadataKey)
    return makeError("no tensor can be called ", quote(spec.name));
  if (spec.shape.size() > kMaxRank)
    return makeError("tensor ", quote(spec.name), " has ", spec.shape.size(),
                     " dimensions, expected at most ", kMaxRank);
  std::optional<uint64_t> numBytes = computeNumBytes(spec.type, spec.shape);
  if (!numBytes)
    return makeError("tensor ", quote(spec.name), ", ",
                     formatTensorType(spec.type, spec.shape),
                     ", has a negative size or more bytes than fit 63 bits");
  TensorEntry entry;
  static_cast<TensorSpec &>(entry) = spec;
  entry.numBytes = *numBytes;
  return entry;
}

// After tensors whose sizes are multiples of `n` the next starts at a multiple
// of `n`; so falling `n` aligns each as far as its own size goes.
Result<std::vector<TensorEntry>>
mlir::dyn::layOut(const std::vector<TensorSpec> &specs) {
  std::vector<TensorEntry> declared;
  declared.reserve(specs.size());
  for (const TensorSpec &spec : specs) {
    Result<TensorEntry> entry = checkSpec(spec);
    if (!entry)
      return entry.error();
    declared.push_back(*std::move(entry));
  }
  std::vector<TensorEntry> placed;
  placed.reserve(specs.size());
  uint64_t offset = 0;
  for (uint64_t alignment = kAlignment; alignment != 0; alignment /= 2) {
    for (TensorEntry &entry : declared) {
      if (getPlaceAlignment(entry.numBytes) != alignment)
        continue;
      entry.offset = offset;
      offset += entry.numBytes;
      if (offset > INT64_MAX)
        return Error("the tensors together have more bytes than fit 63 bits");
      placed.push_back(std::move(entry));
    }
  }
  return placed;
}

/// `text`, which is UTF-8, as a JSON string.
static std::string toJson(std::string_view text) {
  return nlohmann::json(text).dump();
}

std::string mlir::dyn::formatIndex(const std::vector<TensorEntry> &entries,
                                   const SafetensorsMetadata &metadata) {
  std::string text(kLengthBytes, '\0');
  text += '{';
  std::string_view separator;
  if (!metadata.empty()) {
    ((text += '"') += kMetadataKey) += "\":{";
    for (const auto &[key, value] : metadata) {
      (((text += separator) += toJson(key)) += ':') += toJson(value);
      separator = ",";
    }
    text += '}';
  }
  for (const TensorEntry &entry : entries) {
    ((text += separator) += toJson(entry.name)) += ":{\"dtype\":\"";
    (text += getSafetensorsName(entry.type)) += "\",\"shape\":[";
    for (size_t axis = 0; axis < entry.shape.size(); ++axis)
      (text += axis ? "," : "") += std::to_string(entry.shape[axis]);
    ((text += "],\"data_offsets\":[") += std::to_string(entry.offset)) += ',';
    (text += std::to_string(entry.offset + entry.numBytes)) += "]}";
    separator = ",";
  }
  text += '}';
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  uint64_t indexBytes = text.size() - kLengthBytes;
  std::memcpy(text.data(), &indexBytes, kLengthBytes);
  return text;
}

Result<SafetensorsWriter>
SafetensorsWriter::create(const std::string &path,
                          const std::vector<TensorSpec> &specs,
                          const SafetensorsMetadata &metadata) {
  Result<std::vector<TensorEntry>> entries = layOut(specs);
  if (!entries)
    return makeError(path, ": cannot be written: ", entries.error().message());
  for (const auto &[key, value] : metadata)
    if (findInvalidUtf8(key) || findInvalidUtf8(value))
      return makeError(path, ": cannot be written: metadata ", quote(key),
                       " is not UTF-8");
  std::string index = formatIndex(*entries, metadata);
  if (index.size() - kLengthBytes > kMaxIndexBytes)
    return makeError(path, ": cannot be written: its index takes ",
                     index.size() - kLengthBytes, " bytes, the format allows ",
                     kMaxIndexBytes);
  uint64_t fileBytes = index.size();
  std::map<std::string, Progress, std::less<>> tensors;
  for (TensorEntry &entry : *entries) {
    entry.offset += index.size();
    fileBytes += entry.numBytes;
    std::string name = entry.name;
    if (!tensors.emplace(name, Progress{std::move(entry), 0}).second)
      return makeError(path, ": cannot be written: tensor ", quote(name),
                       " is given twice");
  }
  Result<AtomicFile> file = AtomicFile::create(path, fileBytes);
  if (!file)
    return file.error();
  if (Result<> written = file->write(0, std::as_bytes(std::span(index)));
      !written)
    return written.error();
  return SafetensorsWriter(*std::move(file), std::move(tensors));
}

Result<SafetensorsWriter::Progress *>
SafetensorsWriter::find(std::string_view name) {
  auto it = tensors.find(name);
  if (it == tensors.end())
    return makeError(file.getPath(), ": tensor ", quote(name),
                     " was not declared");
  return &it->second;
}

Result<> SafetensorsWriter::write(std::string_view name,
                                  std::span<const std::byte> bytes) {
  Result<Progress *> found = find(name);
  if (!found)
    return found.error();
  Progress &tensor = **found;
  if (bytes.size() > tensor.entry.numBytes - tensor.written)
    return makeError(file.getPath(), ": tensor ", quote(name), " has ",
                     tensor.entry.numBytes, " bytes, got ",
                     tensor.written + bytes.size());
  Result<> written = file.write(tensor.entry.offset + tensor.written, bytes);
  if (written)
    tensor.written += bytes.size();
  return written;
}

Result<> SafetensorsWriter::write(std::string_view name, const Blob &blob) {
  Result<Progress *> found = find(name);
  if (!found)
    return found.error();
  const TensorEntry &entry = (*found)->entry;
  if (blob.getElementType() != entry.type || blob.getShape() != entry.shape)
    return makeError(file.getPath(), ": tensor ", quote(name), " is ",
                     formatTensorType(entry.type, entry.shape), ", got ",
                     formatTensorType(blob.getElementType(), blob.getShape()));
  if (blob.isAbsent())
    return makeError(file.getPath(), ": the data of tensor ", quote(name),
                     " are absent");
  Result<> written = write(name, blob.bytes());
  blob.dropPages();
  return written;
}

Result<> SafetensorsWriter::commit() {
  for (const auto &[name, tensor] : tensors)
    if (tensor.written != tensor.entry.numBytes)
      return makeError(file.getPath(), ": tensor ", quote(name), " has ",
                       tensor.entry.numBytes, " bytes, only ", tensor.written,
                       " were written");
  return file.commit();
}
