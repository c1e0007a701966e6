//===- Tile.cpp - linalg on tensors to parallel loops over tiles ----------===//

#include "../Panels.h"
#include "../PassTarget.h"
#include "Attention.h"
#include "Dyn/Target/Target.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "Dyn/Transforms/LoweringConfig.h"
#include "Dyn/Transforms/Passes.h"
#include "Groups.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNTILEPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

static bool reducesProducts(linalg::LinalgOp op) {
  return isContraction(op) || linalg::isaConvolutionOpInterface(op);
}

static SmallVector<unsigned> parallelDims(linalg::LinalgOp op) {
  // In the order in which the first result is written.
  SmallVector<unsigned> dims;
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  for (AffineExpr expr : map.getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      if (op.getIteratorTypesArray()[dim.getPosition()] ==
          utils::IteratorType::parallel)
        dims.push_back(dim.getPosition());
  return dims;
}

/// Whether an operand that advances with `column` is the same for all `row`.
static bool reuses(linalg::LinalgOp op, unsigned column, unsigned row) {
  return llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *in) {
    AffineMap map = op.getMatchingIndexingMap(in);
    return map.isFunctionOfDim(column) && !map.isFunctionOfDim(row);
  });
}

/// The length of the parts when `size` is cut evenly into as few as are no
/// longer than `most`.
static OpFoldResult evenParts(OpBuilder &b, Location loc, OpFoldResult size,
                              int64_t most) {
  if (std::optional<int64_t> constant = getConstantIntValue(size)) {
    int64_t parts = std::max<int64_t>(1, llvm::divideCeil(*constant, most));
    return b.getIndexAttr(
        std::max<int64_t>(1, llvm::divideCeil(*constant, parts)));
  }
  Value total = getValueOrCreateConstantIndexOp(b, loc, size);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  Value parts = arith::CeilDivUIOp::create(b, loc, total, constant(most));
  parts = arith::MaxUIOp::create(b, loc, parts, constant(1));
  Value part = arith::CeilDivUIOp::create(b, loc, total, parts);
  return arith::MaxUIOp::create(b, loc, part, constant(1)).getResult();
}

/// Whether `op` is elementwise with one input, which is contiguous along `dim`.
static bool isLastOfInput(linalg::LinalgOp op, unsigned dim) {
  if (op.getNumReductionLoops() || op.getNumDpsInputs() != 1)
    return false;
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  return map.isPermutation() &&
         map.getResults().back() == getAffineDimExpr(dim, map.getContext());
}

namespace {
struct DynTilePass : dyn::impl::DynTilePassBase<DynTilePass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<const Target *> cpu = getTarget(getOperation(), target);
    if (failed(cpu))
      return signalPassFailure();
    vectorBits = (*cpu)->vectorBits;
    WalkResult read = getOperation()->walk([&](linalg::LinalgOp op) {
      if (!op.hasPureTensorSemantics() || !reducesProducts(op))
        return WalkResult::advance();
      FailureOr<LoweringConfig> config = getLoweringConfig(op, **cpu);
      if (failed(config))
        return WalkResult::interrupt();
      configs[op] = *config;
      return WalkResult::advance();
    });
    if (read.wasInterrupted())
      return signalPassFailure();
    SmallVector<Block *> blocks;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureTensorSemantics() &&
          !llvm::is_contained(blocks, op->getBlock()))
        blocks.push_back(op->getBlock());
    });
    IRRewriter rewriter(&getContext());
    for (Block *block : blocks) {
      unshareFills(block);
      tileAttention(rewriter, block, **cpu);
      tileChains(block);
      tileContractions(block);
      tileRest(block);
    }
    getOperation()->walk(
        [&](tensor::PadOp pad) { expandPadding(rewriter, pad, vectorBits); });
  }

  /// A fill belongs to the group that accumulates onto it.
  void unshareFills(Block *block) {
    IRRewriter rewriter(&getContext());
    for (auto fill : llvm::to_vector(block->getOps<linalg::FillOp>()))
      for (OpOperand &use :
           llvm::make_early_inc_range(llvm::drop_begin(fill->getUses()))) {
        rewriter.setInsertionPoint(fill);
        use.set(rewriter.clone(*fill)->getResult(0));
      }
  }

  /// The root of the group of a contraction: itself, or the elementwise op that
  /// is its only reader.
  linalg::LinalgOp epilogueOf(linalg::LinalgOp op) {
    if (!op->getResult(0).hasOneUse())
      return op;
    OpOperand &use = *op->getResult(0).use_begin();
    auto reader = dyn_cast<linalg::GenericOp>(use.getOwner());
    if (!reader || reader->getBlock() != op->getBlock() ||
        reader.getNumReductionLoops() != 0 || reader.getNumResults() != 1 ||
        !reader.getMatchingIndexingMap(&use).isPermutation() ||
        !reader.getMatchingIndexingMap(reader.getDpsInitOperand(0))
             .isPermutation())
      return op;
    return reader;
  }

  static SmallVector<linalg::LinalgOp> contractionsOf(Block *block) {
    SmallVector<linalg::LinalgOp> contractions;
    for (Operation &op : *block)
      if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
        if (reducesProducts(linalgOp) && linalgOp.hasPureTensorSemantics())
          contractions.push_back(linalgOp);
    return contractions;
  }

  /// Where in `dims` the dimension stands along which the rows of a register
  /// tile of `op` run; `column` is that of its vectors.
  static std::optional<size_t>
  findRows(linalg::LinalgOp op, ArrayRef<unsigned> dims, unsigned column) {
    std::optional<size_t> found;
    for (auto [position, dim] : llvm::enumerate(dims))
      if (dim != column && reuses(op, column, dim))
        found = position;
    return found;
  }

  /// A contraction behind another one, with only rows between, such as
  /// attention: a block of rows goes through all of them, and what lies between
  /// is as large as that block. Only where each contraction's operands belong
  /// to the block's batch: weights that all rows share would be read again for
  /// each block.
  void tileChains(Block *block) {
    IRRewriter rewriter(&getContext());
    DenseSet<Operation *> done;
    SmallVector<linalg::LinalgOp> contractions = contractionsOf(block);
    for (linalg::LinalgOp root : llvm::reverse(contractions)) {
      if (done.contains(root))
        continue;
      SmallVector<unsigned> dims = parallelDims(root);
      if (dims.size() < 2)
        continue;
      unsigned column = dims.pop_back_val();
      std::optional<size_t> rowPosition = findRows(root, dims, column);
      if (!rowPosition)
        continue;
      unsigned row = dims[*rowPosition];
      dims.erase(dims.begin() + *rowPosition);
      dims.push_back(row);

      DenseSet<Operation *> refused;
      TileGroup group;
      group.dims[root] = dims;
      bool changed = !sharesOperand(root, group);
      while (changed) {
        changed = false;
        group = growGroup(root, dims, [&](linalg::LinalgOp producer) {
          return !refused.contains(producer);
        });
        for (linalg::LinalgOp op : group.ops)
          if (op != root && reducesProducts(op) && sharesOperand(op, group))
            changed |= refused.insert(op).second;
      }
      if (llvm::count_if(group.ops, reducesProducts) < 2)
        continue;
      rewriter.setInsertionPoint(root);
      SmallVector<OpFoldResult> sizes(dims.size(), rewriter.getIndexAttr(1));
      sizes.back() =
          evenParts(rewriter, root.getLoc(), loopSizes(rewriter, root)[row],
                    std::max<int64_t>(1, configs[root].tileRows / 2));
      for (linalg::LinalgOp op : group.ops)
        done.insert(op);
      tileGroup(rewriter, group, sizes);
    }
  }

  /// Whether an operand of `op` is the same for all tiles of `group`.
  static bool sharesOperand(linalg::LinalgOp op, const TileGroup &group) {
    SmallVector<unsigned> tiled = group.dims.lookup(op);
    return llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *in) {
      AffineMap map = op.getMatchingIndexingMap(in);
      return llvm::none_of(
          tiled, [&](unsigned dim) { return map.isFunctionOfDim(dim); });
    });
  }

  void tileContractions(Block *block) {
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : contractionsOf(block)) {
      linalg::LinalgOp root = epilogueOf(op);
      SmallVector<unsigned> dims = parallelDims(root);
      if (dims.empty())
        continue;
      auto mayJoin = [&](linalg::LinalgOp producer) {
        return producer == op || isa<linalg::FillOp>(producer);
      };
      TileGroup group = growGroup(root, dims, mayJoin);
      if (!group.contains(op))
        group = growGroup(root = op, dims = parallelDims(op), mayJoin);
      // Columns outside, rows inside: a panel of the right-hand side stays in
      // the cache while the rows pass over it.
      SmallVector<unsigned> own = group.dims.lookup(op);
      unsigned column = own.back();
      if (OpOperand *panels = findPanels(op))
        column = matchPanels(op, *panels)->column;
      std::optional<size_t> rowPosition = findRows(op, own, column);
      if (std::optional<unsigned> rows = findSlidingRows(op, column);
          rows && !rowPosition)
        rowPosition = llvm::find(own, *rows) - own.begin();
      rewriter.setInsertionPoint(root);
      SmallVector<OpFoldResult> sizes(dims.size(), rewriter.getIndexAttr(1));
      LoweringConfig &config = configs[op];
      std::optional<PaddedInput> padded = findPaddedInput(
          op, own, column,
          rowPosition ? std::optional(own[*rowPosition]) : std::nullopt,
          vectorBits);
      if (padded) {
        config.tileRows = padded->rows;
        config.tileColumns = padded->columns;
      }
      sizes[llvm::find(own, column) - own.begin()] =
          rewriter.getIndexAttr(config.tileColumns);
      if (rowPosition) {
        unsigned row = dims[*rowPosition];
        dims.erase(dims.begin() + *rowPosition);
        dims.push_back(row);
        sizes.erase(sizes.begin() + *rowPosition);
        sizes.push_back(evenParts(rewriter, root.getLoc(),
                                  loopSizes(rewriter, root)[row],
                                  config.tileRows));
        group = growGroup(root, dims, mayJoin);
      }
      group.padded = padded;
      int64_t grain = config.grain;
      scf::ForallOp loop = tileGroup(rewriter, group, sizes);
      if (grain > 1)
        loop->setAttr(kGrainAttr, rewriter.getI64IntegerAttr(grain));
    }
  }

  void tileRest(Block *block) {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> ops;
    for (Operation &op : *block)
      if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
        if (linalgOp.hasPureTensorSemantics())
          ops.push_back(linalgOp);
    DenseSet<Operation *> done;
    for (linalg::LinalgOp op : llvm::reverse(ops)) {
      if (done.contains(op) || isa<linalg::FillOp>(op))
        continue;
      SmallVector<unsigned> dims = parallelDims(op);
      if (dims.empty())
        continue;
      SmallVector<OpFoldResult> sizes;
      if (dims.size() == 1 && op.getNumReductionLoops() == 0) {
        sizes.push_back(rewriter.getIndexAttr(chunk));
      } else {
        if (op.getNumReductionLoops() == 0)
          dims.pop_back();
        sizes.assign(dims.size(), rewriter.getIndexAttr(1));
        // Along what an operand is contiguous, a few cache lines of it.
        for (auto [size, dim] : llvm::zip(sizes, dims))
          if (isLastOfInput(op, dim))
            size = rewriter.getIndexAttr(64);
        // The last dimension of a reduction may be the one in the lanes.
        if (op.getNumReductionLoops() != 0)
          sizes.back() = rewriter.getIndexAttr(64);
      }
      TileGroup group = growGroup(op, dims, [&](linalg::LinalgOp producer) {
        return !reducesProducts(producer) && !done.contains(producer);
      });
      for (linalg::LinalgOp member : group.ops)
        done.insert(member);
      tileGroup(rewriter, group, sizes);
    }
  }

  int64_t vectorBits = 0;
  DenseMap<Operation *, LoweringConfig> configs;
};
} // namespace
