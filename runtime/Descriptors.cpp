//===- Descriptors.cpp - Arguments as compiled code takes them ------------===//

#include "Descriptors.h"

namespace mlir::dyn::runtime {

Descriptors::Descriptors(std::span<const size_t> ranks)
    : ranks(ranks.begin(), ranks.end()) {
  size_t count = 0;
  for (size_t rank : ranks)
    count += Descriptor::countWords(rank);
  words.resize(count);
  pointers.reserve(ranks.size());
  int64_t *next = words.data();
  for (size_t rank : ranks) {
    pointers.push_back(next);
    next += Descriptor::countWords(rank);
  }
}

} // namespace mlir::dyn::runtime
