//===- artifact.h - Artifacts written by hand ---------------------*- C -*-===//
//
// What the tests' artifacts have in common. Their code does by hand what
// dyn-compile would generate; see dyn/artifact.h.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_UNITTESTS_RUNTIME_INPUTS_ARTIFACT_H
#define DYN_UNITTESTS_RUNTIME_INPUTS_ARTIFACT_H

#include "dyn/artifact.h"

#include <stddef.h>

// MLIR's memref descriptors.
typedef struct {
  char *allocated, *aligned;
  int64_t offset, sizes[1], strides[1];
} memref1;
typedef struct {
  char *allocated, *aligned;
  int64_t offset, sizes[2], strides[2];
} memref2;

#define ELEMENT1(type, ref, i)                                                 \
  (((type *)(ref)->aligned)[(i) * (ref)->strides[0]])
#define ELEMENT2(type, ref, i, j)                                              \
  (((type *)(ref)->aligned)[(i) * (ref)->strides[0] + (j) * (ref)->strides[1]])

#define HOST_TARGET                                                            \
  "{\"cpu\": \"host\", \"triple\": \"" HOST_ARCH                               \
  "-unknown-linux-gnu\", \"features\": []}"
#ifdef __aarch64__
#define HOST_ARCH "aarch64"
#else
#define HOST_ARCH "x86_64"
#endif

// Room for tests to put longer texts into the metadata.
#define SPACES16 "                "
#define SPACES256                                                              \
  SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16      \
      SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16 SPACES16

// Defines `dyn_artifact` with one entry. `fields` are the metadata's but for
// those that all artifacts here share.
#define ARTIFACT(entry, fields)                                                \
  static const char metadata[] =                                               \
      "{\"dyn\": \"0.1.0\", \"targets\": [" HOST_TARGET "], " fields           \
      "}" SPACES256 SPACES256;                                                 \
  static const dyn_entry entries[] = {entry};                                  \
  DYN_API const struct dyn_artifact dyn_artifact = {DYN_ARTIFACT_MAGIC,        \
                                                    DYN_ARTIFACT_ABI_VERSION,  \
                                                    sizeof(metadata) - 1,      \
                                                    metadata,                  \
                                                    1,                         \
                                                    entries};

#endif // DYN_UNITTESTS_RUNTIME_INPUTS_ARTIFACT_H
