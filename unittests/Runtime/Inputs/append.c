// present = past ++ x along columns, where past is in place already.

#include "artifact.h"

static int32_t run(void **args) {
  memref2 *past = args[0], *x = args[1], *present = args[2];
  for (int64_t i = 0; i < x->sizes[0]; ++i)
    for (int64_t j = 0; j < x->sizes[1]; ++j)
      ELEMENT2(float, present, i, past->sizes[1] + j) =
          ELEMENT2(float, x, i, j);
  return 0;
}

ARTIFACT(run, "\"name\": \"append\","
              "\"symbols\": [{\"name\": \"B\", \"min\": 0},"
              "              {\"name\": \"P\", \"min\": 0},"
              "              {\"name\": \"S\", \"min\": 0}],"
              "\"inputs\": [{\"name\": \"past\", \"type\": \"f32\","
              "              \"shape\": [\"B\", \"P\"], \"strided\": true},"
              "             {\"name\": \"x\", \"type\": \"f32\","
              "              \"shape\": [\"B\", \"S\"]}],"
              "\"outputs\": [{\"name\": \"present\", \"type\": \"f32\","
              "               \"shape\": [\"B\", [\"+\", \"P\", \"S\"]],"
              "               \"strided\": true, \"alias\": \"past\"}],"
              "\"weights\": [], \"files\": [],"
              "\"arena\": {\"bytes\": 0, \"text\": \"0\"}")
