//===- ElementType.h - Types of numbers and sizes of tensors ----*- C++ -*-===//

#ifndef DYN_RESOURCES_ELEMENTTYPE_H
#define DYN_RESOURCES_ELEMENTTYPE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mlir::dyn {

/// What one element of a tensor is. Elements are little-endian, packed, and of
/// whole bytes: an `I1` is a byte, 0 or 1. U16, U32, U64 and the 8-bit floats
/// occur in weight files and are carried; the dyn dialect has no such tensors.
enum class ElementType : uint8_t {
  I1,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64,
  F8E4M3,
  F8E5M2,
  F16,
  BF16,
  F32,
  F64
};

/// Bytes of one element: 1, 2, 4 or 8.
size_t getByteWidth(ElementType type);
/// The name in MLIR: "i1", "i64", "ui8", "f8E4M3FN", "bf16".
std::string_view getName(ElementType type);
/// The name in a safetensors index: "BOOL", "I64", "U8", "F8_E4M3", "BF16".
std::string_view getSafetensorsName(ElementType type);
std::optional<ElementType> parseSafetensorsName(std::string_view name);

/// Bytes of a tensor. Nothing if a size is negative, or if the product of the
/// sizes other than 0 and of the element's bytes does not fit int64_t: strides
/// of a tensor that passes can be computed without overflow, even of an empty
/// one.
std::optional<uint64_t> computeNumBytes(ElementType type,
                                        std::span<const int64_t> shape);

/// As error messages show it: "f32 [2, 768]", "i64 []".
std::string formatTensorType(ElementType type, std::span<const int64_t> shape);

} // namespace mlir::dyn

#endif // DYN_RESOURCES_ELEMENTTYPE_H
