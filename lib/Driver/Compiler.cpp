//===- Compiler.cpp - From a model to an artifact -------------------------===//

#include "Dyn/Driver/Compiler.h"
#include "Dyn/Codegen/Link.h"
#include "Dyn/Codegen/Object.h"
#include "Dyn/Dialect/Version.h"
#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Driver/LoadModel.h"
#include "Dyn/Import/Onnx.h"
#include "Dyn/InitAll.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "Dyn/Transforms/Pipelines.h"
#include "Dyn/Transforms/RefineShapes.h"
#include "PrepareEntry.h"
#include "mlir/Bytecode/Encoding.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

std::optional<Stage> dyn::parseStage(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<Stage>>(name)
      .Case("graph", Stage::Graph)
      .Case("tensor", Stage::Tensor)
      .Case("tiled", Stage::Tiled)
      .Case("llvm", Stage::LLVM)
      .Case("llvm-ir", Stage::LLVMIR)
      .Case("asm", Stage::Assembly)
      .Case("obj", Stage::Object)
      .Case("so", Stage::Library)
      .Default(std::nullopt);
}

Result<DimOption> dyn::parseDimOption(llvm::StringRef text) {
  auto wrong = [&](const std::string &why) {
    return Error("--dim " + text.str() + ": " + why +
                 ", expects NAME=MIN:MAX[:MULTIPLE]");
  };
  DimOption dim;
  auto [name, range] = text.split('=');
  if (name.empty() || range.empty())
    return wrong("has no name or no range");
  dim.name = name.str();
  SmallVector<StringRef> parts;
  range.split(parts, ':');
  if (parts.size() < 2 || parts.size() > 3)
    return wrong("has " + std::to_string(parts.size()) + " numbers");
  int64_t *fields[] = {&dim.min, &dim.max, &dim.multiple};
  for (auto [part, field] : llvm::zip_first(parts, fields))
    if (part.getAsInteger(10, *field))
      return wrong("'" + part.str() + "' is no number");
  if (dim.min < 0 || dim.max < dim.min)
    return wrong("the range is empty or begins below 0");
  if (dim.multiple < 1)
    return wrong("the multiple is below 1");
  return dim;
}

std::string dyn::getVersionText(llvm::StringRef tool) {
  return (tool +
          " " DYN_VERSION " (MLIR " LLVM_VERSION_STRING ", MLIR bytecode " +
          Twine(uint64_t(bytecode::kVersion)) + ", dyn bytecode " +
          Twine(DynVersion::kCurrent) + ")\n")
      .str();
}

Result<const Target *> dyn::findTarget(llvm::StringRef name) {
  llvm::Expected<const Target *> target =
      name == "native" ? hostTarget() : lookupTarget(name);
  if (!target)
    return Error(llvm::toString(target.takeError()));
  return *target;
}

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

/// Keeps what MLIR says is wrong, to become an error's text.
struct Compiler::Diagnostics {
  explicit Diagnostics(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) { add(diagnostic); }) {}

  /// The errors, one a line; `otherwise` if there were none.
  Error takeError(const std::string &otherwise) {
    std::string text = std::move(errors);
    errors.clear();
    return Error(text.empty() ? otherwise : text);
  }

  std::string errors;

private:
  void add(Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return;
    append(diagnostic);
    for (Diagnostic &note : diagnostic.getNotes())
      append(note);
  }

  void append(Diagnostic &diagnostic) {
    llvm::raw_string_ostream os(errors);
    if (!errors.empty())
      os << '\n';
    printPlace(os, diagnostic.getLocation());
    os << diagnostic;
  }

  /// A file's line, or the names that the importer gave: "node '/encoder/Add':
  /// ".
  static void printPlace(llvm::raw_ostream &os, Location location) {
    location->walk([&](Location part) {
      if (auto file = dyn_cast<FileLineColLoc>(part)) {
        os << file.getFilename().getValue() << ':' << file.getLine() << ':'
           << file.getColumn() << ": ";
        return WalkResult::interrupt();
      }
      if (auto name = dyn_cast<NameLoc>(part)) {
        os << '\'' << name.getName().getValue() << "': ";
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
  }

  ScopedDiagnosticHandler handler;
};

//===----------------------------------------------------------------------===//
// Compiler
//===----------------------------------------------------------------------===//

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  dyn::registerAllDialects(registry);
  return registry;
}

Compiler::Compiler(CompileOptions options, Phases &phases)
    : options(std::move(options)), phases(phases), context(makeRegistry()),
      diagnostics(std::make_unique<Diagnostics>(&context)) {
  // For sizes of models that have none of its operations.
  context.loadDialect<DynDialect>();
}

Compiler::~Compiler() = default;

Result<OwningOpRef<ModuleOp>> Compiler::load(const std::string &path) {
  phases.start("read");
  WeightFolders folders;
  folders.weightsDir = options.weightsDir;
  if (path != "-")
    folders.model = llvm::sys::path::parent_path(path).str();
  setWeightFolders(&context, std::move(folders));
  Result<ModelFile> model = openModel(path);
  if (!model)
    return model.error();
  switch (model->format) {
  case ModelFormat::Artifact:
    return Error(path + ": is compiled already, expected an ONNX or MLIR "
                        "model: dyn-run runs it");
  case ModelFormat::ONNX: {
    if (path == "-")
      return Error("standard input: expects the name of an ONNX model, whose "
                   "weights stay in its file");
    OwningOpRef<ModuleOp> module =
        importOnnx(path, {options.weightsDir}, &context);
    if (!module)
      return diagnostics->takeError(path + ": cannot be imported");
    return module;
  }
  case ModelFormat::MLIR:
    break;
  }
  Result<OwningOpRef<ModuleOp>> module =
      parseModel(*std::move(model), &context);
  if (!module)
    return diagnostics->takeError(module.error().message());
  return module;
}

Result<func::FuncOp> Compiler::prepareEntry(ModuleOp module) {
  Result<func::FuncOp> entry = selectEntry(module, options.entry);
  if (!entry)
    return entry;
  if (auto described = describeEntry(*entry); !described)
    return described.error();
  if (auto declared = declareDims(*entry, options.dims); !declared)
    return declared.error();
  // Types follow from ranges as well: min(S, 512) is S up to 512.
  if (!options.dims.empty() &&
      failed(refineShapes(*entry, /*updateResults=*/true)))
    return diagnostics->takeError("sizes contradict what --dim says");
  return entry;
}

static std::string printModule(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os);
  os << '\n';
  return text;
}

/// Runs the passes that `build` adds. What they leave is verified once: after
/// each of them it would take as long as the passes themselves.
static LogicalResult
runPipeline(ModuleOp module, llvm::function_ref<void(OpPassManager &)> build) {
  PassManager manager(module.getContext());
  manager.enableVerifier(false);
  build(manager);
  return failure(failed(manager.run(module)) || failed(verify(module)));
}

Result<std::string> Compiler::compile(const std::string &path) {
  Result<OwningOpRef<ModuleOp>> module = load(path);
  if (!module)
    return module.error();
  if (Result<func::FuncOp> entry = prepareEntry(**module); !entry)
    return Error(path + ": " + entry.error().message());
  if (options.stage == Stage::Graph)
    return printModule(**module);
  phases.start("graph");
  if (failed(runPipeline(**module, [](OpPassManager &manager) {
        buildGraphPipeline(manager, PipelineOptions());
      })))
    return diagnostics->takeError(path + ": the graph cannot be lowered");
  if (options.stage == Stage::Tensor)
    return printModule(**module);
  return emit(**module);
}

/// The model's function; there is one since `prepareEntry`.
static func::FuncOp findModel(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isPrivate() && !function.isExternal())
      return function;
  llvm_unreachable("a pass removed the model's function");
}

/// Kernels are functions that the model's function calls, itself or by way of
/// the runtime's threads.
static void countKernels(ModuleOp module, CompileReport &report) {
  llvm::StringSet<> kernels;
  report.kernelCalls = 0;
  module.walk([&](func::CallOp call) {
    auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
    if (callee && !callee.isExternal())
      kernels.insert(call.getCallee());
    else if (call.getCallee() != "dyn_rt_parallel_for")
      return;
    ++report.kernelCalls;
  });
  // One constant may serve several calls.
  module.walk([&](func::ConstantOp op) { kernels.insert(op.getValue()); });
  report.distinctKernels = kernels.size();
}

Result<> Compiler::runPasses(ModuleOp module, const Target &target,
                             const std::string &entrySymbol) {
  PipelineOptions pipeline;
  pipeline.target = target.name.str();
  pipeline.entrySymbol = entrySymbol;
  phases.start("tile");
  if (failed(runPipeline(module, [&](OpPassManager &manager) {
        buildCodegenPipeline(manager, pipeline);
      })))
    return diagnostics->takeError("code generation failed");
  countKernels(module, report);
  if (options.stage == Stage::Tiled)
    return {};
  func::FuncOp model = findModel(module);
  if (options.stage == Stage::Library) {
    DimAttr arena = report.description.arenaBytes;
    Result<ArtifactDescription> description = describeArtifact(model);
    if (!description)
      return description.error();
    report.description = std::move(*description);
    // One arena serves the code for any of the targets.
    if (arena)
      report.description.arenaBytes =
          DimAttr::max(arena, report.description.arenaBytes);
  }
  phases.start("lower");
  if (failed(runPipeline(module, [&](OpPassManager &manager) {
        buildToLLVMPipeline(manager, pipeline);
      })))
    return diagnostics->takeError("the lowering to LLVM failed");
  return {};
}

Result<llvm::SmallString<0>> Compiler::emitMachineCode(ModuleOp module,
                                                       const Target &target) {
  Result<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(target);
  if (!machine)
    return machine.error();
  phases.start("optimize");
  llvm::LLVMContext llvmContext;
  Result<std::unique_ptr<llvm::Module>> code =
      translateToLLVMIR(module, target, **machine, llvmContext);
  if (!code)
    return diagnostics->takeError(code.error().message());
  optimize(**code, **machine);
  if (options.stage == Stage::LLVMIR) {
    llvm::SmallString<0> text;
    llvm::raw_svector_ostream os(text);
    (*code)->print(os, /*AAW=*/nullptr);
    return text;
  }
  phases.start("emit");
  if (options.stage == Stage::Assembly)
    return emitCode(**code, **machine, llvm::CodeGenFileType::AssemblyFile);
  Result<llvm::SmallString<0>> object =
      emitCode(**code, **machine, llvm::CodeGenFileType::ObjectFile);
  if (!object)
    return object;
  if (auto checked = checkCalls(*object); !checked)
    return checked.error();
  return object;
}

Result<std::string> Compiler::emit(ModuleOp module) {
  if (options.stage == Stage::Library)
    return emitLibrary(module);
  const Target &target = *options.targets.front();
  if (auto lowered = runPasses(module, target, "dyn_entry"); !lowered)
    return lowered.error();
  if (options.stage == Stage::Tiled || options.stage == Stage::LLVM)
    return printModule(module);
  Result<llvm::SmallString<0>> code = emitMachineCode(module, target);
  if (!code)
    return code.error();
  return code->str().str();
}

Result<std::string> Compiler::emitLibrary(ModuleOp module) {
  std::vector<llvm::SmallString<0>> objects;
  std::vector<std::string> entries;
  for (auto [i, target] : llvm::enumerate(options.targets)) {
    entries.push_back("dyn_entry_" + std::to_string(i));
    // The last target may have the module itself.
    OwningOpRef<ModuleOp> copy;
    if (i + 1 < options.targets.size())
      copy = module.clone();
    ModuleOp mine = copy ? *copy : module;
    if (auto lowered = runPasses(mine, *target, entries.back()); !lowered)
      return lowered.error();
    Result<llvm::SmallString<0>> object = emitMachineCode(mine, *target);
    if (!object)
      return object.error();
    objects.push_back(std::move(*object));
  }
  phases.start("pack");
  if (!report.description.packed.empty() && options.packedWeights.empty())
    return Error("the model's weights are packed into a file of their own: "
                 "expects an output with a name to put it beside");
  if (auto placed = placePacked(report.description, options.packedWeights);
      !placed)
    return placed.error();
  phases.start("link");
  report.description.targets = options.targets;
  Result<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(*options.targets.front());
  if (!machine)
    return machine.error();
  Result<llvm::SmallString<0>> table = emitArtifactTable(
      writeMetadata(report.description, options.artifactFolder), entries,
      **machine);
  if (!table)
    return table.error();
  SmallVector<StringRef> inputs(objects.begin(), objects.end());
  inputs.push_back(*table);
  return linkSharedLibrary(
      inputs, {options.targets.front()->triple.str(), options.runtimeFolders});
}
