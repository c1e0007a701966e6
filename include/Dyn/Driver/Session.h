//===- Session.h - A compiled model, ready to run ---------------*- C++ -*-===//

#ifndef DYN_DRIVER_SESSION_H
#define DYN_DRIVER_SESSION_H

#include "Dyn/Driver/Npy.h"
#include "dyn/runtime.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mlir::dyn {

/// The runtime's model with C++'s manners. Errors are the runtime's sentences.
class Session {
public:
  /// Opens the artifact in file `path`. `threads` as in `dyn_options`.
  static Result<Session> open(const std::string &path, int threads);
  /// Opens an artifact that is in memory alone.
  static Result<Session> openBytes(llvm::StringRef artifact, int threads);

  llvm::StringRef getName() const { return dyn_model_name(get()); }
  llvm::StringRef getTarget() const { return dyn_model_target(get()); }
  int getThreads() const { return dyn_model_threads(get()); }
  llvm::StringRef getPeakFormula() const {
    return dyn_model_peak_formula(get());
  }
  std::vector<const dyn_tensor_info *> getInputs() const;
  std::vector<const dyn_tensor_info *> getOutputs() const;
  std::vector<const dyn_symbol_info *> getSymbols() const;

  /// The symbols' values, in their order, that the inputs' shapes give.
  Result<std::vector<int64_t>> solve(llvm::ArrayRef<dyn_argument> inputs) const;
  Result<uint64_t> getPeakBytes(llvm::ArrayRef<int64_t> symbols) const;
  /// The shape of an input for given symbols.
  Result<std::vector<int64_t>>
  getInputShape(size_t input, llvm::ArrayRef<int64_t> symbols) const;
  /// The shape of an output; -1 for a size that only the run tells.
  Result<std::vector<int64_t>>
  getOutputShape(size_t output, llvm::ArrayRef<int64_t> symbols) const;

  struct Release {
    void operator()(DLManagedTensor *tensor) const { tensor->deleter(tensor); }
  };
  using OwnedTensor = std::unique_ptr<DLManagedTensor, Release>;
  /// Runs the model into `outputs`, which may be any of them; the others are
  /// returned, at their places.
  Result<std::vector<OwnedTensor>> run(llvm::ArrayRef<dyn_argument> inputs,
                                       llvm::ArrayRef<dyn_argument> outputs);

private:
  explicit Session(dyn_model *model) : model(model, dyn_model_close) {}
  dyn_model *get() const { return model.get(); }

  std::unique_ptr<dyn_model, void (*)(dyn_model *)> model;
};

/// Shows inputs, outputs, symbols, memory, and how to run the model with the
/// command line `command`.
void printSignature(const Session &session, llvm::StringRef command,
                    llvm::raw_ostream &os);

/// Inputs by name.
using Inputs = std::map<std::string, Array, std::less<>>;

/// Sizes from the command line: the shape of input "x", {4, 17}, or the value
/// of symbol "B", {4}.
using GivenSizes = std::map<std::string, std::vector<int64_t>>;

/// Adds arrays of random numbers for inputs that `inputs` has not. Floats are
/// between -1 and 1, integers 0 or 1, the same in every process. Errors: an
/// unknown name, a wrong rank, a symbol without a value.
Result<> addRandomInputs(const Session &session, const GivenSizes &sizes,
                         Inputs &inputs);

/// The C ABI's view of the inputs, valid as long as they stay where they are.
class InputArguments {
public:
  explicit InputArguments(Inputs &inputs);
  llvm::ArrayRef<dyn_argument> get() const { return arguments; }

private:
  std::vector<DLTensor> tensors;
  std::vector<dyn_argument> arguments;
};

/// Milliseconds of runs, one after the other.
struct Timings {
  size_t runs = 0;
  double median = 0, min = 0, p99 = 0;
};

/// Runs the model again and again for about `seconds`, after runs to warm up,
/// into buffers that are made once.
Result<Timings> benchmark(Session &session, llvm::ArrayRef<dyn_argument> inputs,
                          double seconds);

} // namespace mlir::dyn

#endif // DYN_DRIVER_SESSION_H
