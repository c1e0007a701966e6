//===- runtime.h - Run compiled models ----------------------------*- C -*-===//
//
// Opens artifacts written by dyn-compile and runs them at any sizes. C99; no
// exception leaves a function, nothing here needs MLIR, LLVM or Python.
// Tensors are DLPack's DLTensor, whose memory is used in place.
//
//   dyn_model *model;
//   if (dyn_model_open("model.so", NULL, &model) != DYN_OK)
//     fprintf(stderr, "%s\n", dyn_last_error());
//
// A model may be used from several threads at once, after it is opened and
// until it is closed; each run has memory of its own.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_RUNTIME_H
#define DYN_RUNTIME_H

#include <dlpack/dlpack.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DYN_API
#define DYN_API __attribute__((visibility("default")))
#endif

/// DLPack's type code of booleans, one byte each (bits = 8): kDLBool, which
/// DLPack has from 0.8 on.
#define DYN_DL_BOOL 6

// NOLINTNEXTLINE(performance-enum-size): C has int
typedef enum dyn_status {
  DYN_OK = 0,
  /// A wrong option, input, output buffer or size.
  DYN_INVALID_ARGUMENT = 1,
  /// The file is missing, no artifact, of another version, for another CPU.
  DYN_INVALID_ARTIFACT = 2,
  /// A weights file is missing, too short or another one than compiled with.
  DYN_INVALID_WEIGHTS = 3,
  /// The values of the inputs led to an error in the model: an index out of
  /// range, an integer division by zero.
  DYN_RUN_FAILED = 4,
  DYN_NO_MEMORY = 5
} dyn_status;

/// Why the last function that failed on this thread did: one sentence without a
/// full stop, "" if none failed. Valid until the next one fails.
DYN_API const char *dyn_last_error(void);

/// The runtime's version, "0.1.0".
DYN_API const char *dyn_version(void);

typedef struct dyn_model dyn_model;
typedef struct dyn_pool dyn_pool;

/// Threads that several models share. `threads` counts the thread that calls
/// `dyn_model_run`; 0 stands for as many as it may use CPUs.
DYN_API dyn_status dyn_pool_create(int threads, dyn_pool **pool);
/// Models that use the pool keep it alive.
DYN_API void dyn_pool_release(dyn_pool *pool);

/// How to open a model. Set everything to 0, then `size`.
typedef struct dyn_options {
  /// sizeof(dyn_options), so that the struct may grow.
  size_t size;
  /// As in `dyn_pool_create`.
  int threads;
  /// Threads to share, or NULL for threads of the model's own.
  dyn_pool *pool;
  /// A safetensors file with all the artifact's weights, of the same names,
  /// types and shapes, to use instead of those it was compiled with; or NULL.
  /// Packed weights are expected packed: docs/Runtime.md, "Memory".
  const char *weights;
  /// Where relative paths of weights start; NULL for the artifact's folder.
  const char *weights_folder;
} dyn_options;

/// Opens the artifact `path`: checks it, its CPU and its weights' files, which
/// are mapped, not read. `options` may be NULL.
DYN_API dyn_status dyn_model_open(const char *path, const dyn_options *options,
                                  dyn_model **model);
/// Must not be called while a run is under way. NULL is fine. Results of
/// earlier runs stay valid.
DYN_API void dyn_model_close(dyn_model *model);

// What the model is. Pointers are valid until it is closed.

typedef struct dyn_tensor_info {
  const char *name;
  /// The element type's name: "f32", "i64", "i1", "ui8", "bf16".
  const char *type;
  DLDataType dtype;
  int rank;
  /// Each size as text: "768", "S", "S + P", or "?" for one that only the run
  /// tells (of outputs).
  const char *const *shape;
  /// Of an output that starts with the elements of an input and may share its
  /// memory, that input's name; else NULL.
  const char *alias;
} dyn_tensor_info;

/// What a symbol in the shapes may be. Bounds are included.
typedef struct dyn_symbol_info {
  const char *name;
  int64_t min;
  /// INT64_MAX if there is no bound.
  int64_t max;
  int64_t multiple;
} dyn_symbol_info;

DYN_API const char *dyn_model_name(const dyn_model *model);
/// The CPU that the code in use was compiled for: "znver2".
DYN_API const char *dyn_model_target(const dyn_model *model);
/// The number of threads a run uses.
DYN_API int dyn_model_threads(const dyn_model *model);
DYN_API size_t dyn_model_input_count(const dyn_model *model);
DYN_API size_t dyn_model_output_count(const dyn_model *model);
DYN_API size_t dyn_model_symbol_count(const dyn_model *model);
/// NULL if there is no input `index`; the same holds for the next two.
DYN_API const dyn_tensor_info *dyn_model_input(const dyn_model *model,
                                               size_t index);
DYN_API const dyn_tensor_info *dyn_model_output(const dyn_model *model,
                                                size_t index);
DYN_API const dyn_symbol_info *dyn_model_symbol(const dyn_model *model,
                                                size_t index);

/// A named tensor. Its sizes are in `tensor->shape`, its memory must be on the
/// CPU. `strides` may be anything; inputs that the code cannot take as they lie
/// in memory are copied.
typedef struct dyn_argument {
  const char *name;
  DLTensor *tensor;
} dyn_argument;

/// Derives the symbols from the inputs' shapes and checks them, types included;
/// data is not looked at. `symbols` has a place for each symbol.
DYN_API dyn_status dyn_model_solve(const dyn_model *model,
                                   const dyn_argument *inputs,
                                   size_t input_count, int64_t *symbols);

/// The shape of input or output `index` for given symbols, -1 for "?". `shape`
/// has as many places as the tensor's rank.
DYN_API dyn_status dyn_model_input_shape(const dyn_model *model, size_t index,
                                         const int64_t *symbols,
                                         int64_t *shape);
DYN_API dyn_status dyn_model_output_shape(const dyn_model *model, size_t index,
                                          const int64_t *symbols,
                                          int64_t *shape);

/// The bytes that one run needs besides its inputs and outputs, for given
/// symbols; exact, but for outputs with "?" and copies of inputs, see `run`.
DYN_API dyn_status dyn_model_peak_bytes(const dyn_model *model,
                                        const int64_t *symbols,
                                        uint64_t *bytes);
/// The same as a formula: "B * S * 3072 + 64".
DYN_API const char *dyn_model_peak_formula(const dyn_model *model);

/// Runs the model. All inputs are given, by name, in any order.
///
/// `outputs` are buffers of the caller's for any of the outputs. Their shape
/// must be the output's; for one with "?" they need room for the elements, and
/// their `shape` is overwritten with the sizes that came out.
///
/// `results` is NULL or has a place for each output. The outputs without a
/// buffer are returned there, owned by the caller, who releases each with its
/// `deleter`; the others' places become NULL. With `results` NULL they are not
/// returned. When the run fails, all places are NULL, and buffers may have been
/// written in part.
///
/// Memory of inputs and outputs may overlap where an output names an input as
/// its alias and both start at the same address with the same strides: the
/// input's elements are then not copied.
DYN_API dyn_status dyn_model_run(dyn_model *model, const dyn_argument *inputs,
                                 size_t input_count,
                                 const dyn_argument *outputs,
                                 size_t output_count,
                                 DLManagedTensor **results);

#ifdef __cplusplus
}
#endif

#endif // DYN_RUNTIME_H
