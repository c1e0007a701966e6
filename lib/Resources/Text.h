//===- Text.h - Building error messages from untrusted names ----*- C++ -*-===//

#ifndef DYN_LIB_RESOURCES_TEXT_H
#define DYN_LIB_RESOURCES_TEXT_H

#include "Dyn/Resources/Result.h"

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mlir::dyn {

inline void append(std::string &text, std::string_view part) { text += part; }
inline void append(std::string &text, std::integral auto number) {
  text += std::to_string(number);
}

/// The parts, strings and integers, as one error message.
template <typename... Parts> Error makeError(const Parts &...parts) {
  std::string text;
  (append(text, parts), ...);
  return Error(std::move(text));
}

/// `name` in single quotes as one printable line: control characters and bytes
/// that are not UTF-8 become "?", and the middle of a name that is longer than
/// a line is left out.
std::string quote(std::string_view name);

/// What the system says of an `errno`, in lower case: "no space left on
/// device".
std::string describeErrno(int code);

/// The position of the first byte that is not part of well-formed UTF-8
/// (Unicode 15, table 3-7).
std::optional<size_t> findInvalidUtf8(std::string_view text);

} // namespace mlir::dyn

#endif // DYN_LIB_RESOURCES_TEXT_H
