//===- Bytecode.h - Encoding of the dialect in bytecode ---------*- C++ -*-===//

#ifndef DYN_LIB_DIALECT_BYTECODE_H
#define DYN_LIB_DIALECT_BYTECODE_H

#include "Dyn/Dialect/Dyn.h"
#include "mlir/Bytecode/BytecodeImplementation.h"

namespace mlir::dyn {

/// Encodes dyn's attributes and types; operations encode their properties by
/// what ODS generates. What is read is checked as what is parsed.
struct DynBytecodeInterface : BytecodeDialectInterface {
  explicit DynBytecodeInterface(Dialect *dialect)
      : BytecodeDialectInterface(dialect) {}

  Attribute readAttribute(DialectBytecodeReader &reader) const override;
  Type readType(DialectBytecodeReader &reader) const override;
  LogicalResult writeAttribute(Attribute attr,
                               DialectBytecodeWriter &writer) const override;
  LogicalResult writeType(Type type,
                          DialectBytecodeWriter &writer) const override;
  void writeVersion(DialectBytecodeWriter &writer) const override;
  std::unique_ptr<DialectVersion>
  readVersion(DialectBytecodeReader &reader) const override;
};

} // namespace mlir::dyn

#endif // DYN_LIB_DIALECT_BYTECODE_H
