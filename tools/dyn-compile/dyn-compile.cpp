//===- dyn-compile.cpp - A model in, an artifact out ----------------------===//

#include "Dyn/Driver/CommandLine.h"
#include "Dyn/Driver/Compiler.h"
#include "Dyn/Resources/AtomicFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"

using namespace mlir::dyn;
using namespace llvm::opt; // For the names in the generated table.

namespace {
enum OptionId {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "CompileOptions.inc"
#undef OPTION
};

#define OPTTABLE_STR_TABLE_CODE
#include "CompileOptions.inc"
#undef OPTTABLE_STR_TABLE_CODE

#define OPTTABLE_PREFIXES_TABLE_CODE
#include "CompileOptions.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE

constexpr llvm::opt::OptTable::Info kOptions[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "CompileOptions.inc"
#undef OPTION
};

struct OptionTable : llvm::opt::GenericOptTable {
  OptionTable()
      : GenericOptTable(OptionStrTable, OptionPrefixesTable, kOptions) {}
};

/// A command line, understood.
struct Command {
  std::string model, output, report;
  bool timing = false;
  CompileOptions options;
};
} // namespace

static constexpr llvm::StringLiteral kTool = "dyn-compile";

static Result<std::vector<const Target *>>
parseTargets(const InputArgList &arguments) {
  llvm::SmallVector<llvm::StringRef> names;
  arguments.getLastArgValue(OPT_target, "native").split(names, ',');
  std::vector<const Target *> targets;
  for (llvm::StringRef name : names) {
    Result<const Target *> target = findTarget(name);
    if (!target)
      return target.error();
    if (!targets.empty() && targets.front()->triple != (*target)->triple)
      return Error("one artifact holds code for one architecture: '" +
                   targets.front()->name.str() + "' and '" +
                   (*target)->name.str() + "' need one each");
    targets.push_back(*target);
  }
  return targets;
}

static Result<Command> parse(const llvm::opt::InputArgList &arguments,
                             const char *program) {
  Command command;
  std::vector<std::string> models = arguments.getAllArgValues(OPT_INPUT);
  if (models.size() != 1)
    return Error("expects one model, got " + std::to_string(models.size()) +
                 ": see --help");
  command.model = models.front();
  std::string stage = arguments.getLastArgValue(OPT_emit, "so").str();
  std::optional<Stage> parsed = parseStage(stage);
  if (!parsed)
    return Error("unknown stage '" + stage +
                 "', expects graph, tensor, tiled, llvm, llvm-ir, asm, obj or "
                 "so");
  command.options.stage = *parsed;
  bool binary = *parsed == Stage::Library || *parsed == Stage::Object;
  command.output =
      arguments.getLastArgValue(OPT_output, binary ? "" : "-").str();
  if (command.output.empty())
    return Error("expects -o <file> to write to");
  command.report = arguments.getLastArgValue(OPT_report).str();
  if (!command.report.empty() && *parsed != Stage::Library)
    return Error("--report goes with --emit=so");
  command.timing = arguments.hasArg(OPT_timing);
  command.options.entry = arguments.getLastArgValue(OPT_entry).str();
  command.options.weightsDir = arguments.getLastArgValue(OPT_weights_dir).str();
  Result<std::vector<const Target *>> targets = parseTargets(arguments);
  if (!targets)
    return targets.error();
  command.options.targets = *targets;
  if (targets->size() > 1 && *parsed > Stage::Tensor &&
      *parsed != Stage::Library)
    return Error("--emit=" + stage + " expects one target, got " +
                 std::to_string(targets->size()));
  for (const std::string &text : arguments.getAllArgValues(OPT_dim)) {
    Result<DimOption> dim = parseDimOption(text);
    if (!dim)
      return dim.error();
    command.options.dims.push_back(*dim);
  }
  llvm::SmallString<128> folder(llvm::sys::path::parent_path(command.output));
  (void)llvm::sys::fs::make_absolute(folder);
  llvm::SmallString<128> realFolder;
  if (!llvm::sys::fs::real_path(folder, realFolder))
    command.options.artifactFolder = realFolder.str().str();
  llvm::StringRef stem = llvm::sys::path::filename(command.output);
  stem.consume_back(".so");
  if (command.output != "-") {
    if (realFolder.empty())
      realFolder = folder;
    llvm::sys::path::append(realFolder, stem + ".weights.safetensors");
    command.options.packedWeights = realFolder.str().str();
  }
  command.options.runtimeFolders =
      findRuntimeFolders(program, DYN_INSTALL_LIBDIR);
  return command;
}

static Result<> run(const Command &command) {
  // An artifact that cannot be written must not replace the weights of the one
  // that is there.
  if (command.options.stage == Stage::Library && command.output != "-")
    if (auto probe = AtomicFile::create(command.output, 0); !probe)
      return probe.error();
  Phases phases(kTool);
  Compiler compiler(command.options, phases);
  Result<std::string> output = compiler.compile(command.model);
  if (!output)
    return output.error();
  phases.start("write");
  if (auto written = writeOutput(command.output, *output); !written)
    return written;
  phases.finish();
  if (!command.report.empty())
    if (auto written = writeOutput(command.report,
                                   writeReport(compiler.getReport(), phases));
        !written)
      return written;
  if (command.timing)
    phases.print(llvm::errs());
  return {};
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  OptionTable table;
  Result<llvm::opt::InputArgList> arguments =
      parseCommandLine(table, argc, argv);
  if (!arguments)
    return reportError(kTool, arguments.error(), kWrongUsage);
  if (arguments->hasArg(OPT_help)) {
    table.printHelp(llvm::outs(), "dyn-compile MODEL -o OUT.so [options]",
                    "Compiles an ONNX or MLIR model once, for every shape");
    return kSuccess;
  }
  if (arguments->hasArg(OPT_version)) {
    llvm::outs() << getVersionText(kTool);
    return kSuccess;
  }
  Result<Command> command = parse(*arguments, argv[0]);
  if (!command)
    return reportError(kTool, command.error(), kWrongUsage);
  if (auto done = run(*command); !done)
    return reportError(kTool, done.error(), kWrongInput);
  return kSuccess;
}
