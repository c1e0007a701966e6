//===- Version.h - Version of the dialect's bytecode ------------*- C++ -*-===//

#ifndef DYN_DIALECT_VERSION_H
#define DYN_DIALECT_VERSION_H

#include "mlir/Bytecode/BytecodeImplementation.h"

namespace mlir::dyn {

/// Version of the encodings in lib/Dialect/Bytecode.cpp, which every bytecode
/// file with dyn operations, attributes or types carries. A Dyn reads the files
/// of every version from `kOldest` to its own, and writes any of them.
/// docs/Bytecode.md has the format and what is promised.
///
/// | version | change |
/// |---|---|
/// | 0 | unstable, not read any more |
/// | 1 | the first that is kept: all attributes and types, weights with data |
/// | 2 | short forms for sizes that are a number, a symbol or `?` |
struct DynVersion : DialectVersion {
  static constexpr uint64_t kOldest = 1;
  static constexpr uint64_t kCurrent = 2;
  /// The first version with short forms of sizes.
  static constexpr uint64_t kShortDims = 2;

  explicit DynVersion(uint64_t number = kCurrent) : number(number) {}

  uint64_t number;
};

} // namespace mlir::dyn

#endif // DYN_DIALECT_VERSION_H
