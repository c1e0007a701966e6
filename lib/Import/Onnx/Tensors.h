//===- Tensors.h - Constants and weights from ONNX tensors ------*- C++ -*-===//

#ifndef DYN_LIB_IMPORT_ONNX_TENSORS_H
#define DYN_LIB_IMPORT_ONNX_TENSORS_H

#include "Dyn/Dialect/Dyn.h"
#include "Dyn/Import/Onnx.h"
#include "Dyn/Resources/WeightLocation.h"
#include "ModelFile.h"

namespace mlir::dyn::onnx_import {

/// The name of an ONNX element type ("int64", "string"), also of those that are
/// not supported.
std::string getDataTypeName(int32_t dataType);

/// The element type of data in memory; nothing for one that is not supported.
std::optional<ElementType> getElementType(int32_t dataType);

/// The dyn element type of an ONNX one; an error that lists the supported ones
/// otherwise.
FailureOr<Type> convertElementType(int32_t dataType, MLIRContext *context);

/// A tensor of the model: its value if it is small, the place of its bytes
/// otherwise.
struct Tensor {
  DynTensorType type;
  /// A DenseElementsAttr of `type.toBuiltin()`, or an ExternalAttr.
  Attribute value;
};

/// Reads tensors, the data of small ones only.
class TensorReader {
public:
  TensorReader(const ModelFile &model, const OnnxImportOptions &options,
               MLIRContext *context);

  /// Floats of at most 64 bytes and integers, which may be sizes, of at most 1
  /// KiB become constants, as do vectors of bytes, which may be zero points, of
  /// at most 64 KiB and tensors whose data are in the model file in an encoding
  /// that memory does not have (packed varints), up to 1 MiB.
  /// Everything else becomes a place. Errors name the tensor.
  FailureOr<Tensor> read(const ::onnx::TensorProto &tensor);

private:
  FailureOr<WeightLocation> locate(const ::onnx::TensorProto &tensor,
                                   uint64_t numBytes) const;
  InFlightDiagnostic emitError(const ::onnx::TensorProto &tensor) const;

  const ModelFile &model;
  MLIRContext *context;
  WeightFolders folders;
  FileCache files;
};

} // namespace mlir::dyn::onnx_import

#endif // DYN_LIB_IMPORT_ONNX_TENSORS_H
