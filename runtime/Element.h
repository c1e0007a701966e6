//===- Element.h - Element types of tensors ---------------------*- C++ -*-===//

#ifndef DYN_RUNTIME_ELEMENT_H
#define DYN_RUNTIME_ELEMENT_H

#include "dyn/runtime.h"

#include <string>
#include <string_view>

namespace mlir::dyn::runtime {

/// An element type that a model may have, one of a fixed table's rows.
struct Element {
  const char *name; // TYPE in artifact.h
  DLDataType dtype;

  /// Bytes of one element in memory.
  size_t size() const { return dtype.bits / 8; }
  bool operator==(const DLDataType &other) const {
    return dtype.code == other.code && dtype.bits == other.bits &&
           dtype.lanes == other.lanes;
  }

  /// Null if there is no such type.
  static const Element *find(std::string_view name);
};

/// A DLPack type for error messages: "f32", "i64", or "DLPack type 5, 64 bits"
/// for one that no model has.
std::string formatType(const DLDataType &dtype);

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_ELEMENT_H
