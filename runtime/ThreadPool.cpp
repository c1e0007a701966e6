//===- ThreadPool.cpp - Threads that take part in runs --------------------===//

#include "ThreadPool.h"

#include "Failure.h"

#include <chrono>
#include <cstring>
#include <pthread.h>
#include <sched.h>
#include <system_error>

namespace mlir::dyn::runtime {

/// How long a thread spins before it sleeps: longer than the serial parts of a
/// model, shorter than a scheduler's time slice.
static constexpr std::chrono::microseconds kSpin(100);

static void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

/// Waits until `value` is no longer `old`, and returns what it is then.
template <typename T>
static T waitForChange(const std::atomic<T> &value, T old) {
  auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (T now = value.load(); now != old)
        return now;
      pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  value.wait(old);
  return value.load();
}

/// CPUs that the calling thread may run on.
static cpu_set_t getAllowedCpus() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
    return allowed;
  CPU_ZERO(&allowed);
  for (unsigned cpu = 0; cpu < std::thread::hardware_concurrency(); ++cpu)
    CPU_SET(cpu, &allowed);
  return allowed;
}

ThreadPool::ThreadPool(int threads) {
  if (threads < 0)
    fail(DYN_INVALID_ARGUMENT, "expects 0 or more threads, got ", threads);
  cpus = getAllowedCpus();
  if (threads == 0)
    threads = CPU_COUNT(&cpus);
  // A new thread inherits the CPUs of the one that starts it. Where that one is
  // pinned, by another library's threads for instance, all workers would share
  // its core: they get every CPU that the process may use instead.
  bool isPinned = CPU_COUNT(&cpus) < threads;
  if (isPinned)
    std::memset(&cpus, 0xff, sizeof(cpus));
  try {
    for (int i = 1; i < threads; ++i)
      workers.emplace_back([this, isPinned] {
        pthread_setname_np(pthread_self(), "dyn-worker");
        if (isPinned)
          sched_setaffinity(0, sizeof(cpus), &cpus);
        work();
      });
  } catch (const std::system_error &error) {
    size_t started = workers.size();
    stop();
    fail(DYN_NO_MEMORY, "cannot start ", threads, " threads, ", started + 1,
         " did (", error.what(), ")");
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stopping = true;
  round += 2;
  round.notify_all();
  for (std::thread &worker : workers)
    worker.join();
  workers.clear();
}

void ThreadPool::keepOff(int cpu) {
  if (cpu == callersCpu || cpu < 0)
    return;
  callersCpu = cpu;
  cpu_set_t others = cpus;
  CPU_CLR(cpu, &others);
  if (CPU_COUNT(&others) == 0)
    return;
  for (std::thread &worker : workers)
    pthread_setaffinity_np(worker.native_handle(), sizeof(others), &others);
}

bool ThreadPool::tryRun(Task newTask, void *newData) {
  std::unique_lock<std::mutex> lock(serving, std::try_to_lock);
  if (!lock)
    return false;
  // Nobody is inside: the fields are this thread's until the round is open.
  keepOff(sched_getcpu());
  task = newTask;
  data = newData;
  ++round;
  round.notify_all();
  newTask(newData);

  // A worker counts itself in before it looks whether the round is open, here
  // it is closed before the count is read: either it sees a closed round, or it
  // is seen and waited for.
  ++round;
  while (int count = inside.load())
    waitForChange(inside, count);
  return true;
}

void ThreadPool::work() {
  uint32_t seen = 0;
  while (true) {
    seen = waitForChange(round, seen);
    if (stopping)
      return;
    if (seen % 2 == 0)
      continue;
    ++inside;
    if (round.load() == seen)
      task(data);
    if (--inside == 0)
      inside.notify_one();
  }
}

} // namespace mlir::dyn::runtime
