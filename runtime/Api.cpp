//===- Api.cpp - The C ABI ------------------------------------------------===//

#include "Failure.h"
#include "Model.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

using namespace mlir::dyn::runtime;

/// Model plus what C callers see of it.
struct dyn_model {
  Model model;
  std::vector<dyn_symbol_info> symbols;
  std::vector<dyn_tensor_info> inputs;
  std::vector<dyn_tensor_info> outputs;
  /// What the shapes of `inputs` and `outputs` point to.
  std::vector<std::string> sizeTexts;
  std::vector<const char *> sizes;

  dyn_model(const std::string &path, const WeightSource &source,
            std::shared_ptr<ThreadPool> pool);

private:
  void describe(const std::vector<TensorInfo> &tensors,
                std::vector<dyn_tensor_info> &infos);
};

struct dyn_pool {
  std::shared_ptr<ThreadPool> pool;
};

dyn_model::dyn_model(const std::string &path, const WeightSource &source,
                     std::shared_ptr<ThreadPool> pool)
    : model(path, source, std::move(pool)) {
  const Metadata &metadata = model.getMetadata();
  for (const Symbol &symbol : metadata.symbols)
    symbols.push_back(
        {symbol.name.c_str(), symbol.min, symbol.max, symbol.multiple});
  for (const auto *tensors : {&metadata.inputs, &metadata.outputs})
    for (const TensorInfo &tensor : *tensors)
      for (const SizeExpr &size : tensor.shape)
        sizeTexts.push_back(size.str());
  sizes.reserve(sizeTexts.size());
  describe(metadata.inputs, inputs);
  describe(metadata.outputs, outputs);
}

void dyn_model::describe(const std::vector<TensorInfo> &tensors,
                         std::vector<dyn_tensor_info> &infos) {
  for (const TensorInfo &tensor : tensors) {
    infos.push_back(
        {tensor.name.c_str(), tensor.element->name, tensor.element->dtype,
         static_cast<int>(tensor.shape.size()), sizes.data() + sizes.size(),
         tensor.alias ? inputs[*tensor.alias].name : nullptr});
    for (size_t i = 0; i < tensor.shape.size(); ++i)
      sizes.push_back(sizeTexts[sizes.size()].c_str());
  }
}

static thread_local std::string lastError;

static dyn_status setError(dyn_status status, const char *message) noexcept {
  try {
    lastError = message;
  } catch (...) {
    lastError.clear();
  }
  return status;
}

/// Runs `function`, which throws what goes wrong.
template <typename Function>
static dyn_status guard(Function function) noexcept {
  try {
    function();
    return DYN_OK;
  } catch (const Failure &failure) {
    return setError(failure.status, failure.message.c_str());
  } catch (const std::bad_alloc &) {
    return setError(DYN_NO_MEMORY, "no memory");
  } catch (const std::exception &error) {
    return setError(DYN_RUN_FAILED, error.what());
  }
}

/// A null pointer is a mistake that is cheap to tell.
static void expectPointer(const auto *pointer, const char *name) {
  if (!pointer)
    fail(DYN_INVALID_ARGUMENT, "argument '", name, "' is null");
}

static const Metadata &getMetadata(const dyn_model *model) {
  expectPointer(model, "model");
  return model->model.getMetadata();
}

/// Arrays of C with their length; null is fine for an empty one.
static Arguments getArguments(const dyn_argument *arguments, size_t count,
                              const char *name) {
  if (count != 0)
    expectPointer(arguments, name);
  return {arguments, count};
}

const char *dyn_last_error(void) { return lastError.c_str(); }

const char *dyn_version(void) { return DYN_VERSION; }

dyn_status dyn_pool_create(int threads, dyn_pool **pool) {
  return guard([&] {
    expectPointer(pool, "pool");
    *pool = nullptr;
    *pool = new dyn_pool{std::make_shared<ThreadPool>(threads)};
  });
}

void dyn_pool_release(dyn_pool *pool) { delete pool; }

/// The caller's options; fields that its header does not have yet stay 0.
static dyn_options readOptions(const dyn_options *given) {
  dyn_options options = {};
  if (!given)
    return options;
  if (given->size < sizeof(size_t) || given->size > 4096)
    fail(DYN_INVALID_ARGUMENT, "dyn_options.size is ", given->size,
         ", expected sizeof(dyn_options) = ", sizeof(dyn_options));
  std::memcpy(&options, given, std::min(given->size, sizeof(options)));
  const char *bytes = reinterpret_cast<const char *>(given);
  for (size_t i = sizeof(options); i < given->size; ++i)
    if (bytes[i] != 0)
      fail(DYN_INVALID_ARGUMENT, "dyn_options has a field that this runtime (",
           DYN_VERSION, ") does not know");
  return options;
}

dyn_status dyn_model_open(const char *path, const dyn_options *given,
                          dyn_model **model) {
  return guard([&] {
    expectPointer(model, "model");
    *model = nullptr;
    expectPointer(path, "path");
    dyn_options options = readOptions(given);
    WeightSource source;
    if (options.weights_folder)
      source.folder = options.weights_folder;
    if (options.weights)
      source.replacement = options.weights;
    *model = new dyn_model(path, source,
                           options.pool
                               ? options.pool->pool
                               : std::make_shared<ThreadPool>(options.threads));
  });
}

void dyn_model_close(dyn_model *model) { delete model; }

const char *dyn_model_name(const dyn_model *model) {
  return model->model.getMetadata().name.c_str();
}

const char *dyn_model_target(const dyn_model *model) {
  return model->model.artifact.getTarget().cpu.c_str();
}

int dyn_model_threads(const dyn_model *model) {
  return model->model.pool->size();
}

size_t dyn_model_input_count(const dyn_model *model) {
  return model->inputs.size();
}

size_t dyn_model_output_count(const dyn_model *model) {
  return model->outputs.size();
}

size_t dyn_model_symbol_count(const dyn_model *model) {
  return model->symbols.size();
}

template <typename Info>
static const Info *getInfo(const std::vector<Info> &infos, size_t index) {
  return index < infos.size() ? &infos[index] : nullptr;
}

const dyn_tensor_info *dyn_model_input(const dyn_model *model, size_t index) {
  return getInfo(model->inputs, index);
}

const dyn_tensor_info *dyn_model_output(const dyn_model *model, size_t index) {
  return getInfo(model->outputs, index);
}

const dyn_symbol_info *dyn_model_symbol(const dyn_model *model, size_t index) {
  return getInfo(model->symbols, index);
}

dyn_status dyn_model_solve(const dyn_model *model, const dyn_argument *inputs,
                           size_t input_count, int64_t *symbols) {
  return guard([&] {
    const Metadata &metadata = getMetadata(model);
    if (!metadata.symbols.empty())
      expectPointer(symbols, "symbols");
    Tensors tensors;
    matchArguments(metadata.inputs, getArguments(inputs, input_count, "inputs"),
                   "input", tensors);
    SymbolValues values;
    solveSymbols(metadata, tensors, values);
    for (size_t i = 0; i < values.size(); ++i)
      symbols[i] = *values[i];
  });
}

static SymbolValues readSymbols(const Metadata &metadata,
                                const int64_t *symbols) {
  if (!metadata.symbols.empty())
    expectPointer(symbols, "symbols");
  return checkSymbols(metadata, symbols);
}

static void getShape(const Metadata &metadata,
                     const std::vector<TensorInfo> &tensors, size_t index,
                     const int64_t *symbols, int64_t *shape) {
  SymbolValues values = readSymbols(metadata, symbols);
  if (index >= tensors.size())
    fail(DYN_INVALID_ARGUMENT, "there is no tensor ", index, ", the model has ",
         tensors.size());
  if (!tensors[index].shape.empty())
    expectPointer(shape, "shape");
  evaluateShape(tensors[index], values, {shape, tensors[index].shape.size()});
}

dyn_status dyn_model_input_shape(const dyn_model *model, size_t index,
                                 const int64_t *symbols, int64_t *shape) {
  return guard([&] {
    const Metadata &metadata = getMetadata(model);
    getShape(metadata, metadata.inputs, index, symbols, shape);
  });
}

dyn_status dyn_model_output_shape(const dyn_model *model, size_t index,
                                  const int64_t *symbols, int64_t *shape) {
  return guard([&] {
    const Metadata &metadata = getMetadata(model);
    getShape(metadata, metadata.outputs, index, symbols, shape);
  });
}

dyn_status dyn_model_peak_bytes(const dyn_model *model, const int64_t *symbols,
                                uint64_t *bytes) {
  return guard([&] {
    const Metadata &metadata = getMetadata(model);
    expectPointer(bytes, "bytes");
    *bytes = evaluateArena(metadata, readSymbols(metadata, symbols));
  });
}

const char *dyn_model_peak_formula(const dyn_model *model) {
  return model->model.getMetadata().arenaFormula.c_str();
}

dyn_status dyn_model_run(dyn_model *model, const dyn_argument *inputs,
                         size_t input_count, const dyn_argument *outputs,
                         size_t output_count, DLManagedTensor **results) {
  return guard([&] {
    expectPointer(model, "model");
    model->model.run(getArguments(inputs, input_count, "inputs"),
                     getArguments(outputs, output_count, "outputs"), results);
  });
}
