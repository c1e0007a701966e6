// Indices of an i1 vector's true elements: an output of unknown size. Those of
// false ones in reverse too, as a view with a negative stride.

#include "artifact.h"

static int32_t run(void **args) {
  memref1 *mask = args[0], *found = args[1], *others = args[2];
  int64_t size = mask->sizes[0];
  int64_t *memory[2], count[2] = {0, 0};
  memory[0] = dyn_rt_alloc(size * 8, 64);
  memory[1] = dyn_rt_alloc(size * 8, 8);
  for (int64_t i = 0; i < size; ++i) {
    int isOther = !ELEMENT1(unsigned char, mask, i);
    memory[isOther][count[isOther]++] = i;
  }
  *found = (memref1){(char *)memory[0], (char *)memory[0], 0, {count[0]}, {1}};
  *others = (memref1){
      (char *)memory[1], (char *)memory[1], count[1] - 1, {count[1]}, {-1}};
  return 0;
}

ARTIFACT(run, "\"name\": \"nonzero\","
              "\"symbols\": [{\"name\": \"N\", \"min\": 0}],"
              "\"inputs\": [{\"name\": \"mask\", \"type\": \"i1\","
              "              \"shape\": [\"N\"]}],"
              "\"outputs\": [{\"name\": \"found\", \"type\": \"i64\","
              "               \"shape\": [\"?\"]},"
              "              {\"name\": \"others\", \"type\": \"i64\","
              "               \"shape\": [\"?\"]}],"
              "\"weights\": [], \"files\": [],"
              "\"arena\": {\"bytes\": 0, \"text\": \"0\"}")
