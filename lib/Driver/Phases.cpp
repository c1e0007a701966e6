//===- Phases.cpp - What a tool is doing, and for how long ----------------===//

#include "Dyn/Driver/Phases.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"

using namespace mlir;
using namespace mlir::dyn;

Phases::Phases(llvm::StringRef tool) : tool(tool), begin(Clock::now()) {
  if (llvm::sys::Process::StandardErrIsDisplayed())
    progress = std::thread([this] { showProgress(); });
}

Phases::~Phases() { finish(); }

void Phases::showProgress() {
  using namespace std::chrono_literals;
  std::unique_lock<std::mutex> lock(mutex);
  auto wait = [&](Clock::time_point until) {
    return changed.wait_until(lock, until, [this] { return done; });
  };
  if (wait(begin + 2s))
    return;
  do {
    double seconds =
        std::chrono::duration<double>(Clock::now() - begin).count();
    // \033[K takes away what is left of a longer line.
    llvm::errs() << llvm::formatv("\r{0}: {1} ({2:F0} s)\033[K", tool, current,
                                  seconds);
    llvm::errs().flush();
  } while (!wait(Clock::now() + 500ms));
  llvm::errs() << "\r\033[K";
  llvm::errs().flush();
}

void Phases::endCurrent(Clock::time_point now) {
  if (current.empty())
    return;
  double seconds = std::chrono::duration<double>(now - currentBegin).count();
  auto it = llvm::find_if(
      phases, [&](const Phase &phase) { return phase.name == current; });
  if (it != phases.end())
    it->seconds += seconds;
  else
    phases.push_back({current, seconds});
}

void Phases::start(llvm::StringRef name) {
  std::lock_guard<std::mutex> lock(mutex);
  Clock::time_point now = Clock::now();
  endCurrent(now);
  current = name.str();
  currentBegin = now;
}

void Phases::finish() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    endCurrent(Clock::now());
    current.clear();
    done = true;
  }
  changed.notify_all();
  if (progress.joinable())
    progress.join();
}

void Phases::print(llvm::raw_ostream &os) const {
  double total = 0;
  for (const Phase &phase : phases) {
    os << llvm::formatv("{0,10:F3} s  {1}\n", phase.seconds, phase.name);
    total += phase.seconds;
  }
  os << llvm::formatv("{0,10:F3} s  total\n", total);
}
