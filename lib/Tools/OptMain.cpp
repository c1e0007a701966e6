//===- OptMain.cpp - mlir-opt's main for large files ----------------------===//
//
// Upstream's MlirOptMain searches the whole input, weights included, for the
// markers of expected diagnostics before it knows whether anyone asked for
// them, maps files with a terminator that costs a copy when the size is a
// multiple of a page, and prints weights in hex into reproducers. This driver
// does none of it for bytecode. Text with --verify-diagnostics and
// --split-input-file, and what reads no input, is upstream's.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Tools/OptMain.h"
#include "Dyn/Dialect/Version.h"
#include "Dyn/Dialect/WeightData.h"
#include "Output.h"
#include "Reproducer.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Debug/CLOptionsSetup.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/Timing.h"
#include "mlir/Tools/ParseUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <link.h>
#include <sys/mman.h>

using namespace mlir;
using namespace mlir::dyn;

namespace {
/// What dyn-opt has beside mlir-opt's options.
struct ExtraOptions {
  llvm::cl::opt<std::string> weightsDir{
      "weights-dir",
      llvm::cl::desc("Folder where weights that the model refers to are looked "
                     "for before the model's own"),
      llvm::cl::value_desc("folder")};
  llvm::cl::opt<uint64_t> dynVersion{
      "dyn-bytecode-version",
      llvm::cl::desc("Version of dyn's encoding in bytecode that is written"),
      llvm::cl::init(DynVersion::kCurrent)};
};

/// Tells every context, upstream's too, where references are looked for.
class FoldersExtension : public DialectExtension<FoldersExtension, DynDialect> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FoldersExtension)
  explicit FoldersExtension(WeightFolders folders)
      : folders(std::move(folders)) {}
  void apply(MLIRContext *context, DynDialect *) const final {
    setWeightFolders(context, folders);
  }

private:
  WeightFolders folders;
};

/// An open input; `mapped` is null for text and standard input.
struct Input {
  std::shared_ptr<const MappedFile> mapped;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  bool isBytecode = false;
};

/// Reads, transforms and writes one module.
class Driver {
public:
  Driver(const MlirOptMainConfig &config, DialectRegistry &registry,
         std::string outputPath, uint64_t dynVersion)
      : config(config), registry(registry), outputPath(std::move(outputPath)),
        outputOptions{config, dynVersion} {}

  LogicalResult run(Input input);

private:
  using Sources = std::shared_ptr<llvm::SourceMgr>;
  OwningOpRef<Operation *> parse(const Sources &sources, MLIRContext &context,
                                 const Input &input);
  /// Goes on to the file that a reproducer names.
  OwningOpRef<Operation *> load(const Sources &sources, MLIRContext &context,
                                Input &input);
  LogicalResult perform(const Sources &sources, MLIRContext &context,
                        Input &input);
  LogicalResult runPasses(Operation *op, const Input &input,
                          TimingScope &timing);

  const MlirOptMainConfig &config;
  DialectRegistry &registry;
  std::string outputPath;
  OutputOptions outputOptions;
  FallbackAsmResourceMap resources;
  PassReproducerOptions reproducer;
  ReproducerInput reproducerInput;
};
} // namespace

static LogicalResult report(const Error &error) {
  llvm::WithColor::error(llvm::errs()) << error.message() << '\n';
  return failure();
}

//===----------------------------------------------------------------------===//
// Input
//===----------------------------------------------------------------------===//

static StringRef getContents(const MappedFile &file) {
  return {reinterpret_cast<const char *>(file.bytes().data()), file.size()};
}

/// Opens `path`; a mapped file gets its buffer with its context.
static Result<Input> open(const std::string &path) {
  Input input;
  llvm::sys::fs::file_status status;
  if (path != "-" && !llvm::sys::fs::status(path, status) &&
      llvm::sys::fs::is_regular_file(status)) {
    Result<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
    if (!file)
      return file.error();
    // The first bytes tell what it is: nothing around them is read.
    SparseReading sparse(**file);
    if (isBytecode({getContents(**file), path})) {
      input.mapped = *std::move(file);
      input.isBytecode = true;
      return input;
    }
  }
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!buffer)
    return Error("cannot open input file '" + path +
                 "': " + buffer.getError().message());
  input.buffer = std::move(*buffer);
  if (!isBytecode(*input.buffer))
    return input;
  // From a pipe. Weights inside want to start at a page.
  StringRef contents = input.buffer->getBuffer();
  auto aligned = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      contents.size(), path, llvm::Align(4096));
  if (!aligned)
    return Error(path + ": does not fit in memory");
  llvm::copy(contents, aligned->getBufferStart());
  input.buffer = std::move(aligned);
  input.isBytecode = true;
  return input;
}

OwningOpRef<Operation *> Driver::parse(const Sources &sources,
                                       MLIRContext &context,
                                       const Input &input) {
  // Opening touches the index of the file; reading ahead would bring in the
  // weights around it.
  std::optional<SparseReading> sparse;
  if (input.mapped)
    sparse.emplace(*input.mapped);
  ParserConfig parser(&context, config.shouldVerifyOnParsing(), &resources);
  if (config.shouldRunReproducer()) {
    reproducer.attachResourceParser(parser);
    reproducerInput.attachResourceParser(parser);
  }
  bool wasThreaded = context.isMultithreadingEnabled();
  context.disableMultithreading(); // Saves the locks of uniquing.
  OwningOpRef<Operation *> op = parseSourceFileForTool(
      sources, parser, !config.shouldUseExplicitModule());
  context.enableMultithreading(wasThreaded);
  releaseUnclaimedWeights(&context);
  return op;
}

OwningOpRef<Operation *> Driver::load(const Sources &sources,
                                      MLIRContext &context, Input &input) {
  OwningOpRef<Operation *> op = parse(sources, context, input);
  if (!op || !reproducerInput.isNamed())
    return op;
  Result<std::shared_ptr<const MappedFile>> file = reproducerInput.open();
  if (!file) {
    (void)report(file.error());
    return {};
  }
  input.mapped = *std::move(file);
  WeightFolders folders = getWeightFolders(&context);
  folders.model =
      llvm::sys::path::parent_path(input.mapped->getAbsolutePath()).str();
  setWeightFolders(&context, std::move(folders));
  auto named = std::make_shared<llvm::SourceMgr>();
  named->AddNewSourceBuffer(makeBuffer(&context, input.mapped), llvm::SMLoc());
  return parse(named, context, input);
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

/// Takes the name that --mlir-pass-pipeline-crash-reproducer gives away from
/// upstream, which keeps it to itself. Empty if there is none, or if a
/// reproducer for each pass is asked for, which is upstream's.
static std::string takeReproducerPath() {
  auto &options = llvm::cl::getRegisteredOptions();
  auto *local = static_cast<llvm::cl::opt<bool> *>(
      options.lookup("mlir-pass-pipeline-local-reproducer"));
  auto *path = static_cast<llvm::cl::opt<std::string> *>(
      options.lookup("mlir-pass-pipeline-crash-reproducer"));
  if (!path || (local && *local))
    return {};
  std::string taken = path->getValue();
  path->reset();
  return taken;
}

LogicalResult Driver::runPasses(Operation *op, const Input &input,
                                TimingScope &timing) {
  std::string crashPath = input.mapped ? takeReproducerPath() : std::string();
  PassManager manager(op->getName(), PassManager::Nesting::Implicit);
  manager.enableVerifier(config.shouldVerifyPasses());
  if (failed(applyPassManagerCLOptions(manager)))
    return failure();
  manager.enableTiming(timing);
  if ((config.shouldRunReproducer() && failed(reproducer.apply(manager))) ||
      failed(config.setupPassPipeline(manager)))
    return failure();
  std::string pipeline;
  llvm::raw_string_ostream os(pipeline);
  manager.printAsTextualPipeline(os);
  if (config.shouldDumpPassPipeline())
    llvm::errs() << pipeline << '\n';
  std::string generatePath =
      input.mapped ? config.getReproducerFilename().str() : std::string();
  if (crashPath.empty() && generatePath.empty())
    return manager.run(op);
  std::string text = formatReproducer(
      pipeline, *input.mapped, config.shouldVerifyPasses(),
      /*disablesThreading=*/!op->getContext()->isMultithreadingEnabled());
  if (!generatePath.empty())
    if (Result<> written = writeReproducer(generatePath, text); !written)
      return report(written.error());
  return crashPath.empty() ? manager.run(op)
                           : runGuarded(manager, op, crashPath, text);
}

LogicalResult Driver::perform(const Sources &sources, MLIRContext &context,
                              Input &input) {
  DefaultTimingManager timingManager;
  applyDefaultTimingManagerCLOptions(timingManager);
  TimingScope timing = timingManager.getRootScope();
  TimingScope parserTiming = timing.nest("Parser");
  OwningOpRef<Operation *> op = load(sources, context, input);
  parserTiming.stop();
  if (!op)
    return failure();
  if (config.shouldVerifyRoundtrip() &&
      failed(verifyRoundTrip(*op, registry, outputOptions)))
    return failure();
  if (failed(runPasses(*op, input, timing)))
    return failure();
  TimingScope outputTiming = timing.nest("Output");
  if (Result<> written = writeModule(*op, resources, outputPath, outputOptions);
      !written)
    return report(written.error());
  return success();
}

LogicalResult Driver::run(Input input) {
  MLIRContext context(registry);
  context.allowUnregisteredDialects(config.shouldAllowUnregisteredDialects());
  tracing::InstallDebugHandler debugHandler(context, config.getDebugConfig());
  // Shared, so that resources alias the buffer and keep it.
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(input.mapped ? makeBuffer(&context, input.mapped)
                                           : std::move(input.buffer),
                              llvm::SMLoc());
  if (!config.shouldVerifyDiagnostics()) {
    SourceMgrDiagnosticHandler diagnostics(*sources, &context);
    return perform(sources, context, input);
  }
  // Bytecode has no comments that expect anything.
  llvm::SourceMgr nothing;
  SourceMgrDiagnosticVerifierHandler diagnostics(nothing, &context);
  context.printOpOnDiagnostic(false);
  (void)perform(sources, context, input);
  return diagnostics.verify();
}

//===----------------------------------------------------------------------===//
// Main
//===----------------------------------------------------------------------===//

/// Takes LLVM's code out of this process's resident memory. Its static
/// constructors, thousands of options among them, are spread over all of it,
/// and the system maps 64 KiB around each: 30 MB that nobody looks at again.
/// What is called comes back.
static void dropStartupPages() {
  auto visit = [](dl_phdr_info *library, size_t, void *) {
    for (const ElfW(Phdr) &header :
         ArrayRef(library->dlpi_phdr, library->dlpi_phnum)) {
      uintptr_t begin = library->dlpi_addr + header.p_vaddr;
      uintptr_t end = begin + header.p_memsz;
      auto inside = reinterpret_cast<uintptr_t>(&llvm::errs);
      if (header.p_type != PT_LOAD || inside < begin || inside >= end)
        continue;
      uintptr_t page = llvm::sys::Process::getPageSizeEstimate();
      begin = llvm::alignTo(begin, page);
      end = llvm::alignDown(end, page);
      ::madvise(reinterpret_cast<char *>(&llvm::errs) - (inside - begin),
                end - begin, MADV_DONTNEED);
      return 1;
    }
    return 0;
  };
  ::dl_iterate_phdr(visit, nullptr);
}

/// True for what upstream does, with a dialect or remarks that this driver
/// knows nothing of, or with text.
static bool needsUpstream(const MlirOptMainConfig &config, bool isBytecode) {
  if (config.shouldEmitRemarks() || !config.getIrdlFile().empty())
    return true;
  return !isBytecode && (config.shouldVerifyDiagnostics() ||
                         !config.inputSplitMarker().empty() ||
                         config.shouldVerifyRoundtrip() ||
                         !config.getReproducerFilename().empty());
}

static LogicalResult runUpstream(Input input, const std::string &outputPath,
                                 const MlirOptMainConfig &config,
                                 DialectRegistry &registry) {
  if (input.mapped)
    input.buffer = llvm::MemoryBuffer::getMemBufferCopy(
        getContents(*input.mapped), input.mapped->getPath());
  Result<OutputFile> output = OutputFile::open(outputPath);
  if (!output)
    return report(output.error());
  if (failed(
          MlirOptMain(output->os(), std::move(input.buffer), registry, config)))
    return failure();
  if (Result<> written = output->commit(); !written)
    return report(written.error());
  return success();
}

LogicalResult dyn::optMain(int argc, char **argv, StringRef toolName,
                           DialectRegistry &registry) {
  dropStartupPages();
  ExtraOptions extra;
  auto [inputPath, outputPath] =
      registerAndParseCLIOptions(argc, argv, toolName, registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (extra.dynVersion < DynVersion::kOldest ||
      extra.dynVersion > DynVersion::kCurrent)
    return report(Error("--dyn-bytecode-version expects a number from " +
                        std::to_string(DynVersion::kOldest) + " to " +
                        std::to_string(DynVersion::kCurrent) + ", got " +
                        std::to_string(extra.dynVersion)));
  // Without a look at the input.
  if (config.shouldListPasses() || config.shouldShowDialects())
    return MlirOptMain(argc, argv, inputPath, outputPath, registry);
  WeightFolders folders;
  if (inputPath != "-")
    folders.model = llvm::sys::path::parent_path(inputPath).str();
  folders.weightsDir = extra.weightsDir;
  registry.addExtension(TypeID::get<FoldersExtension>(),
                        std::make_unique<FoldersExtension>(folders));
  Result<Input> input = open(inputPath);
  if (!input)
    return report(input.error());
  if (needsUpstream(config, input->isBytecode))
    return runUpstream(*std::move(input), outputPath, config, registry);
  return Driver(config, registry, outputPath, extra.dynVersion)
      .run(*std::move(input));
}
