//===- Model.cpp - An opened model ----------------------------------------===//

#include "Model.h"

#include "Failure.h"

#include <algorithm>
#include <bit>

namespace mlir::dyn::runtime {

/// More than this many arenas are given back to the system: enough for a server
/// that runs a model from a few threads.
static constexpr size_t kKeptArenas = 4;

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
  if (arenas.size() < kKeptArenas)
    arenas.push_back(std::move(arena));
}

/// Words of a descriptor before its sizes: allocated, aligned, offset.
static constexpr size_t kHeaderWords = 3;

Descriptors::Descriptors(size_t count, size_t ranks) {
  // `pointers` point into `words`, which does not grow later.
  words.resize(count * kHeaderWords + 2 * ranks);
  pointers.reserve(count);
}

void Descriptors::add(const View &view) {
  int64_t *word = words.data() + used;
  pointers.push_back(word);
  word[0] = word[1] = std::bit_cast<int64_t>(view.data);
  word += kHeaderWords;
  size_t rank = view.sizes.size();
  for (size_t d = 0; d < rank; ++d) {
    word[d] = view.sizes[d];
    word[rank + d] = view.strides[d];
  }
  used += kHeaderWords + 2 * rank;
}

void *Descriptors::getAllocated(size_t index) const {
  return std::bit_cast<void *>(*static_cast<int64_t *>(pointers[index]));
}

View Descriptors::get(size_t index, size_t rank, size_t elementSize) const {
  const auto *word = static_cast<const int64_t *>(pointers[index]);
  View view;
  view.data = std::bit_cast<char *>(word[1]) +
              word[2] * static_cast<int64_t>(elementSize);
  word += kHeaderWords;
  view.sizes = Sizes(word, word + rank);
  view.strides = Sizes(word + rank, word + 2 * rank);
  return view;
}

static Descriptors describeWeights(const std::vector<View> &weights) {
  size_t ranks = 0;
  for (const View &weight : weights)
    ranks += weight.sizes.size();
  Descriptors descriptors(weights.size(), ranks);
  for (const View &weight : weights)
    descriptors.add(weight);
  return descriptors;
}

Model::Model(const std::string &path, const WeightSource &source,
             std::shared_ptr<ThreadPool> pool)
    : artifact(path), weights(artifact, source),
      weightDescriptors(describeWeights(weights.getViews())),
      pool(std::move(pool)) {}

} // namespace mlir::dyn::runtime
