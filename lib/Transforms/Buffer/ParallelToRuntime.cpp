//===- ParallelToRuntime.cpp - Parallel loops on the runtime's threads ----===//

#include "Dyn/Transforms/EntryAttributes.h"
#include "Dyn/Transforms/Passes.h"
#include "RuntimeCalls.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
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

namespace {
/// Copies into a loop's body what is cheap to compute there: constants, and
/// sizes and positions. So constants stay constants, what bounds a size stays
/// in sight, and loops that differ in no more than buffers have equal bodies.
class Sinker {
public:
  explicit Sinker(Region &region)
      : region(region), builder(OpBuilder::atBlockBegin(&region.front())) {}

  void sinkAll() {
    llvm::SetVector<Value> used;
    getUsedValuesDefinedAbove(region, used);
    for (Value value : used)
      if (Value copy = sink(value))
        replaceAllUsesInRegionWith(value, copy, region);
  }

private:
  static bool isCheap(Operation *op) {
    if (op->getNumRegions() || !isPure(op))
      return false;
    if (isa<memref::DimOp>(op) || op->hasTrait<OpTrait::ConstantLike>())
      return true;
    auto isSize = [](Type type) { return type.isIndex(); };
    return isa<arith::ArithDialect, affine::AffineDialect>(op->getDialect()) &&
           llvm::all_of(op->getOperandTypes(), isSize) &&
           llvm::all_of(op->getResultTypes(), isSize);
  }

  /// The copy of a value's computation, null if it has to be captured.
  Value sink(Value value) {
    auto [it, inserted] = copies.try_emplace(value, Value());
    if (!inserted)
      return it->second;
    Operation *op = value.getDefiningOp();
    if (!op || !isCheap(op))
      return {};
    IRMapping mapping;
    for (Value operand : op->getOperands())
      if (Value copy = sink(operand))
        mapping.map(operand, copy);
    Value copy = builder.clone(*op, mapping)
                     ->getResult(cast<OpResult>(value).getResultNumber());
    copies[value] = copy;
    return copy;
  }

  Region &region;
  OpBuilder builder;
  DenseMap<Value, Value> copies;
};
} // namespace

/// A number that equal bodies have in common.
static llvm::hash_code hashBody(func::FuncOp function) {
  llvm::hash_code hash(0);
  function.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    hash = llvm::hash_combine(hash, op->getName(), op->getAttrDictionary());
  });
  return hash;
}

/// Turns the loop into `outlined(data, begin, end)` and a call that runs it.
class Outliner {
public:
  Outliner(ModuleOp module, const LoweredTypes &types)
      : module(module), types(types), context(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(context)) {}

  /// Loops with equal bodies share one function.
  void outline(const ParallelLoop &loop, StringRef name);

private:
  func::FuncOp moveToFunction(const ParallelLoop &loop, StringRef name,
                              ValueRange captured, ValueRange counts) const;
  func::FuncOp mergeWithEqual(func::FuncOp outlined);
  SmallVector<Value> pack(OpBuilder &builder, Location loc, Value value) const;
  Value unpack(OpBuilder &builder, Location loc, Type type,
               function_ref<Value()> next) const;
  LLVM::LLVMStructType getDataType(ValueRange captured) const;
  Value storeData(OpBuilder &builder, func::FuncOp caller, Location loc,
                  ValueRange captured) const;
  void callRuntime(OpBuilder &builder, Location loc, func::FuncOp outlined,
                   Value data, Value count, int64_t grain) const;

  ModuleOp module;
  const LoweredTypes &types;
  MLIRContext *context;
  Type pointer;
  DenseMap<llvm::hash_code, SmallVector<func::FuncOp>> bodies;
};

/// The type of a buffer without gaps: its memory and the sizes that are not in
/// the type say all, in a third of a descriptor's words.
static MemRefType getWhole(Type type) {
  auto buffer = dyn_cast<MemRefType>(type);
  return buffer && buffer.getLayout().isIdentity() ? buffer : MemRefType();
}

/// The fields that stand for `value`.
SmallVector<Value> Outliner::pack(OpBuilder &builder, Location loc,
                                  Value value) const {
  Value lowered = types.toLowered(builder, loc, value);
  MemRefType type = getWhole(value.getType());
  if (!type)
    return {lowered};
  MemRefDescriptor descriptor(lowered);
  SmallVector<Value> fields{descriptor.alignedPtr(builder, loc)};
  for (auto [dim, size] : llvm::enumerate(type.getShape()))
    if (ShapedType::isDynamic(size))
      fields.push_back(descriptor.size(builder, loc, dim));
  return fields;
}

/// The value of `type` that takes its fields, one after the other, from
/// `next`.
Value Outliner::unpack(OpBuilder &builder, Location loc, Type type,
                       function_ref<Value()> next) const {
  MemRefType whole = getWhole(type);
  if (!whole)
    return types.fromLowered(builder, loc, next(), type);
  auto descriptor = MemRefDescriptor::poison(builder, loc, types.get(type));
  Value memory = next();
  descriptor.setAllocatedPtr(builder, loc, memory);
  descriptor.setAlignedPtr(builder, loc, memory);
  auto constant = [&](int64_t value) -> Value {
    return LLVM::ConstantOp::create(builder, loc, builder.getI64Type(), value);
  };
  descriptor.setOffset(builder, loc, constant(0));
  SmallVector<Value> sizes;
  for (int64_t size : whole.getShape())
    sizes.push_back(ShapedType::isDynamic(size) ? next() : constant(size));
  Value stride = constant(1);
  for (size_t dim = sizes.size(); dim-- > 0;) {
    descriptor.setSize(builder, loc, dim, sizes[dim]);
    descriptor.setStride(builder, loc, dim, stride);
    stride = LLVM::MulOp::create(builder, loc, stride, sizes[dim]);
  }
  return types.fromLowered(builder, loc, descriptor, type);
}

LLVM::LLVMStructType Outliner::getDataType(ValueRange captured) const {
  SmallVector<Type> fields;
  for (Value value : captured) {
    MemRefType whole = getWhole(value.getType());
    fields.push_back(whole ? pointer : types.get(value.getType()));
    if (whole)
      fields.append(whole.getNumDynamicDims(), IntegerType::get(context, 64));
  }
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
  int64_t next = 0;
  for (Value value : captured)
    for (Value field : pack(builder, loc, value))
      data = LLVM::InsertValueOp::create(builder, loc, data, field,
                                         ArrayRef<int64_t>(next++));
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

/// Makes `(data, begin, end)` of the loop: it loads what the body captured and
/// runs iterations begin to end, counted over all dimensions.
func::FuncOp Outliner::moveToFunction(const ParallelLoop &loop, StringRef name,
                                      ValueRange captured,
                                      ValueRange counts) const {
  Location loc = loop.op->getLoc();
  OpBuilder builder(loop.op->getParentOfType<func::FuncOp>());
  Type i64 = builder.getI64Type();
  auto outlined = func::FuncOp::create(
      builder, loc, name, builder.getFunctionType({pointer, i64, i64}, {}));
  outlined.setPrivate();
  Block *entry = outlined.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Value data = LLVM::LoadOp::create(builder, loc, getDataType(captured),
                                    entry->getArgument(0));
  IRMapping mapping;
  int64_t field = 0;
  auto nextField = [&]() -> Value {
    return LLVM::ExtractValueOp::create(builder, loc, data,
                                        ArrayRef<int64_t>(field++));
  };
  for (Value value : captured)
    mapping.map(value, unpack(builder, loc, value.getType(), nextField));
  auto recover = [&](OpFoldResult size) -> Value {
    if (std::optional<int64_t> constant = getConstantIntValue(size))
      return arith::ConstantIndexOp::create(builder, loc, *constant);
    return mapping.lookup(cast<Value>(size));
  };
  SmallVector<Value> lowers, steps, basis;
  for (auto [lower, step, count] :
       llvm::zip(loop.lowerBounds, loop.steps, counts)) {
    lowers.push_back(recover(lower));
    steps.push_back(recover(step));
    basis.push_back(recover(getAsOpFoldResult(count)));
  }
  auto toIndex = [&](unsigned i) {
    return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                      entry->getArgument(i));
  };
  Value begin = toIndex(1), end = toIndex(2);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  auto range = scf::ForOp::create(builder, loc, begin, end, one);
  func::ReturnOp::create(builder, loc);
  builder.setInsertionPointToStart(range.getBody());
  SmallVector<Value> inductionVariables(lowers.size());
  Value rest = range.getInductionVar();
  for (unsigned i = lowers.size(); i-- > 0;) {
    Value position = rest;
    if (i > 0) {
      position = arith::RemUIOp::create(builder, loc, rest, basis[i]);
      rest = arith::DivUIOp::create(builder, loc, rest, basis[i]);
    }
    Value scaled = arith::MulIOp::create(builder, loc, position, steps[i]);
    inductionVariables[i] =
        arith::AddIOp::create(builder, loc, lowers[i], scaled);
  }
  for (Value value : captured)
    replaceAllUsesInRegionWith(value, mapping.lookup(value),
                               loop.op->getRegion(0));
  Operation *terminator = range.getBody()->getTerminator();
  moveBody(loop.getBody(), range.getBody(), inductionVariables);
  terminator->moveBefore(range.getBody(), range.getBody()->end());
  moveLoopInvariantCode(cast<LoopLikeOpInterface>(range.getOperation()));
  return outlined;
}

func::FuncOp Outliner::mergeWithEqual(func::FuncOp outlined) {
  SmallVector<func::FuncOp> &candidates = bodies[hashBody(outlined)];
  for (func::FuncOp other : candidates)
    if (OperationEquivalence::isRegionEquivalentTo(
            &outlined.getBody(), &other.getBody(),
            OperationEquivalence::IgnoreLocations)) {
      outlined.erase();
      return other;
    }
  candidates.push_back(outlined);
  return outlined;
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
  Sinker(region).sinkAll();
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(region, captured);
  // For the induction variables; constants are made anew in the function.
  for (unsigned i = 0; i < counts.size(); ++i)
    for (OpFoldResult size :
         {loop.lowerBounds[i], loop.steps[i], getAsOpFoldResult(counts[i])})
      if (auto value = dyn_cast<Value>(size))
        if (!getConstantIntValue(size))
          captured.insert(value);
  Value data = storeData(builder, caller, loc, captured.getArrayRef());
  func::FuncOp outlined = mergeWithEqual(
      moveToFunction(loop, name, captured.getArrayRef(), counts));
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
