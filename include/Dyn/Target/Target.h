//===- Target.h - The CPUs that code is made for ----------------*- C++ -*-===//
//
// One record a CPU: what LLVM calls it, and the numbers that tile sizes follow
// from. Passes read records; only drivers ask the host for its own.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TARGET_TARGET_H
#define DYN_TARGET_TARGET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir::dyn {

/// Accumulators of a contraction that stay in registers.
struct RegisterTile {
  int64_t rows;
  /// Vectors in a row.
  int64_t vectors;
};

struct Target {
  /// The name users give, which is LLVM's name of the CPU.
  llvm::StringLiteral name;
  llvm::StringLiteral triple;
  /// Subtarget features for LLVM, beyond those that `name` implies.
  llvm::StringLiteral features;
  /// Features that a host must have to run the code, by LLVM's names.
  llvm::ArrayRef<llvm::StringLiteral> required;

  int64_t vectorBits;
  int64_t vectorRegisters;
  /// Vector multiply-adds a core begins in a cycle.
  int64_t fmaPorts;
  /// Bytes, of one core.
  int64_t cacheLine, l1Cache, l2Cache;

  /// For lanes along the columns of the result.
  RegisterTile tile;
  /// For lanes along the reduction: rows, and columns instead of vectors.
  RegisterTile dotTile;
  /// How far ahead of a stream of weights to prefetch, in bytes, and rows of a
  /// register tile from which on that helps.
  int64_t prefetchDistance, prefetchRows;
  /// Steps of a reduction over panels that one turn of its loop takes.
  int64_t unrolledSteps;
  /// Bytes of an elementwise result from which on it is written past the
  /// caches: so many that the last level loses most of them anyway; 0: never.
  int64_t stream;
  /// There is VSCALEFPS, x * 2^n for vectors of floats n: 0 and infinite where
  /// n is, even if x is a NaN.
  bool scalef;
};

/// All records, in the order in which `hostTarget` prefers them.
llvm::ArrayRef<Target> allTargets();

/// The record called `name`; an error that lists the known ones otherwise.
llvm::Expected<const Target *> lookupTarget(llvm::StringRef name);

/// The first record whose code this machine can run. For drivers: what a pass
/// does must not depend on where it runs.
llvm::Expected<const Target *> hostTarget();

} // namespace mlir::dyn

#endif // DYN_TARGET_TARGET_H
