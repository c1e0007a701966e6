//===- NoSpecialization.cpp - No code is chosen by a dynamic size ---------===//

#include "../PassTarget.h"
#include "Dyn/Target/Target.h"
#include "Dyn/Transforms/LoweringConfig.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/Analysis/DataFlow/ConstantPropagationAnalysis.h"
#include "mlir/Analysis/DataFlow/DeadCodeAnalysis.h"
#include "mlir/Analysis/DataFlow/SparseAnalysis.h"
#include "mlir/Analysis/DataFlowFramework.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNVERIFYNOSPECIALIZATIONPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Which values are derived from a dynamic size
//===----------------------------------------------------------------------===//

namespace {
/// Whether a value is derived from a dynamic size, and from where it is.
struct Origin {
  bool isSize = false;
  Value from;

  bool operator==(const Origin &other) const { return isSize == other.isSize; }
  static Origin join(const Origin &lhs, const Origin &rhs) {
    return lhs.isSize ? lhs : rhs;
  }
  void print(raw_ostream &os) const { os << (isSize ? "size" : "other"); }
};

using OriginLattice = dataflow::Lattice<Origin>;

class SizeAnalysis
    : public dataflow::SparseForwardDataFlowAnalysis<OriginLattice> {
public:
  using SparseForwardDataFlowAnalysis::SparseForwardDataFlowAnalysis;

  LogicalResult visitOperation(Operation *op,
                               ArrayRef<const OriginLattice *> operands,
                               ArrayRef<OriginLattice *> results) override {
    for (auto [result, lattice] : llvm::zip(op->getResults(), results)) {
      if (!result.getType().isIntOrIndex())
        continue;
      if (introducesSize(op)) {
        propagateIfChanged(lattice, lattice->join(Origin{true, result}));
        continue;
      }
      if (computesOnSizes(op))
        for (const OriginLattice *operand : operands)
          propagateIfChanged(lattice, lattice->join(*operand));
    }
    return success();
  }

  /// A loop's position is where it started, and steps.
  void visitNonControlFlowArguments(Operation *op,
                                    const RegionSuccessor &successor,
                                    ArrayRef<OriginLattice *> arguments,
                                    unsigned) override {
    auto loop = dyn_cast<LoopLikeOpInterface>(op);
    std::optional<SmallVector<OpFoldResult>> bounds;
    if (loop)
      bounds = loop.getLoopLowerBounds();
    if (!bounds)
      return;
    for (auto [argument, bound] : llvm::zip(arguments, *bounds))
      if (auto value = dyn_cast<Value>(bound))
        join(argument,
             *getLatticeElementFor(
                 getProgramPointBefore(&op->getRegion(0).front()), value));
  }

  /// What comes from outside: an index is a size, data are not.
  void setToEntryState(OriginLattice *lattice) override {
    Value value = lattice->getAnchor();
    if (value.getType().isIndex())
      propagateIfChanged(lattice, lattice->join(Origin{true, value}));
  }

private:
  static bool introducesSize(Operation *op) {
    if (auto dim = dyn_cast<ShapedDimOpInterface>(op))
      if (std::optional<int64_t> axis = getConstantIntValue(dim.getDimension()))
        return cast<ShapedType>(dim.getShapedValue().getType())
            .isDynamicDim(*axis);
    return isa<ShapedDimOpInterface, memref::ExtractStridedMetadataOp,
               LLVM::LoadOp>(op);
  }

  static bool computesOnSizes(Operation *op) {
    return isa<UnrealizedConversionCastOp>(op) ||
           (isa<arith::ArithDialect, affine::AffineDialect,
                index::IndexDialect>(op->getDialect()) &&
            !isa<arith::CmpIOp>(op));
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// What they are compared with
//===----------------------------------------------------------------------===//

/// Whether `flag` decides nothing but whether the run fails.
static bool onlyGuardsFailure(Value flag) {
  return llvm::all_of(flag.getUsers(), [](Operation *user) {
    if (isa<cf::AssertOp>(user))
      return true;
    if (isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(user))
      return onlyGuardsFailure(user->getResult(0));
    auto branch = dyn_cast<scf::IfOp>(user);
    if (!branch || branch.getNumResults() || branch.elseBlock())
      return false;
    return llvm::all_of(branch.thenBlock()->without_terminator(),
                        [](Operation &op) {
                          if (auto call = dyn_cast<func::CallOp>(op))
                            return call.getCallee() == "dyn_rt_fail" ||
                                   call.getCallee() == "dyn_rt_report";
                          return isPure(&op);
                        });
  });
}

/// Whether `value` goes nowhere but into addresses of prefetches: hints, which
/// decide no result and no code.
static bool onlyAddressesPrefetches(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    if (isa<memref::PrefetchOp>(user))
      return true;
    return isa<arith::ArithDialect, affine::AffineDialect>(
               user->getDialect()) &&
           user->getNumResults() == 1 &&
           onlyAddressesPrefetches(user->getResult(0));
  });
}

namespace {
/// `value + shift`, with the constants that were added taken off `value`.
struct Shifted {
  Value value;
  int64_t shift = 0;
};
} // namespace

static Shifted takeOffConstants(Value value) {
  Shifted result{value};
  while (Operation *op = result.value.getDefiningOp()) {
    if (!isa<arith::AddIOp, arith::SubIOp>(op))
      break;
    std::optional<int64_t> constant = getConstantIntValue(op->getOperand(1));
    if (!constant)
      break;
    result.shift += isa<arith::AddIOp>(op) ? *constant : -*constant;
    result.value = op->getOperand(0);
  }
  return result;
}

namespace {
class Verifier {
public:
  Verifier(const DataFlowSolver &solver, const Target &cpu) : solver(solver) {
    // A tile of one vector a row has as many rows as there are accumulators.
    mostRows = std::max(cpu.tile.rows * cpu.tile.vectors, cpu.dotTile.rows);
    for (int64_t elementBits : {8, 16, 32, 64})
      for (int64_t vectors = 1; vectors <= cpu.tile.vectors; ++vectors)
        lanes.insert(cpu.vectorBits / elementBits * vectors);
  }

  LogicalResult check(Operation *op) {
    if (auto compare = dyn_cast<arith::CmpIOp>(op))
      return checkCompare(compare);
    if (auto choice = dyn_cast<scf::IndexSwitchOp>(op))
      return checkSwitch(op, choice.getArg(), choice.getCases());
    if (auto choice = dyn_cast<cf::SwitchOp>(op))
      if (auto cases = choice.getCaseValues()) {
        SmallVector<int64_t> values;
        for (const APInt &value : *cases)
          values.push_back(value.getSExtValue());
        return checkSwitch(op, choice.getFlag(), values);
      }
    return success();
  }

private:
  std::optional<Value> originOf(Value value) const {
    auto *state = solver.lookupState<OriginLattice>(value);
    if (!state || !state->getValue().isSize)
      return std::nullopt;
    return state->getValue().from;
  }

  bool isAllowed(Operation *op, int64_t constant) const {
    if ((constant >= 0 && constant <= mostRows) || lanes.contains(constant))
      return true;
    for (; op; op = op->getParentOp())
      if (auto sizes = op->getAttrOfType<DenseI64ArrayAttr>(kTileSizesAttr))
        if (llvm::is_contained(sizes.asArrayRef(), constant))
          return true;
    return false;
  }

  LogicalResult refuse(Operation *op, StringRef how, int64_t constant,
                       Value origin) const {
    InFlightDiagnostic error = op->emitError();
    error << "code is chosen by a dynamic size: " << how << " " << constant
          << ", expects 0 to " << mostRows
          << " (rows of a register tile), the lanes of its vectors, or one of "
             "'dyn.tile_sizes'";
    error.attachNote(origin.getLoc()) << "the size comes from here";
    return error;
  }

  LogicalResult checkCompare(arith::CmpIOp compare) const {
    for (auto [size, other] : {std::pair(compare.getLhs(), compare.getRhs()),
                               std::pair(compare.getRhs(), compare.getLhs())}) {
      std::optional<int64_t> constant = getConstantIntValue(other);
      std::optional<Value> origin = originOf(size);
      if (!constant || !origin)
        continue;
      int64_t compared = *constant - takeOffConstants(size).shift;
      if (isAllowed(compare, compared) || onlyGuardsFailure(compare) ||
          onlyAddressesPrefetches(compare))
        continue;
      return refuse(compare, "compares it with", compared, *origin);
    }
    return success();
  }

  LogicalResult checkSwitch(Operation *op, Value size,
                            ArrayRef<int64_t> cases) const {
    std::optional<Value> origin = originOf(size);
    if (!origin)
      return success();
    int64_t shift = takeOffConstants(size).shift;
    for (int64_t value : cases)
      if (!isAllowed(op, value - shift))
        return refuse(op, "switches on", value - shift, *origin);
    return success();
  }

  const DataFlowSolver &solver;
  int64_t mostRows;
  llvm::SmallDenseSet<int64_t> lanes;
};

struct DynVerifyNoSpecializationPass
    : dyn::impl::DynVerifyNoSpecializationPassBase<
          DynVerifyNoSpecializationPass> {
  using Base::Base;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    FailureOr<const Target *> cpu = getTarget(getOperation(), target);
    if (failed(cpu))
      return signalPassFailure();
    DataFlowSolver solver;
    solver.load<dataflow::DeadCodeAnalysis>();
    solver.load<dataflow::SparseConstantPropagation>();
    solver.load<SizeAnalysis>();
    if (failed(solver.initializeAndRun(getOperation())))
      return signalPassFailure();
    Verifier verifier(solver, **cpu);
    bool passes = true;
    getOperation().walk(
        [&](Operation *op) { passes &= succeeded(verifier.check(op)); });
    if (!passes)
      signalPassFailure();
  }
};
} // namespace
