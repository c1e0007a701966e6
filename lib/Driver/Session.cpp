//===- Session.cpp - A compiled model, ready to run -----------------------===//

#include "Dyn/Driver/Session.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::dyn;

static Error takeRuntimeError() { return Error(dyn_last_error()); }

Result<Session> Session::open(const std::string &path, int threads) {
  dyn_options options = {};
  options.size = sizeof(options);
  options.threads = threads;
  dyn_model *model = nullptr;
  if (dyn_model_open(path.c_str(), &options, &model) != DYN_OK)
    return takeRuntimeError();
  return Session(model);
}

/// Writes all of `bytes` to an open file.
static bool writeAll(int file, llvm::StringRef bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    bytes = bytes.drop_front(written);
  }
  return true;
}

Result<Session> Session::openBytes(llvm::StringRef artifact, int threads) {
  int file = memfd_create("model", MFD_CLOEXEC);
  if (file < 0)
    return Error("no memory file for the model: " +
                 std::string(std::strerror(errno)));
  llvm::scope_exit close([&] { ::close(file); });
  if (!writeAll(file, artifact))
    return Error("no memory for the model: " +
                 std::string(std::strerror(errno)));
  return open("/proc/self/fd/" + std::to_string(file), threads);
}

template <typename Info>
static std::vector<const Info *> collect(const dyn_model *model, size_t count,
                                         const Info *(*get)(const dyn_model *,
                                                            size_t)) {
  std::vector<const Info *> infos;
  infos.reserve(count);
  for (size_t i = 0; i < count; ++i)
    infos.push_back(get(model, i));
  return infos;
}

std::vector<const dyn_tensor_info *> Session::getInputs() const {
  return collect(get(), dyn_model_input_count(get()), dyn_model_input);
}

std::vector<const dyn_tensor_info *> Session::getOutputs() const {
  return collect(get(), dyn_model_output_count(get()), dyn_model_output);
}

std::vector<const dyn_symbol_info *> Session::getSymbols() const {
  return collect(get(), dyn_model_symbol_count(get()), dyn_model_symbol);
}

Result<std::vector<int64_t>>
Session::solve(llvm::ArrayRef<dyn_argument> inputs) const {
  std::vector<int64_t> symbols(dyn_model_symbol_count(get()));
  if (dyn_model_solve(get(), inputs.data(), inputs.size(), symbols.data()) !=
      DYN_OK)
    return takeRuntimeError();
  return symbols;
}

Result<uint64_t> Session::getPeakBytes(llvm::ArrayRef<int64_t> symbols) const {
  uint64_t bytes;
  if (dyn_model_peak_bytes(get(), symbols.data(), &bytes) != DYN_OK)
    return takeRuntimeError();
  return bytes;
}

Result<std::vector<int64_t>>
Session::getInputShape(size_t input, llvm::ArrayRef<int64_t> symbols) const {
  std::vector<int64_t> shape(dyn_model_input(get(), input)->rank);
  if (dyn_model_input_shape(get(), input, symbols.data(), shape.data()) !=
      DYN_OK)
    return takeRuntimeError();
  return shape;
}

Result<std::vector<int64_t>>
Session::getOutputShape(size_t output, llvm::ArrayRef<int64_t> symbols) const {
  std::vector<int64_t> shape(dyn_model_output(get(), output)->rank);
  if (dyn_model_output_shape(get(), output, symbols.data(), shape.data()) !=
      DYN_OK)
    return takeRuntimeError();
  return shape;
}

Result<std::vector<Session::OwnedTensor>>
Session::run(llvm::ArrayRef<dyn_argument> inputs,
             llvm::ArrayRef<dyn_argument> outputs) {
  std::vector<DLManagedTensor *> results(dyn_model_output_count(get()));
  if (dyn_model_run(get(), inputs.data(), inputs.size(), outputs.data(),
                    outputs.size(), results.data()) != DYN_OK)
    return takeRuntimeError();
  std::vector<OwnedTensor> owned;
  owned.reserve(results.size());
  for (DLManagedTensor *result : results)
    owned.emplace_back(result);
  return owned;
}

//===----------------------------------------------------------------------===//
// Signature
//===----------------------------------------------------------------------===//

static std::string formatShape(const dyn_tensor_info &info) {
  return "[" +
         llvm::join(llvm::make_range(info.shape, info.shape + info.rank),
                    ", ") +
         "]";
}

void dyn::printSignature(const Session &session, llvm::StringRef command,
                         llvm::raw_ostream &os) {
  size_t width = 0;
  auto inputs = session.getInputs(), outputs = session.getOutputs();
  auto symbols = session.getSymbols();
  for (const auto &tensors : {inputs, outputs})
    for (const dyn_tensor_info *info : tensors)
      width = std::max(width, std::strlen(info->name));
  auto printTensors = [&](llvm::StringRef title, const auto &tensors) {
    os << title << '\n';
    for (const dyn_tensor_info *info : tensors)
      os << "  " << llvm::left_justify(info->name, width) << "  " << info->type
         << ' ' << formatShape(*info)
         << (info->alias
                 ? std::string(" may share the memory of ") + info->alias
                 : "")
         << '\n';
  };
  os << session.getName() << " for " << session.getTarget() << '\n';
  printTensors("inputs", inputs);
  printTensors("outputs", outputs);
  if (!symbols.empty())
    os << "symbols\n";
  std::vector<std::string> values;
  for (const dyn_symbol_info *symbol : symbols) {
    os << "  " << symbol->name << "  at least " << symbol->min;
    if (symbol->max != INT64_MAX)
      os << ", at most " << symbol->max;
    if (symbol->multiple != 1)
      os << ", a multiple of " << symbol->multiple;
    os << '\n';
    int64_t least = std::max<int64_t>(symbol->min, 1);
    least =
        (least + symbol->multiple - 1) / symbol->multiple * symbol->multiple;
    values.push_back(std::string(symbol->name) + "=" + std::to_string(least));
  }
  os << "memory of a run\n  " << session.getPeakFormula() << " bytes\n"
     << "to run it\n  " << command;
  for (const dyn_tensor_info *input : inputs)
    os << " --input " << input->name << "=FILE.npy";
  os << " --output-dir DIR\n  " << command << " --bench";
  if (!values.empty())
    os << " --random " << llvm::join(values, ",");
  os << '\n';
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

InputArguments::InputArguments(Inputs &inputs) {
  tensors.reserve(inputs.size());
  for (auto &[name, array] : inputs) {
    tensors.push_back(array.getTensor());
    arguments.push_back({name.c_str(), &tensors.back()});
  }
}

/// Buffers for the outputs whose sizes are known before the run.
static Result<Inputs> makeOutputs(const Session &session,
                                  llvm::ArrayRef<dyn_argument> inputs) {
  Result<std::vector<int64_t>> symbols = session.solve(inputs);
  if (!symbols)
    return symbols.error();
  Inputs outputs;
  for (auto [i, info] : llvm::enumerate(session.getOutputs())) {
    Result<std::vector<int64_t>> shape = session.getOutputShape(i, *symbols);
    if (!shape)
      return shape.error();
    if (!llvm::is_contained(*shape, -1))
      outputs.try_emplace(info->name, info->dtype, *shape);
  }
  return outputs;
}

Result<Timings> dyn::benchmark(Session &session,
                               llvm::ArrayRef<dyn_argument> inputs,
                               double seconds) {
  using Clock = std::chrono::steady_clock;
  Result<Inputs> outputs = makeOutputs(session, inputs);
  if (!outputs)
    return outputs.error();
  InputArguments outputArguments(*outputs);
  auto run = [&]() -> Result<double> {
    Clock::time_point begin = Clock::now();
    auto results = session.run(inputs, outputArguments.get());
    if (!results)
      return results.error();
    return std::chrono::duration<double, std::milli>(Clock::now() - begin)
        .count();
  };
  // A tenth of the time to fill caches and wake threads, at least two runs.
  std::vector<double> times;
  auto runFor = [&](double duration, size_t least) -> Result<> {
    Clock::time_point end =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(
                           std::chrono::duration<double>(duration));
    times.clear();
    while (times.size() < least || Clock::now() < end) {
      Result<double> time = run();
      if (!time)
        return time.error();
      times.push_back(*time);
    }
    return {};
  };
  if (auto warm = runFor(seconds / 10, 2); !warm)
    return warm.error();
  if (auto measured = runFor(seconds, 1); !measured)
    return measured.error();
  llvm::sort(times);
  Timings timings;
  timings.runs = times.size();
  timings.median = times[times.size() / 2];
  timings.min = times.front();
  timings.p99 = times[(times.size() - 1) * 99 / 100];
  return timings;
}
