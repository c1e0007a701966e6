//===- Version.h - Version of the dialect's bytecode ------------*- C++ -*-===//

#ifndef DYN_DIALECT_VERSION_H
#define DYN_DIALECT_VERSION_H

#include "mlir/Bytecode/BytecodeImplementation.h"

namespace mlir::dyn {

/// Version of the encodings in lib/Dialect/Bytecode.cpp, which every bytecode
/// file with dyn operations, attributes or types carries.
///
/// Version 0 is unstable: files of it are read by the Dyn that wrote them only.
/// From version 1 on, a Dyn reads the files of every version up to its own.
struct DynVersion : DialectVersion {
  static constexpr uint64_t kCurrent = 0;

  explicit DynVersion(uint64_t number = kCurrent) : number(number) {}

  uint64_t number;
};

} // namespace mlir::dyn

#endif // DYN_DIALECT_VERSION_H
