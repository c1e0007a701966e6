//===- Artifact.h - A compiled model, loaded --------------------*- C++ -*-===//

#ifndef DYN_RUNTIME_ARTIFACT_H
#define DYN_RUNTIME_ARTIFACT_H

#include "Metadata.h"
#include "dyn/artifact.h"

#include <memory>
#include <string>

namespace mlir::dyn::runtime {

/// The shared library of an artifact. It is unloaded with this object.
class Artifact {
public:
  /// Checks the file and loads it. Fails with a sentence for a file that is
  /// missing, cut short, no artifact, of another ABI or for another CPU.
  explicit Artifact(const std::string &path);

  const Metadata &getMetadata() const { return metadata; }
  const Target &getTarget() const { return metadata.targets[target]; }
  /// The code for this CPU.
  dyn_entry getEntry() const { return table->entries[target]; }
  /// The path's last part, for errors.
  const std::string &getFileName() const { return fileName; }
  /// The folder that the file is in, symbolic links followed.
  const std::string &getFolder() const { return folder; }

private:
  struct Unload {
    void operator()(void *library) const;
  };

  std::string fileName;
  std::string folder;
  std::unique_ptr<void, Unload> library;
  const dyn_artifact *table = nullptr;
  Metadata metadata;
  size_t target = 0;
};

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_ARTIFACT_H
