//===- Text.cpp - Building error messages from untrusted names ------------===//

#include "Text.h"

#include <cctype>
#include <cstdint>
#include <cstring>
#include <system_error>

using namespace mlir::dyn;

/// Bytes of the well-formed sequence at the start of `text`, 0 if there is
/// none.
static size_t matchUtf8(std::string_view text) {
  auto byteAt = [&](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t(0);
  };
  auto isBetween = [&](size_t i, uint8_t low, uint8_t high) {
    return byteAt(i) >= low && byteAt(i) <= high;
  };
  auto isTail = [&](size_t i) { return isBetween(i, 0x80, 0xBF); };
  uint8_t lead = byteAt(0);
  if (lead < 0x80)
    return text.empty() ? 0 : 1;
  if (lead >= 0xC2 && lead <= 0xDF)
    return isTail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) // Neither an overlong form nor a surrogate.
    return isBetween(1, lead == 0xE0 ? 0xA0 : 0x80,
                     lead == 0xED ? 0x9F : 0xBF) &&
                   isTail(2)
               ? 3
               : 0;
  if (lead >= 0xF0 && lead <= 0xF4) // At most U+10FFFF.
    return isBetween(1, lead == 0xF0 ? 0x90 : 0x80,
                     lead == 0xF4 ? 0x8F : 0xBF) &&
                   isTail(2) && isTail(3)
               ? 4
               : 0;
  return 0;
}

std::optional<size_t> mlir::dyn::findInvalidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    // Indices are ASCII almost everywhere and up to 100 MB long.
    uint64_t word;
    while (i + sizeof(word) <= text.size() &&
           (std::memcpy(&word, text.data() + i, sizeof(word)),
            (word & 0x8080808080808080) == 0))
      i += sizeof(word);
    if (i == text.size())
      break;
    size_t length = matchUtf8(text.substr(i));
    if (length == 0)
      return i;
    i += length;
  }
  return std::nullopt;
}

std::string mlir::dyn::quote(std::string_view name) {
  constexpr size_t kEnds = 50;
  std::string text = "'";
  for (size_t i = 0; i < name.size();) {
    if (name.size() > 2 * kEnds && i >= kEnds && i < name.size() - kEnds) {
      text += "...";
      i = name.size() - kEnds;
      continue;
    }
    size_t length = matchUtf8(name.substr(i));
    if (length == 0 || std::iscntrl(static_cast<unsigned char>(name[i])))
      text += '?';
    else
      text += name.substr(i, length);
    i += length == 0 ? 1 : length;
  }
  return text + "'";
}

std::string mlir::dyn::describeErrno(int code) {
  std::string text = std::generic_category().message(code);
  if (!text.empty())
    text[0] =
        static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}
