//===- Panels.h - Matrices stored as panels of columns ----------*- C++ -*-===//
//
// A matrix of K rows and N columns, packed: `[2][ceil(N / 32)][K][16]`, padded
// with zeros. A loop over rows walks a panel from its first byte to its last,
// and every vector starts at a multiple of its size. Panels 0, 2, 4, ... lie
// behind each other, then 1, 3, 5, ...: a loop that reads two side by side and
// then the next two reads two streams that never break off. Hardware
// prefetches those without help, from memory 5% faster than neighbours.
//
// In a linalg op the operand's indexing map says it all: columns n and rows k
// are `(..., n, ..., k) -> (n floordiv 16 mod 2, n floordiv 32, k, n mod 16)`.
// So upstream's lowerings of linalg execute packed ops as they are. Rows may
// have several dimensions: those of a filter are its channels and taps.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_PANELS_H
#define DYN_TRANSFORMS_PANELS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <optional>

namespace mlir::dyn {

/// Columns of a panel. One number for all CPUs, so that a file of packed
/// weights serves each of them: it is a multiple of the lanes of f32 and wider
/// elements of 128, 256 and 512-bit vectors, and one line of a cache in f32.
inline constexpr int64_t kPanelColumns = 16;

/// Streams of panels.
inline constexpr int64_t kPanelStreams = 2;

/// How a linalg op reads panels, by its loop dimensions.
struct PanelAccess {
  unsigned column;
  SmallVector<unsigned, 4> rows;
  int64_t width;
};

/// What `map` says if it is
/// `(n floordiv w mod 2, n floordiv 2w, k..., n mod w)`.
std::optional<PanelAccess> matchPanels(AffineMap map);
inline std::optional<PanelAccess> matchPanels(linalg::LinalgOp op,
                                              OpOperand &operand) {
  return matchPanels(op.getMatchingIndexingMap(&operand));
}

/// The operand of `op` that is stored as panels; null if there is none.
OpOperand *findPanels(linalg::LinalgOp op);

/// `(n floordiv w mod 2, n floordiv 2w, k..., n mod w)` over `numLoops`
/// dimensions.
AffineMap getPanelMap(unsigned numLoops, const PanelAccess &access,
                      MLIRContext *context);

/// Whether `op` multiplies and sums: upstream's contractions, and those of them
/// that read panels.
bool isContraction(linalg::LinalgOp op);

/// The last parallel dimension other than `column` along which a window over an
/// input slides: it advances together with a reduction.
std::optional<unsigned> findSlidingRows(linalg::LinalgOp op, unsigned column);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_PANELS_H
