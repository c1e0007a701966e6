//===- Wire.h - Protobuf's wire format, without the tensors' data -*- C++
//-*-===//
//
// A model file can be larger than the 2 GiB that protobuf parses, and nearly
// all of it is data that the import does not look at. So the file is first
// copied without the data, which stay in the file as ranges of bytes, and
// protobuf parses the copy. protobuf's own CodedInputStream counts in `int`,
// hence the reader here.
//
// Source: protobuf.dev, "Encoding"; field numbers from onnx.proto.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_LIB_IMPORT_ONNX_WIRE_H
#define DYN_LIB_IMPORT_ONNX_WIRE_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include <string>

namespace mlir::dyn::onnx_import {

enum class WireType : uint8_t {
  Varint = 0,
  Fixed64 = 1,
  Bytes = 2,
  Fixed32 = 5
};

/// One field of a message.
struct WireField {
  uint32_t number;
  WireType type;
  /// Tag, length and value: what to copy to copy the field.
  StringRef whole;
  /// The value if the type is Bytes.
  StringRef bytes;
  /// The value if the type is Varint.
  uint64_t varint;
};

/// Calls `visit` with each field of the encoded `message`, until that fails.
/// Fails as well if the encoding is broken, with the place relative to `file`,
/// which `message` is a part of.
llvm::Error
visitFields(StringRef message, StringRef file,
            llvm::function_ref<llvm::Error(const WireField &)> visit);

/// Copies an encoded ModelProto without the data of its tensors. A tensor's
/// `raw_data`, `float_data` or `double_data` of more than a few bytes becomes
/// its `segment`, whose `begin` and `end` are offsets in `file`.
llvm::Expected<std::string> copyWithoutData(StringRef file);

} // namespace mlir::dyn::onnx_import

#endif // DYN_LIB_IMPORT_ONNX_WIRE_H
