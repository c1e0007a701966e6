//===- LoopPlan.cpp - How one linalg op becomes loops over vectors --------===//

#include "LoopPlan.h"
#include "../Panels.h"
#include "Dyn/Transforms/LoweringConfig.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Support/DebugStringHelper.h"
#include <numeric>

using namespace mlir;
using namespace mlir::dyn;

LogicalResult RegisterBudget::obey(linalg::LinalgOp op, const Target &target) {
  if (!op->hasAttr(LoweringConfig::kAttrName) && !findPanels(op))
    return success();
  FailureOr<LoweringConfig> config = getLoweringConfig(op, target);
  if (failed(config))
    return failure();
  tile = dotTile = config->registers;
  wide = config->wide;
  reductionBlock = config->reductionBlock;
  prefetchDistance = config->prefetch;
  prefetchRows = config->prefetchRows;
  unrolledSteps = config->unroll;
  transposedSteps = config->transpose;
  return success();
}

/// Bits an element takes in memory; 0 for types that have no vectors.
static int64_t storedBits(Type type) {
  if (type.isIndex())
    return 64;
  if (auto integer = dyn_cast<IntegerType>(type)) {
    unsigned width = integer.getWidth();
    if (width == 1)
      return 8;
    return llvm::is_contained({8u, 16u, 32u, 64u}, width) ? width : 0;
  }
  if (isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(type))
    return type.getIntOrFloatBitWidth();
  return 0;
}

/// What `expr` grows by when `dim` grows by one, if that is a constant.
static std::optional<int64_t> growth(AffineExpr expr, unsigned dim,
                                     unsigned numDims) {
  AffineExpr self = getAffineDimExpr(dim, expr.getContext());
  AffineExpr next = expr.replace(self, self + 1);
  auto constant =
      dyn_cast<AffineConstantExpr>(simplifyAffineExpr(next - expr, numDims, 0));
  if (!constant)
    return std::nullopt;
  return constant.getValue();
}

LaneStride mlir::dyn::laneStride(linalg::LinalgOp op, OpOperand &operand,
                                 unsigned dim) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (!map.isFunctionOfDim(dim))
    return LaneStride::None;
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type)
    return LaneStride::Other;
  if (std::optional<PanelAccess> access = matchPanels(map))
    return dim == access->column && type.isLastDimUnitStride()
               ? LaneStride::Unit
               : LaneStride::Other;
  for (AffineExpr expr : map.getResults().drop_back())
    if (expr.isFunctionOfDim(dim))
      return LaneStride::Other;
  int64_t steps =
      growth(map.getResults().back(), dim, map.getNumDims()).value_or(0);
  if (steps < 1 || steps > kMostLaneSteps || !type.isLastDimUnitStride())
    return LaneStride::Other;
  return steps == 1 ? LaneStride::Unit : LaneStride::Few;
}

int64_t mlir::dyn::countLaneSteps(linalg::LinalgOp op, OpOperand &operand,
                                  unsigned dim) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  return *growth(map.getResults().back(), dim, map.getNumDims());
}

Operation *mlir::dyn::matchCombiner(linalg::LinalgOp op, unsigned index) {
  Block *body = op.getBlock();
  BlockArgument out = op.getRegionOutputArgs()[index];
  Operation *combiner =
      body->getTerminator()->getOperand(index).getDefiningOp();
  if (!combiner || combiner->getBlock() != body || !out.hasOneUse() ||
      !llvm::is_contained(combiner->getOperands(), out))
    return nullptr;
  if (!isa<arith::AddFOp, arith::AddIOp, arith::MulFOp, arith::MulIOp,
           arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
           arith::MinNumFOp, arith::MaxSIOp, arith::MaxUIOp, arith::MinSIOp,
           arith::MinUIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp>(
          combiner))
    return nullptr;
  return arith::getNeutralElement(combiner) ? combiner : nullptr;
}

/// Why the payload of `op` cannot be computed on vectors; empty if it can.
static std::string checkPayload(linalg::LinalgOp op, bool &maskable) {
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (isa<linalg::IndexOp>(inner) || inner.hasTrait<OpTrait::ConstantLike>())
      continue;
    for (Type type : inner.getResultTypes())
      if (!storedBits(type))
        return ("its payload computes a value of type " +
                Twine(debugString(type)))
            .str();
    if (isa<memref::LoadOp>(inner)) {
      maskable = false;
      continue;
    }
    if (!OpTrait::hasElementwiseMappableTraits(&inner))
      return ("its payload contains '" + inner.getName().getStringRef() + "'")
          .str();
    if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
            arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(inner))
      maskable = false;
  }
  return {};
}

static bool isReduction(linalg::LinalgOp op, unsigned dim) {
  return op.getIteratorTypesArray()[dim] == utils::IteratorType::reduction;
}

/// A rough count of scalar operations per iteration if `dim` goes into the
/// lanes of vectors of `lanes`; nothing if it cannot.
static std::optional<double> costOfLanes(linalg::LinalgOp op, unsigned dim,
                                         int64_t lanes, bool maskable) {
  bool reduce = isReduction(op, dim);
  for (OpOperand &out : op.getDpsInitsMutable())
    if (laneStride(op, out, dim) !=
        (reduce ? LaneStride::None : LaneStride::Unit))
      return std::nullopt;
  if (reduce) {
    if (!maskable)
      return std::nullopt;
    for (int64_t i = 0, e = op.getNumDpsInits(); i < e; ++i)
      if (!matchCombiner(op, i))
        return std::nullopt;
  }
  double cost = 1;
  for (OpOperand *in : op.getDpsInputOperands())
    switch (laneStride(op, *in, dim)) {
    case LaneStride::None:
    case LaneStride::Unit:
      break;
    case LaneStride::Few:
      cost += countLaneSteps(op, *in, dim) - 1;
      break;
    case LaneStride::Other:
      cost += 2 * lanes;
      break;
    }
  // Lanes that a short dimension leaves empty.
  int64_t size = op.getStaticLoopRanges()[dim];
  if (!ShapedType::isDynamic(size) && size > 0)
    cost *= double(llvm::alignTo(size, lanes)) / size;
  return cost;
}

/// The parallel dimensions other than `lanesDim` along which some input that
/// moves with the lanes stays where it is: unrolling them reuses it.
static SmallVector<unsigned> reuseDims(linalg::LinalgOp op, unsigned lanesDim) {
  SmallVector<unsigned> dims;
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim) {
    if (dim == lanesDim || isReduction(op, dim))
      continue;
    if (op.getStaticLoopRanges()[dim] == 1)
      continue;
    if (llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *in) {
          return laneStride(op, *in, lanesDim) != LaneStride::None &&
                 laneStride(op, *in, dim) == LaneStride::None;
        }))
      dims.push_back(dim);
  }
  return dims;
}

/// Whether the payload is so short that the latency of its combiner would
/// dominate a single accumulator.
static bool isCheap(linalg::LinalgOp op) {
  int64_t count = 0;
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (inner.getDialect()->getNamespace() == "math" &&
        !isa<math::AbsFOp, math::FmaOp>(inner))
      return false;
    ++count;
  }
  return count <= 6;
}

static int64_t countLanes(linalg::LinalgOp op, unsigned dim,
                          int64_t vectorBits) {
  int64_t widest = 8;
  for (OpOperand &operand : op->getOpOperands())
    if (op.isDpsInit(&operand) ||
        laneStride(op, operand, dim) != LaneStride::None)
      widest =
          std::max(widest, storedBits(getElementTypeOrSelf(operand.get())));
  int64_t lanes = vectorBits / widest;
  // A vector does not go over the end of a panel.
  for (OpOperand &operand : op->getOpOperands())
    if (std::optional<PanelAccess> access = matchPanels(op, operand))
      lanes = std::gcd(lanes, access->width);
  return lanes;
}

/// Finds the inputs of the elementwise `op` that are contiguous along another
/// loop than its output.
static void planTurns(linalg::LinalgOp op, int64_t vectorBits, LoopPlan &plan) {
  for (OpOperand *in : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(in);
    Type element = getElementTypeOrSelf(in->get());
    if (laneStride(op, *in, plan.lanesDim) != LaneStride::Other ||
        !map.isProjectedPermutation() || map.getNumResults() == 0 ||
        !element.isIntOrFloat() || element.getIntOrFloatBitWidth() < 32 ||
        element.getIntOrFloatBitWidth() * plan.lanes != vectorBits)
      continue;
    unsigned dim = map.getDimPosition(map.getNumResults() - 1);
    int64_t size = op.getStaticLoopRanges()[dim];
    if (laneStride(op, *in, dim) != LaneStride::Unit ||
        plan.rowDim.value_or(dim) != dim ||
        (!ShapedType::isDynamic(size) && size < plan.lanes))
      continue;
    plan.rowDim = dim;
    plan.rows = plan.lanes;
    plan.turned.push_back(in->getOperandNumber());
  }
}

/// The form of `plan`, a reduction in the lanes, that transposes columns.
static std::optional<TransposedColumns>
planTransposedColumns(linalg::LinalgOp op, const RegisterBudget &budget,
                      const LoopPlan &plan) {
  unsigned column = *plan.columnDim;
  if (!budget.transposedSteps || op.getNumReductionLoops() != 1 ||
      op.getNumDpsInits() != 1 ||
      laneStride(op, *op.getDpsInitOperand(0), column) != LaneStride::Unit ||
      countLanes(op, column, budget.vectorBits) != plan.lanes)
    return std::nullopt;
  std::optional<TransposedColumns> found;
  for (OpOperand *in : op.getDpsInputOperands()) {
    Type element = getElementTypeOrSelf(in->get());
    if (laneStride(op, *in, plan.lanesDim) != LaneStride::Unit ||
        element.isInteger(1))
      return std::nullopt;
    if (laneStride(op, *in, column) == LaneStride::None)
      continue;
    int64_t bits = storedBits(element);
    if (found || bits * plan.lanes != budget.vectorBits ||
        laneStride(op, *in, *plan.rowDim) != LaneStride::None)
      return std::nullopt;
    // Half of the registers. Several vectors share an element of a row; steps
    // make for few passes over the sums.
    int64_t steps = std::max(128 / bits, plan.lanes / 2);
    found = {in->getOperandNumber(), budget.transposedSteps, steps,
             budget.vectorRegisters / 2 / steps};
  }
  return found;
}

/// Sums under way at once where each vector is loaded for one of them: with the
/// next block's, which processors begin early, they hide a multiply-add's 4
/// cycles. Twice as many were no faster, and took three times as long to
/// compile.
static constexpr int64_t kIndependentSums = 4;

FailureOr<LoopPlan> mlir::dyn::planLoops(linalg::LinalgOp op,
                                         const RegisterBudget &budget,
                                         std::string &whyNot) {
  auto fail = [&](const Twine &why) -> FailureOr<LoopPlan> {
    whyNot = why.str();
    return failure();
  };
  if (op.getNumLoops() == 0)
    return fail("it has no loops");
  LoopPlan plan;
  if (std::string why = checkPayload(op, plan.maskable); !why.empty())
    return fail(why);
  for (OpOperand &operand : op->getOpOperands())
    if (!storedBits(getElementTypeOrSelf(operand.get())))
      return fail("there are no vectors of " +
                  Twine(debugString(getElementTypeOrSelf(operand.get()))));
  bool reduces = false;
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim)
    reduces |= isReduction(op, dim);
  for (OpOperand &out : op.getDpsInitsMutable()) {
    AffineMap map = op.getMatchingIndexingMap(&out);
    if (!map.isProjectedPermutation())
      return fail("an output is not indexed by distinct loops");
    for (unsigned dim = 0; dim < op.getNumLoops(); ++dim)
      if (map.isFunctionOfDim(dim) == isReduction(op, dim))
        return fail("an output varies along a reduction, or not along a "
                    "parallel loop");
  }

  std::optional<double> best;
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim) {
    int64_t lanes = countLanes(op, dim, budget.vectorBits);
    std::optional<double> cost = costOfLanes(op, dim, lanes, plan.maskable);
    if (!cost || (best && *best < *cost))
      continue;
    best = cost;
    plan.lanesDim = dim;
    plan.lanes = lanes;
  }
  if (!best)
    return fail("no loop walks contiguously through every output");
  plan.lanesReduce = isReduction(op, plan.lanesDim);
  if (!reduces) {
    planTurns(op, budget.vectorBits, plan);
    return plan;
  }

  SmallVector<unsigned> reuse = reuseDims(op, plan.lanesDim);
  if (plan.lanesReduce) {
    if (reuse.size() >= 2) {
      plan.columnDim = reuse.pop_back_val();
      plan.columns = budget.dotTile.vectors;
    }
    if (!reuse.empty()) {
      plan.rowDim = reuse.back();
      plan.rows = budget.dotTile.rows;
      if (plan.columnDim)
        plan.transposed = planTransposedColumns(op, budget, plan);
    } else if (isCheap(op)) {
      plan.vectors = 4;
    }
    return plan;
  }
  plan.vectors = budget.tile.vectors;
  if (!reuse.empty()) {
    plan.rowDim = reuse.back();
    plan.rows = budget.tile.rows;
  } else if (std::optional<unsigned> rows =
                 findSlidingRows(op, plan.lanesDim)) {
    // Nothing is reused; sums that do not wait for each other.
    plan.rowDim = rows;
    plan.rows = kIndependentSums;
    plan.vectors = 1;
  }
  plan.wide = budget.wide;
  plan.prefetchDistance = budget.prefetchDistance;
  if (findPanels(op)) {
    plan.reductionBlock = budget.reductionBlock;
    plan.prefetchRows = budget.prefetchRows;
    plan.unrolledSteps = budget.unrolledSteps;
  }
  return plan;
}
