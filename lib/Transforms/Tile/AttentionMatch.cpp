//===- AttentionMatch.cpp - Which ops are attention, which loops what -----===//

#include "Attention.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// What the loops are
//===----------------------------------------------------------------------===//

/// The loop of `op` that walks dimension `position` of the value with `map`.
static std::optional<unsigned> loopAt(AffineMap map, unsigned position) {
  auto dim = dyn_cast<AffineDimExpr>(map.getResult(position));
  return dim ? std::optional<unsigned>(dim.getPosition()) : std::nullopt;
}

/// The loops that walk all dimensions of the value with `map`.
static std::optional<SmallVector<unsigned>> loopsOf(AffineMap map) {
  SmallVector<unsigned> loops;
  for (unsigned i = 0; i < map.getNumResults(); ++i) {
    std::optional<unsigned> loop = loopAt(map, i);
    if (!loop || llvm::is_contained(loops, *loop))
      return std::nullopt;
    loops.push_back(*loop);
  }
  return loops;
}

static std::optional<unsigned> onlyReduction(linalg::LinalgOp op) {
  SmallVector<unsigned> dims;
  op.getReductionDims(dims);
  return dims.size() == 1 ? std::optional<unsigned>(dims[0]) : std::nullopt;
}

/// Sum of products of two inputs.
static bool isProduct(linalg::LinalgOp op) {
  if (!linalg::isaContractionOpInterface(op) || op.getNumDpsInputs() != 2)
    return false;
  return llvm::all_of(op->getOperandTypes(), [](Type type) {
    return getElementTypeOrSelf(type).isF32();
  });
}

static std::string checkPayload(linalg::GenericOp payload) {
  for (Operation &inner : payload.getBody()->without_terminator())
    if (!isa<linalg::IndexOp>(inner) &&
        !inner.hasTrait<OpTrait::ConstantLike>() &&
        (!OpTrait::hasElementwiseMappableTraits(&inner) ||
         inner.getNumResults() != 1))
      return ("a score goes through '" + inner.getName().getStringRef() + "'")
          .str();
  return {};
}

static std::string widthOf(int64_t size) {
  return ShapedType::isDynamic(size) ? "?" : std::to_string(size);
}

LogicalResult dyn::analyzeAttention(Attention &a, const Target &target,
                                    std::string &whyNot) {
  auto fail = [&](const Twine &why) {
    whyNot = why.str();
    return failure();
  };
  int64_t lanes = target.vectorBits / 32;
  if (!isProduct(a.scores) || !isProduct(a.result))
    return fail(
        "the scores or the result are no product of two matrices of f32");
  auto *resultOut = a.result.getDpsInitOperand(0);
  AffineMap weights = a.result.getMatchingIndexingMap(a.weights);
  AffineMap values = a.result.getMatchingIndexingMap(a.values);
  AffineMap out = a.result.getMatchingIndexingMap(resultOut);

  // Loops of the result.
  std::optional<SmallVector<unsigned>> resultLoops = loopsOf(weights);
  std::optional<unsigned> resultKey = onlyReduction(a.result);
  if (!resultLoops || !resultKey || !out.isProjectedPermutation() ||
      !values.isProjectedPermutation())
    return fail("the result's operands are not indexed by loops alone");
  a.resultLoops = *resultLoops;
  a.resultKey = *resultKey;
  if (a.resultLoops[a.softmax.getDimension()] != a.resultKey)
    return fail(
        "the softmax is not along the keys, which the product behind it "
        "sums over");
  std::optional<unsigned> query, column;
  for (unsigned loop : a.resultLoops)
    if (loop != a.resultKey && !values.isFunctionOfDim(loop))
      query = loop;
  for (unsigned loop = 0; loop < a.result.getNumLoops(); ++loop)
    if (!weights.isFunctionOfDim(loop)) {
      if (column)
        return fail("the values have several columns");
      column = loop;
    }
  if (!query || !column)
    return fail("there are no rows of queries");
  a.resultQuery = *query;
  a.resultColumn = *column;
  unsigned queryPosition =
      llvm::find(a.resultLoops, *query) - a.resultLoops.begin();

  // From there through the payload to the scores.
  a.scoresLoops.clear();
  linalg::LinalgOp writer = a.payload ? linalg::LinalgOp(a.payload) : a.scores;
  auto loops =
      loopsOf(writer.getMatchingIndexingMap(writer.getDpsInitOperand(0)));
  if (!loops)
    return fail("the scores are not indexed by loops alone");
  if (a.payload) {
    if (a.payload.getNumReductionLoops() || a.payload.getNumDpsInits() != 1)
      return fail("the op on the scores is not elementwise");
    if (std::string why = checkPayload(a.payload); !why.empty())
      return fail(why);
    a.payloadLoops = *loops;
    a.payloadQuery = a.payloadLoops[queryPosition];
    a.payloadKey = a.payloadLoops[a.softmax.getDimension()];
    AffineMap in = a.payload.getMatchingIndexingMap(a.payloadScores);
    auto written =
        loopsOf(a.scores.getMatchingIndexingMap(a.scores.getDpsInitOperand(0)));
    if (!written || !in.isPermutation())
      return fail("the scores are not read one by one");
    for (unsigned loop : a.payloadLoops)
      a.scoresLoops.push_back((*written)[*in.getResultPosition(
          getAffineDimExpr(loop, in.getContext()))]);
  } else {
    a.scoresLoops = *loops;
  }
  a.scoresQuery = a.scoresLoops[queryPosition];
  a.scoresKey = a.scoresLoops[a.softmax.getDimension()];
  std::optional<unsigned> depth = onlyReduction(a.scores);
  if (!depth)
    return fail("the scores are sums over several loops");
  a.scoresDepth = *depth;
  for (OpOperand *in : a.scores.getDpsInputOperands()) {
    AffineMap map = a.scores.getMatchingIndexingMap(in);
    if (!map.isProjectedPermutation())
      return fail("the scores' operands are not indexed by loops alone");
    bool hasQuery = map.isFunctionOfDim(a.scoresQuery),
         hasKey = map.isFunctionOfDim(a.scoresKey);
    if (hasQuery && !hasKey)
      a.queries = in;
    if (hasKey && !hasQuery)
      a.keys = in;
  }
  if (!a.queries || !a.keys)
    return fail("queries and keys are not apart");

  a.depth = a.scores.getStaticLoopRanges()[a.scoresDepth];
  a.columns = a.result.getStaticLoopRanges()[a.resultColumn];
  if (ShapedType::isDynamic(a.depth) || a.depth % lanes ||
      ShapedType::isDynamic(a.columns) || a.columns % lanes)
    return fail("the width of a head is no known multiple of " + Twine(lanes) +
                " (queries and keys " + widthOf(a.depth) + ", values " +
                widthOf(a.columns) + ")");
  return success();
}

//===----------------------------------------------------------------------===//
// Around a softmax on tensors
//===----------------------------------------------------------------------===//

static bool startsAtZero(linalg::LinalgOp op) {
  auto fill = op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  return fill && matchPattern(fill.value(), m_AnyZeroFloat());
}

std::optional<Attention> dyn::findAttentionOnTensors(linalg::SoftmaxOp softmax,
                                                     std::string &whyNot) {
  auto fail = [&](const Twine &why) {
    whyNot = why.str();
    return std::nullopt;
  };
  auto nameOf = [](Value value) -> std::string {
    Operation *op = value.getDefiningOp();
    return op ? "'" + op->getName().getStringRef().str() + "'" : "an argument";
  };
  Attention a;
  a.softmax = softmax;
  if (!softmax->hasOneUse())
    return fail("the softmax is read by several ops");
  OpOperand &use = *softmax->getUses().begin();
  a.result = dyn_cast<linalg::LinalgOp>(use.getOwner());
  if (!a.result || !isProduct(a.result) || a.result.isDpsInit(&use))
    return fail("the softmax is read by '" +
                use.getOwner()->getName().getStringRef() +
                "', which is no product of two matrices of f32");
  if (!startsAtZero(a.result))
    return fail("the product behind the softmax does not start at zero");
  a.weights = &use;
  a.values = a.result.getDpsInputOperand(1 - use.getOperandNumber());
  Value scores = softmax.getInput();
  if (auto payload = scores.getDefiningOp<linalg::GenericOp>();
      payload && !payload.getNumReductionLoops() && payload->hasOneUse())
    for (OpOperand *in : payload.getDpsInputOperands()) {
      auto producer = in->get().getDefiningOp<linalg::LinalgOp>();
      if (producer && isProduct(producer)) {
        a.payload = payload;
        a.payloadScores = in;
        scores = in->get();
      }
    }
  a.scores = scores.getDefiningOp<linalg::LinalgOp>();
  if (!a.scores || !isProduct(a.scores))
    return fail("no product of two matrices of f32 with at most one "
                "elementwise op behind it makes the scores, but " +
                nameOf(scores));
  if (!a.scores->hasOneUse())
    return fail("the scores are read by several ops");
  if (!startsAtZero(a.scores))
    return fail("the product in front of the softmax does not start at zero");
  if (a.scores->getBlock() != a.result->getBlock())
    return fail("the two products are in different blocks");
  return a;
}

void dyn::noteNoAttention(Value weights, StringRef whyNot) {
  for (Operation *user : weights.getUsers())
    if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(user))
      noteNoAttention(user->getResult(0), whyNot);
    else if (linalg::isaContractionOpInterface(
                 dyn_cast<linalg::LinalgOp>(user)))
      user->setAttr(kNoAttentionAttr,
                    StringAttr::get(user->getContext(), whyNot));
}

//===----------------------------------------------------------------------===//
// Around a softmax on buffers
//===----------------------------------------------------------------------===//

static Value withoutCasts(Value buffer) {
  while (auto cast = buffer.getDefiningOp<memref::CastOp>())
    buffer = cast.getSource();
  return buffer;
}

/// The last op in front of `reader` that writes `buffer` and is no fill.
static linalg::LinalgOp writerOf(Value buffer, Operation *reader) {
  for (Operation *op = reader->getPrevNode(); op; op = op->getPrevNode())
    if (auto writer = dyn_cast<linalg::LinalgOp>(op))
      if (!isa<linalg::FillOp>(op) && writer.getNumDpsInits() == 1 &&
          withoutCasts(writer.getDpsInits()[0]) == withoutCasts(buffer))
        return writer;
  return nullptr;
}

std::optional<Attention>
dyn::findAttentionOnBuffers(linalg::SoftmaxOp softmax) {
  Attention a;
  a.softmax = softmax;
  Value weights = withoutCasts(softmax.getOutput());
  for (Operation *op = softmax->getNextNode(); op && !a.result;
       op = op->getNextNode())
    if (auto reader = dyn_cast<linalg::LinalgOp>(op))
      for (OpOperand *in : reader.getDpsInputOperands())
        if (withoutCasts(in->get()) == weights) {
          a.result = reader;
          a.weights = in;
        }
  if (!a.result || a.result.getNumDpsInputs() != 2)
    return std::nullopt;
  a.values = a.result.getDpsInputOperand(1 - a.weights->getOperandNumber());
  linalg::LinalgOp writer = writerOf(softmax.getInput(), softmax);
  if (!writer)
    return std::nullopt;
  if (writer.getNumReductionLoops()) {
    a.scores = writer;
    return a;
  }
  a.payload = dyn_cast<linalg::GenericOp>(writer.getOperation());
  if (!a.payload)
    return std::nullopt;
  for (OpOperand *in : a.payload.getDpsInputOperands()) {
    if (!isa<MemRefType>(in->get().getType()))
      continue;
    linalg::LinalgOp producer = writerOf(in->get(), a.payload);
    if (!producer || !producer.getNumReductionLoops())
      continue;
    a.scores = producer;
    a.payloadScores = in;
  }
  return a.scores ? std::optional(a) : std::nullopt;
}
