//===- Artifacts.h - Artifacts for tests ------------------------*- C++ -*-===//

#ifndef DYN_UNITTESTS_RUNTIME_ARTIFACTS_H
#define DYN_UNITTESTS_RUNTIME_ARTIFACTS_H

#include "Testing.h"

/// The artifact that Inputs/NAME.c becomes.
inline std::string getArtifact(const std::string &name) {
  return std::string(DYN_TEST_ARTIFACTS) + "/" + name + ".so";
}

using Replacements = std::vector<std::pair<std::string, std::string>>;

/// Copies an artifact to `path` with texts of its metadata replaced; the room
/// for longer ones is the spaces behind the metadata.
inline void patchArtifact(const std::string &name, const std::string &path,
                          const Replacements &replacements) {
  std::string file = readFile(getArtifact(name));
  for (const auto &[from, to] : replacements) {
    size_t at = file.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    file.replace(at, from.size(), to);
    size_t spaces = file.find(std::string(256, ' '), at);
    if (to.size() > from.size())
      file.erase(spaces, to.size() - from.size());
    else
      file.insert(spaces, from.size() - to.size(), ' ');
  }
  writeFile(path, file);
}

/// An opened model.
class TestModel {
public:
  explicit TestModel(const std::string &path, int threads = 1) {
    dyn_options options = {};
    options.size = sizeof(options);
    options.threads = threads;
    dyn_status status = dyn_model_open(path.c_str(), &options, &model);
    EXPECT_EQ(status, DYN_OK) << dyn_last_error();
  }
  ~TestModel() { dyn_model_close(model); }
  TestModel(const TestModel &) = delete;
  operator dyn_model *() const { return model; }

  dyn_status run(const std::vector<dyn_argument> &inputs,
                 const std::vector<dyn_argument> &outputs,
                 DLManagedTensor **results = nullptr) const {
    return dyn_model_run(model, inputs.data(), inputs.size(), outputs.data(),
                         outputs.size(), results);
  }

private:
  dyn_model *model = nullptr;
};

#endif // DYN_UNITTESTS_RUNTIME_ARTIFACTS_H
