//===- RunOutput.cpp - What dyn-run shows ---------------------------------===//

#include "Dyn/Driver/RunOutput.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::dyn;

/// One element as a double; 64-bit integers are rounded.
static double readElement(const char *from, DLDataType type) {
  uint64_t bits = 0;
  std::memcpy(&bits, from, type.bits / 8);
  if (type.code == kDLInt)
    return static_cast<double>(llvm::SignExtend64(bits, type.bits));
  if (type.code != kDLFloat && type.code != kDLBfloat)
    return static_cast<double>(bits);
  const llvm::fltSemantics &semantics =
      type.code == kDLBfloat ? llvm::APFloat::BFloat()
      : type.bits == 16      ? llvm::APFloat::IEEEhalf()
      : type.bits == 32      ? llvm::APFloat::IEEEsingle()
                             : llvm::APFloat::IEEEdouble();
  return llvm::APFloat(semantics, llvm::APInt(type.bits, bits))
      .convertToDouble();
}

namespace {
struct Summary {
  int64_t count = 0;
  double min = NAN, max = NAN, mean = NAN;

  explicit Summary(const DLTensor &tensor) {
    count = 1;
    for (int axis = 0; axis < tensor.ndim; ++axis)
      count *= tensor.shape[axis];
    if (count == 0)
      return;
    const char *data =
        static_cast<const char *>(tensor.data) + tensor.byte_offset;
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) {
      double value =
          readElement(data + i * (tensor.dtype.bits / 8), tensor.dtype);
      // NaN shows in the mean.
      min = std::fmin(min, value);
      max = std::fmax(max, value);
      sum += value;
    }
    mean = sum / count;
  }
};
} // namespace

static std::string formatShape(llvm::ArrayRef<int64_t> shape) {
  return "[" +
         llvm::join(
             llvm::map_range(shape,
                             [](int64_t size) { return std::to_string(size); }),
             ", ") +
         "]";
}

static llvm::ArrayRef<int64_t> getShape(const DLTensor &tensor) {
  return {tensor.shape, static_cast<size_t>(tensor.ndim)};
}

void dyn::printOutputs(const Session &session,
                       llvm::ArrayRef<Session::OwnedTensor> outputs,
                       llvm::raw_ostream &os) {
  for (auto [info, output] : llvm::zip(session.getOutputs(), outputs)) {
    Summary summary(output->dl_tensor);
    os << info->name << "  " << info->type << ' '
       << formatShape(getShape(output->dl_tensor));
    if (summary.count)
      os << llvm::format("  min %g max %g mean %g", summary.min, summary.max,
                         summary.mean);
    os << '\n';
  }
}

/// JSON has no infinities and no NaN.
static llvm::json::Value toJson(double value) {
  return std::isfinite(value) ? llvm::json::Value(value)
                              : llvm::json::Value(nullptr);
}

static std::string format(llvm::json::Object object) {
  return llvm::formatv("{0}\n", llvm::json::Value(std::move(object))).str();
}

std::string
dyn::writeOutputsJson(const Session &session,
                      llvm::ArrayRef<Session::OwnedTensor> outputs) {
  llvm::json::Array array;
  for (auto [info, output] : llvm::zip(session.getOutputs(), outputs)) {
    Summary summary(output->dl_tensor);
    array.push_back(llvm::json::Object{
        {"name", info->name},
        {"type", info->type},
        {"shape", llvm::json::Array(getShape(output->dl_tensor))},
        {"min", toJson(summary.min)},
        {"max", toJson(summary.max)},
        {"mean", toJson(summary.mean)}});
  }
  return format(llvm::json::Object{{"model", session.getName()},
                                   {"target", session.getTarget()},
                                   {"outputs", std::move(array)}});
}

std::string dyn::writeSignatureJson(const Session &session) {
  auto write = [](const std::vector<const dyn_tensor_info *> &tensors) {
    llvm::json::Array array;
    for (const dyn_tensor_info *info : tensors) {
      llvm::json::Array shape;
      for (int axis = 0; axis < info->rank; ++axis)
        shape.push_back(info->shape[axis]);
      array.push_back(llvm::json::Object{{"name", info->name},
                                         {"type", info->type},
                                         {"shape", std::move(shape)}});
    }
    return array;
  };
  llvm::json::Array symbols;
  for (const dyn_symbol_info *symbol : session.getSymbols()) {
    llvm::json::Object object{{"name", symbol->name},
                              {"min", symbol->min},
                              {"multiple", symbol->multiple}};
    if (symbol->max != INT64_MAX)
      object["max"] = symbol->max;
    symbols.push_back(std::move(object));
  }
  return format(llvm::json::Object{{"model", session.getName()},
                                   {"target", session.getTarget()},
                                   {"inputs", write(session.getInputs())},
                                   {"outputs", write(session.getOutputs())},
                                   {"symbols", std::move(symbols)},
                                   {"peak_memory", session.getPeakFormula()}});
}

Result<> dyn::saveOutputs(const Session &session,
                          llvm::ArrayRef<Session::OwnedTensor> outputs,
                          const std::string &folder) {
  if (std::error_code code = llvm::sys::fs::create_directories(folder))
    return Error(folder + ": " + code.message());
  for (auto [info, output] : llvm::zip(session.getOutputs(), outputs)) {
    // A name may hold anything, a file's name no slash.
    std::string name = info->name;
    llvm::replace(name, '/', '_');
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, name + ".npy");
    if (auto written = writeNpy(path.str().str(), output->dl_tensor); !written)
      return written;
  }
  return {};
}

Result<std::string> dyn::formatTimings(const Session &session,
                                       llvm::ArrayRef<dyn_argument> inputs,
                                       const Timings &timings, bool json) {
  Result<std::vector<int64_t>> values = session.solve(inputs);
  if (!values)
    return values.error();
  Result<uint64_t> bytes = session.getPeakBytes(*values);
  if (!bytes)
    return bytes.error();
  std::vector<std::string> sizes;
  llvm::json::Object symbols;
  for (auto [symbol, value] : llvm::zip(session.getSymbols(), *values)) {
    sizes.push_back(std::string(symbol->name) + "=" + std::to_string(value));
    symbols[symbol->name] = value;
  }
  if (json)
    return format(llvm::json::Object{{"model", session.getName()},
                                     {"target", session.getTarget()},
                                     {"threads", session.getThreads()},
                                     {"symbols", std::move(symbols)},
                                     {"runs", timings.runs},
                                     {"median_ms", timings.median},
                                     {"min_ms", timings.min},
                                     {"p99_ms", timings.p99},
                                     {"peak_bytes", *bytes}});
  return llvm::formatv("{0}{1}{2}: median {3:F3} ms, min {4:F3} ms, p99 {5:F3} "
                       "ms, {6} runs, {7} threads, {8} bytes\n",
                       session.getName(), sizes.empty() ? "" : " ",
                       llvm::join(sizes, ","), timings.median, timings.min,
                       timings.p99, timings.runs, session.getThreads(), *bytes)
      .str();
}
