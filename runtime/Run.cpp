//===- Run.cpp - One run of a model ---------------------------------------===//

#include "Failure.h"
#include "Model.h"

#include <algorithm>

namespace mlir::dyn::runtime {

namespace {

/// The steps of a run, in order.
class Run {
public:
  Run(Model &model, Frame &frame, bool wantsResults)
      : model(model), metadata(model.getMetadata()), frame(frame),
        wantsResults(wantsResults), context(*model.pool) {}

  void bindInputs(Arguments arguments);
  void bindOutputs(Arguments arguments);
  void checkOverlaps() const;
  void execute();
  void finish();
  void moveResults(DLManagedTensor **results);

private:
  bool haveLastSizes() const;
  void bindInput(Binding &input, const DLTensor &tensor);
  void bindOutput(Binding &output, const DLTensor *buffer);
  void bindAlias(const Binding &output, Binding &input);
  void checkUnknownOutput(const Binding &output, const DLTensor &buffer) const;
  void finishUnknown(Binding &output, const DLTensor *buffer);
  [[noreturn]] void failRun(int32_t code) const;

  Model &model;
  const Metadata &metadata;
  Frame &frame;
  const bool wantsResults;
  /// Sizes and strides without gaps are still those of the last run.
  bool keepsSizes = false;
  RunContext context;
};

} // namespace

static bool areEqual(Sizes lhs, Sizes rhs) {
  if (lhs.size() != rhs.size())
    return false;
  for (size_t i = 0; i < lhs.size(); ++i)
    if (lhs[i] != rhs[i])
      return false;
  return true;
}

bool Run::haveLastSizes() const {
  for (size_t i = 0; i < frame.inputs.size(); ++i) {
    const DLTensor *tensor = frame.inputTensors[i];
    if (!tensor || !areEqual({tensor->shape, static_cast<size_t>(tensor->ndim)},
                             frame.inputs[i].descriptor.getSizes()))
      return false;
  }
  return true;
}

void Run::bindInputs(Arguments arguments) {
  matchArguments(metadata.inputs, arguments, "input", frame.inputTensors);
  keepsSizes = frame.hasSizes && haveLastSizes();
  if (!keepsSizes) {
    frame.hasSizes = false;
    solveSymbols(metadata, frame.inputTensors, frame.symbols);
  }
  for (size_t i = 0; i < frame.inputs.size(); ++i)
    bindInput(frame.inputs[i], *frame.inputTensors[i]);
}

void Run::bindInput(Binding &input, const DLTensor &tensor) {
  const TensorInfo &info = input.info;
  const Descriptor &descriptor = input.descriptor;
  if (!keepsSizes)
    std::copy_n(tensor.shape, tensor.ndim, descriptor.getSizes().begin());
  if (!keepsSizes || info.strided)
    input.bytes = setContiguous(*info.element, descriptor.getSizes(),
                                descriptor.getStrides(), info.title);
  View view = getView(tensor, descriptor.getStrides(), info.title);
  if (view.isUsable(*info.element, info.strided)) {
    descriptor.setData(view.data);
    // If not strided, strides of single rows may have been anything.
    if (info.strided)
      std::ranges::copy(view.strides, descriptor.getStrides().begin());
    return;
  }
  input.memory =
      allocateMemory(input.bytes, [&] { return "a copy of " + info.title; });
  descriptor.setData(input.memory.get());
  copyElements(view, descriptor.getView(), info.element->size());
}

void Run::bindOutputs(Arguments arguments) {
  matchArguments(metadata.outputs, arguments, "output", frame.outputTensors);
  for (size_t i = 0; i < frame.outputs.size(); ++i)
    bindOutput(frame.outputs[i], frame.outputTensors[i]);
  frame.hasSizes = true;
}

/// Decides where the code writes an output.
void Run::bindOutput(Binding &output, const DLTensor *buffer) {
  const TensorInfo &info = output.info;
  const Descriptor &descriptor = output.descriptor;
  if (!keepsSizes || output.hasUnknownSize)
    evaluateShape(info, frame.symbols, descriptor.getSizes());
  output.isInBuffer = false;
  if (output.hasUnknownSize) {
    if (buffer)
      checkUnknownOutput(output, *buffer);
    descriptor.clear();
    return;
  }
  std::span<int64_t> sizes = descriptor.getSizes();
  if (!keepsSizes || info.strided)
    output.bytes = setContiguous(*info.element, sizes, descriptor.getStrides(),
                                 info.title);
  if (buffer) {
    View view = getView(*buffer, descriptor.getStrides(), info.title);
    if (!areEqual(view.sizes, sizes))
      fail(DYN_INVALID_ARGUMENT, "the buffer of ", info.title, " is ",
           formatShape(view.sizes), ", expected ", formatShape(info.shape),
           " = ", formatShape(sizes));
    output.isInBuffer = view.isUsable(*info.element, info.strided);
    if (output.isInBuffer) {
      descriptor.setData(view.data);
      if (info.strided)
        std::ranges::copy(view.strides, descriptor.getStrides().begin());
    }
  }
  if (!output.isInBuffer) {
    output.memory = allocateMemory(
        output.bytes, [&] { return info.title + " " + formatShape(sizes); });
    descriptor.setData(output.memory.get());
  }
  if (info.alias)
    bindAlias(output, frame.inputs[*info.alias]);
}

/// Makes `input` the first part of `output`, which it may already be.
void Run::bindAlias(const Binding &output, Binding &input) {
  View from = input.descriptor.getView(), whole = output.descriptor.getView();
  bool isSame = from.data == whole.data;
  for (size_t d = 0; d < from.sizes.size(); ++d) {
    if (from.sizes[d] > whole.sizes[d])
      fail(DYN_INVALID_ARGUMENT, output.info.title, " is ",
           formatShape(whole.sizes), ", too small for input '", input.info.name,
           "', which it begins with: ", formatShape(from.sizes));
    isSame &= from.sizes[d] <= 1 || from.strides[d] == whole.strides[d];
  }
  if (!isSame)
    copyElements(from, {whole.data, from.sizes, whole.strides},
                 input.info.element->size());
  input.descriptor.setData(whole.data);
  std::ranges::copy(whole.strides, input.descriptor.getStrides().begin());
}

/// The code will allocate the output; a buffer must be one to copy to.
void Run::checkUnknownOutput(const Binding &output,
                             const DLTensor &buffer) const {
  const TensorInfo &info = output.info;
  std::string title = "the buffer of " + info.title;
  size_t rank = info.shape.size();
  if (buffer.ndim != static_cast<int>(rank))
    fail(DYN_INVALID_ARGUMENT, title, " has rank ", buffer.ndim, ", expected ",
         formatShape(info.shape), " of rank ", rank);
  std::vector<int64_t> strides(rank);
  setContiguous(*info.element, {buffer.shape, rank}, strides, title);
  if (!getView(buffer, strides, title).isContiguous())
    fail(DYN_INVALID_ARGUMENT, title,
         " is not contiguous, which an output with a size '?' needs");
}

/// Outputs in buffers must not be where something else is read or written.
/// Tensors with gaps may share memory in ways that are fine; they are trusted.
void Run::checkOverlaps() const {
  std::vector<Range> &ranges = frame.ranges;
  ranges.clear();
  auto add = [&](const Binding &binding, bool isOutput) {
    View view = binding.descriptor.getView();
    if (view.data && binding.bytes &&
        (!binding.info.strided || view.isContiguous()))
      ranges.push_back(
          {view.data, view.data + binding.bytes, &binding.info, isOutput});
  };
  for (const Binding &output : frame.outputs)
    if (output.isInBuffer)
      add(output, /*isOutput=*/true);
  if (ranges.empty())
    return;
  for (const Binding &input : frame.inputs)
    // One that is the first part of an output now is checked as that.
    if (!input.isAliased)
      add(input, /*isOutput=*/false);
  // Many callers keep their buffers.
  if (ranges == frame.apart)
    return;
  std::vector<Range> &sorted = frame.sorted;
  sorted = ranges;
  std::ranges::sort(sorted, {}, &Range::begin);

  // Of the ranges so far, the input and the output that reach furthest.
  const Range *furthest[2] = {nullptr, nullptr};
  for (const Range &range : sorted) {
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
  std::swap(ranges, frame.apart);
}

namespace {
/// Gives the arena back however the run ends.
struct ArenaLoan {
  ArenaCache &cache;
  ArenaCache::Arena arena;
  ~ArenaLoan() { cache.give(std::move(arena)); }
};
} // namespace

void Run::execute() {
  size_t arenaBytes = evaluateArena(metadata, frame.symbols);
  ArenaLoan loan = {model.arenas, model.arenas.take(arenaBytes, [&] {
                      return "the model's intermediate results at " +
                             formatSymbols(metadata, frame.symbols);
                    })};
  frame.arena.setData(loan.arena.memory.get());
  frame.arena.getSizes()[0] = static_cast<int64_t>(arenaBytes);

  int32_t code =
      context.call(model.artifact.getEntry(), frame.descriptors.getPointers());
  if (code != 0 || context.getError().kind != RunContext::Error::Kind::None)
    failRun(code);
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
         " bytes at ", formatSymbols(metadata, frame.symbols));
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

/// Takes over an output that the code has allocated.
void Run::finishUnknown(Binding &output, const DLTensor *buffer) {
  const TensorInfo &info = output.info;
  const Element &element = *info.element;
  View view = output.descriptor.getView(element);
  size_t bytes = getBytes(element, view.sizes, info.title);
  if (buffer) {
    Sizes room = {buffer->shape, view.sizes.size()};
    if (bytes > getBytes(element, room, info.title))
      fail(DYN_INVALID_ARGUMENT, info.title, " is ", formatShape(view.sizes),
           ", more than its buffer holds: ", formatShape(room));
    return;
  }
  void *allocated = output.descriptor.getAllocated();
  output.result = std::make_unique<Result>(element, view);
  if (view.isContiguous() && allocated && context.release(allocated)) {
    output.result->block = allocated;
    return;
  }
  output.result->memory = allocateMemory(bytes, [&] { return info.title; });
  output.result->dl_tensor.data = output.result->memory.get();
  std::vector<int64_t> strides(view.sizes.size());
  setContiguous(element, view.sizes, strides, info.title);
  copyElements(view, {output.result->memory.get(), view.sizes, strides},
               element.size());
}

/// For a buffer that the code could not write to.
static void copyToBuffer(const Binding &output, const DLTensor &buffer) {
  const TensorInfo &info = output.info;
  View from = output.descriptor.getView(*info.element);
  std::vector<int64_t> strides(from.sizes.size());
  setContiguous(*info.element, from.sizes, strides, info.title);
  if (output.hasUnknownSize)
    std::ranges::copy(from.sizes, buffer.shape);
  View to = getView(buffer, strides, info.title);
  if (output.hasUnknownSize)
    to.strides = strides; // The buffer's are those of the shape it came with.
  copyElements(from, to, info.element->size());
}

void Run::finish() {
  for (size_t i = 0; i < frame.outputs.size(); ++i)
    if (frame.outputs[i].hasUnknownSize)
      finishUnknown(frame.outputs[i], frame.outputTensors[i]);
  for (size_t i = 0; i < frame.outputs.size(); ++i) {
    Binding &output = frame.outputs[i];
    if (const DLTensor *buffer = frame.outputTensors[i]) {
      if (!output.isInBuffer)
        copyToBuffer(output, *buffer);
    } else if (!output.result && wantsResults) {
      output.result = std::make_unique<Result>(*output.info.element,
                                               output.descriptor.getView());
      output.result->memory = std::move(output.memory);
    }
  }
}

void Run::moveResults(DLManagedTensor **results) {
  for (size_t i = 0; i < frame.outputs.size(); ++i)
    results[i] = frame.outputs[i].result.release();
}

namespace {
/// Gives the frame back however the run ends.
struct FrameLoan {
  FrameCache &cache;
  std::unique_ptr<Frame> frame;
  ~FrameLoan() { cache.give(std::move(frame)); }
};
} // namespace

void Model::run(Arguments inputs, Arguments outputs,
                DLManagedTensor **results) {
  if (results)
    std::fill_n(results, getMetadata().outputs.size(), nullptr);
  std::unique_ptr<Frame> frame = frames.take();
  if (!frame)
    frame = std::make_unique<Frame>(getMetadata(), weights.getAddresses());
  FrameLoan loan = {frames, std::move(frame)};
  Run run(*this, *loan.frame, results != nullptr);
  run.bindInputs(inputs);
  run.bindOutputs(outputs);
  run.checkOverlaps();
  run.execute();
  run.finish();
  if (results)
    run.moveResults(results);
}

} // namespace mlir::dyn::runtime
