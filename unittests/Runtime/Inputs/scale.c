// y = 2 * x + mask, by way of the arena, in parallel.

#include "artifact.h"

static void scaleRows(void *data, int64_t begin, int64_t end) {
  memref2 **args = data;
  float *row = (float *)((memref1 *)args[3])->aligned;
  int64_t columns = args[0]->sizes[1];
  for (int64_t i = begin; i < end; ++i) {
    float *scratch = row + i * columns;
    for (int64_t j = 0; j < columns; ++j)
      scratch[j] = 2 * ELEMENT2(float, args[0], i, j);
    for (int64_t j = 0; j < columns; ++j)
      ELEMENT2(float, args[2], i, j) =
          scratch[j] + (float)ELEMENT2(int64_t, args[1], i, j);
  }
}

static int32_t run(void **args) {
  dyn_rt_parallel_for(scaleRows, args, ((memref2 *)args[0])->sizes[0], 1);
  return 0;
}

ARTIFACT(run, "\"name\": \"scale\","
              "\"symbols\": [{\"name\": \"B\", \"min\": 0, \"max\": 64},"
              "              {\"name\": \"S\", \"min\": 1, \"max\": 512}],"
              "\"inputs\": [{\"name\": \"x\", \"type\": \"f32\","
              "              \"shape\": [\"B\", \"S\"]},"
              "             {\"name\": \"mask\", \"type\": \"i64\","
              "              \"shape\": [\"B\", \"S\"]}],"
              "\"outputs\": [{\"name\": \"y\", \"type\": \"f32\","
              "               \"shape\": [\"B\", \"S\"]}],"
              "\"weights\": [], \"files\": [],"
              "\"arena\": {\"bytes\": [\"*\", 4, \"B\", \"S\"],"
              "            \"text\": \"4 * B * S\"}")
