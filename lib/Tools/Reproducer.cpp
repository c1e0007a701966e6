//===- Reproducer.cpp - What went wrong, without the weights --------------===//

#include "Reproducer.h"
#include "Output.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

using namespace mlir;
using namespace mlir::dyn;

static constexpr StringLiteral kSection = "dyn_reproducer";

static LogicalResult parseNumber(AsmParsedResourceEntry &entry,
                                 uint64_t &number) {
  FailureOr<std::string> text = entry.parseAsString();
  if (failed(text))
    return failure();
  if (StringRef(*text).getAsInteger(10, number))
    return entry.emitError() << "expects '" << entry.getKey()
                             << "' to be a number, got '" << *text << "'";
  return success();
}

void ReproducerInput::attachResourceParser(ParserConfig &config) {
  config.attachResourceParser(
      kSection, [this](AsmParsedResourceEntry &entry) -> LogicalResult {
        if (entry.getKey() == "size")
          return parseNumber(entry, stamp.size);
        if (entry.getKey() == "digest")
          return parseNumber(entry, stamp.digest);
        if (entry.getKey() != "input")
          return entry.emitError()
                 << "expects 'input', 'size' or 'digest', got '"
                 << entry.getKey() << "'";
        FailureOr<std::string> text = entry.parseAsString();
        if (succeeded(text))
          path = *text;
        return text;
      });
}

Result<std::shared_ptr<const MappedFile>> ReproducerInput::open() const {
  Result<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file;
  if (Result<> same = checkStamp(**file, stamp); !same)
    return same.error();
  return file;
}

std::string dyn::formatReproducer(StringRef pipeline, const MappedFile &input,
                                  bool verifiesEach, bool disablesThreading) {
  Stamp stamp = computeStamp(input);
  std::string text;
  llvm::raw_string_ostream os(text);
  auto quote = [&](StringRef text) {
    os << '"';
    llvm::printEscapedString(text, os);
    os << '"';
  };
  os << "// The program is the file that 'input' names. To run the pipeline on "
        "it: dyn-opt --run-reproducer\n"
     << "module {}\n"
     << "{-#\n  external_resources: {\n    mlir_reproducer: {\n"
     << "      pipeline: ";
  quote(pipeline);
  os << ",\n      disable_threading: " << (disablesThreading ? "true" : "false")
     << ",\n      verify_each: " << (verifiesEach ? "true" : "false")
     << "\n    },\n    " << kSection << ": {\n      input: ";
  quote(input.getAbsolutePath());
  os << ",\n      size: \"" << stamp.size << "\",\n      digest: \""
     << stamp.digest << "\"\n    }\n  }\n#-}\n";
  return text;
}

Result<> dyn::writeReproducer(const std::string &path, StringRef reproducer) {
  Result<OutputFile> output = OutputFile::open(path);
  if (!output)
    return output.error();
  output->os() << reproducer;
  return output->commit();
}

//===----------------------------------------------------------------------===//
// Crashes
//===----------------------------------------------------------------------===//

namespace {
/// What a signal handler writes, with no more than system calls: made before
/// anything went wrong.
struct PendingReproducer {
  const char *path;
  StringRef text;
  StringRef note;
};
} // namespace

static std::atomic<const PendingReproducer *> pending = nullptr;

static void writeAll(int fd, StringRef text) {
  while (!text.empty()) {
    ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return;
    text = text.drop_front(written);
  }
}

/// Writes what is pending and lets the signal end the process. What another
/// thread raises meanwhile waits: it would end the process before that.
static void handleCrash(int signal) {
  const PendingReproducer *reproducer = pending.exchange(nullptr);
  while (!reproducer)
    ::pause();
  int fd =
      ::open(reproducer->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd >= 0) {
    writeAll(fd, reproducer->text);
    ::close(fd);
    writeAll(STDERR_FILENO, reproducer->note);
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal); // Delivered once this returns.
}

namespace {
/// Handles what ends a process because of its own fault, while it lives.
/// LLVM's handlers give up theirs before they call others, so that of two
/// threads that crash the second ends the process.
class CrashHandler {
public:
  explicit CrashHandler(const PendingReproducer &reproducer) {
    pending = &reproducer;
    // A stack that has run over has no space for a handler.
    stack_t own = {};
    own.ss_sp = stack.data();
    own.ss_size = stack.size();
    ::sigaltstack(&own, &oldStack);
    struct sigaction action = {};
    action.sa_handler = handleCrash;
    action.sa_flags = SA_ONSTACK;
    ::sigfillset(&action.sa_mask);
    for (auto [signal, old] : llvm::zip(kSignals, oldActions))
      ::sigaction(signal, &action, &old);
  }
  ~CrashHandler() {
    for (auto [signal, old] : llvm::zip(kSignals, oldActions))
      ::sigaction(signal, &old, nullptr);
    ::sigaltstack(&oldStack, nullptr);
    pending = nullptr;
  }

private:
  static constexpr std::array kSignals = {SIGABRT, SIGBUS, SIGFPE, SIGILL,
                                          SIGSEGV, SIGSYS, SIGTRAP};
  std::array<struct sigaction, kSignals.size()> oldActions;
  std::vector<char> stack = std::vector<char>(1 << 16);
  stack_t oldStack;
};
} // namespace

LogicalResult dyn::runGuarded(PassManager &manager, Operation *op,
                              const std::string &path, StringRef reproducer) {
  std::string note = "note: reproducer generated at '" + path + "'\n";
  LogicalResult result = failure();
  {
    PendingReproducer atCrash{path.c_str(), reproducer, note};
    CrashHandler handler(atCrash);
    result = manager.run(op);
  }
  if (succeeded(result))
    return success();
  if (Result<> written = writeReproducer(path, reproducer); !written)
    llvm::WithColor::error(llvm::errs()) << written.error().message() << '\n';
  else
    llvm::errs() << note;
  return failure();
}
