//===- Model.h - An opened model --------------------------------*- C++ -*-===//

#ifndef DYN_RUNTIME_MODEL_H
#define DYN_RUNTIME_MODEL_H

#include "Artifact.h"
#include "Signature.h"
#include "ThreadPool.h"
#include "Weights.h"

#include <mutex>

namespace mlir::dyn::runtime {

/// Arenas that no run is using, kept for the next runs: pages of fresh memory
/// cost more than a small model's run.
class ArenaCache {
public:
  struct Arena {
    Memory memory;
    size_t bytes = 0;
  };
  /// An arena of at least `bytes`; fails as `allocateMemory` does.
  Arena take(size_t bytes, const std::function<std::string()> &describe);
  void give(Arena arena);

private:
  std::mutex mutex;
  std::vector<Arena> arenas;
};

/// Memref descriptors as compiled code takes them, see artifact.h.
class Descriptors {
public:
  /// Room for `count` descriptors whose ranks sum up to `ranks`.
  Descriptors(size_t count, size_t ranks);
  // A copy's pointers would point into the original.
  Descriptors(const Descriptors &) = delete;
  Descriptors(Descriptors &&) = default;
  void add(const View &view);
  /// As the code left descriptor `index`, which has rank `rank`.
  View get(size_t index, size_t rank, size_t elementSize) const;
  void *getAllocated(size_t index) const;
  const std::vector<void *> &getPointers() const { return pointers; }

private:
  std::vector<int64_t> words;
  size_t used = 0;
  std::vector<void *> pointers;
};

/// What is behind a `dyn_model`. Constant once it is made, but for the arenas.
struct Model {
  Artifact artifact;
  Weights weights;
  Descriptors weightDescriptors;
  std::shared_ptr<ThreadPool> pool;
  ArenaCache arenas;

  Model(const std::string &path, const WeightSource &source,
        std::shared_ptr<ThreadPool> pool);
  const Metadata &getMetadata() const { return artifact.getMetadata(); }

  /// See `dyn_model_run`.
  void run(Arguments inputs, Arguments outputs, DLManagedTensor **results);
};

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_MODEL_H
