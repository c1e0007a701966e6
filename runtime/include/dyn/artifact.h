//===- artifact.h - What artifacts and the runtime agree on -------*- C -*-===//
//
// An artifact is a shared library with one data symbol, `dyn_artifact`, and a
// DT_NEEDED on libdyn_runtime.so.0. This header is the whole contract between
// the code that dyn-compile writes and the runtime that loads it; people who
// only run models want runtime.h. C99.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_ARTIFACT_H
#define DYN_ARTIFACT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DYN_API
#define DYN_API __attribute__((visibility("default")))
#endif

/// "DYNA", read as a little-endian number.
#define DYN_ARTIFACT_MAGIC 0x414E5944u

/// Counts up with every change that an older runtime or an older artifact
/// would not survive. A runtime opens artifacts of its own version alone; a new
/// metadata field that may be left out is no new version.
#define DYN_ARTIFACT_ABI_VERSION 1u

/// The alignment in bytes of the arena.
#define DYN_ARENA_ALIGNMENT 64

/// The compiled function. `descriptors` holds one pointer per argument:
///
///   inputs, weights, outputs, arena
///
/// in the order of the metadata. Each points to MLIR's ranked memref descriptor
///
///   struct { void *allocated; void *aligned; int64_t offset;
///            int64_t sizes[rank]; int64_t strides[rank]; }
///
/// (rank 0: the first three fields), strides counted in elements. What holds:
///
/// - `offset` is 0, `aligned` is a multiple of the element's size, and no more;
/// - sizes are checked: each equals its expression in the metadata, each symbol
///   lies in its declared range;
/// - strides are those of a contiguous row-major tensor, unless the metadata
///   says `"strided": true`;
/// - an i1 takes one byte, 0 or 1;
/// - inputs and weights are read-only; an input may share its memory with the
///   output that aliases it;
/// - an output with `"alias": INPUT` has that input's address and strides;
/// - an output with a "?" among its sizes comes with all fields 0: the code
///   fills them in, the memory from `dyn_rt_alloc`, and the runtime takes over;
/// - the arena is a memref<?xi8> with any content, aligned to
///   DYN_ARENA_ALIGNMENT, of the size that the metadata's formula gives.
///
/// Symbols are not passed: the code derives them from the inputs' sizes, as the
/// runtime did.
///
/// Returns 0. An error in the run is told by `dyn_rt_report` or `dyn_rt_fail`.
/// Called from several threads at once, with descriptors of their own.
typedef int32_t (*dyn_entry)(void **descriptors);

/// What an artifact exports: `const struct dyn_artifact dyn_artifact`.
struct dyn_artifact {
  uint32_t magic;         // DYN_ARTIFACT_MAGIC
  uint32_t abi_version;   // DYN_ARTIFACT_ABI_VERSION
  uint64_t metadata_size; // in bytes
  const char *metadata;   // JSON in UTF-8, see below; needs no final 0
  uint64_t entry_count;   // length of `entries` and of the metadata's "targets"
  const dyn_entry *entries;
};

// The metadata is a JSON object. Fields marked ? may be left out, unknown ones
// are ignored.
//
//   "dyn":      STRING, the version of the compiler, for people
//   "name":     STRING, the model's name, for people
//   "targets":  [{"cpu": STRING, "triple": STRING, "features": [STRING]}]
//   "symbols":  [{"name": STRING, "min": INT, "max"?: INT, "multiple"?: INT}]
//   "inputs":   [{"name": STRING, "type": TYPE, "shape": [EXPR],
//                 "strided"?: BOOL}]
//   "outputs":  [{"name": STRING, "type": TYPE, "shape": [EXPR or "?"],
//                 "strided"?: BOOL, "alias"?: STRING}]
//   "weights":  [{"name": STRING, "type": TYPE, "shape": [INT],
//                 "file": INT, "offset": INT, "bytes": INT}]
//   "files":    [{"path": STRING, "size": INT, "stamp": STRING}]
//   "arena":    {"bytes": EXPR, "text": STRING}
//   "messages"?: [STRING]
//
// - targets: LLVM's names for CPU, triple and the features that the code uses
//   ("avx512f", "avx2", "fma", "neon"). The runtime takes the first target
//   whose features this machine has, and its entry.
// - symbols: bounds are included.
// - strided: the code takes any outer strides; the innermost is 1.
// - alias: the output begins with the input's elements. Input [B, P, D] and
//   output [B, P + S, D] share one buffer in which the code writes what is new.
//   Both are strided, of the same type and rank.
// - weights: `file` is an index into "files", `offset` and `bytes` the place in
//   it. A tensor that is not aligned to its element's size in memory is copied
//   by the runtime; a compiler avoids that.
// - files: `path` is absolute or relative to the artifact's folder. `size` and
//   `stamp` are the Stamp of Dyn/Resources/MappedFile.h when the model was
//   compiled, its digest as 16 hexadecimal digits.
// - arena: `text` is the formula for people, "B * S * 3072 + 64".
// - messages: what dyn_rt_report and dyn_rt_fail say, {0} and {1} stand for
//   their numbers: "node 'x': index {0} is out of range for axis of size {1}".
//
// TYPE is "f16", "bf16", "f32", "f64", "i1", "i8", "i16", "i32", "i64" or
// "ui8".
//
// EXPR is an integer, the name of a symbol, or an array of operator, operands:
//
//   ["+", a, b, ...]  ["*", a, b, ...]  ["min", a, b, ...]  ["max", a, b, ...]
//   ["floordiv", a, b]   rounds towards minus infinity
//   ["mod", a, b]        a - b * (a floordiv b)
//   ["broadcast", a, b]  b where a is 1, else a
//   ["align", a, n]      a rounded up to a multiple of n
//
// Arithmetic is on int64_t; an overflow or a division by 0 is an error of the
// run. Every symbol occurs in an input's shape where it can be solved for:
// alone, or under "+" and "*" with everything else in the expression known.

// What an artifact may call: the functions below and memcpy, memmove, memset.
// This is the whole allow-list. They act on the run of the calling thread, and
// may be called inside the body of `dyn_rt_parallel_for` too.

/// At least `bytes` bytes aligned to `align`, a power of two. Does not return
/// if there is no memory: the run fails and control goes back to the runtime,
/// which frees at the end of a run what the code did not.
DYN_API void *dyn_rt_alloc(int64_t bytes, int64_t align);

/// Gives memory of `dyn_rt_alloc` back; null is fine.
DYN_API void dyn_rt_free(void *memory);

/// Makes the run fail with the metadata's message number `message` and returns:
/// the code goes on with safe values. The first error of a run wins.
DYN_API void dyn_rt_report(int64_t message, int64_t a, int64_t b);

/// As `dyn_rt_report`, and leaves the run: does not return.
DYN_API void dyn_rt_fail(int64_t message, int64_t a, int64_t b);

/// Calls `body(data, begin, end)` for ranges that cover [0, count) once, on the
/// model's threads, in any order, and returns when all are done. Ranges begin
/// at multiples of `grain` (at least 1) and, but for the last, are as long or
/// longer. Results must not depend on how the ranges are cut. Inside a body it
/// runs on the calling thread alone.
DYN_API void dyn_rt_parallel_for(void (*body)(void *data, int64_t begin,
                                              int64_t end),
                                 void *data, int64_t count, int64_t grain);

#ifdef __cplusplus
}
#endif

#endif // DYN_ARTIFACT_H
