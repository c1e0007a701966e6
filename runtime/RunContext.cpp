//===- RunContext.cpp - What compiled code acts on in a run ---------------===//
//
// Leaving a run from the middle of compiled code is a longjmp: the code has no
// unwind tables, and no frame that it crosses here has a destructor to run.
//
//===----------------------------------------------------------------------===//

#include "RunContext.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace mlir::dyn::runtime {

namespace {
/// What a thread does for a run.
struct ThreadState {
  RunContext *run = nullptr;
  /// Where `leave` goes.
  jmp_buf *landing = nullptr;
  bool isInParallel = false;
};
} // namespace

static thread_local ThreadState threadState;

RunContext *RunContext::getCurrent() { return threadState.run; }

/// The header of an allocation. It sits right before the memory handed out.
struct RunContext::Block {
  Block *previous;
  Block *next;
  void *allocation; // for std::free
};

RunContext::~RunContext() {
  while (blocks) {
    Block *next = blocks->next;
    std::free(blocks->allocation);
    blocks = next;
  }
}

void *RunContext::allocate(int64_t bytes, int64_t alignment) {
  alignment = std::max<int64_t>(alignment, alignof(Block));
  size_t total = 0;
  char *allocation = nullptr;
  if (bytes >= 0 && !__builtin_add_overflow(
                        bytes, alignment + int64_t(sizeof(Block)), &total))
    allocation = static_cast<char *>(std::malloc(total));
  if (!allocation) {
    report({Error::Kind::NoMemory, bytes, 0, 0});
    leave();
  }
  auto start = reinterpret_cast<uintptr_t>(allocation) + sizeof(Block);
  uintptr_t padding = -start & (static_cast<uintptr_t>(alignment) - 1);
  char *memory = allocation + sizeof(Block) + padding;
  Block *block = reinterpret_cast<Block *>(memory) - 1;
  blocksMutex.lock();
  *block = {nullptr, blocks, allocation};
  if (blocks)
    blocks->previous = block;
  blocks = block;
  blocksMutex.unlock();
  return memory;
}

bool RunContext::release(void *memory) {
  std::lock_guard<std::mutex> lock(blocksMutex);
  for (Block *block = blocks; block; block = block->next) {
    if (block + 1 != memory)
      continue;
    (block->previous ? block->previous->next : blocks) = block->next;
    if (block->next)
      block->next->previous = block->previous;
    return true;
  }
  return false;
}

void RunContext::freeBlock(void *memory) {
  std::free((static_cast<Block *>(memory) - 1)->allocation);
}

void RunContext::free(void *memory) {
  if (!memory)
    return;
  Block *block = static_cast<Block *>(memory) - 1;
  blocksMutex.lock();
  (block->previous ? block->previous->next : blocks) = block->next;
  if (block->next)
    block->next->previous = block->previous;
  blocksMutex.unlock();
  std::free(block->allocation);
}

void RunContext::report(const Error &newError) {
  if (!hasError.exchange(true))
    error = newError;
}

void RunContext::leave() {
  isAbandoned = true;
  _longjmp(*threadState.landing, 1);
}

int32_t RunContext::call(dyn_entry entry, void **descriptors) {
  // A caller's callback may run a model inside of another one's run.
  const ThreadState outer = threadState;
  jmp_buf landing;
  threadState = {this, &landing, false};
  volatile int32_t result = 0;
  if (_setjmp(landing) == 0)
    result = entry(descriptors);
  threadState = outer;
  return result;
}

// How the calling thread rounds, and what it does with denormals. A caller may
// have changed that; workers must do as it does, or the same row would have
// other bits on another thread.
#if defined(__x86_64__)
static uint64_t getFloatMode() { return __builtin_ia32_stmxcsr(); }
static void setFloatMode(uint64_t mode) {
  __builtin_ia32_ldmxcsr(static_cast<unsigned>(mode));
}
#elif defined(__aarch64__)
static uint64_t getFloatMode() {
  uint64_t mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
static void setFloatMode(uint64_t mode) {
  asm volatile("msr fpcr, %0" : : "r"(mode));
}
#endif

/// A parallel loop, cut into ranges. Each thread has a section of neighbouring
/// ones, which it takes one after the other, so that what it asked for ahead of
/// a range's end is what it reads next; then it helps the others with theirs.
struct RunContext::Loop {
  /// More threads than that share sections.
  static constexpr int64_t kMostSections = 16;

  RunContext *run;
  Body body;
  void *data;
  int64_t count;
  int64_t rangeSize;
  uint64_t floatMode;
  int64_t sectionCount;
  std::atomic<int64_t> workers = 0;
  /// Ranges taken of each section.
  std::atomic<int64_t> taken[kMostSections] = {};

  void executeSection(int64_t section);
};

void RunContext::Loop::executeSection(int64_t section) {
  int64_t rangeCount = (count - 1) / rangeSize + 1;
  int64_t first = section * rangeCount / sectionCount;
  int64_t last = (section + 1) * rangeCount / sectionCount;
  while (!run->isAbandoned) {
    int64_t range = first + taken[section]++;
    if (range >= last)
      break;
    int64_t begin = range * rangeSize;
    body(data, begin, begin + std::min(rangeSize, count - begin));
  }
}

/// One thread's part of a loop.
void RunContext::executeRanges(void *opaque) {
  Loop &loop = *static_cast<Loop *>(opaque);
  const ThreadState outer = threadState;
  const uint64_t outerFloatMode = getFloatMode();
  jmp_buf landing;
  threadState = {loop.run, &landing, true};
  setFloatMode(loop.floatMode);
  if (_setjmp(landing) == 0) {
    // The caller has the same section in every run, and so what of it is left
    // in the caches of its core.
    int64_t own = outer.run == loop.run ? 0 : ++loop.workers;
    for (int64_t i = 0; i < loop.sectionCount; ++i)
      loop.executeSection((own + i) % loop.sectionCount);
  }
  setFloatMode(outerFloatMode);
  threadState = outer;
}

void RunContext::parallelFor(Body body, void *data, int64_t count,
                             int64_t grain) {
  if (pool.size() == 1 || threadState.isInParallel)
    return body(data, 0, count);
  // Four ranges a thread: few enough to keep them long, enough for the others
  // to take over from a thread whose core is busy with something else.
  int64_t wanted = int64_t(pool.size()) * 4;
  int64_t grains = (count - 1) / grain + 1;
  int64_t rangeSize = ((grains - 1) / wanted + 1) * grain;
  if (rangeSize < count) {
    int64_t sections = std::min<int64_t>(pool.size(), Loop::kMostSections);
    Loop loop = {this, body, data, count, rangeSize, getFloatMode(), sections};
    if (pool.tryRun(executeRanges, &loop)) {
      if (isAbandoned)
        leave();
      return;
    }
  }
  body(data, 0, count);
}

} // namespace mlir::dyn::runtime

//===----------------------------------------------------------------------===//
// artifact.h
//===----------------------------------------------------------------------===//

using mlir::dyn::runtime::RunContext;

/// The calling thread's run. Compiled code that is executed outside of one is a
/// mistake of who does so.
static RunContext &getRun(const char *function) {
  if (RunContext *run = RunContext::getCurrent())
    return *run;
  fprintf(stderr, "%s is called outside of dyn_model_run\n", function);
  abort();
}

extern "C" void *dyn_rt_alloc(int64_t bytes, int64_t align) {
  return getRun(__func__).allocate(bytes, align);
}

extern "C" void dyn_rt_free(void *memory) { getRun(__func__).free(memory); }

extern "C" void dyn_rt_report(int64_t message, int64_t a, int64_t b) {
  getRun(__func__).report({RunContext::Error::Kind::Message, message, a, b});
}

extern "C" void dyn_rt_fail(int64_t message, int64_t a, int64_t b) {
  RunContext &run = getRun(__func__);
  run.report({RunContext::Error::Kind::Message, message, a, b});
  run.leave();
}

extern "C" void dyn_rt_parallel_for(void (*body)(void *data, int64_t begin,
                                                 int64_t end),
                                    void *data, int64_t count, int64_t grain) {
  if (count > 0)
    getRun(__func__).parallelFor(body, data, count, grain);
}
