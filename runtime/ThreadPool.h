//===- ThreadPool.h - Threads that take part in runs ------------*- C++ -*-===//

#ifndef DYN_RUNTIME_THREADPOOL_H
#define DYN_RUNTIME_THREADPOOL_H

#include <atomic>
#include <cstdint>
#include <mutex>
#include <sched.h>
#include <thread>
#include <vector>

namespace mlir::dyn::runtime {

/// Threads that help whoever calls `tryRun`. Between two calls they spin for a
/// short while, since a model's loops follow each other within microseconds,
/// and then sleep, since an idle thread that spins takes a core from others.
///
/// Several threads may call; the pool serves one at a time. After fork() the
/// child has no workers, and callers do all work themselves.
class ThreadPool {
public:
  /// A pool of `threads`, of which one is the caller of `tryRun`. 0 stands for
  /// the number of CPUs that the calling thread may run on. Fails if a thread
  /// cannot be started.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int size() const { return static_cast<int>(workers.size()) + 1; }

  using Task = void (*)(void *data);
  /// Calls `task(data)` once on this thread and at most once on each worker,
  /// at the same time, and returns when all calls have. Workers that are late
  /// are not waited for: the task must see for itself whether work is left.
  /// Returns false and does nothing if the pool is serving another thread.
  bool tryRun(Task task, void *data);

private:
  void work();
  void stop();
  /// Lets workers run on all CPUs but `cpu`, the caller's. Linux wakes a thread
  /// where the one that wakes it runs: after a pause, both would share a core
  /// for milliseconds while others are idle.
  void keepOff(int cpu);

  std::vector<std::thread> workers;
  /// That workers may run on.
  cpu_set_t cpus;
  std::mutex serving;
  int callersCpu = -1;
  /// Odd while a task is open to be entered, even otherwise; stopping is told
  /// by a change with `stopping` set.
  std::atomic<uint32_t> round = 0;
  std::atomic<bool> stopping = false;
  /// Workers that may be looking at `task` and `data`.
  std::atomic<int> inside = 0;
  Task task = nullptr;
  void *data = nullptr;
};

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_THREADPOOL_H
