//===- OptMain.cpp - mlir-opt's main with a reader for large files
//---------===//
//
// Upstream's MlirOptMain searches the whole input, weights included, for the
// markers of expected diagnostics before it knows whether anyone asked for
// them, and maps files with a terminator that costs a copy when the size is a
// multiple of a page. For bytecode this driver does neither.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Tools/OptMain.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "mlir/Tools/ParseUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"
#include <sys/mman.h>

using namespace mlir;

/// True for what only upstream's driver does; it reads such input as a whole.
static bool needsUpstream(const MlirOptMainConfig &config) {
  return config.shouldVerifyDiagnostics() ||
         !config.inputSplitMarker().empty() || config.shouldListPasses() ||
         config.shouldShowDialects() || config.shouldRunReproducer() ||
         config.shouldVerifyRoundtrip() || config.shouldEmitRemarks() ||
         !config.getIrdlFile().empty() ||
         !config.getReproducerFilename().empty();
}

/// Writes as the options say. `llvm::writeToOutput` writes beside the target
/// and renames, which keeps the mapped input whole if both are one file.
static LogicalResult write(ModuleOp module, const MlirOptMainConfig &config,
                           FallbackAsmResourceMap &resources,
                           StringRef outputFilename) {
  auto writeTo = [&](raw_ostream &os) -> llvm::Error {
    if (!config.shouldEmitBytecode()) {
      AsmState state(module, OpPrintingFlags(), /*locationMap=*/nullptr,
                     &resources);
      module.print(os, state);
      os << '\n';
      return llvm::Error::success();
    }
    BytecodeWriterConfig writer(resources);
    if (std::optional<int64_t> version = config.bytecodeVersionToEmit())
      writer.setDesiredBytecodeVersion(*version);
    if (config.shouldElideResourceDataFromBytecode())
      writer.setElideResourceDataFlag();
    if (failed(writeBytecodeToFile(module, os, writer)))
      return llvm::createStringError("cannot write this module as bytecode");
    return llvm::Error::success();
  };
  if (llvm::Error error = llvm::writeToOutput(outputFilename, writeTo))
    return emitError(UnknownLoc::get(module.getContext()))
           << outputFilename << ": " << llvm::toString(std::move(error));
  return success();
}

/// Reads, transforms and writes one bytecode file.
static LogicalResult process(std::unique_ptr<llvm::MemoryBuffer> buffer,
                             StringRef outputFilename,
                             const MlirOptMainConfig &config,
                             DialectRegistry &registry) {
  // Opening touches the index of the file; reading ahead would bring in the
  // weights around it.
  size_t bufferSize = buffer->getBufferSize();
  if (buffer->getBufferKind() == llvm::MemoryBuffer::MemoryBuffer_MMap)
    (void)::madvise(const_cast<char *>(buffer->getBufferStart()), bufferSize,
                    MADV_RANDOM);

  // Shared, so that resources alias the mapping and keep it alive.
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(buffer), SMLoc());

  DefaultTimingManager timingManager;
  applyDefaultTimingManagerCLOptions(timingManager);
  TimingScope timing = timingManager.getRootScope();

  MLIRContext context(registry);
  context.allowUnregisteredDialects(config.shouldAllowUnregisteredDialects());
  SourceMgrDiagnosticHandler diagnostics(*sources, &context);

  FallbackAsmResourceMap resources;
  ParserConfig parser(&context, config.shouldVerifyOnParsing(), &resources);
  TimingScope parserTiming = timing.nest("Parser");
  OwningOpRef<Operation *> op = parseSourceFileForTool(
      sources, parser, !config.shouldUseExplicitModule());
  parserTiming.stop();
  if (!op)
    return failure();
  auto module = dyn_cast<ModuleOp>(*op);
  if (!module)
    return (*op)->emitError("expects a module at the top of bytecode");

  PassManager manager(module->getName(), PassManager::Nesting::Implicit);
  manager.enableVerifier(config.shouldVerifyPasses());
  if (failed(applyPassManagerCLOptions(manager)))
    return failure();
  manager.enableTiming(timing);
  if (failed(config.setupPassPipeline(manager)))
    return failure();
  if (config.shouldDumpPassPipeline()) {
    manager.printAsTextualPipeline(llvm::errs());
    llvm::errs() << '\n';
  }
  if (failed(manager.run(module)))
    return failure();

  TimingScope outputTiming = timing.nest("Output");
  return write(module, config, resources, outputFilename);
}

LogicalResult dyn::optMain(int argc, char **argv, StringRef toolName,
                           DialectRegistry &registry) {
  auto [inputFilename, outputFilename] =
      registerAndParseCLIOptions(argc, argv, toolName, registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (inputFilename == "-" || needsUpstream(config))
    return MlirOptMain(argc, argv, inputFilename, outputFilename, registry);

  auto buffer = llvm::MemoryBuffer::getFile(inputFilename, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer || !isBytecode((*buffer)->getMemBufferRef()))
    return MlirOptMain(argc, argv, inputFilename, outputFilename, registry);
  return process(std::move(*buffer), outputFilename, config, registry);
}
