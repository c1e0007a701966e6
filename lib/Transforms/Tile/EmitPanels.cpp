//===- EmitPanels.cpp - Reading and prefetching panels of columns ---------===//

#include "LoopEmitter.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"

using namespace mlir;
using namespace mlir::dyn;

/// Where the vector of `cell` starts. Tiles that are a whole number of panels
/// start with one, so that places in it are constants.
SmallVector<Value> LoopEmitter::panelIndices(PanelAccess access,
                                             const Tile &tile, Cell cell) {
  int64_t offset = cell.vector * tile.lanes;
  bool isAligned = plan.vectors * tile.lanes % access.width == 0;
  AffineExpr column = b.getAffineSymbolExpr(0);
  auto apply = [&](AffineExpr expr, Value value) {
    return getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedAffineApply(b, loc, expr,
                                              {getAsOpFoldResult(value)}));
  };
  Value start = point[access.column];
  Value panel =
      isAligned
          ? apply(column.floorDiv(access.width) + offset / access.width, start)
          : apply((column + offset).floorDiv(access.width), start);
  if (offset && !tile.masks.empty()) {
    // A vector whose lanes are all masked may stand behind the last panel.
    Value last =
        apply((column - 1).floorDiv(access.width), sizes[access.column]);
    panel = arith::MinUIOp::create(b, loc, panel, last);
  }
  Value lane = isAligned ? constant(offset % access.width)
                         : apply((column + offset) % access.width, start);
  return {panel, point[access.row], lane};
}

/// Asks for panels ahead of their use, a line a panel and step. A single block
/// of rows streams: it asks for what comes `prefetchDistance` bytes later, on
/// from the end of a panel in the one that is read next. Several blocks of rows
/// share the next block of the reduction, or the next panels, evenly: else the
/// first of them would wait for memory, and memory for the others.
void LoopEmitter::prefetchPanels(const Tile &tile) {
  OpOperand *operand = findPanels(op);
  if (!operand || !plan.prefetchDistance || reductions.size() != 1)
    return;
  PanelAccess access = *matchPanels(op, *operand);
  auto type = cast<MemRefType>(operand->get().getType());
  int64_t lineBytes =
      access.width * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  int64_t abreast =
      std::max<int64_t>(1, tile.vectors * tile.lanes / access.width);
  auto add = [&](Value lhs, Value rhs) -> Value {
    return arith::AddIOp::create(b, loc, lhs, rhs);
  };
  Value row = point[access.row], size = sizes[access.row];
  Value distance = constant(
      std::max<int64_t>(1, plan.prefetchDistance / (lineBytes * abreast)));
  Value next = add(row, distance);
  if (rowBlocks) {
    // In 1/65536: the share of this block, and how much of it is behind us.
    Value from = reduceFrom ? reduceFrom : constant(0);
    Value to = reduceTo ? reduceTo : size;
    Value length = arith::SubIOp::create(b, loc, to, from);
    Value scale = arith::DivUIOp::create(b, loc, constant(1 << 16), rowBlocks);
    Value before = arith::MulIOp::create(b, loc, rowBlock, length);
    Value done = add(before, arith::SubIOp::create(b, loc, row, from));
    Value share = arith::ShRUIOp::create(
        b, loc, arith::MulIOp::create(b, loc, done, scale), constant(16));
    Value isOnly = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                         rowBlocks, constant(1));
    next = arith::SelectOp::create(b, loc, isOnly, next, add(to, share));
  }
  Value first = panelIndices(access, tile, {0, 0, 0}).front();
  if (abreast > 1) {
    // Behind the end of a panel lies its neighbour, which is read already.
    Value isPast =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, next, size);
    next = arith::SelectOp::create(
        b, loc, isPast, arith::SubIOp::create(b, loc, next, size), next);
    first = arith::SelectOp::create(b, loc, isPast,
                                    add(first, constant(abreast)), first);
  }
  // Into the second level: the first one holds what is used at once.
  for (int64_t panel = 0; panel < abreast; ++panel)
    memref::PrefetchOp::create(
        b, loc, operand->get(),
        ValueRange{add(first, constant(panel)), next, constant(0)},
        /*isWrite=*/false, /*localityHint=*/2, /*isDataCache=*/true);
}
