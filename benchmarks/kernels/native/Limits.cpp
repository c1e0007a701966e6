//===- Limits.cpp - What the machine can do at this moment ----------------===//
//
// Streams are the best of several kernels: how many loads have to be under way
// at once, and whether prefetching helps, differs between CPUs.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <sched.h>
#include <sys/mman.h>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int kWidth = 16, kAccumulators = 24;
#elif defined(__AVX__)
constexpr int kWidth = 8, kAccumulators = 12;
#else
constexpr int kWidth = 4, kAccumulators = 24;
#endif
typedef float Vector __attribute__((vector_size(kWidth * sizeof(float))));

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Keeps a value, and all that went into it.
template <typename T> static void keep(const T &value) {
  asm volatile("" : : "r"(&value) : "memory");
}

/// Sums memory, `Streams` places at once, in each `Vectors` before the next.
template <int Streams, bool Prefetch, int Vectors = 8>
static void read(const char *memory, int64_t bytes) {
  constexpr int64_t kStep = Vectors * sizeof(Vector), kAhead = 4096;
  int64_t part = bytes / Streams / kStep * kStep;
  Vector sums[8] = {};
  for (int64_t at = 0; at < part; at += kStep)
    for (int stream = 0; stream < Streams; ++stream) {
      auto *from =
          reinterpret_cast<const Vector *>(memory + stream * part + at);
      if (Prefetch)
        for (int64_t line = 0; line < kStep; line += 64)
          __builtin_prefetch(reinterpret_cast<const char *>(from) + kAhead +
                             line);
      for (int i = 0; i < Vectors; ++i)
        sums[(stream * Vectors + i) % 8] += from[i];
    }
  keep(sums);
}

/// Copies the first half of memory to the second.
static void copyStored(char *memory, int64_t bytes) {
  auto *from = reinterpret_cast<const Vector *>(memory);
  auto *to = reinterpret_cast<Vector *>(memory + bytes / 2);
  for (int64_t i = 0, end = bytes / 2 / int64_t(sizeof(Vector)); i < end; ++i)
    to[i] = from[i];
  keep(memory);
}

static void copyLibrary(char *memory, int64_t bytes) {
  memcpy(memory + bytes / 2, memory, bytes / 2);
  keep(memory);
}

/// In pieces that are too small for the library to go past the caches.
static void copyPieces(char *memory, int64_t bytes) {
  constexpr int64_t kPiece = 256 << 10;
  for (int64_t at = 0, half = bytes / 2; at < half; at += kPiece)
    memcpy(memory + half + at, memory + at, std::min(kPiece, half - at));
  keep(memory);
}

/// With lines of both asked for `Ahead` bytes ahead, those of the result to be
/// written.
template <int64_t Ahead>
static void copyPrefetched(char *memory, int64_t bytes) {
  char *from = memory, *to = memory + bytes / 2;
  constexpr int64_t kStep = 4 * sizeof(Vector);
  for (int64_t at = 0, end = bytes / 2 / kStep * kStep; at < end; at += kStep) {
    for (int64_t line = Ahead; line < Ahead + kStep; line += 64) {
      __builtin_prefetch(from + at + line);
      __builtin_prefetch(to + at + line, /*rw=*/1);
    }
    for (int i = 0; i < 4; ++i)
      reinterpret_cast<Vector *>(to + at)[i] =
          reinterpret_cast<Vector *>(from + at)[i];
  }
  keep(memory);
}

/// By the instruction for it, which may know that lines are written as a whole.
static void copyString(char *memory, int64_t bytes) {
#if defined(__x86_64__)
  char *from = memory, *to = memory + bytes / 2;
  int64_t count = bytes / 2;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
#else
  copyPieces(memory, bytes);
#endif
}

/// Past the caches.
static void copyStreamed(char *memory, int64_t bytes) {
#if defined(__clang__)
  auto *from = reinterpret_cast<const Vector *>(memory);
  auto *to = reinterpret_cast<Vector *>(memory + bytes / 2);
  for (int64_t i = 0, end = bytes / 2 / int64_t(sizeof(Vector)); i < end; ++i)
    __builtin_nontemporal_store(from[i], to + i);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  keep(memory);
#else
  copyLibrary(memory, bytes);
#endif
}

/// Multiply-adds in registers; the count of floating-point operations.
static int64_t multiplyAdd(int64_t rounds) {
  Vector sums[kAccumulators];
  volatile float one = 1, small = 1e-9f;
  Vector x = Vector{} + one, y = Vector{} + small;
  for (int i = 0; i < kAccumulators; ++i)
    sums[i] = Vector{} + float(i);
  for (int64_t round = 0; round < rounds; ++round)
    for (int i = 0; i < kAccumulators; ++i)
      sums[i] = sums[i] * x + y;
  keep(sums);
  return rounds * kAccumulators * kWidth * 2;
}

/// The CPUs that this thread may run on, one by one.
static std::vector<cpu_set_t> separateCpus() {
  cpu_set_t all;
  CPU_ZERO(&all);
  sched_getaffinity(0, sizeof(all), &all);
  std::vector<cpu_set_t> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &all)) {
      CPU_ZERO(&cpus.emplace_back());
      CPU_SET(cpu, &cpus.back());
    }
  return cpus;
}

namespace {
struct Machine {
  int threads;
  /// Of one thread's memory.
  int64_t bytes, next = 0;
  std::vector<char *> memory;
  std::vector<cpu_set_t> cpus;

  /// Seconds until all threads have done `body`, each on a CPU of its own.
  double time(const std::function<void(int)> &body) {
    std::atomic<int> waiting = threads;
    auto start = [&](int index) {
      if (threads > 1)
        sched_setaffinity(0, sizeof(cpu_set_t), &cpus[index % cpus.size()]);
      --waiting;
      while (waiting)
        ;
      body(index);
    };
    std::vector<std::thread> others;
    for (int i = 1; i < threads; ++i)
      others.emplace_back(start, i);
    while (waiting > 1)
      ;
    double begin = now();
    start(0);
    for (std::thread &thread : others)
      thread.join();
    return now() - begin;
  }

  /// Bytes per second of the best kernel, each on memory that was left alone
  /// for as long as the rest of it takes.
  template <typename... Kernels> double stream(Kernels... kernels) {
    int64_t part = (16 << 20) / threads;
    double best = 0;
    for (const std::function<void(char *, int64_t)> &kernel :
         {std::function<void(char *, int64_t)>(kernels)...}) {
      next = next + 2 * part <= bytes ? next : 0;
      double seconds = time([&](int i) { kernel(memory[i] + next, part); });
      next += part;
      best = std::max(best, double(part) * threads / seconds);
    }
    return best;
  }
};
} // namespace

extern "C" {

/// Memory of `bytes` in all, more than the caches hold.
Machine *limits_open(int threads, int64_t bytes) {
  auto *machine = new Machine{threads, bytes / threads};
  for (int i = 0; i < threads; ++i) {
    void *memory = mmap(nullptr, machine->bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(memory, machine->bytes, MADV_HUGEPAGE);
    memset(memory, 1, machine->bytes);
    machine->memory.push_back(static_cast<char *>(memory));
  }
  return machine;
}

/// Bytes read per second, bytes copied (read and written) per second by stores
/// of any kind, by stores into the caches alone, and floating-point operations
/// per second, by threads on CPUs of their own: the
/// calling thread is left on the first of those that it may run on.
void limits_measure(Machine *machine, double *result) {
  machine->cpus = separateCpus();
  result[0] = machine->stream(read<1, false>, read<1, true>, read<2, false>,
                              read<2, true>, read<4, false>, read<4, true>,
                              read<2, false, 1>, read<2, true, 1>,
                              read<4, false, 1>, read<4, true, 1>);
  result[2] = machine->stream(copyStored, copyPieces, copyString,
                              copyPrefetched<2048>, copyPrefetched<4096>);
  result[1] = std::max(machine->stream(copyLibrary, copyStreamed), result[2]);
  result[3] = 0;
  for (int turn = 0; turn < 3; ++turn) {
    std::vector<int64_t> done(machine->threads);
    double seconds =
        machine->time([&](int i) { done[i] = multiplyAdd(50000); });
    int64_t total = 0;
    for (int64_t count : done)
      total += count;
    result[3] = std::max(result[3], total / seconds);
  }
}
}
