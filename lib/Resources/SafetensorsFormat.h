//===- SafetensorsFormat.h - What reader and writer share -------*- C++ -*-===//

#ifndef DYN_LIB_RESOURCES_SAFETENSORSFORMAT_H
#define DYN_LIB_RESOURCES_SAFETENSORSFORMAT_H

#include "Dyn/Resources/Safetensors.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

/// The tensors in the order and at the places in which they are written,
/// counted from the end of the index. Errors: a name that is not UTF-8 or
/// reserved, too many dimensions or bytes. Names that occur twice go unnoticed.
Result<std::vector<TensorEntry>> layOut(const std::vector<TensorSpec> &specs);

/// The file up to its data: the length, and the index with blanks behind it, so
/// that data start at a multiple of 64.
std::string formatIndex(const std::vector<TensorEntry> &entries,
                        const SafetensorsMetadata &metadata);

} // namespace mlir::dyn

#endif // DYN_LIB_RESOURCES_SAFETENSORSFORMAT_H
