//===- ParallelToRuntime.cpp - Parallel loops on the runtime's threads
//-----===//

#include "Dyn/Transforms/EntryAttributes.h"
#include "Dyn/Transforms/Passes.h"
#include "RuntimeCalls.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNPARALLELTORUNTIMEPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

namespace {
/// What `scf.forall` and `scf.parallel` have in common.
struct ParallelLoop {
  LoopLikeOpInterface op;
  SmallVector<OpFoldResult> lowerBounds, upperBounds, steps;

  /// nullopt for loops with results: reductions, and loops on tensors.
  static std::optional<ParallelLoop> match(Operation *op) {
    if (!isa<scf::ForallOp, scf::ParallelOp>(op) || op->getNumResults() != 0)
      return std::nullopt;
    auto loop = cast<LoopLikeOpInterface>(op);
    return ParallelLoop{loop, *loop.getLoopLowerBounds(),
                        *loop.getLoopUpperBounds(), *loop.getLoopSteps()};
  }

  Block *getBody() const { return &op->getRegion(0).front(); }
  int64_t getGrain() const {
    auto grain = op->getAttrOfType<IntegerAttr>(kGrainAttr);
    return grain ? std::max<int64_t>(grain.getInt(), 1) : 1;
  }

  /// Iterations of each dimension, computed in front of the loop.
  SmallVector<Value> getCounts(OpBuilder &builder) const {
    Location loc = op->getLoc();
    SmallVector<Value> counts;
    for (auto [lower, upper, step] :
         llvm::zip(lowerBounds, upperBounds, steps)) {
      Value span = arith::SubIOp::create(builder, loc, toValue(builder, upper),
                                         toValue(builder, lower));
      // An empty range may have its bounds in any order.
      Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
      span = arith::MaxSIOp::create(builder, loc, span, zero);
      counts.push_back(arith::CeilDivUIOp::create(builder, loc, span,
                                                  toValue(builder, step)));
    }
    return counts;
  }

  Value toValue(OpBuilder &builder, OpFoldResult size) const {
    return getValueOrCreateConstantIndexOp(builder, op->getLoc(), size);
  }
};
} // namespace

/// Moves the body of `from` to the end of `into`, its induction variables
/// replaced.
static void moveBody(Block *from, Block *into, ValueRange inductionVariables) {
  from->getTerminator()->erase();
  for (auto [argument, value] :
       llvm::zip(from->getArguments(), inductionVariables))
    argument.replaceAllUsesWith(value);
  into->getOperations().splice(into->end(), from->getOperations());
}

//===----------------------------------------------------------------------===//
// To nested loops
//===----------------------------------------------------------------------===//

static void convertToFor(const ParallelLoop &loop) {
  OpBuilder builder(loop.op);
  Location loc = loop.op->getLoc();
  SmallVector<Value> inductionVariables;
  for (auto [lower, upper, step] :
       llvm::zip(loop.lowerBounds, loop.upperBounds, loop.steps)) {
    auto inner = scf::ForOp::create(builder, loc, loop.toValue(builder, lower),
                                    loop.toValue(builder, upper),
                                    loop.toValue(builder, step));
    inductionVariables.push_back(inner.getInductionVar());
    builder.setInsertionPointToStart(inner.getBody());
  }
  Block *innermost = builder.getInsertionBlock();
  Operation *terminator =
      inductionVariables.empty() ? nullptr : innermost->getTerminator();
  if (!terminator) {
    // No dimensions: one iteration.
    Block *body = loop.getBody();
    body->getTerminator()->erase();
    innermost->getOperations().splice(loop.op->getIterator(),
                                      body->getOperations());
  } else {
    moveBody(loop.getBody(), innermost, inductionVariables);
    terminator->moveBefore(innermost, innermost->end());
  }
  loop.op->erase();
}

//===----------------------------------------------------------------------===//
// To the runtime
//===----------------------------------------------------------------------===//

/// Copies constants that the body uses into it, so that they stay constants.
static void sinkConstants(Region &region) {
  llvm::SetVector<Value> used;
  getUsedValuesDefinedAbove(region, used);
  auto builder = OpBuilder::atBlockBegin(&region.front());
  for (Value value : used)
    if (matchPattern(value, m_Constant())) {
      Operation *copy = builder.clone(*value.getDefiningOp());
      replaceAllUsesInRegionWith(value, copy->getResult(0), region);
    }
}

/// Turns the loop into `outlined(data, begin, end)` and a call that runs it.
class Outliner {
public:
  Outliner(ModuleOp module, const LoweredTypes &types)
      : module(module), types(types), context(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(context)) {}

  void outline(const ParallelLoop &loop, StringRef name);

private:
  LLVM::LLVMStructType getDataType(ValueRange captured) const;
  Value storeData(OpBuilder &builder, func::FuncOp caller, Location loc,
                  ValueRange captured) const;
  void callRuntime(OpBuilder &builder, Location loc, func::FuncOp outlined,
                   Value data, Value count, int64_t grain) const;

  ModuleOp module;
  const LoweredTypes &types;
  MLIRContext *context;
  Type pointer;
};

LLVM::LLVMStructType Outliner::getDataType(ValueRange captured) const {
  SmallVector<Type> fields;
  for (Value value : captured)
    fields.push_back(types.get(value.getType()));
  return LLVM::LLVMStructType::getLiteral(context, fields);
}

Value Outliner::storeData(OpBuilder &builder, func::FuncOp caller, Location loc,
                          ValueRange captured) const {
  LLVM::LLVMStructType type = getDataType(captured);
  Value slot;
  {
    // At the entry: an alloca in a loop would grow the stack.
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&caller.getBody().front());
    Value one = LLVM::ConstantOp::create(builder, loc, builder.getI64Type(), 1);
    slot = LLVM::AllocaOp::create(builder, loc, pointer, type, one);
  }
  Value data = LLVM::UndefOp::create(builder, loc, type);
  for (auto [i, value] : llvm::enumerate(captured))
    data = LLVM::InsertValueOp::create(builder, loc, data,
                                       types.toLowered(builder, loc, value),
                                       ArrayRef<int64_t>(i));
  LLVM::StoreOp::create(builder, loc, data, slot);
  return slot;
}

void Outliner::callRuntime(OpBuilder &builder, Location loc,
                           func::FuncOp outlined, Value data, Value count,
                           int64_t grain) const {
  Type i64 = builder.getI64Type();
  func::FuncOp callee = declareFunction(
      module, "dyn_rt_parallel_for",
      builder.getFunctionType({pointer, pointer, i64, i64}, {}));
  Value function = func::ConstantOp::create(
      builder, loc, outlined.getFunctionType(), outlined.getSymName());
  function = UnrealizedConversionCastOp::create(builder, loc, pointer, function)
                 .getResult(0);
  Value grainValue = arith::ConstantIntOp::create(builder, loc, i64, grain);
  count = arith::IndexCastOp::create(builder, loc, i64, count);
  func::CallOp::create(builder, loc, callee,
                       ValueRange{function, data, count, grainValue});
}

void Outliner::outline(const ParallelLoop &loop, StringRef name) {
  Location loc = loop.op->getLoc();
  auto caller = loop.op->getParentOfType<func::FuncOp>();
  OpBuilder builder(loop.op);
  SmallVector<Value> counts = loop.getCounts(builder);
  Value count = arith::ConstantIndexOp::create(builder, loc, 1);
  for (Value dimension : counts)
    count = arith::MulIOp::create(builder, loc, count, dimension);

  Region &region = loop.op->getRegion(0);
  sinkConstants(region);
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(region, captured);
  // The body recovers its induction variables from bounds, steps and counts;
  // constant ones are made anew there.
  SmallVector<OpFoldResult> countSizes;
  for (Value dimension : counts)
    countSizes.push_back(getAsOpFoldResult(dimension));
  for (ArrayRef<OpFoldResult> sizes :
       {ArrayRef(loop.lowerBounds), ArrayRef(loop.steps), ArrayRef(countSizes)})
    for (OpFoldResult size : sizes)
      if (auto value = dyn_cast<Value>(size);
          value && !getConstantIntValue(size))
        captured.insert(value);
  Value data = storeData(builder, caller, loc, captured.getArrayRef());

  Type i64 = builder.getI64Type();
  OpBuilder moduleBuilder(caller);
  auto outlined =
      func::FuncOp::create(moduleBuilder, loc, name,
                           builder.getFunctionType({pointer, i64, i64}, {}));
  outlined.setPrivate();
  Block *entry = outlined.addEntryBlock();
  auto inside = OpBuilder::atBlockBegin(entry);
  LLVM::LLVMStructType dataType = getDataType(captured.getArrayRef());
  Value loaded =
      LLVM::LoadOp::create(inside, loc, dataType, entry->getArgument(0));
  IRMapping mapping;
  for (auto [i, value] : llvm::enumerate(captured)) {
    Value field =
        LLVM::ExtractValueOp::create(inside, loc, loaded, ArrayRef<int64_t>(i));
    mapping.map(value, types.fromLowered(inside, loc, field, value.getType()));
  }
  auto recover = [&](OpFoldResult size) -> Value {
    if (std::optional<int64_t> constant = getConstantIntValue(size))
      return arith::ConstantIndexOp::create(inside, loc, *constant);
    return mapping.lookup(cast<Value>(size));
  };
  SmallVector<Value> lowers, steps, basis;
  for (auto [lower, step, dimension] :
       llvm::zip(loop.lowerBounds, loop.steps, countSizes)) {
    lowers.push_back(recover(lower));
    steps.push_back(recover(step));
    basis.push_back(recover(dimension));
  }
  auto toIndex = [&](unsigned i) {
    return arith::IndexCastOp::create(inside, loc, inside.getIndexType(),
                                      entry->getArgument(i));
  };
  Value begin = toIndex(1), end = toIndex(2);
  Value one = arith::ConstantIndexOp::create(inside, loc, 1);
  auto range = scf::ForOp::create(inside, loc, begin, end, one);
  func::ReturnOp::create(inside, loc);
  inside.setInsertionPointToStart(range.getBody());
  SmallVector<Value> inductionVariables(lowers.size());
  Value rest = range.getInductionVar();
  for (unsigned i = lowers.size(); i-- > 0;) {
    Value position = rest;
    if (i > 0) {
      position = arith::RemUIOp::create(inside, loc, rest, basis[i]);
      rest = arith::DivUIOp::create(inside, loc, rest, basis[i]);
    }
    Value scaled = arith::MulIOp::create(inside, loc, position, steps[i]);
    inductionVariables[i] =
        arith::AddIOp::create(inside, loc, lowers[i], scaled);
  }
  for (Value value : captured)
    replaceAllUsesInRegionWith(value, mapping.lookup(value), region);
  Operation *terminator = range.getBody()->getTerminator();
  moveBody(loop.getBody(), range.getBody(), inductionVariables);
  terminator->moveBefore(range.getBody(), range.getBody()->end());

  callRuntime(builder, loc, outlined, data, count, loop.getGrain());
  loop.op->erase();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct DynParallelToRuntimePass
    : dyn::impl::DynParallelToRuntimePassBase<DynParallelToRuntimePass> {
  using DynParallelToRuntimePassBase::DynParallelToRuntimePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<std::pair<ParallelLoop, std::string>> outermost;
    for (auto function : module.getOps<func::FuncOp>()) {
      SmallVector<ParallelLoop> sequential;
      unsigned number = 0;
      function.walk<WalkOrder::PostOrder>([&](Operation *op) {
        std::optional<ParallelLoop> loop = ParallelLoop::match(op);
        if (!loop)
          return;
        if (threads && !isInParallelLoop(op))
          outermost.emplace_back(
              *loop,
              (function.getSymName() + "_parallel_" + Twine(number++)).str());
        else
          sequential.push_back(*loop);
      });
      for (const ParallelLoop &loop : sequential)
        convertToFor(loop);
    }
    LoweredTypes types(&getContext());
    Outliner outliner(module, types);
    for (auto &[loop, name] : outermost)
      outliner.outline(loop, name);
  }

  static bool isInParallelLoop(Operation *op) {
    while ((op = op->getParentOp()))
      if (ParallelLoop::match(op))
        return true;
    return false;
  }
};
} // namespace
