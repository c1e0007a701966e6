//===- ThreadPoolTest.cpp - Threads that take part in runs ----------------===//

#include "ThreadPool.h"

#include "Failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir::dyn::runtime;

namespace {
/// Work that threads take piece by piece.
struct Work {
  explicit Work(int pieces) : taken(pieces) {}
  static void run(void *self) {
    Work &work = *static_cast<Work *>(self);
    ++work.threads;
    for (size_t i; (i = work.next++) < work.taken.size();)
      ++work.taken[i];
  }
  bool isDoneOnce() const {
    for (int count : taken)
      if (count != 1)
        return false;
    return true;
  }

  std::vector<int> taken;
  std::atomic<size_t> next = 0;
  std::atomic<int> threads = 0;
};
} // namespace

TEST(ThreadPoolTest, DoesAllWorkOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (int round = 0; round < 1000; ++round) {
      Work work(round % 50);
      ASSERT_TRUE(pool.tryRun(Work::run, &work));
      EXPECT_TRUE(work.isDoneOnce());
      EXPECT_LE(work.threads, threads);
    }
  }
}

TEST(ThreadPoolTest, WakesSleepingWorkers) {
  ThreadPool pool(2);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    // Both threads are needed: each waits for the other.
    std::atomic<int> here = 0;
    ASSERT_TRUE(pool.tryRun(
        [](void *data) {
          auto &count = *static_cast<std::atomic<int> *>(data);
          ++count;
          while (count < 2)
            std::this_thread::yield();
        },
        &here));
    EXPECT_EQ(here, 2);
  }
}

TEST(ThreadPoolTest, ServesOneCallerAtATime) {
  ThreadPool pool(3);
  std::atomic<int> served = 0, refused = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        Work work(20);
        if (pool.tryRun(Work::run, &work)) {
          EXPECT_TRUE(work.isDoneOnce());
          ++served;
        } else {
          EXPECT_EQ(work.threads, 0);
          ++refused;
        }
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(served + refused, 2000);
  EXPECT_GT(served, 0);
}

TEST(ThreadPoolTest, RefusesWhatATaskOfItsOwnAsks) {
  ThreadPool pool(1);
  struct Nested {
    ThreadPool &pool;
    bool refused;
  } nested = {pool, false};
  // From another thread, as the same one may not try a mutex it holds.
  pool.tryRun(
      [](void *data) {
        auto &nested = *static_cast<Nested *>(data);
        std::thread([&] {
          nested.refused = !nested.pool.tryRun([](void *) {}, nullptr);
        }).join();
      },
      &nested);
  EXPECT_TRUE(nested.refused);
}

TEST(ThreadPoolTest, WorksInAForkedChild) {
  ThreadPool pool(4);
  pid_t child = fork();
  if (child == 0) {
    Work work(100);
    _exit(pool.tryRun(Work::run, &work) && work.isDoneOnce() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

static cpu_set_t getAffinity() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  sched_getaffinity(0, sizeof(cpus), &cpus);
  return cpus;
}

/// Whether both threads of the pool run on one CPU; each waits for the other.
static bool haveOneCpu(ThreadPool &pool) {
  struct Places {
    std::atomic<int> first = -1, here = 0;
    std::atomic<bool> areOne = false;
  } places;
  pool.tryRun(
      [](void *data) {
        auto &places = *static_cast<Places *>(data);
        int cpu = sched_getcpu(), none = -1;
        if (!places.first.compare_exchange_strong(none, cpu))
          places.areOne = none == cpu;
        ++places.here;
        while (places.here < 2)
          std::this_thread::yield();
      },
      &places);
  return places.areOne;
}

TEST(ThreadPoolTest, DoesNotCrowdOnAPinnedThreadsCore) {
  cpu_set_t all = getAffinity();
  if (CPU_COUNT(&all) < 2)
    GTEST_SKIP() << "needs two CPUs";
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &all))
      CPU_SET(cpu, &one);
  // Without a number of threads, the pinning is respected.
  std::thread([&] {
    sched_setaffinity(0, sizeof(one), &one);
    EXPECT_EQ(ThreadPool(0).size(), 1);

    ThreadPool pool(2);
    EXPECT_FALSE(haveOneCpu(pool));
  }).join();
}

TEST(ThreadPoolTest, WakesWorkersOnOtherCpusThanTheCallers) {
  cpu_set_t all = getAffinity();
  if (CPU_COUNT(&all) < 2)
    GTEST_SKIP() << "needs two CPUs";
  ThreadPool pool(2);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all))
      continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);
    // Long enough that the worker sleeps.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_FALSE(haveOneCpu(pool));
  }
  sched_setaffinity(0, sizeof(all), &all);
}

TEST(ThreadPoolTest, RefusesImpossibleNumbers) {
  EXPECT_THROW(ThreadPool(-1), Failure);
}
