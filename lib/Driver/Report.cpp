//===- Report.cpp - What --report writes ----------------------------------===//

#include "Dyn/Driver/Compiler.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::dyn;

std::string dyn::writeReport(const CompileReport &report,
                             const Phases &phases) {
  const ArtifactDescription &model = report.description;
  llvm::json::Object seconds;
  double total = 0;
  for (const Phases::Phase &phase : phases.get()) {
    seconds[phase.name] = phase.seconds;
    total += phase.seconds;
  }
  seconds["total"] = total;
  llvm::json::Array targets, files;
  for (const Target *target : model.targets)
    targets.push_back(target->name);
  for (const WeightFile &file : model.files)
    files.push_back(file.absolutePath);
  uint64_t bytes = 0;
  for (const PlacedWeight &weight : model.weights)
    bytes += weight.numBytes;
  llvm::json::Object result{
      {"name", model.name},
      {"targets", std::move(targets)},
      {"seconds", std::move(seconds)},
      {"kernels", llvm::json::Object{{"distinct", report.distinctKernels},
                                     {"total", report.kernelCalls}}},
      {"weights", llvm::json::Object{{"count", model.weights.size()},
                                     {"bytes", bytes},
                                     {"files", std::move(files)}}},
      {"peak_memory", model.arenaBytes.str()}};
  return llvm::formatv("{0:2}\n", llvm::json::Value(std::move(result))).str();
}
