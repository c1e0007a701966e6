//===- dyn-run.cpp - Run a model or an artifact ---------------------------===//

#include "Dyn/Driver/CommandLine.h"
#include "Dyn/Driver/Compiler.h"
#include "Dyn/Driver/LoadModel.h"
#include "Dyn/Driver/RunOutput.h"
#include "Dyn/Driver/TemporaryFolder.h"
#include "llvm/Support/InitLLVM.h"

using namespace mlir::dyn;
using namespace llvm::opt; // For the names in the generated table.

namespace {
enum OptionId {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "RunOptions.inc"
#undef OPTION
};

#define OPTTABLE_STR_TABLE_CODE
#include "RunOptions.inc"
#undef OPTTABLE_STR_TABLE_CODE

#define OPTTABLE_PREFIXES_TABLE_CODE
#include "RunOptions.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE

constexpr OptTable::Info kOptions[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "RunOptions.inc"
#undef OPTION
};

struct OptionTable : GenericOptTable {
  OptionTable()
      : GenericOptTable(OptionStrTable, OptionPrefixesTable, kOptions) {}
};

/// A command line, understood.
struct Command {
  std::string model, outputDir, entry, weightsDir;
  std::vector<std::pair<std::string, std::string>> inputFiles;
  GivenSizes randomSizes;
  int threads = 0;
  std::optional<double> benchSeconds;
  bool json = false;

  bool runs() const {
    return !inputFiles.empty() || !randomSizes.empty() || benchSeconds ||
           !outputDir.empty();
  }
};
} // namespace

static constexpr llvm::StringLiteral kTool = "dyn-run";

/// "B=4,S=17" or "x=4x17".
static Result<> parseRandom(llvm::StringRef text, Command &command) {
  llvm::SmallVector<llvm::StringRef> items;
  text.split(items, ',');
  for (llvm::StringRef item : items) {
    auto [name, shape] = item.rsplit('=');
    llvm::SmallVector<llvm::StringRef> numbers;
    shape.split(numbers, 'x');
    std::vector<int64_t> sizes;
    for (llvm::StringRef number : numbers) {
      int64_t size;
      if (name.empty() || number.getAsInteger(10, size) || size < 0)
        return Error("--random " + text.str() + ": '" + item.str() +
                     "' is neither NAME=4x17 nor B=4");
      sizes.push_back(size);
    }
    command.randomSizes[name.str()] = sizes;
  }
  return {};
}

static Result<Command> parse(const InputArgList &arguments) {
  Command command;
  std::vector<std::string> models = arguments.getAllArgValues(OPT_INPUT);
  if (models.size() != 1)
    return Error("expects one model, got " + std::to_string(models.size()) +
                 ": see --help");
  command.model = models.front();
  for (const std::string &text : arguments.getAllArgValues(OPT_input)) {
    auto [name, file] = llvm::StringRef(text).split('=');
    if (name.empty() || file.empty())
      return Error("--input " + text + ": expects NAME=FILE.npy");
    command.inputFiles.emplace_back(name.str(), file.str());
  }
  for (const std::string &text : arguments.getAllArgValues(OPT_random))
    if (auto parsed = parseRandom(text, command); !parsed)
      return parsed.error();
  command.outputDir = arguments.getLastArgValue(OPT_output_dir).str();
  command.entry = arguments.getLastArgValue(OPT_entry).str();
  command.weightsDir = arguments.getLastArgValue(OPT_weights_dir).str();
  command.json = arguments.hasArg(OPT_json);
  llvm::StringRef threads = arguments.getLastArgValue(OPT_threads, "0");
  if (threads.getAsInteger(10, command.threads) || command.threads < 0)
    return Error("--threads " + threads.str() + ": expects a number");
  if (arguments.hasArg(OPT_bench, OPT_bench_EQ)) {
    llvm::StringRef seconds = arguments.getLastArgValue(OPT_bench_EQ, "2");
    double value;
    if (seconds.getAsDouble(value) || !(value > 0) || value > 1e6)
      return Error("--bench=" + seconds.str() +
                   ": expects seconds greater than 0");
    command.benchSeconds = value;
  }
  return command;
}

/// A model is compiled for this machine first, in memory.
static Result<Session> openSession(const Command &command) {
  Result<ModelFormat> format = detectFileFormat(command.model);
  if (!format)
    return format.error();
  if (*format == ModelFormat::Artifact)
    return Session::open(command.model, command.threads);
  Result<const Target *> target = findTarget("native");
  if (!target)
    return target.error();
  CompileOptions options;
  options.targets = {*target};
  options.entry = command.entry;
  options.weightsDir = command.weightsDir;
  // The session keeps what it has mapped.
  Result<TemporaryFolder> folder = TemporaryFolder::create();
  if (!folder)
    return folder.error();
  options.packedWeights = folder->getPath() + "/model.weights.safetensors";
  Phases phases(kTool);
  Compiler compiler(std::move(options), phases);
  Result<std::string> artifact = compiler.compile(command.model);
  if (!artifact)
    return artifact.error();
  return Session::openBytes(*artifact, command.threads);
}

static Result<> runModel(Session &session, const Command &command) {
  Inputs inputs;
  for (const auto &[name, path] : command.inputFiles) {
    Result<Array> array = readNpy(path);
    if (!array)
      return array.error();
    inputs.emplace(name, std::move(*array));
  }
  bool wantsRandom = !command.randomSizes.empty() ||
                     (command.benchSeconds && command.inputFiles.empty());
  if (wantsRandom)
    if (auto added = addRandomInputs(session, command.randomSizes, inputs);
        !added)
      return added;
  InputArguments arguments(inputs);
  auto outputs = session.run(arguments.get(), {});
  if (!outputs)
    return outputs.error();
  if (!command.outputDir.empty())
    if (auto saved = saveOutputs(session, *outputs, command.outputDir); !saved)
      return saved;
  if (!command.benchSeconds) {
    if (command.json)
      llvm::outs() << writeOutputsJson(session, *outputs);
    else
      printOutputs(session, *outputs, llvm::outs());
    return {};
  }
  outputs->clear();
  Result<Timings> timings =
      benchmark(session, arguments.get(), *command.benchSeconds);
  if (!timings)
    return timings.error();
  Result<std::string> text =
      formatTimings(session, arguments.get(), *timings, command.json);
  if (!text)
    return text.error();
  llvm::outs() << *text;
  return {};
}

static Result<> run(const Command &command) {
  Result<Session> session = openSession(command);
  if (!session)
    return session.error();
  if (command.runs())
    return runModel(*session, command);
  if (command.json)
    llvm::outs() << writeSignatureJson(*session);
  else
    printSignature(*session, "dyn-run " + command.model, llvm::outs());
  return {};
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  OptionTable table;
  Result<InputArgList> arguments = parseCommandLine(table, argc, argv);
  if (!arguments)
    return reportError(kTool, arguments.error(), kWrongUsage);
  if (arguments->hasArg(OPT_help)) {
    table.printHelp(llvm::outs(), "dyn-run MODEL|OUT.so [options]",
                    "Runs or measures a model; shows its signature if there "
                    "are no options");
    return kSuccess;
  }
  if (arguments->hasArg(OPT_version)) {
    llvm::outs() << getVersionText(kTool);
    return kSuccess;
  }
  Result<Command> command = parse(*arguments);
  if (!command)
    return reportError(kTool, command.error(), kWrongUsage);
  if (auto done = run(*command); !done)
    return reportError(kTool, done.error(), kWrongInput);
  return kSuccess;
}
