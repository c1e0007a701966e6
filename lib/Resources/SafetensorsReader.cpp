//===- SafetensorsReader.cpp - Index of a safetensors file ----------------===//

#include "Dyn/Resources/Safetensors.h"
#include "SafetensorsFormat.h"
#include "Text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <tuple>

using namespace mlir::dyn;

static_assert(std::endian::native == std::endian::little,
              "safetensors and blobs are little-endian");

namespace {

/// What the index says of a tensor, before it is checked. Offsets count from
/// the end of the index.
struct RawTensor {
  std::string name;
  std::optional<ElementType> type;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::vector<int64_t>> offsets;
};

/// Receives the events of the JSON parser. Knows the one form an index has, so
/// that any other, however deep or large, ends at its first token.
class IndexHandler {
public:
  bool start_object(size_t) {
    switch (state) {
    case State::Start:
      state = State::Index;
      return true;
    case State::Index:
      state = isMetadata ? State::Metadata : State::Tensor;
      return true;
    default:
      return failValue();
    }
  }
  bool key(std::string &name) {
    field = std::move(name);
    if (state != State::Index)
      return true;
    isMetadata = field == kMetadataKey;
    if (!isMetadata)
      tensors.emplace_back().name = field;
    else if (std::exchange(hasMetadata, true))
      return fail(quote(field), " stands twice in the index");
    return true;
  }
  bool end_object() {
    if (state == State::Index) {
      state = State::End;
      return true;
    }
    if (state == State::Tensor) {
      const RawTensor &tensor = tensors.back();
      const char *missing = !tensor.type      ? "dtype"
                            : !tensor.shape   ? "shape"
                            : !tensor.offsets ? "data_offsets"
                                              : nullptr;
      if (missing)
        return fail("tensor ", quote(tensor.name), " has no '", missing, "'");
    }
    state = State::Index;
    return true;
  }
  bool start_array(size_t) {
    if (state != State::Tensor || (field != "shape" && field != "data_offsets"))
      return failValue();
    auto &list =
        field == "shape" ? tensors.back().shape : tensors.back().offsets;
    if (list)
      return failTwice();
    list.emplace();
    state = State::List;
    return true;
  }
  bool end_array() {
    state = State::Tensor;
    return true;
  }
  bool string(std::string &value) {
    if (state == State::Metadata)
      return metadata.emplace(field, std::move(value)).second ||
             fail("metadata ", quote(field), " stands twice");
    if (state != State::Tensor || field != "dtype")
      return failValue();
    RawTensor &tensor = tensors.back();
    if (tensor.type)
      return failTwice();
    tensor.type = parseSafetensorsName(value);
    return tensor.type || fail("tensor ", quote(tensor.name),
                               " has unknown element type ", quote(value));
  }
  bool number_unsigned(uint64_t value) {
    if (state != State::List)
      return failValue();
    RawTensor &tensor = tensors.back();
    bool isShape = field == "shape";
    std::vector<int64_t> &list = isShape ? *tensor.shape : *tensor.offsets;
    size_t most = isShape ? kMaxRank : 2;
    if (list.size() == most)
      return fail("tensor ", quote(tensor.name), " has more than ", most,
                  isShape ? " dimensions" : " offsets");
    if (value > INT64_MAX)
      return fail("tensor ", quote(tensor.name), ": ", value, " in '", field,
                  "' does not fit 63 bits");
    list.push_back(static_cast<int64_t>(value));
    return true;
  }
  bool number_integer(int64_t) { return failValue(); } // Those below 0.
  bool number_float(double, const std::string &) { return failValue(); }
  bool boolean(bool) { return failValue(); }
  bool null() { return failValue(); }
  bool binary(nlohmann::json::binary_t &) { return failValue(); }
  bool parse_error(size_t position, const std::string &,
                   const nlohmann::json::exception &) {
    return fail("the index is not JSON, at its byte ",
                position - 1); // It counts from 1.
  }

  std::vector<RawTensor> tensors;
  SafetensorsMetadata metadata;
  std::optional<Error> error;

private:
  enum class State : uint8_t { Start, Index, Tensor, List, Metadata, End };

  template <typename... Parts> bool fail(const Parts &...parts) {
    error = makeError(parts...);
    return false;
  }
  bool failTwice() {
    return fail("tensor ", quote(tensors.back().name), " has '", field,
                "' twice");
  }
  bool failValue() {
    if (state == State::Start)
      return fail("the index is not a JSON object");
    if (state == State::Metadata || isMetadata)
      return fail("metadata is not an object of strings");
    std::string tensor = quote(tensors.back().name);
    if (state == State::Index)
      return fail("tensor ", tensor, " is not described by an object");
    if (field == "dtype")
      return fail("tensor ", tensor, ": 'dtype' is not a string");
    if (field == "shape" || field == "data_offsets")
      return fail("tensor ", tensor, ": '", field,
                  "' is not a list of integers of at least 0");
    return fail("tensor ", tensor, " has an unknown property ", quote(field));
  }

  State state = State::Start;
  bool isMetadata = false;
  bool hasMetadata = false;
  std::string field;
};

} // namespace

/// Checks one tensor by itself. Its data are `dataBytes` bytes from `dataStart`
/// on.
static Result<TensorEntry> checkTensor(RawTensor &raw, uint64_t dataStart,
                                       uint64_t dataBytes) {
  std::string name = quote(raw.name);
  if (raw.offsets->size() != 2)
    return makeError("tensor ", name, " has ", raw.offsets->size(),
                     " offsets, expected 2");
  uint64_t begin = static_cast<uint64_t>((*raw.offsets)[0]);
  uint64_t end = static_cast<uint64_t>((*raw.offsets)[1]);
  if (begin > end)
    return makeError("tensor ", name, " starts at byte ", begin,
                     " of the data and ends before, at ", end);
  if (end > dataBytes) // Neither sum overflows: a file and an offset have at
                       // most 63 bits.
    return makeError("tensor ", name, " ends at byte ", dataStart + end,
                     ", the file at ", dataStart + dataBytes);
  std::optional<uint64_t> numBytes = computeNumBytes(*raw.type, *raw.shape);
  if (!numBytes)
    return makeError("tensor ", name, ", ",
                     formatTensorType(*raw.type, *raw.shape),
                     ", has more bytes than fit 63 bits");
  if (*numBytes != end - begin)
    return makeError("tensor ", name, ", ",
                     formatTensorType(*raw.type, *raw.shape), ", has ",
                     *numBytes, " bytes, its offsets span ", end - begin);
  TensorEntry entry;
  entry.name = std::move(raw.name);
  entry.type = *raw.type;
  entry.shape = std::move(*raw.shape);
  entry.offset = dataStart + begin;
  entry.numBytes = *numBytes;
  return entry;
}

/// Checks that the tensors, sorted by place, fill the data without overlap or
/// gap: nothing hides in such a file.
static Result<> checkPlaces(const std::vector<TensorEntry> &tensors,
                            uint64_t dataStart, uint64_t fileBytes) {
  uint64_t end = dataStart;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].offset < end)
      return makeError("tensors ", quote(tensors[i - 1].name), " and ",
                       quote(tensors[i].name), " overlap: one ends at byte ",
                       end, ", the other starts at ", tensors[i].offset);
    if (tensors[i].offset > end)
      return makeError("tensor ", quote(tensors[i].name), " starts at byte ",
                       tensors[i].offset, ", expected ", end,
                       ", where the data before it end");
    end += tensors[i].numBytes;
  }
  if (end != fileBytes)
    return makeError("the tensors end at byte ", end, ", the file at ",
                     fileBytes);
  return {};
}

/// The text of the index, between its length and the data.
static Result<std::string_view> findIndexText(std::span<const std::byte> file) {
  if (file.size() < kLengthBytes)
    return makeError("is no safetensors file: it has ", file.size(),
                     " bytes, expected at least ", kLengthBytes);
  uint64_t indexBytes;
  std::memcpy(&indexBytes, file.data(), kLengthBytes);
  uint64_t restBytes = file.size() - kLengthBytes;
  if (indexBytes == 0 ||
      (restBytes != 0 && file[kLengthBytes] != std::byte('{')))
    return makeError(
        "is no safetensors file: its index does not begin with '{'");
  if (indexBytes > restBytes)
    return makeError("gives its index ", indexBytes, " bytes, but has only ",
                     restBytes, " after the length");
  if (indexBytes > kMaxIndexBytes)
    return makeError("has an index of ", indexBytes,
                     " bytes, expected at most ", kMaxIndexBytes);
  std::string_view text(
      reinterpret_cast<const char *>(file.data()) + kLengthBytes, indexBytes);
  if (std::optional<size_t> position = findInvalidUtf8(text))
    return makeError("the index is not UTF-8, at its byte ", *position);
  // The parser takes one for the end, whatever comes after it.
  if (size_t position = text.find('\0'); position != text.npos)
    return makeError("the index is not JSON, at its byte ", position);
  return text;
}

/// An error of the functions above, with the file's name.
static Error inFile(std::string_view path, const Error &error) {
  return makeError(path, ": ", error.message());
}

Result<SafetensorsIndex>
SafetensorsIndex::parse(std::span<const std::byte> file,
                        std::string_view path) {
  Result<std::string_view> text = findIndexText(file);
  if (!text)
    return inFile(path, text.error());
  IndexHandler handler;
  if (!nlohmann::json::sax_parse(text->begin(), text->end(), &handler))
    return inFile(path, handler.error.value_or(Error("the index is not JSON")));
  uint64_t dataStart = kLengthBytes + text->size();
  SafetensorsIndex index;
  index.metadata = std::move(handler.metadata);
  index.tensors.reserve(handler.tensors.size());
  for (RawTensor &raw : handler.tensors) {
    Result<TensorEntry> entry =
        checkTensor(raw, dataStart, file.size() - dataStart);
    if (!entry)
      return inFile(path, entry.error());
    index.tensors.push_back(*std::move(entry));
  }
  // Empty tensors come before the one that starts at the same place.
  std::sort(index.tensors.begin(), index.tensors.end(),
            [](const TensorEntry &lhs, const TensorEntry &rhs) {
              return std::tie(lhs.offset, lhs.numBytes, lhs.name) <
                     std::tie(rhs.offset, rhs.numBytes, rhs.name);
            });
  index.byName.reserve(index.tensors.size());
  for (const TensorEntry &tensor : index.tensors)
    if (!index.byName.emplace(tensor.name, &tensor).second)
      return inFile(path, makeError("tensor ", quote(tensor.name),
                                    " stands twice in the index"));
  if (Result<> places = checkPlaces(index.tensors, dataStart, file.size());
      !places)
    return inFile(path, places.error());
  return index;
}

const TensorEntry *SafetensorsIndex::find(std::string_view name) const {
  auto it = byName.find(name);
  return it == byName.end() ? nullptr : it->second;
}

uint64_t mlir::dyn::findSafetensorsIndex(std::span<const std::byte> file) {
  uint64_t indexBytes;
  if (file.size() <= kLengthBytes || file[kLengthBytes] != std::byte('{'))
    return 0;
  std::memcpy(&indexBytes, file.data(), kLengthBytes);
  return indexBytes <= std::min(kMaxIndexBytes, file.size() - kLengthBytes)
             ? kLengthBytes + indexBytes
             : 0;
}

//===----------------------------------------------------------------------===//
// Safetensors
//===----------------------------------------------------------------------===//

Result<Safetensors> Safetensors::open(const std::string &path) {
  Result<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.error();
  return open(*std::move(file));
}

Result<Safetensors> Safetensors::open(std::shared_ptr<const MappedFile> file) {
  SparseReading sparse(*file);
  Result<SafetensorsIndex> index =
      SafetensorsIndex::parse(file->bytes(), file->getPath());
  if (!index)
    return index.error();
  return Safetensors(std::move(file), std::make_shared<const SafetensorsIndex>(
                                          *std::move(index)));
}

Blob Safetensors::getBlob(const TensorEntry &tensor) const {
  // Cannot fail: the index was checked against the file.
  return *Blob::slice(file, tensor.offset, tensor.type, tensor.shape);
}

Result<Blob> Safetensors::getBlob(std::string_view name) const {
  if (const TensorEntry *tensor = index->find(name))
    return getBlob(*tensor);
  return makeError(file->getPath(), ": has no tensor ", quote(name));
}
