//===- Frame.h - What a run works on ----------------------------*- C++ -*-===//

#ifndef DYN_RUNTIME_FRAME_H
#define DYN_RUNTIME_FRAME_H

#include "Descriptors.h"
#include "RunContext.h"
#include "Signature.h"

namespace mlir::dyn::runtime {

/// A result on its way to the caller, who frees it by `deleter`.
struct Result : DLManagedTensor {
  std::vector<int64_t> sizes;
  Memory memory;
  /// Memory of `dyn_rt_alloc` instead.
  void *block = nullptr;

  Result(const Element &element, const View &view);
  ~Result() {
    if (block)
      RunContext::freeBlock(block);
  }
};

/// An input or output of a run.
struct Binding {
  const TensorInfo &info;
  const bool hasUnknownSize;
  /// How the code sees it: where it reads or writes, and what it left in an
  /// output of an unknown size.
  Descriptor descriptor;

  /// Of an input: an output begins with it.
  bool isAliased = false;

  // Of one run:

  /// Of the tensor as the code sees it, without gaps.
  size_t bytes = 0;
  /// Of an output: the code writes to the caller's buffer.
  bool isInBuffer = false;
  /// A copy of an input that the code cannot take as it is, or an output that
  /// is not in a buffer.
  Memory memory = nullptr;
  std::unique_ptr<Result> result = nullptr;
};

/// A contiguous tensor in memory.
struct Range {
  const char *begin;
  const char *end;
  const TensorInfo *info;
  bool isOutput;

  bool overlaps(const Range &other) const {
    return begin < other.end && other.begin < end;
  }
  bool operator==(const Range &other) const = default;
};

/// All that a run needs memory for. A model keeps them: a run that follows
/// another one allocates nothing, and has only to fill in what may differ.
struct Frame {
  Frame(const Metadata &metadata, const std::vector<char *> &weights);
  /// Gives back what belonged to one run.
  void clear();

  /// Inputs, weights, outputs, arena.
  Descriptors descriptors;
  Descriptor arena;
  std::vector<Binding> inputs, outputs;
  /// What the caller has given for them.
  Tensors inputTensors, outputTensors;
  SymbolValues symbols;
  /// The last run has set symbols and all sizes; one with inputs of the same
  /// sizes finds the same.
  bool hasSizes = false;
  /// Of this run, the same in order, and of the last run in which none
  /// overlapped.
  std::vector<Range> ranges, sorted, apart;
};

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_FRAME_H
