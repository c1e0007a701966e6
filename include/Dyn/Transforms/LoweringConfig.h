//===- LoweringConfig.h - How one op becomes code ---------------*- C++ -*-===//
//
// Decide, verify, execute: `dyn-decide` writes a configuration on each op that
// multiplies and sums, and on each elementwise one, as the discardable
// attribute `dyn.lowering`. Users may
// write or change it. Whoever reads it verifies it first; passes that tile and
// vectorize obey it and decide nothing themselves.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_LOWERINGCONFIG_H
#define DYN_TRANSFORMS_LOWERINGCONFIG_H

#include "Dyn/Target/Target.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::dyn {

struct LoweringConfig {
  /// Rows and columns of the result that one iteration of the parallel loop
  /// computes; rows at most.
  int64_t tileRows = 0, tileColumns = 0;
  /// The accumulators. Each count of rows up to `registers.rows` gets code.
  RegisterTile registers = {1, 1};
  /// Vectors in a row where there are no more than 1, 2, ... rows altogether:
  /// they leave registers for more than `registers.vectors`, so that longer
  /// pieces of the other operand's rows are read one after the other.
  llvm::SmallVector<int64_t> wide;
  /// Steps of the reduction that all rows of a tile take before the next ones;
  /// 0 for all steps. Of ops that read panels.
  int64_t reductionBlock = 0;
  /// How far ahead of a stream of panels, or in wide blocks of the other
  /// operand, to prefetch, in bytes; 0 not at all.
  int64_t prefetch = 0;
  /// Rows of a register tile from which on a single block of them does so.
  int64_t prefetchRows = 1;
  /// Steps of the reduction that one turn of a loop over panels takes.
  int64_t unroll = 1;
  /// The longest reduction for which columns that are far apart in an operand
  /// are transposed in registers; longer ones are in the lanes themselves.
  int64_t transpose = 0;
  /// The smallest number of iterations of the parallel loop worth a thread.
  int64_t grain = 1;
  /// Of an elementwise op, which has this field alone: bytes of the result from
  /// which on it is written past the caches; 0: never.
  int64_t stream = 0;

  static constexpr llvm::StringLiteral kAttrName = "dyn.lowering";
  DictionaryAttr getAttr(linalg::LinalgOp op) const;
};

/// On a comparison of sizes, or an op around it: constants that it may contain,
/// which come from a configuration.
inline constexpr llvm::StringLiteral kTileSizesAttr = "dyn.tile_sizes";

/// What suits `op`, which multiplies and sums or is elementwise, on `target`.
LoweringConfig decideLowering(linalg::LinalgOp op, const Target &target);

/// The configuration that `op` carries, or what suits it if it carries none.
/// Emits an error, with the rule that is broken, if it fits neither op nor CPU.
FailureOr<LoweringConfig> getLoweringConfig(linalg::LinalgOp op,
                                            const Target &target);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_LOWERINGCONFIG_H
