//===- Testing.h - What the runtime's tests share ---------------*- C++ -*-===//

#ifndef DYN_UNITTESTS_RUNTIME_TESTING_H
#define DYN_UNITTESTS_RUNTIME_TESTING_H

#include "dyn/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

/// A folder that goes with this object.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "dyn-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string &name) const { return path / name; }

private:
  std::filesystem::path path;
};

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Replaces the file as tools do: one that is mapped stays what it is.
inline void writeFile(const std::string &path, const std::string &contents) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << contents;
}

template <typename T> constexpr DLDataType kType = {};
template <> inline constexpr DLDataType kType<float> = {kDLFloat, 32, 1};
template <> inline constexpr DLDataType kType<double> = {kDLFloat, 64, 1};
template <> inline constexpr DLDataType kType<int64_t> = {kDLInt, 64, 1};
template <> inline constexpr DLDataType kType<uint8_t> = {DYN_DL_BOOL, 8, 1};

/// A tensor with memory of its own.
template <typename T> struct Tensor : DLTensor {
  std::vector<int64_t> sizes;
  std::vector<int64_t> steps;
  std::vector<T> elements;

  explicit Tensor(std::vector<int64_t> shape, std::vector<T> values = {})
      : DLTensor(), sizes(std::move(shape)), elements(std::move(values)) {
    int64_t count = 1;
    for (int64_t size : sizes)
      count *= size;
    elements.resize(count);
    data = elements.data();
    device = {kDLCPU, 0};
    ndim = static_cast<int>(sizes.size());
    dtype = kType<T>;
    DLTensor::shape = sizes.data();
  }
  Tensor(const Tensor &) = delete;
  /// Not what the memory says.
  void setStrides(std::vector<int64_t> newSteps) {
    steps = std::move(newSteps);
    strides = steps.data();
  }
};

/// That `status` is an error of this kind, with this sentence.
#define EXPECT_FAILURE(STATUS, KIND, MESSAGE)                                  \
  EXPECT_EQ(STATUS, KIND);                                                     \
  EXPECT_THAT(std::string(dyn_last_error()), MESSAGE)

#endif // DYN_UNITTESTS_RUNTIME_TESTING_H
