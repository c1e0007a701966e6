//===- LoopPlan.h - How one linalg op becomes loops over vectors -*- C++
//-*-===//
//
// The decision, apart from the emission of code: which loop dimension goes into
// the lanes of a vector, and which others are unrolled so that what is loaded
// is used several times from registers.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_TILE_LOOPPLAN_H
#define DYN_TRANSFORMS_TILE_LOOPPLAN_H

#include "Accumulation.h"
#include "Dyn/Target/Target.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <optional>
#include <string>

namespace mlir::dyn {

/// The register budget a plan may spend.
struct RegisterBudget {
  explicit RegisterBudget(const Target &target)
      : vectorBits(target.vectorBits), vectorRegisters(target.vectorRegisters),
        tile(target.tile), dotTile(target.dotTile) {}

  /// Takes over what the configuration of `op` says, if it carries one or reads
  /// panels. Emits an error if that does not fit.
  LogicalResult obey(linalg::LinalgOp op, const Target &target);

  /// Width of a vector register, and how many there are.
  int64_t vectorBits, vectorRegisters;
  /// Register tile of a contraction whose lanes run along an output dimension.
  RegisterTile tile;
  /// And along the reduction: rows, and columns for vectors.
  RegisterTile dotTile;
  /// See `LoopPlan`.
  int64_t reductionBlock = 0, prefetchDistance = 0, prefetchRows = 1,
          unrolledSteps = 1, transposedSteps = 0;
  SmallVector<int64_t> wide;
};

/// Of a reduction in the lanes: the form with columns in the lanes, blocks of
/// which are transposed in registers.
struct TransposedColumns {
  /// Rows that a block is transposed for: as many as make that cost little
  /// (8% for 43 rows of Zen 5, 4% for 128), and no more than threads can spare.
  static constexpr int64_t kRows = 64;
  /// The input that columns are far apart in.
  unsigned operand;
  /// The longest reduction that has this form.
  int64_t mostSteps;
  /// A block that stays in registers.
  int64_t steps, vectors;
};

/// How the memory an operand reads or writes moves as a loop dimension
/// advances by one.
enum class LaneStride { None, Unit, Few, Other };

/// Elements from one lane to the next that are read as vectors, of which lanes
/// are picked, at most: `LaneStride::Few`.
constexpr int64_t kMostLaneSteps = 4;

/// A row of `buffer` that is asked for while `operand`, which has its shape, is
/// worked on: `ahead` rows further along dimension `dim`.
struct RowAhead {
  unsigned operand;
  Value buffer;
  unsigned dim;
  int64_t ahead;
  bool isWritten;
  /// As `memref.prefetch` says it.
  int64_t locality;
  /// Of a row that is written, the writer's `LoopPlan::stream`.
  int64_t stream = 0;
};

/// What `op`, one of several ops in a loop over rows, should ask for: the next
/// one of a row that it reads as the last of several, since otherwise memory
/// rests while later ops work on what the first one has brought to the cache;
/// the row that the op behind it is going to write; and if it finishes a row in
/// place, the next one of that.
/// `streams` has the `LoopPlan::stream` of ops.
SmallVector<RowAhead>
findRowsAhead(linalg::LinalgOp op,
              const DenseMap<Operation *, int64_t> &streams);

struct LoopPlan {
  /// The loop dimension whose iterations share a vector, and the number of
  /// lanes. If it is a reduction, each lane accumulates every `lanes`-th
  /// element and the lanes are combined as a tree at the end.
  unsigned lanesDim = 0;
  bool lanesReduce = false;
  int64_t lanes = 1;
  /// Vectors side by side along `lanesDim`.
  int64_t vectors = 1;
  /// A parallel dimension unrolled up to `rows` times; each count from 1 to
  /// `rows` has code of its own.
  std::optional<unsigned> rowDim;
  int64_t rows = 1;
  /// Of an elementwise op: inputs that are contiguous along `rowDim` instead of
  /// `lanesDim`. Their blocks of `lanes` rows are transposed in registers.
  SmallVector<unsigned> turned;
  /// Vectors instead of `vectors` where there are no more than 1, 2, ... rows,
  /// or none to unroll.
  SmallVector<int64_t> wide;
  /// A second one, only if the lanes reduce. The last block repeats the last
  /// column instead of having code of its own.
  std::optional<unsigned> columnDim;
  int64_t columns = 1;
  /// Null if there is but one form.
  std::optional<TransposedColumns> transposed;
  /// Lanes beyond the end may be computed and dropped. Otherwise (a division
  /// of integers, a load at a computed index) the end runs one lane at a time.
  bool maskable = true;
  /// Steps of a reduction that are computed for all rows before the next ones;
  /// 0 for all of them.
  int64_t reductionBlock = 0;
  /// How far ahead of a stream of panels, or of the rows that a wide block
  /// reads, to prefetch, in bytes; 0 not at all.
  int64_t prefetchDistance = 0;
  /// Rows from which on a single block of them does so.
  int64_t prefetchRows = 1;
  /// Steps over the rows of panels that one turn of their loop takes.
  int64_t unrolledSteps = 1;
  /// Of the op and of its `Accumulation::prologue`.
  SmallVector<RowAhead> rowsAhead, prologueRowsAhead;
  /// Bytes of a result from which on it is written past the caches; 0: never.
  int64_t stream = 0;
};

/// How `operand` moves in memory along loop dimension `dim`.
LaneStride laneStride(linalg::LinalgOp op, OpOperand &operand, unsigned dim);

/// Elements by which it does, if that is `LaneStride::Few`.
int64_t countLaneSteps(linalg::LinalgOp op, OpOperand &operand, unsigned dim);

/// The operation by which output number `index` of `op` accumulates, if the
/// payload is `out = combine(out, something)` with an associative and
/// commutative `combine` that has a neutral element; null otherwise.
Operation *matchCombiner(linalg::LinalgOp op, unsigned index);

/// Plans the loops of `op`, whose operands are buffers. On failure `whyNot`
/// says in one clause what stands in the way.
FailureOr<LoopPlan> planLoops(linalg::LinalgOp op, const RegisterBudget &budget,
                              std::string &whyNot);

/// Whether no op next to `op`, nor itself, reads what it writes: that could go
/// past the caches.
bool mayStream(linalg::LinalgOp op);

/// Replaces `op` by the loops of `plan`. The outermost ones of a reduction also
/// do what `surroundings` do, whose ops are replaced too.
void emitLoops(RewriterBase &rewriter, linalg::LinalgOp op,
               const LoopPlan &plan, const Accumulation &surroundings = {});

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_LOOPPLAN_H
