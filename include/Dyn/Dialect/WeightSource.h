//===- WeightSource.h - What a weight owns ----------------------*- C++ -*-===//
//
// Attributes live as long as their context, operations do not: so it is the
// operation, in its properties, that owns a reference to the data, and the
// attribute that prints it is a weak handle.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_DIALECT_WEIGHTSOURCE_H
#define DYN_DIALECT_WEIGHTSOURCE_H

#include "Dyn/Resources/Blob.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OpImplementation.h"

namespace mlir {
class DialectBytecodeReader;
class DialectBytecodeWriter;
} // namespace mlir

namespace mlir::dyn {
class DynDialect;
class ExternalAttr;

/// The name of data that travel with the IR, one per name and context. It holds
/// none of them, but while a file is read and no weight has claimed them yet.
struct WeightSlot;

/// What `#dyn.resource<name>` holds: an entry of the `dialect_resources`
/// section. A weak handle.
struct WeightHandle
    : AsmDialectResourceHandleBase<WeightHandle, WeightSlot, DynDialect> {
  using AsmDialectResourceHandleBase::AsmDialectResourceHandleBase;
};

/// Where the data of a weight are: in another file, with the IR, or absent
/// (elsewhere, and nobody says where).
///
/// Data that travel with the IR are owned: they go with the last source that
/// has them. Copies share. Equality is that of references and names; no data is
/// ever compared, hashed or printed by it.
class WeightSource {
public:
  /// Absent.
  WeightSource() = default;
  /// Data elsewhere; null is absent.
  WeightSource(ExternalAttr reference);
  /// Data of `context`'s IR, under `name` or, if it is taken, a like one.
  WeightSource(MLIRContext *context, StringRef name, Blob blob);

  /// The data behind `handle`, which the file that is read may still provide.
  explicit WeightSource(WeightHandle handle);

  bool isAbsent() const { return !reference && !data; }
  /// The reference to another file, or null.
  ExternalAttr getReference() const;
  /// True if the data travel with the IR, be they there or not.
  bool isResource() const { return data != nullptr; }
  /// For a resource.
  WeightHandle getHandle() const;
  /// The name in the resources section; empty for others.
  StringRef getName() const;
  /// The data that travel with the IR, with the element type and shape they
  /// were given, raw bytes if they come from a file. Null for others, and if
  /// the file that was read named data which it does not have.
  const Blob *getBlob() const;

  /// Writable bytes of this source alone, which has a blob: in place if no
  /// other source or blob has them, else in a copy under a name like the old
  /// one. They are those of a tensor of `type` and `shape`, and aligned for it.
  /// See `Blob::mutableBytes`.
  Result<std::span<std::byte>> mutableBytes(ElementType type,
                                            std::vector<int64_t> shape);

  /// Makes `blob` the data, under the name it has if no other source has it,
  /// else under `name` or a like one.
  void setBlob(MLIRContext *context, StringRef name, Blob blob);

  /// `#dyn.external`, `#dyn.resource` or `#dyn.absent`.
  Attribute toAttribute(MLIRContext *context) const;
  /// Fails for any other attribute; `emitError` may be null.
  LogicalResult setFromAttribute(Attribute attr,
                                 function_ref<InFlightDiagnostic()> emitError);

  bool operator==(const WeightSource &other) const {
    return reference == other.reference && data == other.data;
  }
  llvm::hash_code hash() const;

private:
  struct Data;
  friend struct WeightSlot;
  friend class WeightResources;
  Attribute reference;
  std::shared_ptr<Data> data;
};

void writeToMlirBytecode(DialectBytecodeWriter &writer,
                         const WeightSource &source);
LogicalResult readFromMlirBytecode(DialectBytecodeReader &reader,
                                   WeightSource &source);

} // namespace mlir::dyn

MLIR_DECLARE_EXPLICIT_TYPE_ID(mlir::dyn::WeightHandle)

#endif // DYN_DIALECT_WEIGHTSOURCE_H
