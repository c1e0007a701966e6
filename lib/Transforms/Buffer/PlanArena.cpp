//===- PlanArena.cpp - One arena a function, offsets in symbols -----------===//

#include "ArenaLayout.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "Dyn/Transforms/Passes.h"
#include "EntrySizes.h"
#include "Lifetime.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNPLANARENAPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

static bool isParallel(Operation *op) {
  return isa<scf::ForallOp, scf::ParallelOp>(op);
}

/// The innermost parallel loop around `op`, null if there is none.
static Operation *getParallelLoop(Operation *op) {
  while ((op = op->getParentOp()))
    if (isParallel(op))
      return op;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// One function
//===----------------------------------------------------------------------===//

namespace {
/// Plans the allocations of one function whose body is a single block.
class FunctionPlan {
public:
  explicit FunctionPlan(func::FuncOp function)
      : function(function), body(&function.getBody().front()), sizes(function),
        views(function) {}

  /// Finds what can be planned. Returns the arena's bytes, aligned.
  DimAttr layOut() {
    function.walk([&](memref::AllocOp op) { collect(op); });
    DimAttr bytes =
        layOutArena(blocks, sizes.getSymbols(), function.getContext());
    return bytes;
  }

  /// Replaces the allocations by views of a new argument, and with it the
  /// formula of its size.
  void apply(DimAttr bytes);

  EntrySizes &getSizes() { return sizes; }

private:
  void collect(memref::AllocOp op);

  func::FuncOp function;
  Block *body;
  EntrySizes sizes;
  BufferViewFlowAnalysis views;
  DenseMap<Operation *, unsigned> steps;
  SmallVector<memref::AllocOp> allocations;
  SmallVector<ArenaBlock> blocks;
};
} // namespace

void FunctionPlan::collect(memref::AllocOp op) {
  MemRefType type = op.getType();
  if (!type.getLayout().isIdentity() || type.getMemorySpace() ||
      op.getAlignment().value_or(1) > (uint64_t)kArenaAlignment ||
      getParallelLoop(op))
    return;
  DimAttr bytes = sizes.getBytes(type, op.getDynamicSizes());
  if (!sizes.isComputable(bytes))
    return;
  std::optional<Lifetime> life = getLifetime(op.getMemref(), body, views);
  if (!life)
    return;
  if (steps.empty())
    for (auto [i, step] : llvm::enumerate(*body))
      steps[&step] = i;
  allocations.push_back(op);
  blocks.push_back({alignToArena(bytes), steps.at(life->first),
                    steps.at(life->last), DimAttr()});
}

void FunctionPlan::apply(DimAttr bytes) {
  OpBuilder builder(function.getContext());
  auto arenaType = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
  unsigned position = function.getNumArguments();
  DictionaryAttr attributes =
      builder.getDictionaryAttr(builder.getNamedAttr(kArenaAttr, bytes));
  LogicalResult inserted = function.insertArgument(
      position, arenaType, attributes, function.getLoc());
  (void)inserted;
  assert(succeeded(inserted) && "a function takes another argument");
  Value arena = function.getArgument(position);
  builder.setInsertionPointToStart(body);
  SmallVector<Value> offsets;
  for (auto [op, block] : llvm::zip(allocations, blocks))
    offsets.push_back(sizes.materialize(builder, op.getLoc(), block.offset,
                                        function.getArguments()));
  for (auto [op, offset] : llvm::zip(allocations, offsets)) {
    for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
      if (isa<memref::DeallocOp>(user))
        user->erase();
    builder.setInsertionPoint(op);
    Value view = memref::ViewOp::create(builder, op.getLoc(), op.getType(),
                                        arena, offset, op.getDynamicSizes());
    op.replaceAllUsesWith(view);
    op.erase();
  }
}

/// Gives each call of `callee` an arena of its own: an allocation that the
/// caller's plan will place.
static void allocateAtCalls(func::FuncOp callee, ArrayRef<func::CallOp> calls,
                            DimAttr bytes, const EntrySizes &sizes) {
  for (func::CallOp call : calls) {
    OpBuilder builder(call);
    auto type = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
    Value size =
        sizes.materialize(builder, call.getLoc(), bytes, call.getOperands());
    Value arena =
        memref::AllocOp::create(builder, call.getLoc(), type, size,
                                builder.getI64IntegerAttr(kArenaAlignment));
    call.getOperandsMutable().append(arena);
  }
}

//===----------------------------------------------------------------------===//
// Parallel loops
//===----------------------------------------------------------------------===//

/// Puts small buffers of one iteration of a parallel loop on the stack.
static void promoteToStack(func::FuncOp function, int64_t maxBytes) {
  BufferViewFlowAnalysis views(function);
  SmallVector<memref::AllocOp> promoted;
  EntrySizes sizes(function);
  function.walk([&](memref::AllocOp op) {
    MemRefType type = op.getType();
    if (!getParallelLoop(op) || !type.hasStaticShape() ||
        !type.getLayout().isIdentity())
      return;
    std::optional<int64_t> bytes = sizes.getBytes(type, {}).getConstant();
    // Within its own block, so that an iteration of a loop can reuse it.
    if (bytes && *bytes <= maxBytes &&
        getLifetime(op.getMemref(), op->getBlock(), views))
      promoted.push_back(op);
  });
  for (memref::AllocOp op : promoted) {
    for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
      if (isa<memref::DeallocOp>(user))
        user->erase();
    OpBuilder builder(op);
    Value buffer = memref::AllocaOp::create(
        builder, op.getLoc(), op.getType(), ValueRange(),
        builder.getI64IntegerAttr(kArenaAlignment));
    op.replaceAllUsesWith(buffer);
    op.erase();
  }
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

/// All calls of a function, or nullopt if it is used in any other way.
static std::optional<SmallVector<func::CallOp>> getCalls(func::FuncOp function,
                                                         ModuleOp module) {
  SmallVector<func::CallOp> calls;
  std::optional<SymbolTable::UseRange> uses =
      SymbolTable::getSymbolUses(function.getSymNameAttr(), module);
  if (!uses)
    return std::nullopt;
  for (SymbolTable::SymbolUse use : *uses) {
    auto call = dyn_cast<func::CallOp>(use.getUser());
    if (!call)
      return std::nullopt;
    calls.push_back(call);
  }
  return calls;
}

static bool isDescribed(func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (function.getArgAttr(i, kTypeAttr))
      return true;
  return false;
}

static void plan(func::FuncOp function, ModuleOp module) {
  SmallVector<func::CallOp> callSites;
  if (function.isPrivate()) {
    std::optional<SmallVector<func::CallOp>> calls = getCalls(function, module);
    if (!calls || calls->empty())
      return;
    callSites = *calls;
  } else if (!isDescribed(function)) {
    return;
  }
  FunctionPlan plan(function);
  DimAttr bytes = plan.layOut();
  if (function.isPrivate() && bytes.isConstant(0))
    return;
  plan.apply(bytes);
  allocateAtCalls(function, callSites, bytes, plan.getSizes());
}

/// Callees before their callers. Functions that call themselves, directly or
/// not, are left out.
static SmallVector<func::FuncOp> orderByCalls(ModuleOp module) {
  enum class State { Open, Done };
  DenseMap<Operation *, State> states;
  SmallVector<func::FuncOp> order;
  llvm::SmallPtrSet<Operation *, 4> recursive;
  SymbolTable symbols(module);
  auto visit = [&](auto &self, func::FuncOp function) -> void {
    auto [it, inserted] = states.try_emplace(function, State::Open);
    if (!inserted) {
      if (it->second == State::Open)
        recursive.insert(function);
      return;
    }
    function.walk([&](func::CallOp call) {
      if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
          callee && !callee.isExternal())
        self(self, callee);
    });
    states[function] = State::Done;
    order.push_back(function);
  };
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal())
      visit(visit, function);
  llvm::erase_if(order, [&](func::FuncOp f) { return recursive.contains(f); });
  return order;
}

namespace {
struct DynPlanArenaPass : dyn::impl::DynPlanArenaPassBase<DynPlanArenaPass> {
  using DynPlanArenaPassBase::DynPlanArenaPassBase;

  void runOnOperation() override {
    for (func::FuncOp function : orderByCalls(getOperation())) {
      promoteToStack(function, maxStackBytes);
      plan(function, getOperation());
    }
  }
};
} // namespace
