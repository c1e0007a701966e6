//===- TileGroup.cpp - One parallel loop over the tiles of a group --------===//
//
// Upstream's tile-and-fuse computes a producer with several readers once for
// each of them; here every op of the group is tiled once, since all of them
// agree on their tiles.
//
//===----------------------------------------------------------------------===//

#include "../Panels.h"
#include "Groups.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::dyn;

namespace {

/// A hyperrectangle of a result or of an iteration space.
struct Box {
  SmallVector<OpFoldResult> offsets, sizes;
};

class GroupTiler {
public:
  GroupTiler(RewriterBase &rewriter, const TileGroup &group)
      : b(rewriter), loc(group.root().getLoc()), group(group) {}
  scf::ForallOp tile(ArrayRef<OpFoldResult> sizes);

private:
  scf::ForallOp createLoop(ArrayRef<OpFoldResult> sizes);
  Box iterations(linalg::LinalgOp op);
  Box elements(OpResult result);
  bool isReadLater(Value original, Operation *after);
  Value chooseInit(OpResult result);
  Value slicePanels(linalg::LinalgOp op, Value panels,
                    const PanelAccess &access, const Box &box);
  void computeTile(linalg::LinalgOp op);

  RewriterBase &b;
  Location loc;
  const TileGroup &group;
  /// Where the current tile begins and how large it is, per tiled dimension.
  Box current;
  /// How large tiles are that the end of the dimension does not cut.
  SmallVector<OpFoldResult> full;
  /// The tile of each result of the group.
  DenseMap<Value, Value> tiles;
  /// The results that leave the loop, with the slices of their destinations
  /// that no op has taken yet.
  llvm::MapVector<OpResult, Value> destinations;
};

} // namespace

/// The value that `init` starts from: in front of the group's own fills.
static Value startOf(Value init, const TileGroup &group) {
  while (auto producer = init.getDefiningOp<linalg::LinalgOp>()) {
    if (!group.contains(producer))
      break;
    init = producer.getTiedOpOperand(cast<OpResult>(init))->get();
  }
  return init;
}

/// The size of `value` along `dim`, taken from where its destination comes
/// from: so equal sizes are the same values, and nothing refers to ops of a
/// group, which are about to go.
static OpFoldResult sizeOf(OpBuilder &b, Location loc, Value value,
                           int64_t dim) {
  while (auto producer = value.getDefiningOp<linalg::LinalgOp>())
    value = producer.getTiedOpOperand(cast<OpResult>(value))->get();
  if (auto empty = value.getDefiningOp<tensor::EmptyOp>())
    return empty.getMixedSizes()[dim];
  return tensor::getMixedSize(b, loc, value, dim);
}

SmallVector<OpFoldResult> mlir::dyn::loopSizes(OpBuilder &b,
                                               linalg::LinalgOp op) {
  SmallVector<OpFoldResult> sizes(op.getNumLoops());
  // Of the outputs first: they are what the tiles are cut from.
  auto operands =
      llvm::to_vector(llvm::make_pointer_range(op.getDpsInitsMutable()));
  llvm::append_range(operands, op.getDpsInputOperands());
  for (OpOperand *operand : operands)
    for (auto [position, expr] :
         llvm::enumerate(op.getMatchingIndexingMap(operand).getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        if (OpFoldResult &size = sizes[dim.getPosition()]; !size)
          size = sizeOf(b, op.getLoc(), operand->get(), position);
  return sizes;
}

Box GroupTiler::iterations(linalg::LinalgOp op) {
  Box box;
  box.sizes = loopSizes(b, op);
  box.offsets.assign(box.sizes.size(), b.getIndexAttr(0));
  for (auto [position, dim] : llvm::enumerate(group.dims.lookup(op))) {
    box.offsets[dim] = current.offsets[position];
    box.sizes[dim] = current.sizes[position];
  }
  return box;
}

Box GroupTiler::elements(OpResult result) {
  auto op = cast<linalg::LinalgOp>(result.getOwner());
  Box loops = iterations(op), box;
  for (AffineExpr expr : op.getIndexingMapMatchingResult(result).getResults()) {
    unsigned dim = cast<AffineDimExpr>(expr).getPosition();
    box.offsets.push_back(loops.offsets[dim]);
    box.sizes.push_back(loops.sizes[dim]);
  }
  return box;
}

bool GroupTiler::isReadLater(Value original, Operation *after) {
  return llvm::any_of(original.getUsers(), [&](Operation *user) {
    return user != after &&
           (!group.contains(user) || after->isBeforeInBlock(user));
  });
}

static bool haveSameSizes(ArrayRef<OpFoldResult> lhs,
                          ArrayRef<OpFoldResult> rhs) {
  return lhs.size() == rhs.size() &&
         llvm::all_of(llvm::zip(lhs, rhs), [](auto pair) {
           return isEqualConstantIntOrValue(std::get<0>(pair),
                                            std::get<1>(pair));
         });
}

/// What the tile of `result` should overwrite: its own destination, an operand
/// that nobody reads again, a destination that is still unused, or a new
/// tensor. Any choice is correct; these keep tiles in the cache and spare
/// allocations.
Value GroupTiler::chooseInit(OpResult result) {
  auto op = cast<linalg::LinalgOp>(result.getOwner());
  auto *own = destinations.find(result);
  if (own != destinations.end() && own->second)
    return std::exchange(own->second, Value());

  Box box = elements(result);
  Type element = getElementTypeOrSelf(result.getType());
  AffineMap map = op.getIndexingMapMatchingResult(result);
  if (op.getNumReductionLoops() == 0)
    for (OpOperand *in : op.getDpsInputOperands()) {
      Value tile = tiles.lookup(in->get());
      if (tile && getElementTypeOrSelf(tile.getType()) == element &&
          op.getMatchingIndexingMap(in) == map &&
          !destinations.contains(cast<OpResult>(in->get())) &&
          !isReadLater(in->get(), op))
        return tile;
    }
  for (auto &[other, slice] : destinations) {
    if (!slice || getElementTypeOrSelf(slice.getType()) != element)
      continue;
    auto extract = slice.getDefiningOp<tensor::ExtractSliceOp>();
    if (haveSameSizes(extract.getMixedSizes(), box.sizes))
      return std::exchange(slice, Value());
  }
  return tensor::EmptyOp::create(b, loc, box.sizes, element);
}

/// The panels under the columns of `box`, which begin with a panel. Upstream
/// would cut the last, shorter ones, which are padded and stay whole.
Value GroupTiler::slicePanels(linalg::LinalgOp op, Value panels,
                              const PanelAccess &access, const Box &box) {
  AffineExpr column = b.getAffineSymbolExpr(0);
  int64_t period = kPanelStreams * access.width;
  auto apply = [&](AffineExpr expr, OpFoldResult columns) {
    return affine::makeComposedFoldedAffineApply(b, loc, expr, {columns});
  };
  OpFoldResult first = box.offsets[access.column];
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  // One panel of either stream, of which the last may be cut, or some of each.
  OpFoldResult width = box.sizes[access.column];
  for (auto [dim, size] : llvm::zip(group.dims.lookup(op), full))
    if (dim == access.column)
      width = size;
  bool isSingle = getConstantIntValue(width) == access.width;
  SmallVector<OpFoldResult> offsets{
      isSingle ? apply(column.floorDiv(access.width) % kPanelStreams, first)
               : zero,
      apply(column.floorDiv(period), first)};
  SmallVector<OpFoldResult> sizes{
      isSingle ? one : b.getIndexAttr(kPanelStreams),
      isSingle ? one : apply(column.ceilDiv(period), box.sizes[access.column])};
  for (unsigned row : access.rows) {
    offsets.push_back(box.offsets[row]);
    sizes.push_back(box.sizes[row]);
  }
  offsets.push_back(zero);
  sizes.push_back(b.getIndexAttr(access.width));
  SmallVector<OpFoldResult> strides(offsets.size(), one);
  return tensor::ExtractSliceOp::create(b, loc, panels, offsets, sizes,
                                        strides);
}

void GroupTiler::computeTile(linalg::LinalgOp op) {
  Box box = iterations(op);
  SmallVector<Value> inits;
  for (OpResult result : op->getResults()) {
    OpOperand *init = op.getTiedOpOperand(result);
    Value tile = tiles.lookup(init->get());
    if (!tile && !op.payloadUsesValueFromOperand(init))
      tile = chooseInit(result);
    inits.push_back(tile);
  }
  TilingResult tiled = *cast<TilingInterface>(op.getOperation())
                            .getTiledImplementation(b, box.offsets, box.sizes);
  auto tile = cast<linalg::LinalgOp>(tiled.tiledOps.front());
  b.setInsertionPoint(tile);
  auto replace = [&](OpOperand &operand, Value value) {
    Value slice = operand.get();
    if (value.getType() != slice.getType())
      value = tensor::CastOp::create(b, loc, slice.getType(), value);
    operand.set(value);
    if (isOpTriviallyDead(slice.getDefiningOp()))
      b.eraseOp(slice.getDefiningOp());
  };
  for (OpOperand *in : op.getDpsInputOperands()) {
    OpOperand &operand = tile->getOpOperand(in->getOperandNumber());
    if (Value value = tiles.lookup(in->get()))
      replace(operand, value);
    else if (std::optional<PanelAccess> access = matchPanels(op, *in))
      operand.set(slicePanels(op, in->get(), *access, box));
    else if (group.padded && group.padded->operand == in) {
      auto slice = operand.get().getDefiningOp<tensor::ExtractSliceOp>();
      replace(operand, padTile(b, *group.padded, slice.getMixedOffsets(),
                               slice.getMixedSizes()));
    }
  }
  for (auto [index, init] : llvm::enumerate(inits)) {
    if (init)
      replace(*tile.getDpsInitOperand(index), init);
    tiles[op->getResult(index)] = tile->getResult(index);
  }
  b.setInsertionPointAfter(tile);
}

scf::ForallOp GroupTiler::createLoop(ArrayRef<OpFoldResult> steps) {
  linalg::LinalgOp root = group.root();
  SmallVector<OpFoldResult> rootSizes = loopSizes(b, root), upper;
  for (unsigned dim : group.dims.lookup(root))
    upper.push_back(rootSizes[dim]);
  SmallVector<OpFoldResult> lower(upper.size(), b.getIndexAttr(0));
  SmallVector<Value> inits;
  for (linalg::LinalgOp op : group.ops)
    for (OpResult result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !group.contains(user);
          })) {
        destinations[result] = {};
        inits.push_back(startOf(op.getTiedOpOperand(result)->get(), group));
      }
  auto loop = scf::ForallOp::create(b, loc, lower, upper, steps, inits,
                                    /*mapping=*/std::nullopt);
  b.setInsertionPointToStart(loop.getBody());
  full.assign(steps.begin(), steps.end());
  for (auto [iv, end, step] :
       llvm::zip(loop.getInductionVars(), upper, steps)) {
    current.offsets.push_back(iv);
    std::optional<int64_t> length = getConstantIntValue(step),
                           size = getConstantIntValue(end);
    if (length == 1 || (length && size && *size % *length == 0)) {
      current.sizes.push_back(step);
      continue;
    }
    AffineExpr position = b.getAffineDimExpr(0), to = b.getAffineSymbolExpr(0),
               full = b.getAffineSymbolExpr(1);
    current.sizes.push_back(affine::makeComposedFoldedAffineMin(
        b, loc, AffineMap::get(1, 2, {full, to - position}, b.getContext()),
        {iv, end, step}));
  }
  return loop;
}

scf::ForallOp GroupTiler::tile(ArrayRef<OpFoldResult> steps) {
  b.setInsertionPoint(group.root());
  scf::ForallOp loop = createLoop(steps);
  for (auto [entry, argument] :
       llvm::zip(destinations, loop.getRegionIterArgs())) {
    Box box = elements(entry.first);
    SmallVector<OpFoldResult> strides(box.sizes.size(), b.getIndexAttr(1));
    entry.second = tensor::ExtractSliceOp::create(b, loc, argument, box.offsets,
                                                  box.sizes, strides);
  }
  SmallVector<OpResult> results;
  for (auto &entry : destinations)
    results.push_back(entry.first);
  for (linalg::LinalgOp op : group.ops)
    computeTile(op);

  SmallVector<Box> boxes;
  for (OpResult result : results)
    boxes.push_back(elements(result));
  b.setInsertionPointToEnd(loop.getTerminator().getBody());
  for (auto [result, argument, box] :
       llvm::zip(results, loop.getRegionIterArgs(), boxes)) {
    SmallVector<OpFoldResult> strides(box.sizes.size(), b.getIndexAttr(1));
    tensor::ParallelInsertSliceOp::create(b, loc, tiles.lookup(result),
                                          argument, box.offsets, box.sizes,
                                          strides);
  }
  // What the group reads of an init, it reads of the loop's destination.
  for (auto [init, argument] :
       llvm::zip(loop.getOutputs(), loop.getRegionIterArgs()))
    loop->walk([&](tensor::ExtractSliceOp slice) {
      if (slice.getSource() == init)
        slice.getSourceMutable().assign(argument);
    });
  for (auto [result, value] : llvm::zip(results, loop.getResults()))
    b.replaceUsesWithIf(result, value, [&](OpOperand &use) {
      return !group.contains(use.getOwner());
    });
  for (linalg::LinalgOp op : llvm::reverse(group.ops))
    b.eraseOp(op);
  if (group.padded)
    b.eraseOp(group.padded->pad);
  return loop;
}

scf::ForallOp mlir::dyn::tileGroup(RewriterBase &rewriter,
                                   const TileGroup &group,
                                   ArrayRef<OpFoldResult> sizes) {
  return GroupTiler(rewriter, group).tile(sizes);
}
