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
#include "Dyn/Tools/WeightTools.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace {
enum class Action : uint8_t {
  None,
  ImportOnnx,
  ExportWeights,
  DumpResources,
  ListOnnxOperators
};

struct Options {
  cl::OptionCategory category{"dyn-translate options"};
  cl::opt<Action> action{
      cl::desc("what to do:"), cl::init(Action::None), cl::cat(category),
      cl::values(
          clEnumValN(Action::ImportOnnx, "import-onnx",
                     "translate an ONNX model to dyn IR"),
          clEnumValN(Action::ExportWeights, "export-weights",
                     "write the weights of a model to a safetensors file"),
          clEnumValN(Action::DumpResources, "dump-resources",
                     "list names, types, sizes, places and users of weights; "
                     "MLIR, ONNX or safetensors"),
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

namespace {
/// Prints sentences: the default handler has no notes, and both it and the one
/// for source files begin with "unknown" where there is no line.
class Diagnostics {
public:
  explicit Diagnostics(MLIRContext &context)
      : handler(&context, [this](Diagnostic &diagnostic) {
          print(diagnostic);
          return success();
        }) {}

  /// The exit status of an action. What diagnostics said before the error is
  /// more than it says.
  int exitWith(const dyn::Result<> &result) const {
    if (result)
      return 0;
    return hasError ? 1 : fail(result.error().message());
  }

private:
  void print(Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error) {
      llvm::WithColor::error(llvm::errs());
      hasError = true;
    }
    if (auto line = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
      llvm::errs() << line.getFilename().getValue() << ':' << line.getLine()
                   << ':' << line.getColumn() << ": ";
    else if (!isa<UnknownLoc>(diagnostic.getLocation()))
      llvm::errs() << diagnostic.getLocation() << ": ";
    llvm::errs() << diagnostic << '\n';
    for (Diagnostic &note : diagnostic.getNotes())
      llvm::WithColor::note(llvm::errs()) << note << '\n';
  }

  bool hasError = false;
  ScopedDiagnosticHandler handler;
};
} // namespace

static int importOnnx(const Options &options, MLIRContext &context,
                      const Diagnostics &diagnostics) {
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
  return diagnostics.exitWith(dyn::writeOutput(options.output, contents));
}

static int exportWeights(const Options &options, MLIRContext &context,
                         const Diagnostics &diagnostics) {
  if (options.output == "-")
    return fail("--export-weights expects -o FILE.safetensors");
  return diagnostics.exitWith(dyn::exportWeights(
      options.input, options.weightsDir, options.output, &context));
}

static int dumpResources(const Options &options, MLIRContext &context,
                         const Diagnostics &diagnostics) {
  // Models of any dialect have resources.
  context.allowUnregisteredDialects();
  std::string table;
  llvm::raw_string_ostream os(table);
  dyn::Result<> dumped =
      dyn::dumpResources(options.input, options.weightsDir, &context, os);
  return diagnostics.exitWith(dumped ? dyn::writeOutput(options.output, table)
                                     : dumped);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  Options options;
  cl::HideUnrelatedOptions(options.category);
  cl::ParseCommandLineOptions(argc, argv,
                              "Dyn's translations of models and weights\n");
  if (options.action == Action::None)
    return fail("expects one of the options that say what to do, see --help");
  if (options.action == Action::ListOnnxOperators) {
    dyn::printOnnxOperators(llvm::outs());
    return 0;
  }
  if (options.input.empty())
    return fail("expects the name of a model's file");
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  dyn::registerAllDialects(registry);
  MLIRContext context(registry);
  Diagnostics diagnostics(context);
  switch (options.action) {
  case Action::ExportWeights:
    return exportWeights(options, context, diagnostics);
  case Action::DumpResources:
    return dumpResources(options, context, diagnostics);
  default:
    return importOnnx(options, context, diagnostics);
  }
}
