//===- SafetensorsFormat.h - Constants of the format ------------*- C++ -*-===//

#ifndef DYN_LIB_RESOURCES_SAFETENSORSFORMAT_H
#define DYN_LIB_RESOURCES_SAFETENSORSFORMAT_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mlir::dyn {

/// The file starts with the length of the index, a little-endian integer of so
/// many bytes.
inline constexpr uint64_t kLengthBytes = 8;
/// Limit of the reference implementation, MAX_HEADER_SIZE.
inline constexpr uint64_t kMaxIndexBytes = 100'000'000;
/// The key in the index that is no tensor.
inline constexpr std::string_view kMetadataKey = "__metadata__";
/// As NumPy 2; nobody has more, and work per dimension stays small whatever an
/// index says.
inline constexpr size_t kMaxRank = 64;

} // namespace mlir::dyn

#endif // DYN_LIB_RESOURCES_SAFETENSORSFORMAT_H
