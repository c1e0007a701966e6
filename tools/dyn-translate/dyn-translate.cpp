//===- dyn-translate.cpp - Models and weights in and out of dyn IR --------===//
//
// The options are mlir-translate's. Its driver is not used: it reads the whole
// input, opens the output before it knows that there is one, and does not tell
// a translation the names of the files.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Import/Onnx.h"
#include "Dyn/InitAll.h"
#include "Dyn/Resources/AtomicFile.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace {
enum class Action : uint8_t { ImportOnnx, ListOnnxOperators };

struct Options {
  cl::OptionCategory category{"dyn-translate options"};
  cl::opt<Action> action{
      cl::desc("what to do:"), cl::Required, cl::cat(category),
      cl::values(
          clEnumValN(Action::ImportOnnx, "import-onnx",
                     "translate an ONNX model to dyn IR"),
          clEnumValN(Action::ListOnnxOperators, "list-onnx-operators",
                     "print the ONNX operators that --import-onnx knows"))};
  cl::opt<std::string> input{cl::Positional, cl::desc("FILE"),
                             cl::cat(category)};
  cl::opt<std::string> output{
      "o",
      cl::desc(
          "where to write; bytecode if it ends in .mlirbc, text otherwise"),
      cl::value_desc("file"), cl::init("-"), cl::cat(category)};
  cl::list<std::string> dims{
      "dim", cl::desc("what is known of a dimension of the model"),
      cl::value_desc("NAME=MIN:MAX[:MULTIPLE]"), cl::cat(category)};
  cl::opt<std::string> weightsDir{
      "weights-dir",
      cl::desc("a folder besides the model's in which weights may be"),
      cl::value_desc("folder"), cl::cat(category)};
};
} // namespace

static int fail(const Twine &message) {
  llvm::WithColor::error(llvm::errs()) << message << '\n';
  return 1;
}

/// Writes what is complete: a file that is there stays as it is until then.
static int writeOutput(StringRef path, StringRef contents) {
  if (path == "-") {
    llvm::outs() << contents;
    return 0;
  }
  dyn::Result<dyn::AtomicFile> file =
      dyn::AtomicFile::create(path.str(), contents.size());
  if (!file)
    return fail(file.error().message());
  if (auto written = file->write(
          0, std::as_bytes(std::span(contents.data(), contents.size())));
      !written)
    return fail(written.error().message());
  if (auto committed = file->commit(); !committed)
    return fail(committed.error().message());
  return 0;
}

static int importOnnx(const Options &options) {
  dyn::OnnxImportOptions importOptions;
  importOptions.weightsDir = options.weightsDir;
  for (const std::string &dim : options.dims)
    if (std::string error =
            dyn::parseSymbolRange(dim, importOptions.dims.emplace_back());
        !error.empty())
      return fail("--dim " + error);
  if (options.input.empty())
    return fail("--import-onnx expects the name of a model");
  DialectRegistry registry;
  dyn::registerAllDialects(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module =
      dyn::importOnnx(options.input, importOptions, &context);
  if (!module)
    return 1;
  std::string text;
  llvm::raw_string_ostream os(text);
  if (!StringRef(options.output).ends_with(".mlirbc"))
    os << *module << '\n';
  else if (failed(writeBytecodeToFile(*module, os)))
    return 1;
  return writeOutput(options.output, text);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  Options options;
  cl::HideUnrelatedOptions(options.category);
  cl::ParseCommandLineOptions(argc, argv,
                              "Dyn's translations of models and weights\n");
  switch (options.action) {
  case Action::ImportOnnx:
    return importOnnx(options);
  case Action::ListOnnxOperators:
    dyn::printOnnxOperators(llvm::outs());
    return 0;
  }
}
