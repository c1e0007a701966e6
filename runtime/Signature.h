//===- Signature.h - Arguments of a call against the model's ----*- C++ -*-===//

#ifndef DYN_RUNTIME_SIGNATURE_H
#define DYN_RUNTIME_SIGNATURE_H

#include "Metadata.h"
#include "Tensor.h"

#include <span>

namespace mlir::dyn::runtime {

using Arguments = std::span<const dyn_argument>;

/// Arguments in the model's order; null where none is given.
using Tensors = std::vector<const DLTensor *>;

/// Sets `matched` to the arguments in the order of `tensors`, which are the
/// model's inputs or outputs as `kind` ("input", "output") says. Checks names,
/// devices and types. Ranks and sizes are for the functions below.
void matchArguments(const std::vector<TensorInfo> &tensors, Arguments arguments,
                    const char *kind, Tensors &matched);

/// Sets the symbols to the values that make the model's shapes those of
/// `inputs`. Fails if there are none, if a shape is not the model's, or if a
/// symbol is outside of its range.
void solveSymbols(const Metadata &metadata, const Tensors &inputs,
                  SymbolValues &symbols);

/// Values given by a caller instead; fails if one is outside of its range.
SymbolValues checkSymbols(const Metadata &metadata, const int64_t *values);

/// Sets `sizes` to the shape of an input or output, -1 for "?". Fails for a
/// negative size.
void evaluateShape(const TensorInfo &tensor, const SymbolValues &symbols,
                   std::span<int64_t> sizes);

/// The size of the arena in bytes.
size_t evaluateArena(const Metadata &metadata, const SymbolValues &symbols);

/// "B = 2, S = 11", for errors.
std::string formatSymbols(const Metadata &metadata,
                          const SymbolValues &symbols);

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_SIGNATURE_H
