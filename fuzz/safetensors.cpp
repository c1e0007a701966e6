//===- safetensors.cpp - Fuzzes the index of safetensors files ------------===//

#include "Require.h"
#include "SafetensorsFormat.h"

#include <cstring>

using namespace mlir::dyn;

/// What callers rely on and nothing else checks: every tensor inside the file,
/// as long as it says, with bytes that are nobody else's.
static void checkIndex(const SafetensorsIndex &index, uint64_t fileBytes) {
  uint64_t end = 0;
  for (const TensorEntry &tensor : index.getTensors()) {
    require(index.find(tensor.name) == &tensor,
            "a tensor is found by its name");
    require(tensor.offset >= end, "tensors do not overlap");
    require(tensor.offset <= fileBytes &&
                tensor.numBytes <= fileBytes - tensor.offset,
            "tensors are inside the file");
    require(tensor.numBytes == computeNumBytes(tensor.type, tensor.shape),
            "sizes agree with shapes");
    end = tensor.offset + tensor.numBytes;
  }
}

/// An index that was accepted can be written, and reads as the same.
static void checkRoundTrip(const SafetensorsIndex &index) {
  std::vector<TensorSpec> specs(index.getTensors().begin(),
                                index.getTensors().end());
  Result<std::vector<TensorEntry>> entries = layOut(specs);
  require(bool(entries), "tensors that were read can be written");
  std::string file = formatIndex(*entries, index.getMetadata());
  for (const TensorSpec &spec : specs)
    file.resize(file.size() + *computeNumBytes(spec.type, spec.shape));
  Result<SafetensorsIndex> again =
      SafetensorsIndex::parse(std::as_bytes(std::span(file)), "written");
  require(bool(again), "what is written can be read");
  checkIndex(*again, file.size());
  require(again->getMetadata() == index.getMetadata(), "metadata are kept");
  require(again->getTensors().size() == specs.size(), "tensors are kept");
  for (const TensorSpec &spec : specs) {
    const TensorEntry *tensor = again->find(spec.name);
    require(tensor && tensor->type == spec.type && tensor->shape == spec.shape,
            "names, types and shapes are kept");
  }
}

static void checkFile(std::string_view file) {
  std::span<const std::byte> bytes = std::as_bytes(std::span(file));
  require(findSafetensorsIndex(bytes) <= file.size(),
          "the index is inside the file");
  Result<SafetensorsIndex> index = SafetensorsIndex::parse(bytes, "file");
  if (!index) {
    const std::string &message = index.error().message();
    require(message.starts_with("file: ") && message.size() < 4096 &&
                message.find('\n') == message.npos,
            "errors are a line that names the file");
    return;
  }
  checkIndex(*index, file.size());
  checkRoundTrip(*index);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string file(reinterpret_cast<const char *>(data), size);
  checkFile(file);
  // Again with the length of the index put right, which mutations rarely do.
  if (size_t end = file.rfind('}');
      size >= sizeof(uint64_t) && end != file.npos && end >= sizeof(uint64_t)) {
    uint64_t indexBytes = end + 1 - sizeof(uint64_t);
    std::memcpy(file.data(), &indexBytes, sizeof(indexBytes));
    checkFile(file);
  }
  return 0;
}
