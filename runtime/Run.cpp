//===- Run.cpp - One run of a model ---------------------------------------===//

#include "Failure.h"
#include "Model.h"
#include "RunContext.h"

#include <algorithm>

namespace mlir::dyn::runtime {

namespace {

/// A result on its way to the caller, who frees it by `deleter`.
struct Result : DLManagedTensor {
  Sizes sizes;
  Memory memory;
  /// Memory of `dyn_rt_alloc` instead.
  void *block = nullptr;

  Result(const Element &element, View view);
  ~Result() {
    if (block)
      RunContext::freeBlock(block);
  }
};

struct Output {
  const TensorInfo &info;
  /// The caller's buffer, which the shape of an unknown size is written to.
  const DLTensor *buffer = nullptr;
  View bufferView;
  /// Where the code writes; for an unknown size, what it left.
  View view;
  /// Holds `view` unless that is the caller's buffer.
  Memory memory;
  std::unique_ptr<Result> result;

  bool isInBuffer() const { return buffer && view.data == bufferView.data; }
};

/// The steps of a run, in order.
class Run {
public:
  Run(Model &model, bool wantsResults)
      : model(model), metadata(model.getMetadata()), wantsResults(wantsResults),
        context(*model.pool) {}

  void bindInputs(Arguments arguments);
  void bindOutputs(Arguments arguments);
  void checkOverlaps() const;
  void execute();
  void finish();
  void moveResults(DLManagedTensor **results);

private:
  void bindOutput(Output &output);
  void bindUnknownOutput(Output &output);
  void bindAlias(const Output &output, View &input);
  void finishUnknown(size_t index, Output &output, const Descriptors &code);
  [[noreturn]] void failRun(int32_t code) const;

  Model &model;
  const Metadata &metadata;
  bool wantsResults;
  SymbolValues symbols;
  std::vector<View> inputs;
  /// Of inputs that the code could not take as they are.
  std::vector<Memory> copies;
  std::vector<Output> outputs;
  RunContext context;
};

} // namespace

Result::Result(const Element &element, View view)
    : DLManagedTensor(), sizes(std::move(view.sizes)) {
  dl_tensor.data = view.data;
  dl_tensor.device = {kDLCPU, 0};
  dl_tensor.ndim = static_cast<int>(sizes.size());
  dl_tensor.dtype = element.dtype;
  dl_tensor.shape = sizes.data();
  deleter = [](DLManagedTensor *self) { delete static_cast<Result *>(self); };
}

void Run::bindInputs(Arguments arguments) {
  std::vector<const DLTensor *> tensors =
      matchArguments(metadata.inputs, arguments, "input");
  symbols = solveSymbols(metadata, tensors);
  inputs.reserve(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo &info = metadata.inputs[i];
    View view = getView(*tensors[i], *info.element, info.title);
    if (!view.isUsable(*info.element, info.strided)) {
      size_t bytes = getBytes(*info.element, view.sizes, info.title);
      copies.push_back(
          allocateMemory(bytes, [&] { return "a copy of " + info.title; }));
      View copy = {copies.back().get(), view.sizes,
                   getContiguousStrides(view.sizes)};
      copyElements(view, copy, info.element->size());
      view = std::move(copy);
    } else if (!info.strided) {
      // Strides of single rows may have been anything.
      view.strides = getContiguousStrides(view.sizes);
    }
    inputs.push_back(std::move(view));
  }
}

void Run::bindOutputs(Arguments arguments) {
  std::vector<const DLTensor *> buffers =
      matchArguments(metadata.outputs, arguments, "output");
  outputs.reserve(buffers.size());
  for (size_t i = 0; i < buffers.size(); ++i) {
    Output &output = outputs.emplace_back(metadata.outputs[i], buffers[i]);
    output.view.sizes = evaluateShape(output.info, symbols);
    if (output.info.hasUnknownSize())
      bindUnknownOutput(output);
    else
      bindOutput(output);
  }
}

/// Decides where the code writes an output whose sizes are known.
void Run::bindOutput(Output &output) {
  const Element &element = *output.info.element;
  View &view = output.view;
  size_t bytes = getBytes(element, view.sizes, output.info.title);
  view.strides = getContiguousStrides(view.sizes);
  if (output.buffer) {
    output.bufferView = getView(*output.buffer, element, output.info.title);
    if (output.bufferView.sizes != view.sizes)
      fail(DYN_INVALID_ARGUMENT, "the buffer of ", output.info.title, " is ",
           formatShape(output.bufferView.sizes), ", expected ",
           formatShape(output.info.shape), " = ", formatShape(view.sizes));
    if (output.bufferView.isUsable(element, output.info.strided)) {
      view.data = output.bufferView.data;
      if (output.info.strided)
        view.strides = output.bufferView.strides;
    }
  }
  if (!output.isInBuffer()) {
    output.memory = allocateMemory(bytes, [&] {
      return output.info.title + " " + formatShape(view.sizes);
    });
    view.data = output.memory.get();
  }
  if (output.info.alias)
    bindAlias(output, inputs[*output.info.alias]);
}

/// Makes `input` the first part of `output`, which it may already be.
void Run::bindAlias(const Output &output, View &input) {
  const TensorInfo &inputInfo = metadata.inputs[*output.info.alias];
  bool isSame = input.data == output.view.data;
  for (size_t d = 0; d < input.sizes.size(); ++d) {
    if (input.sizes[d] > output.view.sizes[d])
      fail(DYN_INVALID_ARGUMENT, output.info.title, " is ",
           formatShape(output.view.sizes), ", too small for input '",
           inputInfo.name,
           "', which it begins with: ", formatShape(input.sizes));
    isSame &= input.sizes[d] <= 1 || input.strides[d] == output.view.strides[d];
  }
  View first = {output.view.data, input.sizes, output.view.strides};
  if (!isSame)
    copyElements(input, first, inputInfo.element->size());
  input = std::move(first);
}

/// The code will allocate the output; a buffer must be one to copy to.
void Run::bindUnknownOutput(Output &output) {
  View &view = output.view;
  view.sizes = Sizes(output.info.shape.size());
  view.strides = Sizes(output.info.shape.size());
  if (!output.buffer)
    return;
  std::string title = "the buffer of " + output.info.title;
  if (output.buffer->ndim != static_cast<int>(view.sizes.size()))
    fail(DYN_INVALID_ARGUMENT, title, " has rank ", output.buffer->ndim,
         ", expected ", formatShape(output.info.shape), " of rank ",
         view.sizes.size());
  output.bufferView = getView(*output.buffer, *output.info.element, title);
  if (!output.bufferView.isContiguous())
    fail(DYN_INVALID_ARGUMENT, title,
         " is not contiguous, which an output with a size '?' needs");
}

namespace {
/// A contiguous tensor in memory.
struct Range {
  const char *begin;
  const char *end;
  const TensorInfo *info;
  bool isOutput;

  bool overlaps(const Range &other) const {
    return begin < other.end && other.begin < end;
  }
};
} // namespace

/// Outputs in buffers must not be where something else is read or written.
/// Tensors with gaps may share memory in ways that are fine; they are trusted.
void Run::checkOverlaps() const {
  std::vector<Range> ranges;
  ranges.reserve(inputs.size() + outputs.size());
  auto add = [&](const View &view, const TensorInfo &info, bool isOutput) {
    if (view.data && view.isContiguous() && !view.isEmpty())
      ranges.push_back(
          {view.data,
           view.data + getBytes(*info.element, view.sizes, info.title), &info,
           isOutput});
  };
  std::vector<bool> isAliased(inputs.size());
  for (const Output &output : outputs) {
    if (output.isInBuffer())
      add(output.view, output.info, /*isOutput=*/true);
    // It is the first part of the output now.
    if (output.info.alias)
      isAliased[*output.info.alias] = true;
  }
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!isAliased[i])
      add(inputs[i], metadata.inputs[i], /*isOutput=*/false);
  std::ranges::sort(ranges, {}, &Range::begin);

  // Of the ranges so far, the input and the output that reach furthest.
  const Range *furthest[2] = {nullptr, nullptr};
  for (const Range &range : ranges) {
    const Range *input = furthest[0], *output = furthest[1];
    if (range.isOutput && input && range.overlaps(*input))
      fail(DYN_INVALID_ARGUMENT, "the buffer of ", range.info->title,
           " overlaps ", input->info->title, " in memory");
    if (!range.isOutput && output && range.overlaps(*output))
      fail(DYN_INVALID_ARGUMENT, "the buffer of ", output->info->title,
           " overlaps ", range.info->title, " in memory");
    if (range.isOutput && output && range.overlaps(*output)) {
      auto [first, second] = std::minmax(output->info, range.info);
      fail(DYN_INVALID_ARGUMENT, "the buffers of ", first->title, " and ",
           second->title, " overlap in memory");
    }
    const Range *&last = furthest[range.isOutput];
    if (!last || last->end < range.end)
      last = &range;
  }
}

/// Gives the arena back however the run ends.
namespace {
struct ArenaLoan {
  ArenaCache &cache;
  ArenaCache::Arena arena;
  ~ArenaLoan() { cache.give(std::move(arena)); }
};
} // namespace

void Run::execute() {
  size_t arenaBytes = evaluateArena(metadata, symbols);
  ArenaLoan loan = {model.arenas, model.arenas.take(arenaBytes, [&] {
                      return "the model's intermediate results at " +
                             formatSymbols(metadata, symbols);
                    })};

  size_t ranks = 1;
  for (const View &input : inputs)
    ranks += input.sizes.size();
  for (const Output &output : outputs)
    ranks += output.view.sizes.size();
  Descriptors inputDescriptors(inputs.size(), ranks);
  Descriptors outputDescriptors(outputs.size() + 1, ranks);
  for (const View &input : inputs)
    inputDescriptors.add(input);
  for (const Output &output : outputs)
    outputDescriptors.add(output.view);
  outputDescriptors.add(
      {loan.arena.memory.get(), {static_cast<int64_t>(arenaBytes)}, {1}});

  std::vector<void *> arguments;
  for (const Descriptors *part :
       {&inputDescriptors, &model.weightDescriptors, &outputDescriptors})
    arguments.insert(arguments.end(), part->getPointers().begin(),
                     part->getPointers().end());
  int32_t code = context.call(model.artifact.getEntry(), arguments.data());
  if (code != 0 || context.getError().kind != RunContext::Error::Kind::None)
    failRun(code);
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].info.hasUnknownSize())
      finishUnknown(i, outputs[i], outputDescriptors);
}

/// Replaces {0} and {1}.
static std::string fillIn(std::string text, int64_t a, int64_t b) {
  for (auto [hole, value] : {std::pair("{0}", a), std::pair("{1}", b)})
    for (size_t at = text.find(hole); at != std::string::npos;
         at = text.find(hole, at))
      text.replace(at, 3, std::to_string(value));
  return text;
}

void Run::failRun(int32_t code) const {
  const RunContext::Error &error = context.getError();
  switch (error.kind) {
  case RunContext::Error::Kind::NoMemory:
    fail(DYN_NO_MEMORY, "no memory: the model asked for ", error.message,
         " bytes at ", formatSymbols(metadata, symbols));
  case RunContext::Error::Kind::Message:
    if (error.message >= 0 &&
        error.message < static_cast<int64_t>(metadata.messages.size()))
      fail(DYN_RUN_FAILED,
           fillIn(metadata.messages[error.message], error.a, error.b));
    fail(DYN_RUN_FAILED, "the model failed with message ", error.message,
         ", which it does not have, about ", error.a, " and ", error.b);
  case RunContext::Error::Kind::None:
    break;
  }
  fail(DYN_RUN_FAILED, "the model failed with code ", code,
       " and did not say why");
}

/// Looks at an output that the code has allocated.
void Run::finishUnknown(size_t index, Output &output, const Descriptors &code) {
  const Element &element = *output.info.element;
  output.view = code.get(index, output.info.shape.size(), element.size());
  View &view = output.view;
  size_t bytes = getBytes(element, view.sizes, output.info.title);
  if (output.buffer) {
    int64_t room = static_cast<int64_t>(
        getBytes(element, output.bufferView.sizes, output.info.title));
    if (static_cast<int64_t>(bytes) > room)
      fail(DYN_INVALID_ARGUMENT, output.info.title, " is ",
           formatShape(view.sizes), ", more than its buffer holds: ",
           formatShape(output.bufferView.sizes));
    output.bufferView.sizes = view.sizes;
    output.bufferView.strides = getContiguousStrides(view.sizes);
    return;
  }
  void *allocated = code.getAllocated(index);
  if (view.isContiguous() && allocated && context.release(allocated)) {
    output.result = std::make_unique<Result>(element, view);
    output.result->block = allocated;
    return;
  }
  output.memory = allocateMemory(bytes, [&] { return output.info.title; });
  View copy = {output.memory.get(), view.sizes,
               getContiguousStrides(view.sizes)};
  copyElements(view, copy, element.size());
  view = std::move(copy);
}

void Run::finish() {
  for (Output &output : outputs) {
    if (output.buffer) {
      if (!output.isInBuffer())
        copyElements(output.view, output.bufferView,
                     output.info.element->size());
      std::ranges::copy(output.bufferView.sizes, output.buffer->shape);
    } else if (!output.result && wantsResults) {
      output.result =
          std::make_unique<Result>(*output.info.element, output.view);
      output.result->memory = std::move(output.memory);
    }
  }
}

void Run::moveResults(DLManagedTensor **results) {
  for (size_t i = 0; i < outputs.size(); ++i)
    results[i] = outputs[i].result.release();
}

void Model::run(Arguments inputs, Arguments outputs,
                DLManagedTensor **results) {
  if (results)
    std::fill_n(results, getMetadata().outputs.size(), nullptr);
  Run run(*this, results != nullptr);
  run.bindInputs(inputs);
  run.bindOutputs(outputs);
  run.checkOverlaps();
  run.execute();
  run.finish();
  if (results)
    run.moveResults(results);
}

} // namespace mlir::dyn::runtime
