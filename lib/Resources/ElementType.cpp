//===- ElementType.cpp - Types of numbers and sizes of tensors ------------===//

#include "Dyn/Resources/ElementType.h"

#include <array>

using namespace mlir::dyn;

namespace {
struct ElementTypeInfo {
  std::string_view name;
  std::string_view safetensorsName;
  size_t byteWidth;
};
} // namespace

// In the order of the enumeration. Source of the second column: safetensors
// 0.6, `Dtype`.
static constexpr std::array<ElementTypeInfo, 15> kElementTypes = {{
    {"i1", "BOOL", 1},
    {"i8", "I8", 1},
    {"i16", "I16", 2},
    {"i32", "I32", 4},
    {"i64", "I64", 8},
    {"ui8", "U8", 1},
    {"ui16", "U16", 2},
    {"ui32", "U32", 4},
    {"ui64", "U64", 8},
    {"f8E4M3FN", "F8_E4M3", 1},
    {"f8E5M2", "F8_E5M2", 1},
    {"f16", "F16", 2},
    {"bf16", "BF16", 2},
    {"f32", "F32", 4},
    {"f64", "F64", 8},
}};

static const ElementTypeInfo &getInfo(ElementType type) {
  return kElementTypes[static_cast<size_t>(type)];
}

size_t mlir::dyn::getByteWidth(ElementType type) {
  return getInfo(type).byteWidth;
}

std::string_view mlir::dyn::getName(ElementType type) {
  return getInfo(type).name;
}

std::string_view mlir::dyn::getSafetensorsName(ElementType type) {
  return getInfo(type).safetensorsName;
}

std::optional<ElementType>
mlir::dyn::parseSafetensorsName(std::string_view name) {
  for (size_t i = 0; i < kElementTypes.size(); ++i)
    if (kElementTypes[i].safetensorsName == name)
      return static_cast<ElementType>(i);
  return std::nullopt;
}

std::optional<uint64_t>
mlir::dyn::computeNumBytes(ElementType type, std::span<const int64_t> shape) {
  int64_t product = static_cast<int64_t>(getByteWidth(type));
  bool isEmpty = false;
  for (int64_t size : shape) {
    if (size < 0)
      return std::nullopt;
    if (size == 0)
      isEmpty = true;
    else if (__builtin_mul_overflow(product, size, &product))
      return std::nullopt;
  }
  return isEmpty ? 0 : static_cast<uint64_t>(product);
}

std::string mlir::dyn::formatTensorType(ElementType type,
                                        std::span<const int64_t> shape) {
  std::string text(getName(type));
  text += " [";
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis != 0)
      text += ", ";
    text += std::to_string(shape[axis]);
  }
  return text + "]";
}
