//===- library.cpp - Weights through the library --------------------------===//
//
// library parse FILE: milliseconds of parsing alone.
//
// library embed IN WEIGHTS OUT: bytecode with the weights inside.
//
// library convert FILE OUTPUT: all weights to bf16, then all erased.
//
// library rounds FILE OUT N: opens, canonicalizes and saves N times.
//
// library read FILE THREADS: each thread, with a context of its own, reads all
// weights; then it waits for a line.
//
// Each prints one JSON object. Memory is in bytes.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Driver/LoadModel.h"
#include "Dyn/InitAll.h"
#include "Dyn/Resources/Safetensors.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

using namespace mlir;
using namespace mlir::dyn;

namespace {
using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

/// A value of /proc/self/status in bytes: "VmRSS", "RssAnon".
int64_t readStatus(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name) && line[name.size()] == ':')
      return 1024 * std::stoll(line.substr(name.size() + 1));
  return -1;
}

/// The most anonymous memory while it lives.
class AnonymousPeak {
public:
  AnonymousPeak() : sampler([this] { run(); }) {}
  int64_t stop() {
    stopped = true;
    sampler.join();
    return peak;
  }

private:
  void run() {
    while (!stopped) {
      peak = std::max(peak, readStatus("RssAnon"));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  std::atomic<bool> stopped = false;
  int64_t peak = 0;
  std::thread sampler;
};

[[noreturn]] void fail(const Twine &message) {
  llvm::errs() << "library: " << message << '\n';
  std::exit(1);
}

template <typename T> T check(Result<T> result) {
  if (!result)
    fail(result.error().message());
  return *std::move(result);
}
void check(Result<> result) {
  if (!result)
    fail(result.error().message());
}

DialectRegistry makeRegistry() {
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  dyn::registerAllDialects(registry);
  return registry;
}

/// A context in which everything that a first parse loads is loaded.
struct Context {
  explicit Context(const std::string &path) : context(makeRegistry()) {
    context.loadAllAvailableDialects();
    setWeightFolders(&context, {llvm::sys::path::parent_path(path).str(), {}});
  }
  MLIRContext context;
};

OwningOpRef<ModuleOp> parse(const std::string &path, MLIRContext &context) {
  return check(parseModel(check(openModel(path)), &context));
}

void write(ModuleOp module, StringRef path) {
  auto writeTo = [&](llvm::raw_ostream &os) -> llvm::Error {
    if (failed(writeBytecodeToFile(module, os)))
      return llvm::createStringError("cannot be written");
    return llvm::Error::success();
  };
  if (llvm::Error error = llvm::writeToOutput(path, writeTo))
    fail(path + ": " + llvm::toString(std::move(error)));
}
} // namespace

static void measureParse(const std::string &path) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    Context context(path);
    auto start = Clock::now();
    OwningOpRef<ModuleOp> module = parse(path, context.context);
    best = std::min(best, millisecondsSince(start));
  }
  std::cout << "{\"ms\": " << best << "}\n";
}

/// Gives weights and resources of the builtin dialect the tensors of their
/// names.
static void embed(const std::string &path, const std::string &weights,
                  StringRef out) {
  Context context(path);
  Safetensors file = check(Safetensors::open(weights));
  OwningOpRef<ModuleOp> module = parse(path, context.context);
  module->walk([&](Operation *op) {
    if (auto weight = dyn_cast<WeightOp>(op))
      return setWeight(weight, check(readWeight(weight)));
    op->getAttrDictionary().walk([&](DenseResourceElementsAttr attribute) {
      auto *entry = attribute.getRawHandle().getResource();
      if (entry->getBlob())
        return;
      std::span<const std::byte> bytes =
          check(file.getBlob(entry->getKey().str())).bytes();
      entry->setBlob(UnmanagedAsmResourceBlob::allocateWithAlign(
          ArrayRef(reinterpret_cast<const char *>(bytes.data()), bytes.size()),
          /*align=*/64));
    });
  });
  write(*module, out);
  std::cout << "{}\n";
}

static void convertAndErase(const std::string &path, const std::string &out) {
  Context context(path);
  // Code and heap are as warm as they will be.
  parse(path, context.context);
  int64_t before = readStatus("VmRSS"), atParse = 0;
  AnonymousPeak peak;
  auto start = Clock::now();
  {
    OwningOpRef<ModuleOp> module = parse(path, context.context);
    atParse = readStatus("VmRSS");
    PassManager manager(&context.context);
    DynConvertWeightsPassOptions options;
    options.type = "bf16";
    options.output = out;
    manager.addPass(createDynConvertWeightsPass(options));
    if (failed(manager.run(*module)))
      fail("the conversion failed");
    for (WeightOp weight :
         llvm::make_early_inc_range(module->getOps<WeightOp>()))
      weight.erase();
  }
  double ms = millisecondsSince(start);
  std::cout << "{\"ms\": " << ms << ", \"anonymous\": " << peak.stop()
            << ", \"parsed\": " << atParse << ", \"before\": " << before
            << ", \"after\": " << readStatus("VmRSS") << "}\n";
}

static void runRounds(const std::string &path, StringRef out, int rounds) {
  int64_t first = 0, last = 0;
  for (int i = 0; i < rounds; ++i) {
    {
      Context context(path);
      OwningOpRef<ModuleOp> module = parse(path, context.context);
      PassManager manager(&context.context);
      manager.addPass(createCanonicalizerPass());
      if (failed(manager.run(*module)))
        fail("canonicalization failed");
      write(*module, out);
    }
    last = readStatus("VmRSS");
    // The second round has what the first one loaded for good.
    if (i == 1)
      first = last;
  }
  std::cout << "{\"first\": " << first << ", \"last\": " << last << "}\n";
}

static uint64_t sumBytes(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 64)
    sum += static_cast<uint64_t>(bytes[i]);
  return sum;
}

static void readAll(const std::string &path, int threads) {
  std::atomic<uint64_t> sum = 0;
  std::barrier done(threads + 1), leave(threads + 1);
  std::vector<std::thread> readers;
  for (int i = 0; i < threads; ++i)
    readers.emplace_back([&] {
      Context context(path);
      OwningOpRef<ModuleOp> module = parse(path, context.context);
      std::vector<Blob> kept;
      for (WeightOp weight : module->getOps<WeightOp>()) {
        kept.push_back(check(readWeight(weight)));
        sum += sumBytes(kept.back().bytes());
      }
      done.arrive_and_wait();
      leave.arrive_and_wait();
    });
  done.arrive_and_wait();
  std::cout << "{\"sum\": " << sum << "}" << std::endl;
  std::cin.get();
  leave.arrive_and_wait();
  for (std::thread &reader : readers)
    reader.join();
}

int main(int argc, char **argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "parse")
    measureParse(words[1]);
  else if (words.size() == 4 && words[0] == "embed")
    embed(words[1], words[2], words[3]);
  else if (words.size() == 3 && words[0] == "convert")
    convertAndErase(words[1], words[2]);
  else if (words.size() == 4 && words[0] == "rounds")
    runRounds(words[1], words[2], std::stoi(words[3]));
  else if (words.size() == 3 && words[0] == "read")
    readAll(words[1], std::stoi(words[2]));
  else
    fail("see the head of library.cpp");
}
