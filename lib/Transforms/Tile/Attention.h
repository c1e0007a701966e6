//===- Attention.h - softmax(Q * K^T) * V, block by block -------*- C++ -*-===//
//
// Attention goes through the levels as four linalg ops around a
// `linalg.softmax` that carries `kAttentionAttr`: the contraction in front of
// it (the scores), at most one elementwise op on the scores (scale, mask), the
// softmax, and the contraction behind it (the result). `dyn-find-attention`
// marks the softmax, `tileAttention` puts the four into one parallel loop,
// `emitAttention` makes vectors of them.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_TILE_ATTENTION_H
#define DYN_TRANSFORMS_TILE_ATTENTION_H

#include "Dyn/Target/Target.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::dyn {

/// On a `linalg.softmax`: the ops around it may be tiled with it.
constexpr llvm::StringLiteral kAttentionAttr = "dyn.attention";

/// On the product behind a softmax that looked like attention, a string: why it
/// became ops of their own. `dyn-report-kernels` tells.
constexpr llvm::StringLiteral kNoAttentionAttr = "dyn.no_attention";

/// On the maximum, the exponential and the division inside the ops of a softmax
/// that is written out. Exponents are at most 0 then, a NaN comes through by
/// the exponentials alone, and divisors are at least 1.
constexpr llvm::StringLiteral kSoftmaxAttr = "dyn.softmax";

/// A softmax along `dim` that is written out as four ops, the sum not named
/// here.
struct WrittenSoftmax {
  linalg::GenericOp maximum, exponential, division;
  unsigned dim;
};

/// The softmax that ends with `division`.
std::optional<WrittenSoftmax> matchSoftmax(linalg::GenericOp division);

/// The ops, on tensors or on buffers, and what their loops are.
struct Attention {
  linalg::LinalgOp scores;
  /// What happens to a score between the two; null if nothing.
  linalg::GenericOp payload;
  linalg::SoftmaxOp softmax;
  linalg::LinalgOp result;

  OpOperand *queries = nullptr, *keys = nullptr, *values = nullptr;
  /// The operand of `result` that is the softmax, and that of `payload` that is
  /// the scores.
  OpOperand *weights = nullptr, *payloadScores = nullptr;

  /// Loops of `scores`: rows of queries, rows of keys, the reduction.
  unsigned scoresQuery = 0, scoresKey = 0, scoresDepth = 0;
  /// Loops of `result`: rows of queries, rows of keys (the reduction), columns
  /// of values.
  unsigned resultQuery = 0, resultKey = 0, resultColumn = 0;
  /// Loops of `payload`.
  unsigned payloadQuery = 0, payloadKey = 0;
  /// For each dimension of the softmax, the loop of the op.
  SmallVector<unsigned> scoresLoops, payloadLoops, resultLoops;
  int64_t depth = 0, columns = 0;
};

/// The ops around a marked softmax on tensors. If they are others, the reason
/// is in `whyNot`.
std::optional<Attention> findAttentionOnTensors(linalg::SoftmaxOp softmax,
                                                std::string &whyNot);

/// Notes `whyNot` on the products that read `weights`, as they are or reshaped.
void noteNoAttention(Value weights, StringRef whyNot);

/// The ops around a softmax on buffers, by what they write and read.
std::optional<Attention> findAttentionOnBuffers(linalg::SoftmaxOp softmax);

/// Fills in loops and operands of `attention` from its ops. Fails, with the
/// reason in `whyNot`, if the code below cannot be made of them for `target`.
LogicalResult analyzeAttention(Attention &attention, const Target &target,
                               std::string &whyNot);

/// Replaces each marked softmax of `block`, and the ops around it, by a
/// parallel loop over blocks of queries. One for which that cannot be done
/// becomes the ops that it stands for.
void tileAttention(RewriterBase &rewriter, Block *block, const Target &target);

/// Replaces the marked softmax on buffers, and the ops around it, by loops over
/// vectors with queries in the lanes.
LogicalResult emitAttention(RewriterBase &rewriter, linalg::SoftmaxOp softmax,
                            const Target &target);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TILE_ATTENTION_H
