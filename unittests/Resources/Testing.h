//===- Testing.h - Files and blobs for the tests ----------------*- C++ -*-===//

#ifndef DYN_UNITTESTS_RESOURCES_TESTING_H
#define DYN_UNITTESTS_RESOURCES_TESTING_H

#include "Dyn/Resources/Blob.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <vector>

namespace mlir::dyn {

/// `EXPECT_ERROR(result, matcher)`: it failed, with this message.
#define EXPECT_ERROR(result, matcher)                                          \
  do {                                                                         \
    const auto &failed = (result);                                             \
    ASSERT_FALSE(failed) << "expected an error";                               \
    EXPECT_THAT(failed.error().message(), matcher);                            \
  } while (false)

/// `ASSERT_OK(result)`: it did not fail.
#define ASSERT_OK(result) ASSERT_TRUE(result) << (result).error().message()

/// A test with a folder of its own, which is gone afterwards.
class FolderTest : public testing::Test {
protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "dyn-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = std::filesystem::canonical(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string path(std::string_view name) const {
    return (folder / name).string();
  }

  std::string write(std::string_view name, std::string_view contents) const {
    std::ofstream(path(name), std::ios::binary) << contents;
    return path(name);
  }
  std::string read(std::string_view name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Names in the folder, sorted.
  std::vector<std::string> list() const {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  std::filesystem::path folder;
};

inline std::string toString(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> toBytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// The contents of a safetensors file with this index and these data.
inline std::string makeSafetensors(std::string_view index,
                                   std::string_view data) {
  uint64_t length = index.size();
  std::string text(sizeof(length), '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  return (text += index) += data;
}

/// Sanitizers keep memory of their own, and take longer.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// A value of /proc/self/status in KiB, such as "RssFile", "RssAnon", "VmHWM".
inline int64_t readStatus(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name) && line[name.size()] == ':')
      return std::stoll(line.substr(name.size() + 1));
  return -1;
}

} // namespace mlir::dyn

#endif // DYN_UNITTESTS_RESOURCES_TESTING_H
