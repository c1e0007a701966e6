//===- Model.h - An opened model --------------------------------*- C++ -*-===//

#ifndef DYN_RUNTIME_MODEL_H
#define DYN_RUNTIME_MODEL_H

#include "Artifact.h"
#include "Frame.h"
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

/// Frames that no run is using, kept for the next runs.
class FrameCache {
public:
  FrameCache();
  /// Null if there is none.
  std::unique_ptr<Frame> take();
  void give(std::unique_ptr<Frame> frame);

private:
  std::mutex mutex;
  std::vector<std::unique_ptr<Frame>> frames;
};

/// What is behind a `dyn_model`. Constant once it is made, but for what
/// runs give back.
struct Model {
  Artifact artifact;
  Weights weights;
  std::shared_ptr<ThreadPool> pool;
  ArenaCache arenas;
  FrameCache frames;

  Model(const std::string &path, const WeightSource &source,
        std::shared_ptr<ThreadPool> pool);
  const Metadata &getMetadata() const { return artifact.getMetadata(); }

  /// See `dyn_model_run`.
  void run(Arguments inputs, Arguments outputs, DLManagedTensor **results);
};

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_MODEL_H
