//===- Phases.h - What a tool is doing, and for how long --------*- C++ -*-===//

#ifndef DYN_DRIVER_PHASES_H
#define DYN_DRIVER_PHASES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mlir::dyn {

/// The phases of a tool's work, one after the other. If the work takes more
/// than two seconds and standard error is a terminal, a line there says which
/// phase it is in; it disappears at the end.
class Phases {
public:
  struct Phase {
    std::string name;
    double seconds;
  };

  explicit Phases(llvm::StringRef tool);
  ~Phases();
  Phases(const Phases &) = delete;
  Phases &operator=(const Phases &) = delete;

  /// Ends the phase that is under way and starts another. A phase of a name
  /// that was there before adds to it.
  void start(llvm::StringRef name);
  /// Ends the last phase and takes the progress line away.
  void finish();

  const std::vector<Phase> &get() const { return phases; }
  /// A table of the phases and their seconds.
  void print(llvm::raw_ostream &os) const;

private:
  using Clock = std::chrono::steady_clock;
  void showProgress();
  void endCurrent(Clock::time_point now);

  std::string tool;
  std::vector<Phase> phases;
  std::string current;
  Clock::time_point begin, currentBegin;

  std::mutex mutex; ///< Guards `current` and `done`.
  std::condition_variable changed;
  bool done = false;
  std::thread progress;
};

} // namespace mlir::dyn

#endif // DYN_DRIVER_PHASES_H
