//===- Reproducer.cpp - What went wrong, without the weights --------------===//

#include "Reproducer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

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

Result<> dyn::writeReproducer(const std::string &path, StringRef pipeline,
                              const MappedFile &input, bool verifiesEach,
                              bool disablesThreading) {
  Stamp stamp = computeStamp(input);
  auto writeTo = [&](raw_ostream &os) -> llvm::Error {
    auto quote = [&](StringRef text) {
      os << '"';
      llvm::printEscapedString(text, os);
      os << '"';
    };
    os << "// The program is the file that 'input' names. To run the pipeline "
          "on it: dyn-opt --run-reproducer\n"
       << "module {}\n"
       << "{-#\n  external_resources: {\n    mlir_reproducer: {\n"
       << "      pipeline: ";
    quote(pipeline);
    os << ",\n      disable_threading: "
       << (disablesThreading ? "true" : "false")
       << ",\n      verify_each: " << (verifiesEach ? "true" : "false")
       << "\n    },\n    " << kSection << ": {\n      input: ";
    quote(input.getAbsolutePath());
    os << ",\n      size: \"" << stamp.size << "\",\n      digest: \""
       << stamp.digest << "\"\n    }\n  }\n#-}\n";
    return llvm::Error::success();
  };
  if (llvm::Error error = llvm::writeToOutput(path, writeTo))
    return Error(path + ": " + llvm::toString(std::move(error)));
  return {};
}

LogicalResult dyn::runGuarded(PassManager &manager, Operation *op,
                              function_ref<void()> report) {
  llvm::CrashRecoveryContext::Enable();
  LogicalResult result = failure();
  llvm::CrashRecoveryContext recovery;
  // Upstream's reproducer does the same.
  recovery.RunSafelyOnThread([&] { result = manager.run(op); });
  llvm::CrashRecoveryContext::Disable();
  if (failed(result))
    report();
  return result;
}
