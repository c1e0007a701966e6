// y = x * w + b with weights from a file: x [M, 3], w [3], b [] (double).

#include "artifact.h"

typedef struct {
  char *allocated, *aligned;
  int64_t offset;
} memref0;

static int32_t run(void **args) {
  memref2 *x = args[0];
  memref1 *w = args[1], *y = args[3];
  memref0 *b = args[2];
  for (int64_t i = 0; i < x->sizes[0]; ++i) {
    double sum = *(double *)b->aligned;
    for (int64_t k = 0; k < 3; ++k)
      sum += ELEMENT2(float, x, i, k) * ELEMENT1(float, w, k);
    ELEMENT1(float, y, i) = (float)sum;
  }
  return 0;
}

// The test fills in the stamp.
ARTIFACT(run, "\"name\": \"linear\","
              "\"symbols\": [{\"name\": \"M\", \"min\": 0}],"
              "\"inputs\": [{\"name\": \"x\", \"type\": \"f32\","
              "              \"shape\": [\"M\", 3]}],"
              "\"outputs\": [{\"name\": \"y\", \"type\": \"f32\","
              "               \"shape\": [\"M\"]}],"
              "\"weights\": [{\"name\": \"w\", \"type\": \"f32\","
              "  \"shape\": [3], \"file\": 0, \"offset\": 4, \"bytes\": 12},"
              "             {\"name\": \"b\", \"type\": \"f64\","
              "  \"shape\": [], \"file\": 0, \"offset\": 20, \"bytes\": 8}],"
              "\"files\": [{\"path\": \"linear.bin\", \"size\": 28,"
              "             \"stamp\": \"0123456789abcdef\"}],"
              "\"arena\": {\"bytes\": 0, \"text\": \"0\"}")
