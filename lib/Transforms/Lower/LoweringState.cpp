//===- LoweringState.cpp - What the lowering knows of a module ------------===//

#include "Lowering.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::dyn;

struct LoweringState::Function {
  bool needsLowering = false;
  bool started = false;
  SmallVector<WeightOp> weights;
  std::unique_ptr<SymbolScope> scope;
};

LoweringState::LoweringState(ModuleOp module) : module(module) {
  if (auto texts = module->getAttrOfType<ArrayAttr>(kMessagesAttr))
    for (auto text : texts.getAsRange<StringAttr>())
      getMessage(text);
}

LoweringState::~LoweringState() = default;

//===----------------------------------------------------------------------===//
// Before the conversion
//===----------------------------------------------------------------------===//

/// Whether types or operations of dyn occur in a function.
static bool usesDyn(func::FuncOp function) {
  auto isDyn = [](Type type) { return isa<DynTensorType>(type); };
  if (llvm::any_of(function.getArgumentTypes(), isDyn) ||
      llvm::any_of(function.getResultTypes(), isDyn))
    return true;
  return function
      .walk([](Operation *op) {
        return isa_and_nonnull<DynDialect>(op->getDialect())
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Calls `visit` with each size that the function's body speaks of.
static void walkSizes(func::FuncOp function,
                      function_ref<void(Operation *, DimAttr)> visit) {
  function.walk([&](Operation *op) {
    auto visitType = [&](Type type) {
      if (auto tensor = dyn_cast<DynTensorType>(type))
        for (DimAttr size : tensor.getShape())
          visit(op, size);
    };
    for (Type type : op->getResultTypes())
      visitType(type);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Type type : block.getArgumentTypes())
          visitType(type);
    if (auto constant = dyn_cast<ConstantOp>(op))
      if (auto dims = dyn_cast<DimsAttr>(constant.getValue()))
        for (DimAttr size : dims.getDims())
          visit(op, size);
  });
}

/// Symbols that an operation in the body gives a value to.
static bool definesSymbols(Operation *op) {
  return isa<RefineOp, FromBuiltinOp>(op);
}

static LogicalResult checkSymbols(func::FuncOp function) {
  if (function.isDeclaration())
    return success();
  SymbolScope scope(&function.front(), function.getLoc(), getSymbols(function));
  for (BlockArgument argument : function.getArguments())
    if (auto type = dyn_cast<DynTensorType>(argument.getType()))
      scope.addArgument(argument, type);
  scope.solveSymbols();
  DenseSet<StringAttr> born;
  walkSizes(function, [&](Operation *op, DimAttr size) {
    if (StringAttr name = size.getSymbolName(); name && definesSymbols(op))
      born.insert(name);
  });
  Operation *culprit = nullptr;
  StringAttr unsolved;
  walkSizes(function, [&](Operation *op, DimAttr size) {
    size.walkSymbols([&](StringAttr name) {
      if (unsolved || scope.isDefined(name) || born.contains(name))
        return;
      unsolved = name;
      culprit = op;
    });
  });
  if (!unsolved)
    return success();
  InFlightDiagnostic diagnostic =
      function.emitOpError()
      << "cannot compute symbol '" << unsolved.getValue()
      << "': no argument has a size from which it follows";
  if (culprit != function)
    diagnostic.attachNote(culprit->getLoc()) << "first used here";
  return diagnostic;
}

LogicalResult LoweringState::prepare() {
  WalkResult outside = module.walk([&](Operation *op) {
    auto function = op->getParentOfType<func::FuncOp>();
    if (!isa_and_nonnull<DynDialect>(op->getDialect()) || isa<WeightOp>(op) ||
        (function && function->getParentOp() == module))
      return WalkResult::advance();
    op->emitOpError() << "expects to be in a func.func of the module";
    return WalkResult::interrupt();
  });
  if (outside.wasInterrupted())
    return failure();
  SymbolTableCollection tables;
  auto all = llvm::to_vector(module.getOps<func::FuncOp>());
  DenseMap<Operation *, DenseSet<Operation *>> weights;
  for (func::FuncOp function : all) {
    auto &entry = functions[function] = std::make_unique<Function>();
    entry->needsLowering = usesDyn(function);
    if (failed(checkSymbols(function)))
      return failure();
    function.walk([&](GetWeightOp op) {
      weights[function].insert(
          tables.lookupNearestSymbolFrom(op, op.getWeightAttr()));
    });
  }
  // A caller hands on what its callees read, theirs included.
  for (bool changed = true; changed;) {
    changed = false;
    for (func::FuncOp function : all)
      function.walk([&](func::CallOp call) {
        Operation *callee =
            tables.lookupNearestSymbolFrom(call, call.getCalleeAttr());
        for (Operation *weight : DenseSet<Operation *>(weights[callee]))
          changed |= weights[function].insert(weight).second;
      });
  }
  for (func::FuncOp function : all) {
    Function &entry = *functions[function];
    module.walk([&](WeightOp weight) {
      if (weights[function].contains(weight))
        entry.weights.push_back(weight);
    });
    entry.needsLowering |= !entry.weights.empty();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// During the conversion
//===----------------------------------------------------------------------===//

bool LoweringState::needsLowering(func::FuncOp function) const {
  auto it = functions.find(function);
  return it != functions.end() && it->second->needsLowering &&
         !it->second->started;
}

ArrayRef<WeightOp> LoweringState::getWeights(func::FuncOp function) const {
  return functions.at(function)->weights;
}

Value LoweringState::getWeightArgument(func::FuncOp function,
                                       StringAttr weight) const {
  ArrayRef<WeightOp> weights = getWeights(function);
  Block *entry = functions.at(function)->scope->getEntry();
  size_t first = entry->getNumArguments() - weights.size();
  for (auto [index, op] : llvm::enumerate(weights))
    if (WeightOp(op).getSymNameAttr() == weight)
      return entry->getArgument(first + index);
  llvm_unreachable("prepare has found all weights");
}

void LoweringState::startFunction(func::FuncOp function, Block *entry,
                                  ArrayRef<Type> types) {
  Function &info = *functions.at(function);
  info.started = true;
  if (!entry)
    return;
  info.scope = std::make_unique<SymbolScope>(entry, function.getLoc(),
                                             getSymbols(function));
  for (auto [argument, type] : llvm::zip(entry->getArguments(), types))
    if (auto tensor = dyn_cast<DynTensorType>(type))
      info.scope->addArgument(argument, tensor);
  info.scope->solveSymbols();
}

SymbolScope &LoweringState::getScope(Operation *op) {
  return *functions.at(op->getParentOfType<func::FuncOp>())->scope;
}

int64_t LoweringState::getMessage(StringRef text) {
  auto [it, isNew] = messageNumbers.try_emplace(text, messages.size());
  if (isNew)
    messages.push_back(text.str());
  return it->second;
}

void LoweringState::useFunction(StringRef name) {
  if (!llvm::is_contained(runtimeFunctions, name))
    runtimeFunctions.push_back(name);
}

//===----------------------------------------------------------------------===//
// After the conversion
//===----------------------------------------------------------------------===//

void LoweringState::finish() {
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  Type i64 = builder.getI64Type();
  auto type = builder.getFunctionType({i64, i64, i64}, {});
  for (StringRef name : runtimeFunctions)
    if (!module.lookupSymbol(name))
      func::FuncOp::create(builder, module.getLoc(), name, type).setPrivate();
  if (messages.empty())
    return;
  SmallVector<StringRef> texts(messages.begin(), messages.end());
  module->setAttr(kMessagesAttr, builder.getStrArrayAttr(texts));
}
