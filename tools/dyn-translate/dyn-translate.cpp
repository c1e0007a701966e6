//===- dyn-translate.cpp - Models and weights in and out of dyn IR --------===//
//
// The options are mlir-translate's. Its driver is not used: it reads the whole
// input, opens the output before it knows that there is one, and does not tell
// a translation the names of the files.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Driver/CommandLine.h"
#include "Dyn/Import/Onnx.h"
#include "Dyn/InitAll.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace {
enum class Action : uint8_t { None, ImportOnnx, ListOnnxOperators };

struct Options {
  cl::OptionCategory category{"dyn-translate options"};
  cl::opt<Action> action{
      cl::desc("what to do:"), cl::init(Action::None), cl::cat(category),
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

/// Prints sentences: the default handler has no notes, and both it and the one
/// for source files begin with "unknown" where there is no line.
static LogicalResult printDiagnostic(Diagnostic &diagnostic) {
  if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
    llvm::WithColor::error(llvm::errs());
  if (!isa<UnknownLoc>(diagnostic.getLocation()))
    llvm::errs() << diagnostic.getLocation() << ": ";
  llvm::errs() << diagnostic << '\n';
  for (Diagnostic &note : diagnostic.getNotes())
    llvm::WithColor::note(llvm::errs()) << note << '\n';
  return success();
}

static int importOnnx(const Options &options) {
  if (options.input.empty())
    return fail("--import-onnx expects the name of a model");
  DialectRegistry registry;
  dyn::registerAllDialects(registry);
  MLIRContext context(registry);
  ScopedDiagnosticHandler handler(&context, printDiagnostic);
  OwningOpRef<ModuleOp> module =
      dyn::importOnnx(options.input, {options.weightsDir}, &context);
  if (!module)
    return 1;
  std::string contents;
  llvm::raw_string_ostream os(contents);
  if (!StringRef(options.output).ends_with(".mlirbc"))
    os << *module << '\n';
  else if (failed(writeBytecodeToFile(*module, os)))
    return 1;
  if (dyn::Result<> written = dyn::writeOutput(options.output, contents);
      !written)
    return fail(written.error().message());
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  Options options;
  cl::HideUnrelatedOptions(options.category);
  cl::ParseCommandLineOptions(argc, argv,
                              "Dyn's translations of models and weights\n");
  switch (options.action) {
  case Action::None:
    return fail("expects one of the options that say what to do, see --help");
  case Action::ImportOnnx:
    return importOnnx(options);
  case Action::ListOnnxOperators:
    dyn::printOnnxOperators(llvm::outs());
    return 0;
  }
}
