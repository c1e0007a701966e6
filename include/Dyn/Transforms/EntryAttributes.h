//===- EntryAttributes.h - What a model is, in attributes -------*- C++ -*-===//
//
// Names of the discardable attributes by which a model's function on builtin
// types remembers what it was: they go from the lowering of dyn, through the
// passes on tensors and buffers, to the artifact's metadata.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_ENTRYATTRIBUTES_H
#define DYN_TRANSFORMS_ENTRYATTRIBUTES_H

#include "llvm/ADT/StringRef.h"

namespace mlir::dyn {

/// On an argument or result: its `!dyn.tensor` type.
inline constexpr llvm::StringLiteral kTypeAttr = "dyn.type";
/// On an argument: the symbol of the `dyn.weight` whose data it is.
inline constexpr llvm::StringLiteral kWeightAttr = "dyn.weight";
/// Beside `dyn.weight` on an argument that holds the weight in another layout:
/// an affine map from a place in the argument to the place of its element in
/// the weight. Places outside of the weight hold zeros.
inline constexpr llvm::StringLiteral kPackedAttr = "dyn.packed";
/// On a destination argument or a result: the position that it had among the
/// results on tensors.
inline constexpr llvm::StringLiteral kResultAttr = "dyn.result";
/// On the arena's argument: its size in bytes, a `#dyn.dim`.
inline constexpr llvm::StringLiteral kArenaAttr = "dyn.arena";
/// On a parallel loop: the smallest number of iterations worth a thread.
inline constexpr llvm::StringLiteral kGrainAttr = "dyn.grain";
/// On the module: texts of run-time errors, an array of strings.
inline constexpr llvm::StringLiteral kMessagesAttr = "dyn.messages";

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_ENTRYATTRIBUTES_H
