//===- Model.cpp - An opened model ----------------------------------------===//

#include "Model.h"

#include "Failure.h"

#include <algorithm>

namespace mlir::dyn::runtime {

/// More than this many arenas and frames are given back to the system: enough
/// for a server that runs a model from a few threads.
static constexpr size_t kKept = 4;

ArenaCache::Arena
ArenaCache::take(size_t bytes, const std::function<std::string()> &describe) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    // The smallest that does; if none does, the largest makes way for a new
    // one.
    auto best = arenas.end();
    for (auto it = arenas.begin(); it != arenas.end(); ++it)
      if (it->bytes >= bytes &&
          (best == arenas.end() || it->bytes < best->bytes))
        best = it;
    if (best != arenas.end()) {
      Arena arena = std::move(*best);
      arenas.erase(best);
      return arena;
    }
    if (!arenas.empty())
      arenas.erase(std::ranges::max_element(arenas, {}, &Arena::bytes));
  }
  return {allocateMemory(bytes, describe), bytes};
}

void ArenaCache::give(Arena arena) {
  std::lock_guard<std::mutex> lock(mutex);
  if (arenas.size() < kKept)
    arenas.push_back(std::move(arena));
}

// So that giving one back cannot fail.
FrameCache::FrameCache() { frames.reserve(kKept); }

std::unique_ptr<Frame> FrameCache::take() {
  std::lock_guard<std::mutex> lock(mutex);
  if (frames.empty())
    return nullptr;
  std::unique_ptr<Frame> frame = std::move(frames.back());
  frames.pop_back();
  return frame;
}

void FrameCache::give(std::unique_ptr<Frame> frame) {
  frame->clear();
  std::lock_guard<std::mutex> lock(mutex);
  if (frames.size() < kKept)
    frames.push_back(std::move(frame));
}

Model::Model(const std::string &path, const WeightSource &source,
             std::shared_ptr<ThreadPool> pool)
    : artifact(path), weights(artifact, source), pool(std::move(pool)) {}

} // namespace mlir::dyn::runtime
