//===- RefineShapes.cpp - Infer result types again ------------------------===//

#include "Dyn/Transforms/RefineShapes.h"
#include "Dyn/Dialect/SymbolicDim.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/IR/Builders.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNREFINESHAPESPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

/// The types that `op`'s operands give to its results.
static FailureOr<SmallVector<Type>> inferTypes(Operation *op,
                                               std::optional<Location> loc) {
  SmallVector<Type> types;
  if (failed(cast<InferTypeOpInterface>(op).inferReturnTypes(
          op->getContext(), loc, op->getOperands(), op->getAttrDictionary(),
          op->getPropertiesStorage(), op->getRegions(), types)))
    return failure();
  return types;
}

static bool infersTypes(Operation *op) {
  return isa<InferTypeOpInterface>(op) && op->getNumResults() == 1 &&
         isa<DynTensorType>(op->getResult(0).getType());
}

/// `type` with the sizes of `other` where it has `?`.
static DynTensorType fillUnknown(DynTensorType type, DynTensorType other) {
  SmallVector<DimAttr> shape;
  for (auto [dim, otherDim] : llvm::zip(type.getShape(), other.getShape()))
    shape.push_back(dim.isUnknown() ? otherDim : dim);
  return type.clone(shape);
}

namespace {
class Refiner {
public:
  explicit Refiner(func::FuncOp function)
      : function(function), builder(function.getContext()) {}

  LogicalResult run(bool updateResults) {
    recordStatedSizes();
    SmallVector<Operation *> operations;
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op != function)
        operations.push_back(op);
    });
    for (Operation *op : operations)
      if (failed(refine(op, updateResults)))
        return failure();
    return success();
  }

private:
  /// A type may say more than its operands do, which the run then checks. That
  /// can be told from a type inferred earlier only before operands change.
  void recordStatedSizes() {
    function.walk([&](Operation *op) {
      if (!infersTypes(op))
        return;
      FailureOr<SmallVector<Type>> types = inferTypes(op, std::nullopt);
      auto written = cast<DynTensorType>(op->getResult(0).getType());
      if (failed(types) || types->front() == written)
        return;
      auto inferred = cast<DynTensorType>(types->front());
      SmallVector<DimAttr> shape;
      for (auto [dim, inferredDim] :
           llvm::zip(written.getShape(), inferred.getShape()))
        shape.push_back(inferredDim.isUnknown()
                            ? dim
                            : DimAttr::getUnknown(op->getContext()));
      stated[op] = written.clone(shape);
    });
  }

  LogicalResult refine(Operation *op, bool updateResults) {
    if (infersTypes(op))
      return refineInferred(op);
    if (auto cast = dyn_cast<RefineOp>(op)) {
      requireType(cast.getResult());
      cast.getResult().setType(
          fillUnknown(cast.getType(), cast.getInput().getType()));
      simplify(op);
      return success();
    }
    if (isa<func::ReturnOp>(op) && updateResults &&
        function.getBody().hasOneBlock()) {
      function.setFunctionType(builder.getFunctionType(
          function.getArgumentTypes(), op->getOperandTypes()));
      return success();
    }
    return restoreOperands(op);
  }

  LogicalResult refineInferred(Operation *op) {
    FailureOr<SmallVector<Type>> types = inferTypes(op, op->getLoc());
    if (failed(types))
      return failure();
    Value result = op->getResult(0);
    auto inferred = cast<DynTensorType>(types->front());
    requireType(result);
    DynTensorType type = inferred;
    if (DynTensorType known = stated.lookup(op)) {
      // A size that is `?` still can stay in the type; another one is checked.
      type = fillUnknown(inferred, known);
      DynTensorType wanted = fillUnknown(known, type);
      if (wanted != type) {
        builder.setInsertionPointAfter(op);
        auto check = RefineOp::create(builder, op->getLoc(), wanted, result);
        result.replaceAllUsesExcept(check.getResult(), check);
      }
    }
    result.setType(type);
    simplify(op);
    return success();
  }

  /// Replaces `op` if it folds, so that what follows sees the constant.
  void simplify(Operation *op) {
    builder.setInsertionPoint(op);
    SmallVector<Value> values;
    if (failed(builder.tryFold(op, values)) || values.empty())
      return;
    op->replaceAllUsesWith(values);
    op->erase();
  }

  /// Notes the type that uses of `value` by operations without inference have.
  void requireType(Value value) {
    for (OpOperand &use : value.getUses())
      if (!infersTypes(use.getOwner()) && !isa<RefineOp>(use.getOwner()))
        required[&use] = value.getType();
  }

  /// An operation that infers nothing gets operands of the types it had.
  LogicalResult restoreOperands(Operation *op) {
    for (OpOperand &operand : op->getOpOperands()) {
      auto found = required.find(&operand);
      if (found == required.end() || operand.get().getType() == found->second)
        continue;
      builder.setInsertionPoint(op);
      operand.set(RefineOp::create(builder, op->getLoc(), found->second,
                                   operand.get()));
    }
    return success();
  }

  func::FuncOp function;
  OpBuilder builder;
  DenseMap<Operation *, DynTensorType> stated;
  DenseMap<OpOperand *, Type> required;
};

struct RefineShapesPass : dyn::impl::DynRefineShapesPassBase<RefineShapesPass> {
  void runOnOperation() override {
    SymbolTableCollection tables;
    SymbolUserMap users(tables, getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      // Calls name the types of their callee.
      if (failed(refineShapes(function,
                              /*updateResults=*/users.useEmpty(function))))
        return signalPassFailure();
  }
};
} // namespace

LogicalResult dyn::refineShapes(func::FuncOp function, bool updateResults) {
  return Refiner(function).run(updateResults);
}
