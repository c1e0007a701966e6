//===- run.c - Run a compiled model from C --------------------------------===//
//
//   run MODEL.so                  prints what the model takes and gives
//   run MODEL.so B=2 S=11         runs it at these sizes, on inputs of zeros
//
//===----------------------------------------------------------------------===//

#include <dyn/runtime.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(dyn_status status) {
  if (status == DYN_OK)
    return;
  fprintf(stderr, "run: %s\n", dyn_last_error());
  exit(1);
}

static void *allocate(size_t bytes) {
  void *memory = calloc(bytes ? bytes : 1, 1);
  if (memory)
    return memory;
  fprintf(stderr, "run: no memory\n");
  exit(1);
}

static void printTensor(const char *kind, const dyn_tensor_info *info) {
  printf("%s %s: %s [", kind, info->name, info->type);
  for (int i = 0; i < info->rank; ++i)
    printf("%s%s", i ? ", " : "", info->shape[i]);
  printf("]\n");
}

static void printSignature(const dyn_model *model) {
  for (size_t i = 0; i < dyn_model_input_count(model); ++i)
    printTensor("input", dyn_model_input(model, i));
  for (size_t i = 0; i < dyn_model_output_count(model); ++i)
    printTensor("output", dyn_model_output(model, i));
  for (size_t i = 0; i < dyn_model_symbol_count(model); ++i) {
    const dyn_symbol_info *symbol = dyn_model_symbol(model, i);
    printf("size %s: at least %" PRId64, symbol->name, symbol->min);
    if (symbol->max != INT64_MAX)
      printf(", at most %" PRId64, symbol->max);
    printf("\n");
  }
  printf("memory: %s bytes\n", dyn_model_peak_formula(model));
}

// Reads NAME=SIZE for each of the model's symbols.
static int64_t *readSymbols(const dyn_model *model, int count, char **sizes) {
  size_t symbolCount = dyn_model_symbol_count(model);
  int64_t *symbols = allocate(symbolCount * sizeof(int64_t));
  for (size_t i = 0; i < symbolCount; ++i) {
    const char *name = dyn_model_symbol(model, i)->name;
    size_t length = strlen(name);
    int given = 0;
    for (int j = 0; j < count; ++j)
      if (strncmp(sizes[j], name, length) == 0 && sizes[j][length] == '=') {
        symbols[i] = strtoll(sizes[j] + length + 1, NULL, 10);
        given = 1;
      }
    if (!given) {
      fprintf(stderr, "run: expects a size %s=NUMBER\n", name);
      exit(2);
    }
  }
  return symbols;
}

// A tensor of zeros for input `index`.
static DLTensor *makeInput(const dyn_model *model, size_t index,
                           const int64_t *symbols) {
  const dyn_tensor_info *info = dyn_model_input(model, index);
  DLTensor *tensor = allocate(sizeof(DLTensor));
  tensor->device.device_type = kDLCPU;
  tensor->dtype = info->dtype;
  tensor->ndim = info->rank;
  tensor->shape = allocate((size_t)info->rank * sizeof(int64_t));
  check(dyn_model_input_shape(model, index, symbols, tensor->shape));
  size_t bytes = info->dtype.bits / 8;
  for (int i = 0; i < info->rank; ++i)
    bytes *= (size_t)tensor->shape[i];
  tensor->data = allocate(bytes);
  return tensor;
}

static void printResult(const dyn_tensor_info *info, const DLTensor *tensor) {
  printf("%s: [", info->name);
  int64_t count = 1;
  for (int i = 0; i < tensor->ndim; ++i) {
    printf("%s%" PRId64, i ? ", " : "", tensor->shape[i]);
    count *= tensor->shape[i];
  }
  printf("]");
  if (strcmp(info->type, "f32") == 0 && count > 0)
    printf(", first element %g", ((float *)tensor->data)[0]);
  printf("\n");
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: run MODEL.so [SIZE=NUMBER...]\n");
    return 2;
  }
  dyn_model *model;
  check(dyn_model_open(argv[1], NULL, &model));
  if (argc == 2) {
    printSignature(model);
    dyn_model_close(model);
    return 0;
  }

  int64_t *symbols = readSymbols(model, argc - 2, argv + 2);
  size_t inputCount = dyn_model_input_count(model);
  dyn_argument *inputs = allocate(inputCount * sizeof(dyn_argument));
  for (size_t i = 0; i < inputCount; ++i) {
    inputs[i].name = dyn_model_input(model, i)->name;
    inputs[i].tensor = makeInput(model, i, symbols);
  }

  size_t outputCount = dyn_model_output_count(model);
  DLManagedTensor **results = allocate(outputCount * sizeof(DLManagedTensor *));
  check(dyn_model_run(model, inputs, inputCount, NULL, 0, results));
  for (size_t i = 0; i < outputCount; ++i) {
    printResult(dyn_model_output(model, i), &results[i]->dl_tensor);
    results[i]->deleter(results[i]);
  }

  for (size_t i = 0; i < inputCount; ++i) {
    free(inputs[i].tensor->data);
    free(inputs[i].tensor->shape);
    free(inputs[i].tensor);
  }
  free(results);
  free(inputs);
  free(symbols);
  dyn_model_close(model);
  return 0;
}
