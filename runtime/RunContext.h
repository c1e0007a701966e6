//===- RunContext.h - What compiled code acts on in a run -------*- C++ -*-===//
//
// The state behind the dyn_rt_ functions of artifact.h.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_RUNTIME_RUNCONTEXT_H
#define DYN_RUNTIME_RUNCONTEXT_H

#include "ThreadPool.h"
#include "dyn/artifact.h"

#include <csetjmp>
#include <string>

namespace mlir::dyn::runtime {

/// One run of a model: its first error and the memory that its code has asked
/// for. Compiled code reaches the run through its thread; workers belong to it
/// while they execute a part of its loops.
class RunContext {
public:
  explicit RunContext(ThreadPool &pool) : pool(pool) {}
  /// Frees what the code did not.
  ~RunContext();
  RunContext(const RunContext &) = delete;
  RunContext &operator=(const RunContext &) = delete;

  /// Calls the model on this thread and returns its result; an undefined number
  /// if it left by `dyn_rt_fail`.
  int32_t call(dyn_entry entry, void **descriptors);

  /// What went wrong first.
  struct Error {
    enum class Kind : uint8_t { None, Message, NoMemory } kind = Kind::None;
    int64_t message = 0; // index of the metadata's message, or bytes
    int64_t a = 0;
    int64_t b = 0;
  };
  /// Valid when no thread executes the run's code any more.
  const Error &getError() const { return error; }

  /// Takes memory of `dyn_rt_alloc` over from the run: the caller frees it with
  /// `freeBlock`. False if `memory` is none.
  bool release(void *memory);
  static void freeBlock(void *memory);

  // For the dyn_rt_ functions.
  void *allocate(int64_t bytes, int64_t alignment);
  void free(void *memory);
  void report(const Error &newError);
  /// Ends the calling thread's part in the run.
  [[noreturn]] void leave();
  using Body = void (*)(void *data, int64_t begin, int64_t end);
  void parallelFor(Body body, void *data, int64_t count, int64_t grain);
  /// The run that the calling thread executes code of; null if none.
  static RunContext *getCurrent();

private:
  struct Block;
  struct Loop;
  static void executeRanges(void *loop);

  ThreadPool &pool;
  std::atomic<bool> hasError = false;
  /// A thread has left: the others stop at the end of their range.
  std::atomic<bool> isAbandoned = false;
  Error error;
  std::mutex blocksMutex;
  Block *blocks = nullptr;
};

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_RUNCONTEXT_H
