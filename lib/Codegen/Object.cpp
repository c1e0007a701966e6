//===- Object.cpp - From the LLVM dialect to object code ------------------===//

#include "Dyn/Codegen/Object.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Passes/PassBuilder.h"

using namespace mlir;
using namespace mlir::dyn;

static constexpr llvm::StringRef kMemoryFunctions[] = {"memcpy", "memmove",
                                                       "memset"};

llvm::ArrayRef<llvm::StringRef> dyn::getAllowedCalls() {
  // runtime/include/dyn/artifact.h
  static constexpr llvm::StringRef allowed[] = {
      "dyn_rt_alloc",        "dyn_rt_free", "dyn_rt_report", "dyn_rt_fail",
      "dyn_rt_parallel_for", "memcpy",      "memmove",       "memset"};
  return allowed;
}

/// The module without what is no code, so that the translation meets no dialect
/// that it does not know.
static OwningOpRef<ModuleOp> cloneCode(ModuleOp module) {
  OwningOpRef<ModuleOp> code = ModuleOp::create(module.getLoc());
  for (NamedAttribute attribute : module->getAttrs())
    if (isa_and_nonnull<LLVM::LLVMDialect>(attribute.getNameDialect()))
      (*code)->setAttr(attribute.getName(), attribute.getValue());
  OpBuilder builder = OpBuilder::atBlockEnd(code->getBody());
  for (Operation &op : *module.getBody()) {
    if (!isa<LLVM::LLVMDialect>(op.getDialect()))
      continue;
    Operation *copy = builder.clone(op);
    SmallVector<StringRef> foreign;
    for (NamedAttribute attribute : copy->getDiscardableAttrs())
      if (!isa_and_nonnull<LLVM::LLVMDialect>(attribute.getNameDialect()))
        foreign.push_back(attribute.getName());
    for (StringRef name : foreign)
      copy->removeDiscardableAttr(name);
    if (auto function = dyn_cast<LLVM::LLVMFuncOp>(copy)) {
      function.removeArgAttrsAttr();
      function.removeResAttrsAttr();
    }
  }
  return code;
}

Result<std::unique_ptr<llvm::Module>>
dyn::translateToLLVMIR(ModuleOp module, const Target &target,
                       const llvm::TargetMachine &machine,
                       llvm::LLVMContext &context) {
  for (Operation &op : *module.getBody())
    if (isa<FunctionOpInterface>(op) && !isa<LLVM::LLVMFuncOp>(op))
      return Error("function '" + cast<SymbolOpInterface>(op).getName().str() +
                   "' is not in the LLVM dialect: run dyn-to-llvm-pipeline "
                   "first");
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  OwningOpRef<ModuleOp> code = cloneCode(module);
  std::unique_ptr<llvm::Module> result =
      mlir::translateModuleToLLVMIR(*code, context, "dyn");
  if (!result)
    return Error("the LLVM dialect cannot be translated to LLVM IR");
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());
  for (llvm::Function &function : *result) {
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (function.isDeclaration())
      continue;
    if (!function.hasLocalLinkage())
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("prefer-vector-width", llvm::utostr(target.vectorBits));
  }
  return result;
}

/// What -O3 has left to do where loops are tiled, unrolled and in vectors
/// already: passes that find something, once each. Unrolling tiles once more
/// makes no kernel faster but depthwise convolutions, by a tenth, and doubles
/// the time of compiling. The loop vectorizer is for ops that took the general
/// path.
static constexpr llvm::StringRef kPasses =
    "cgscc(inline),globaldce,"
    "function(sroa,early-cse<memssa>,simplifycfg,"
    "instcombine<no-verify-fixpoint>,"
    "loop-mssa(loop-rotate,licm),gvn,loop-vectorize,instsimplify,simplifycfg)";

void dyn::optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions();
  for (llvm::StringRef name : kMemoryFunctions) {
    llvm::LibFunc function;
    if (library.getLibFunc(name, function))
      library.setAvailable(function);
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::ModulePassManager passes;
  llvm::cantFail(builder.parsePassPipeline(passes, kPasses));
  passes.run(module, modules);
}

Result<llvm::SmallString<0>> dyn::emitCode(llvm::Module &module,
                                           llvm::TargetMachine &machine,
                                           llvm::CodeGenFileType type) {
  llvm::SmallString<0> code;
  llvm::raw_svector_ostream os(code);
  llvm::legacy::PassManager manager;
  if (machine.addPassesToEmitFile(manager, os, /*DwoOut=*/nullptr, type))
    return Error("LLVM has no code emitter for " +
                 machine.getTargetTriple().str());
  manager.run(module);
  return code;
}

Result<> dyn::checkCalls(llvm::StringRef object) {
  auto toError = [](llvm::Error error) {
    return Error("the object code cannot be read back: " +
                 llvm::toString(std::move(error)));
  };
  llvm::Expected<std::unique_ptr<llvm::object::ObjectFile>> file =
      llvm::object::ObjectFile::createELFObjectFile(
          llvm::MemoryBufferRef(object, "object"));
  if (!file)
    return toError(file.takeError());
  std::vector<std::string> forbidden;
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    if (!flags)
      return toError(flags.takeError());
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    if (!name)
      return toError(name.takeError());
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) && !name->empty() &&
        !llvm::is_contained(getAllowedCalls(), *name))
      forbidden.push_back("'" + name->str() + "'");
  }
  if (forbidden.empty())
    return {};
  llvm::sort(forbidden);
  return Error("the model's code would call " + llvm::join(forbidden, ", ") +
               ", which an artifact cannot: an operation of the model has no "
               "lowering of its own");
}
