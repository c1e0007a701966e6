//===- EmitStreams.cpp - Results that are written past the caches ---------===//
//
// An ordinary store reads its line from memory before it writes it back: for
// nothing, if the result is too large to be in a cache when somebody reads it.
// So a result as large as `dyn.lowering` says goes past them, as memcpy does it
// (glibc's x86_non_temporal_threshold), whole aligned vectors at a time.
// Smaller results do not: whoever reads them next would have to wait for
// memory.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Transforms/LoweringConfig.h"
#include "LoopEmitter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dyn;

/// The buffer that `view` is a part of.
static Value getWhole(Value view) {
  while (auto part = view.getDefiningOp<memref::SubViewOp>())
    view = part.getSource();
  return view;
}

static int64_t elementBytes(Value buffer) {
  Type element = getElementTypeOrSelf(buffer);
  return element.isIndex()
             ? 8
             : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

/// Inputs are read in the order in which the result is written, or stay in the
/// cache: transpositions and gathers wait for what they read, and became
/// slower.
static bool readsInOrder(linalg::LinalgOp op) {
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  bool found = false;
  for (OpOperand *in : op.getDpsInputOperands()) {
    AffineMap own = op.getMatchingIndexingMap(in);
    found |= own == map;
    if (own != map && own.getNumResults() >= map.getNumResults())
      return false;
  }
  return found;
}

bool mlir::dyn::mayStream(linalg::LinalgOp op) {
  if (op.getNumReductionLoops() || op.getNumDpsInits() != 1 ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) ||
      !readsInOrder(op))
    return false;
  Value whole = getWhole(op.getDpsInits().front());
  auto touches = [&](Value operand) {
    return isa<BaseMemRefType>(operand.getType()) && getWhole(operand) == whole;
  };
  return llvm::none_of(op.getDpsInputs(), touches) &&
         llvm::none_of(*op->getBlock(), [&](Operation &other) {
           return &other != op && isa<linalg::LinalgOp>(other) &&
                  llvm::any_of(other.getOperands(), touches);
         });
}

/// Whether what `buffer` is a part of has at least `stream` bytes; null if it
/// never does.
Value LoopEmitter::isLarge(Value buffer, int64_t stream) {
  Value whole = getWhole(buffer);
  auto type = cast<MemRefType>(whole.getType());
  if (!stream || (type.hasStaticShape() &&
                  type.getNumElements() * elementBytes(whole) < stream))
    return {};
  Value bytes = constant(elementBytes(whole));
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    bytes = arith::MulIOp::create(b, loc, bytes,
                                  memref::DimOp::create(b, loc, whole, dim));
  auto compared = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge,
                                        bytes, constant(stream));
  compared->setAttr(kTileSizesAttr, b.getDenseI64ArrayAttr({stream}));
  return compared;
}

/// Whether it is large, and each row of `buffer` a whole number of aligned
/// vectors: else the lines at their ends would be written in two ways, each
/// waiting for the other.
Value LoopEmitter::isStreamed(Value buffer, int64_t stream) {
  Value large = isLarge(buffer, stream);
  if (!large)
    return {};
  auto rows = memref::ExtractStridedMetadataOp::create(b, loc, buffer);
  Value places =
      arith::OrIOp::create(b, loc, rows.getOffset(), rows.getSizes().back());
  for (Value stride : rows.getStrides().drop_back())
    places = arith::OrIOp::create(b, loc, places, stride);
  int64_t element = elementBytes(buffer);
  places = arith::MulIOp::create(b, loc, places, constant(element));
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(
      b, loc, b.getIndexType(), buffer);
  places = arith::OrIOp::create(b, loc, places, address);
  Value beyond =
      arith::AndIOp::create(b, loc, places, constant(plan.lanes * element - 1));
  Value isAligned = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                          beyond, constant(0));
  return arith::AndIOp::create(b, loc, large, isAligned);
}

/// Behind the outermost loop around `op`: what went past the caches is in
/// memory before whoever waits for this thread goes on.
void LoopEmitter::emitFence(Value buffer, int64_t stream) {
  OpBuilder::InsertionGuard guard(b);
  Value whole = getWhole(buffer);
  b.setInsertionPointAfter(whole.getParentBlock()->findAncestorOpInBlock(*op));
  auto branch = scf::IfOp::create(b, loc, isLarge(whole, stream));
  b.setInsertionPointToStart(branch.thenBlock());
  LLVM::FenceOp::create(b, loc, LLVM::AtomicOrdering::seq_cst);
}

void LoopEmitter::emitLanesOrStreams() {
  Value out = op.getDpsInits().front();
  Value streamed = isStreamed(out, plan.stream);
  if (!streamed) {
    emitVersions({}, plan.rowsAhead, [&] {
      emitLanes();
      return SmallVector<Value>();
    });
    return;
  }
  emitFence(out, plan.stream);
  auto choice = scf::IfOp::create(b, loc, streamed, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  streams = true;
  emitLanes();
  streams = false;
  b.setInsertionPointToStart(choice.elseBlock());
  emitLanes();
}

/// `body`, once more without what `rows` ask for where that is going to be
/// written past the caches: no branch in a loop.
SmallVector<Value>
LoopEmitter::emitVersions(TypeRange types, SmallVector<RowAhead> &rows,
                          function_ref<SmallVector<Value>()> body) {
  auto *row =
      llvm::find_if(rows, [](const RowAhead &row) { return row.stream; });
  Value streamed =
      row == rows.end() ? Value() : isStreamed(row->buffer, row->stream);
  if (!streamed)
    return body();
  auto bodyWithout = [&] {
    SmallVector<RowAhead> all = rows;
    llvm::erase_if(rows, [](const RowAhead &row) { return row.stream; });
    SmallVector<Value> results = body();
    rows = all;
    return results;
  };
  return branch(streamed, types, bodyWithout, body);
}

void LoopEmitter::storeVector(Value value, Value buffer, ValueRange where) {
  llvm::MaybeAlign alignment;
  if (streams)
    alignment = llvm::Align(plan.lanes * elementBytes(buffer));
  vector::StoreOp::create(b, loc, value, buffer, where,
                          /*nontemporal=*/streams, alignment);
}
