//===- FactorScales.h - Scales of quantized weights moved -------*- C++ -*-===//
//
// x * ((q - z) * s), with a zero point and a scale that do not change along the
// reduction, is (x * q - sum(x) * z) * s. So the product reads the integers
// themselves, and what belongs to a column is done once for it.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_TENSOR_FACTORSCALES_H
#define DYN_TRANSFORMS_TENSOR_FACTORSCALES_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::dyn {

/// Patterns that move the scale, then the zero point, of a weight narrower than
/// its product from the weight to the result of the contraction. The rounding
/// differs from that of the original: a zero point's share is as large as the
/// sum of |x| times it.
void populateFactorScalesPatterns(RewritePatternSet &patterns);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_TENSOR_FACTORSCALES_H
