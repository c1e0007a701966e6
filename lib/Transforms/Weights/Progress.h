//===- Progress.h - How far a long walk over data is ------------*- C++ -*-===//

#ifndef DYN_LIB_TRANSFORMS_WEIGHTS_PROGRESS_H
#define DYN_LIB_TRANSFORMS_WEIGHTS_PROGRESS_H

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

namespace mlir::dyn {

/// One line on stderr, gone at the end; only on a terminal, and only of work
/// that takes longer than two seconds.
class Progress {
public:
  Progress(llvm::StringRef what, uint64_t totalBytes)
      : what(what), totalBytes(totalBytes),
        enabled(llvm::sys::Process::StandardErrIsDisplayed()) {}
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;
  ~Progress() {
    if (shown)
      llvm::errs() << kClear;
  }

  void add(uint64_t numBytes) {
    doneBytes += numBytes;
    auto now = Clock::now();
    if (!enabled || now < next)
      return;
    next = now + std::chrono::milliseconds(100);
    shown = true;
    llvm::errs() << kClear
                 << llvm::formatv("{0}: {1} of {2} MiB ({3}%)", what,
                                  doneBytes >> 20, totalBytes >> 20,
                                  totalBytes ? 100 * doneBytes / totalBytes
                                             : 100);
  }

private:
  using Clock = std::chrono::steady_clock;
  static constexpr llvm::StringLiteral kClear = "\r\x1b[K";

  llvm::StringRef what;
  uint64_t totalBytes;
  uint64_t doneBytes = 0;
  bool enabled;
  bool shown = false;
  Clock::time_point next = Clock::now() + std::chrono::seconds(2);
};

} // namespace mlir::dyn

#endif // DYN_LIB_TRANSFORMS_WEIGHTS_PROGRESS_H
