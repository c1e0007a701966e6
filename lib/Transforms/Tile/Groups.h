//===- Groups.h - linalg ops that are tiled together ------------*- C++ -*-===//
//
// A group is a root op and the producers that can be computed tile by tile with
// it: each varies along every tiled dimension of the root, so that no tile of a
// producer is computed twice.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_TILE_GROUPS_H
#define DYN_TRANSFORMS_TILE_GROUPS_H

#include "Padding.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::dyn {

struct TileGroup {
  /// In the order of the block; the root is last.
  SmallVector<linalg::LinalgOp> ops;
  /// For each op, its loop dimension for each tiled dimension of the root.
  DenseMap<Operation *, SmallVector<unsigned>> dims;
  /// What its tiles pad for themselves.
  std::optional<PaddedInput> padded;

  linalg::LinalgOp root() const { return ops.back(); }
  bool contains(Operation *op) const { return dims.contains(op); }
};

/// The group of `root` when the root's loops `tiled`, all parallel, are tiled.
/// `mayJoin` says which producers it may take.
TileGroup growGroup(linalg::LinalgOp root, ArrayRef<unsigned> tiled,
                    function_ref<bool(linalg::LinalgOp)> mayJoin);

/// The sizes of the loops of `op`, as far as an operand is indexed by the loop
/// alone; as every loop of a result is.
SmallVector<OpFoldResult> loopSizes(OpBuilder &builder, linalg::LinalgOp op);

/// Replaces the ops of `group` by one `scf.forall` over tiles of `sizes`, one
/// per tiled dimension.
scf::ForallOp tileGroup(RewriterBase &rewriter, const TileGroup &group,
                        ArrayRef<OpFoldResult> sizes);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_GROUPS_H
