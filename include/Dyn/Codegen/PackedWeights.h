//===- PackedWeights.h - Weights in the layout of the kernels ---*- C++ -*-===//

#ifndef DYN_CODEGEN_PACKEDWEIGHTS_H
#define DYN_CODEGEN_PACKEDWEIGHTS_H

#include "Dyn/Resources/Blob.h"
#include "Dyn/Resources/Safetensors.h"
#include "mlir/IR/AffineMap.h"

namespace mlir::dyn {

/// A weight that is stored as panels of columns, see `dyn-pack-weights`.
struct PackedWeight {
  std::string name;           ///< Of the tensor of panels.
  Blob source;                ///< The weight, as it is in its file.
  std::vector<int64_t> shape; ///< Of the panels: [streams, P, K..., width].
  /// From a place in the panels to the place in the weight: `(s, p, k..., n) ->
  /// ((p * streams + s) * width + n, k...)`, or `(k, ...)` of a matrix.
  AffineMap place;
};

/// Writes `weights` to the safetensors file `path`, which appears complete or
/// not at all. A few megabytes are in memory at a time, whatever the weights'
/// sizes. Errors: those of `SafetensorsWriter`, a map that is none of the two.
Result<> writePackedWeights(llvm::ArrayRef<PackedWeight> weights,
                            const std::string &path);

} // namespace mlir::dyn

#endif // DYN_CODEGEN_PACKEDWEIGHTS_H
