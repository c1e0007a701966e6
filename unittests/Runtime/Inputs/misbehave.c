// Does what its input says, see `Mode` in RunTest.cpp.

#include "artifact.h"

#include <string.h>

enum {
  Report,
  Fail,
  FailInParallel,
  ReportInParallel,
  AllocateTooMuch,
  AllocateTooMuchInParallel,
  ReturnCode,
  UnknownMessage,
  Leak,
  AllocateInParallel,
  NestLoops
};

static void body(void *data, int64_t begin, int64_t end) {
  int64_t mode = *(int64_t *)data;
  for (int64_t i = begin; i < end; ++i) {
    if (mode == FailInParallel && i % 3 == 0)
      dyn_rt_fail(0, 7, 5);
    if (mode == ReportInParallel && i % 3 == 0)
      dyn_rt_report(0, 7, 5);
    if (mode == AllocateTooMuchInParallel)
      dyn_rt_alloc(INT64_MAX / 2, 64);
    if (mode == AllocateInParallel) {
      char *freed = dyn_rt_alloc(100, 64), *leaked = dyn_rt_alloc(i, 128);
      memset(freed, 1, 100);
      memset(leaked, 1, i);
      dyn_rt_free(freed);
    }
  }
}

static void inner(void *data, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    *(int64_t *)data += i;
}

static void outer(void *data, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    dyn_rt_parallel_for(inner, (int64_t *)data + i, 1000, 1);
}

static int32_t run(void **args) {
  int64_t mode = ELEMENT1(int64_t, (memref1 *)args[0], 0);
  memref1 *y = args[1];
  ELEMENT1(int64_t, y, 0) = 42;
  switch (mode) {
  case Report:
    dyn_rt_report(0, 7, 5);
    dyn_rt_report(1, 1, 1);
    return 0;
  case Fail:
    dyn_rt_fail(1, -3, 0);
    return 0;
  case AllocateTooMuch:
    dyn_rt_alloc(INT64_MAX, 64);
    return 0;
  case ReturnCode:
    return 7;
  case UnknownMessage:
    dyn_rt_report(99, 1, 2);
    return 0;
  case Leak:
    memset(dyn_rt_alloc(1000, 4096), 1, 1000);
    dyn_rt_free(dyn_rt_alloc(0, 1));
    dyn_rt_free(NULL);
    return 0;
  case NestLoops: {
    int64_t *sums = dyn_rt_alloc(100 * 8, 8);
    memset(sums, 0, 100 * 8);
    dyn_rt_parallel_for(outer, sums, 100, 3);
    int64_t total = 0;
    for (int i = 0; i < 100; ++i)
      total += sums[i];
    ELEMENT1(int64_t, y, 0) = total;
    return 0;
  }
  default:
    dyn_rt_parallel_for(body, &mode, 1000, 1);
    return 0;
  }
}

ARTIFACT(run,
         "\"name\": \"misbehave\", \"symbols\": [],"
         "\"inputs\": [{\"name\": \"mode\", \"type\": \"i64\","
         "              \"shape\": [1]}],"
         "\"outputs\": [{\"name\": \"y\", \"type\": \"i64\","
         "               \"shape\": [1]}],"
         "\"weights\": [], \"files\": [],"
         "\"arena\": {\"bytes\": 0, \"text\": \"0\"},"
         "\"messages\": [\"node 'g': index {0} is out of range for axis of "
         "size {1}\", \"node 'd': {0} is divided by {1}\"]")
