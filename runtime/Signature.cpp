//===- Signature.cpp - Arguments of a call against the model's ------------===//

#include "Signature.h"

#include "Failure.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace mlir::dyn::runtime {

static std::string listNames(const std::vector<TensorInfo> &tensors) {
  std::string names;
  for (const TensorInfo &tensor : tensors)
    names += (names.empty() ? "" : ", ") + tensor.name;
  return names.empty() ? "none" : names;
}

/// The checks of one argument that need no other.
static void checkTensor(const TensorInfo &info, const DLTensor *tensor) {
  const std::string &what = info.title;
  if (!tensor || tensor->ndim < 0 || (tensor->ndim > 0 && !tensor->shape))
    fail(DYN_INVALID_ARGUMENT, what, " has no tensor or no shape");
  if (tensor->device.device_type != kDLCPU)
    fail(DYN_INVALID_ARGUMENT, what,
         " is not in the CPU's memory (DLPack device ",
         int(tensor->device.device_type), ")");
  if (!(*info.element == tensor->dtype))
    fail(DYN_INVALID_ARGUMENT, what, " is ", formatType(tensor->dtype),
         ", expected ", info.element->name);
  for (int i = 0; i < tensor->ndim; ++i)
    if (tensor->shape[i] < 0)
      fail(DYN_INVALID_ARGUMENT, what, " has the negative size ",
           tensor->shape[i], " in dimension ", i);
}

void matchArguments(const std::vector<TensorInfo> &tensors, Arguments arguments,
                    const char *kind, Tensors &matched) {
  matched.assign(tensors.size(), nullptr);
  for (const dyn_argument &argument : arguments) {
    if (!argument.name)
      fail(DYN_INVALID_ARGUMENT, "an ", kind, " has no name");
    // Most callers give them in the model's order.
    size_t index = &argument - arguments.data();
    if (index >= tensors.size() ||
        std::strcmp(tensors[index].name.c_str(), argument.name) != 0)
      index = std::ranges::find(tensors, std::string_view(argument.name),
                                &TensorInfo::name) -
              tensors.begin();
    if (index == tensors.size())
      fail(DYN_INVALID_ARGUMENT, "there is no ", kind, " '", argument.name,
           "'; the model's ", kind, "s are ", listNames(tensors));
    const DLTensor *&slot = matched[index];
    if (slot)
      fail(DYN_INVALID_ARGUMENT, tensors[index].title, " is given twice");
    checkTensor(tensors[index], argument.tensor);
    slot = argument.tensor;
  }
}

static Sizes getShape(const DLTensor &tensor) {
  return {tensor.shape, static_cast<size_t>(tensor.ndim)};
}

namespace {
/// Finds the symbols' values and explains why there are none.
class Solver {
public:
  Solver(const Metadata &metadata, const Tensors &inputs, SymbolValues &values)
      : metadata(metadata), inputs(inputs), values(values) {}

  void solve();

private:
  void solveSizes(std::vector<size_t> *sources = nullptr) const;
  bool solveOnce(bool onlyPlainSymbols, std::vector<size_t> *sources) const;
  std::vector<size_t> findSources() const;
  void checkShape(size_t input) const;
  void checkRange(size_t symbol) const;
  [[noreturn]] void failUnsolved(size_t input, const SizeExpr &size) const;
  [[noreturn]] void failUnequal(size_t input, size_t dimension) const;

  std::string formatInput(size_t input) const {
    return formatShape(getShape(*inputs[input]));
  }

  const Metadata &metadata;
  const Tensors &inputs;
  SymbolValues &values;
};
} // namespace

/// Goes over all sizes once; true if a symbol was found.
bool Solver::solveOnce(bool onlyPlainSymbols,
                       std::vector<size_t> *sources) const {
  bool found = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<SizeExpr> &shape = metadata.inputs[i].shape;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (onlyPlainSymbols && !shape[d].getSymbolIndex())
        continue;
      if (auto symbol = shape[d].solve(inputs[i]->shape[d], values)) {
        if (sources)
          (*sources)[*symbol] = i;
        found = true;
      }
    }
  }
  return found;
}

void Solver::solveSizes(std::vector<size_t> *sources) const {
  values.assign(metadata.symbols.size(), std::nullopt);
  solveOnce(/*onlyPlainSymbols=*/true, sources);
  while (std::ranges::any_of(values, [](auto value) { return !value; }) &&
         solveOnce(/*onlyPlainSymbols=*/false, sources))
    continue;
}

/// The input whose shape gave each symbol. For errors alone: all is solved once
/// more.
std::vector<size_t> Solver::findSources() const {
  std::vector<size_t> sources(metadata.symbols.size());
  solveSizes(&sources);
  return sources;
}

void Solver::failUnsolved(size_t input, const SizeExpr &size) const {
  std::vector<size_t> symbols;
  size.collectSymbols(symbols);
  std::string unsolved;
  for (size_t symbol : symbols)
    if (!values[symbol])
      unsolved = metadata.symbols[symbol].name;
  fail(DYN_INVALID_ARGUMENT, "input '", metadata.inputs[input].name, "' is ",
       formatInput(input), ", expected ",
       formatShape(metadata.inputs[input].shape), ": no size ", unsolved,
       " gives that");
}

void Solver::failUnequal(size_t input, size_t dimension) const {
  const TensorInfo &info = metadata.inputs[input];
  std::vector<size_t> sources = findSources();
  if (auto symbol = info.shape[dimension].getSymbolIndex()) {
    const std::string &name = metadata.symbols[*symbol].name;
    size_t source = sources[*symbol];
    if (source != input)
      fail(DYN_INVALID_ARGUMENT, metadata.inputs[source].name, " is ",
           formatInput(source), ", but ", info.name, " is ", formatInput(input),
           ": ", name, " cannot be both (expected ",
           formatShape(metadata.inputs[source].shape), " and ",
           formatShape(info.shape), ")");
    fail(DYN_INVALID_ARGUMENT, "input '", info.name, "' is ",
         formatInput(input), ", expected ", formatShape(info.shape), ": ", name,
         " cannot be both ", *values[*symbol], " and ",
         inputs[input]->shape[dimension]);
  }

  std::string details;
  std::vector<size_t> symbols;
  info.shape[dimension].collectSymbols(symbols);
  if (!symbols.empty())
    details = ", where " + info.shape[dimension].str() + " is " +
              std::to_string(*info.shape[dimension].evaluate(values));
  std::set<size_t> givers;
  for (size_t symbol : symbols)
    if (sources[symbol] != input)
      givers.insert(sources[symbol]);
  for (size_t giver : givers)
    details += (giver == *givers.begin() ? " as given by " : " and ") +
               metadata.inputs[giver].name;
  fail(DYN_INVALID_ARGUMENT, "input '", info.name, "' is ", formatInput(input),
       ", expected ", formatShape(info.shape), details);
}

void Solver::checkShape(size_t input) const {
  const std::vector<SizeExpr> &shape = metadata.inputs[input].shape;
  for (size_t d = 0; d < shape.size(); ++d) {
    std::optional<int64_t> expected = shape[d].evaluate(values);
    if (!expected)
      failUnsolved(input, shape[d]);
    if (*expected != inputs[input]->shape[d])
      failUnequal(input, d);
  }
}

/// "from 1 to 512", "of 1 or more", with the multiple.
static std::string formatRange(const Symbol &symbol) {
  std::string text = symbol.max == INT64_MAX
                         ? " of " + std::to_string(symbol.min) + " or more"
                         : " from " + std::to_string(symbol.min) + " to " +
                               std::to_string(symbol.max);
  if (symbol.multiple != 1)
    text += " in multiples of " + std::to_string(symbol.multiple);
  return text;
}

static bool isInRange(const Symbol &symbol, int64_t value) {
  return value >= symbol.min && value <= symbol.max &&
         value % symbol.multiple == 0;
}

void Solver::checkRange(size_t index) const {
  const Symbol &symbol = metadata.symbols[index];
  if (isInRange(symbol, *values[index]))
    return;
  size_t source = findSources()[index];
  fail(DYN_INVALID_ARGUMENT, "input '", metadata.inputs[source].name, "' is ",
       formatInput(source), ", expected ",
       formatShape(metadata.inputs[source].shape), ": ", symbol.name, " is ",
       *values[index], ", but the model is compiled for ", symbol.name,
       formatRange(symbol));
}

void Solver::solve() {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorInfo &info = metadata.inputs[i];
    if (!inputs[i])
      fail(DYN_INVALID_ARGUMENT, "input '", info.name,
           "' is missing; the model's inputs are ", listNames(metadata.inputs));
    if (inputs[i]->ndim != static_cast<int>(info.shape.size()))
      fail(DYN_INVALID_ARGUMENT, "input '", info.name, "' is ", formatInput(i),
           " of rank ", inputs[i]->ndim, ", expected ", formatShape(info.shape),
           " of rank ", info.shape.size());
  }
  solveSizes();
  for (size_t i = 0; i < inputs.size(); ++i)
    checkShape(i);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i])
      fail(DYN_INVALID_ARTIFACT, "no input's shape tells symbol ",
           metadata.symbols[i].name);
    checkRange(i);
  }
}

void solveSymbols(const Metadata &metadata, const Tensors &inputs,
                  SymbolValues &symbols) {
  Solver(metadata, inputs, symbols).solve();
}

SymbolValues checkSymbols(const Metadata &metadata, const int64_t *values) {
  SymbolValues symbols(metadata.symbols.size());
  for (size_t i = 0; i < symbols.size(); ++i) {
    const Symbol &symbol = metadata.symbols[i];
    if (!isInRange(symbol, values[i]))
      fail(DYN_INVALID_ARGUMENT, symbol.name, " is ", values[i],
           ", but the model is compiled for ", symbol.name,
           formatRange(symbol));
    symbols[i] = values[i];
  }
  return symbols;
}

void evaluateShape(const TensorInfo &tensor, const SymbolValues &symbols,
                   std::span<int64_t> sizes) {
  for (size_t d = 0; d < sizes.size(); ++d) {
    const SizeExpr &size = tensor.shape[d];
    sizes[d] = size.evaluate(symbols).value_or(-1);
    if (sizes[d] < 0 && !size.isUnknown())
      fail(DYN_INVALID_ARGUMENT, "'", tensor.name, "' would be ",
           formatShape(tensor.shape), ", where ", size.str(), " is ", sizes[d]);
  }
}

size_t evaluateArena(const Metadata &metadata, const SymbolValues &symbols) {
  std::optional<int64_t> bytes = metadata.arenaBytes.evaluate(symbols);
  if (!bytes || *bytes < 0)
    fail(DYN_INVALID_ARTIFACT, "the artifact's peak memory, ",
         metadata.arenaFormula, ", is no number");
  return static_cast<size_t>(*bytes);
}

std::string formatSymbols(const Metadata &metadata,
                          const SymbolValues &symbols) {
  std::string text;
  for (size_t i = 0; i < symbols.size(); ++i)
    text += (i ? ", " : "") + metadata.symbols[i].name + " = " +
            std::to_string(symbols[i].value_or(-1));
  return text;
}

} // namespace mlir::dyn::runtime
