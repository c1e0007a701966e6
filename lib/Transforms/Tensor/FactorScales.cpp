//===- FactorScales.cpp - Scales of quantized weights, behind the sum -----===//

#include "FactorScales.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::dyn;

/// Whether `value` is made elementwise of a weight with elements of fewer than
/// `bits` bits.
static bool comesFromNarrowWeight(Value value, unsigned bits) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function =
        dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    Type element = getElementTypeOrSelf(value);
    return function && element.isIntOrFloat() &&
           element.getIntOrFloatBitWidth() < bits &&
           function.getArgAttr(argument.getArgNumber(), kWeightAttr);
  }
  auto op = value.getDefiningOp<linalg::GenericOp>();
  return op && op.getNumReductionLoops() == 0 &&
         llvm::any_of(op.getDpsInputs(), [&](Value input) {
           return comesFromNarrowWeight(input, bits);
         });
}

namespace {

/// `operand` of a contraction, with the last operation on it: `value` combined
/// with `parameter`, which is the same along the reduction.
struct Factor {
  OpOperand *operand;
  linalg::GenericOp producer;
  Operation *last;
  /// Of `last`; both inside the producer.
  Value value, parameter;
  /// The input of the producer that `parameter` is, if it is one, and how it
  /// is indexed by the loops of the contraction.
  OpOperand *input = nullptr;
  AffineMap map = {};
};

} // namespace

/// How the input `in` of `producer` is indexed by the loops of the op that
/// reads the producer's result as `operand`.
static AffineMap mapThrough(linalg::GenericOp producer, OpOperand *in,
                            linalg::LinalgOp reader, OpOperand &operand) {
  AffineMap result =
      producer.getMatchingIndexingMap(producer.getDpsInitOperand(0));
  return producer.getMatchingIndexingMap(in)
      .compose(inversePermutation(result))
      .compose(reader.getMatchingIndexingMap(&operand));
}

static bool variesAlongReduction(linalg::LinalgOp op, AffineMap map) {
  for (auto [dim, type] : llvm::enumerate(op.getIteratorTypesArray()))
    if (type == utils::IteratorType::reduction && map.isFunctionOfDim(dim))
      return true;
  return false;
}

/// Whether `last` can be moved, with operand number `parameter` as the one that
/// goes with it.
static std::optional<Factor> matchFactor(linalg::LinalgOp op,
                                         OpOperand &operand,
                                         linalg::GenericOp producer,
                                         Operation *last, unsigned parameter) {
  Factor factor{&operand, producer, last, last->getOperand(1 - parameter),
                last->getOperand(parameter)};
  Block *body = producer.getBody();
  if (factor.value.getParentBlock() != body)
    return std::nullopt;
  if (auto argument = dyn_cast<BlockArgument>(factor.parameter);
      argument && argument.getOwner() == body) {
    factor.input = producer.getMatchingOpOperand(argument);
    if (!producer.isDpsInput(factor.input))
      return std::nullopt;
    factor.map = mapThrough(producer, factor.input, op, operand);
    if (variesAlongReduction(op, factor.map))
      return std::nullopt;
  } else if (factor.parameter.getParentBlock() == body &&
             !matchPattern(factor.parameter, m_Constant())) {
    return std::nullopt;
  }
  return factor;
}

static std::optional<Factor> findFactor(linalg::LinalgOp op) {
  for (OpOperand *operand : op.getDpsInputOperands()) {
    auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
    if (!producer || producer.getNumReductionLoops() ||
        producer.getNumResults() != 1 || !producer->hasOneUse() ||
        !producer.getMatchingIndexingMap(producer.getDpsInitOperand(0))
             .isPermutation() ||
        !comesFromNarrowWeight(
            operand->get(),
            getElementTypeOrSelf(operand->get()).getIntOrFloatBitWidth()))
      continue;
    Operation *last =
        producer.getBody()->getTerminator()->getOperand(0).getDefiningOp();
    if (!isa_and_nonnull<arith::MulFOp, arith::SubFOp>(last))
      continue;
    if (auto factor = matchFactor(op, *operand, producer, last, 1))
      return factor;
    if (isa<arith::MulFOp>(last))
      if (auto factor = matchFactor(op, *operand, producer, last, 0))
        return factor;
  }
  return std::nullopt;
}

/// The producer of `factor` without its last operation.
static Value withoutLast(RewriterBase &b, const Factor &factor) {
  linalg::GenericOp producer = factor.producer;
  auto copy = linalg::GenericOp::create(
      b, producer.getLoc(), producer->getResultTypes(), producer.getDpsInputs(),
      producer.getDpsInits(), producer.getIndexingMapsArray(),
      producer.getIteratorTypesArray());
  IRMapping mapping;
  producer.getRegion().cloneInto(&copy.getRegion(), mapping);
  Operation *yield = copy.getBody()->getTerminator();
  yield->setOperand(0, mapping.lookup(factor.value));
  b.eraseOp(mapping.lookup(factor.last));
  return copy.getResult(0);
}

/// The sums of the other operand of `op` along the reduction, and how they are
/// indexed by the loops of `op`.
static std::pair<Value, AffineMap>
sumOther(RewriterBase &b, linalg::LinalgOp op, const Factor &factor) {
  Location loc = op.getLoc();
  OpOperand *other =
      op.getDpsInputOperand(1 - factor.operand->getOperandNumber());
  AffineMap map = op.getMatchingIndexingMap(other);
  SmallVector<utils::IteratorType> types;
  SmallVector<AffineExpr> kept, rows;
  SmallVector<OpFoldResult> sizes;
  auto iterators = op.getIteratorTypesArray();
  for (auto [position, expr] : llvm::enumerate(map.getResults())) {
    types.push_back(iterators[cast<AffineDimExpr>(expr).getPosition()]);
    if (types.back() == utils::IteratorType::reduction)
      continue;
    kept.push_back(expr);
    rows.push_back(b.getAffineDimExpr(position));
    sizes.push_back(tensor::getMixedSize(b, loc, other->get(), position));
  }
  Type element = getElementTypeOrSelf(op->getResult(0));
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  Value start = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  unsigned rank = map.getNumResults();
  auto sums = linalg::GenericOp::create(
      b, loc, TypeRange{start.getType()}, ValueRange{other->get()},
      ValueRange{start},
      ArrayRef{b.getMultiDimIdentityMap(rank),
               AffineMap::get(rank, 0, rows, b.getContext())},
      types, [](OpBuilder &b, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(
            b, loc,
            arith::AddFOp::create(b, loc, arguments[1], arguments[0])
                .getResult());
      });
  return {sums.getResult(0),
          AffineMap::get(map.getNumDims(), 0, kept, b.getContext())};
}

namespace {
struct FactorScales : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::LinalgOp op,
                                PatternRewriter &rewriter) const override {
    if (!linalg::isaContractionOpInterface(op) ||
        !op.hasPureTensorSemantics() ||
        !isa<FloatType>(getElementTypeOrSelf(op->getResult(0))) ||
        !op.getMatchingIndexingMap(op.getDpsInitOperand(0))
             .isProjectedPermutation())
      return failure();
    Value init = op.getDpsInits()[0];
    auto fill = init.getDefiningOp<linalg::FillOp>();
    if (!fill || !matchPattern(fill.value(), m_AnyZeroFloat()) ||
        !fill.output().getDefiningOp<tensor::EmptyOp>())
      return failure();
    std::optional<Factor> factor = findFactor(op);
    if (!factor || getElementTypeOrSelf(factor->operand->get()) !=
                       getElementTypeOrSelf(op->getResult(0)))
      return failure();
    rewriter.setInsertionPoint(op);
    bool isZeroPoint = isa<arith::SubFOp>(factor->last);
    Value sums;
    AffineMap sumsMap;
    if (isZeroPoint) {
      OpOperand *other =
          op.getDpsInputOperand(1 - factor->operand->getOperandNumber());
      if (!op.getMatchingIndexingMap(other).isProjectedPermutation() ||
          getElementTypeOrSelf(other->get()) !=
              getElementTypeOrSelf(op->getResult(0)))
        return failure();
      std::tie(sums, sumsMap) = sumOther(rewriter, op, *factor);
    }
    Value integers = withoutLast(rewriter, *factor);
    Operation *product = rewriter.clone(*op);
    product->setOperand(factor->operand->getOperandNumber(), integers);
    rewriter.replaceOp(op, finish(rewriter, op, product->getResult(0), *factor,
                                  fill.output(), sums, sumsMap));
    return success();
  }

  /// `product` with what `factor` moved: times the scale, or minus the sums
  /// times the zero point.
  static Value finish(RewriterBase &b, linalg::LinalgOp op, Value product,
                      const Factor &factor, Value empty, Value sums,
                      AffineMap sumsMap) {
    // From the loops of the result to those of the contraction.
    AffineMap place = inverseAndBroadcastProjectedPermutation(
        op.getMatchingIndexingMap(op.getDpsInitOperand(0)));
    AffineMap identity = b.getMultiDimIdentityMap(place.getNumDims());
    SmallVector<Value> inputs{product};
    SmallVector<AffineMap> maps{identity};
    if (factor.input) {
      inputs.push_back(factor.input->get());
      maps.push_back(factor.map.compose(place));
    }
    if (sums) {
      inputs.push_back(sums);
      maps.push_back(sumsMap.compose(place));
    }
    maps.push_back(identity);
    SmallVector<utils::IteratorType> types(place.getNumDims(),
                                           utils::IteratorType::parallel);
    auto generic = linalg::GenericOp::create(
        b, op.getLoc(), TypeRange{product.getType()}, inputs, ValueRange{empty},
        maps, types, [&](OpBuilder &b, Location loc, ValueRange arguments) {
          Value parameter = factor.input ? arguments[1] : factor.parameter;
          if (Operation *constant = parameter.getDefiningOp();
              constant && constant->getBlock() == factor.last->getBlock())
            parameter = b.clone(*constant)->getResult(0);
          Value result;
          if (sums)
            result = arith::SubFOp::create(
                b, loc, arguments[0],
                arith::MulFOp::create(b, loc, parameter,
                                      arguments[factor.input ? 2 : 1]));
          else
            result = arith::MulFOp::create(b, loc, arguments[0], parameter);
          linalg::YieldOp::create(b, loc, result);
        });
    return generic.getResult(0);
  }
};
} // namespace

void mlir::dyn::populateFactorScalesPatterns(RewritePatternSet &patterns) {
  patterns.add<FactorScales>(patterns.getContext());
}
