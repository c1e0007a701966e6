//===- weights.cpp - Lists and converts weights with Dyn::Resources -------===//
//
//   dyn-weights list FILE
//   dyn-weights to-bf16 FILE TENSOR OUTPUT
//
// The second copies a safetensors file with one of its f32 tensors converted.
// OUTPUT may be FILE. However large the file is, no more than that one tensor
// is in the program's own memory.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Resources/Safetensors.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <iostream>

using namespace mlir::dyn;

static Result<> list(const std::string &path) {
  Result<Safetensors> file = Safetensors::open(path);
  if (!file)
    return file.error();
  for (const TensorEntry &tensor : file->getIndex()->getTensors())
    std::cout << tensor.name << ": "
              << formatTensorType(tensor.type, tensor.shape) << ", "
              << tensor.numBytes << " bytes from byte " << tensor.offset
              << " on\n";
  return {};
}

/// Rounds to the nearest, ties to even.
static uint16_t toBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value))
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static Result<Blob> convertToBf16(const Blob &source) {
  Result<Blob> target = Blob::allocate(ElementType::BF16, source.getShape());
  if (!target)
    return target;
  // The target has no other owner: it is written in place.
  Result<std::span<std::byte>> bytes = target->mutableBytes();
  if (!bytes)
    return bytes.error();
  for (size_t i = 0; i < bytes->size() / sizeof(uint16_t); ++i) {
    float value; // Copied, since a file promises no alignment.
    std::memcpy(&value, source.bytes().data() + i * sizeof(float),
                sizeof(float));
    uint16_t rounded = toBf16(value);
    std::memcpy(bytes->data() + i * sizeof(uint16_t), &rounded,
                sizeof(uint16_t));
  }
  return target;
}

static Result<> copyConverted(const std::string &path, const std::string &name,
                              const std::string &outputPath) {
  Result<Safetensors> file = Safetensors::open(path);
  if (!file)
    return file.error();
  Result<Blob> source = file->getBlob(name);
  if (!source)
    return source.error();
  if (source->getElementType() != ElementType::F32)
    return Error(path + ": tensor '" + name + "' is " +
                 std::string(getName(source->getElementType())) +
                 ", expected f32");
  const SafetensorsIndex &index = *file->getIndex();
  std::vector<TensorSpec> specs(index.getTensors().begin(),
                                index.getTensors().end());
  for (TensorSpec &spec : specs)
    if (spec.name == name)
      spec.type = ElementType::BF16;
  Result<SafetensorsWriter> writer =
      SafetensorsWriter::create(outputPath, specs, index.getMetadata());
  if (!writer)
    return writer.error();
  for (const TensorEntry &tensor : index.getTensors()) {
    Result<Blob> blob = tensor.name == name ? convertToBf16(*source)
                                            : Result(file->getBlob(tensor));
    if (!blob)
      return blob.error();
    if (Result<> written = writer->write(tensor.name, *blob); !written)
      return written;
  }
  return writer->commit();
}

int main(int argc, char **argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  Result<> done;
  if (arguments.size() == 2 && arguments[0] == "list") {
    done = list(arguments[1]);
  } else if (arguments.size() == 4 && arguments[0] == "to-bf16") {
    done = copyConverted(arguments[1], arguments[2], arguments[3]);
  } else {
    std::cerr << "usage: dyn-weights list FILE\n"
                 "       dyn-weights to-bf16 FILE TENSOR OUTPUT\n";
    return 2;
  }
  if (done)
    return 0;
  std::cerr << "dyn-weights: " << done.error().message() << '\n';
  return 1;
}
