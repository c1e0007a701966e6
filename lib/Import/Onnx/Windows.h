//===- Windows.h - Windows that slide over dimensions -----------*- C++ -*-===//
//
// The attributes that convolutions and pools have in common.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_LIB_IMPORT_ONNX_WINDOWS_H
#define DYN_LIB_IMPORT_ONNX_WINDOWS_H

#include "Node.h"

namespace mlir::dyn::onnx_import {

/// The ints of attribute `name`, `count` of them and none less than `least`;
/// that if it is not there.
SmallVector<int64_t> getSteps(Node &node, StringRef name, int64_t count,
                              int64_t least);

/// How much the dimensions of the first input from the third on are padded,
/// before and after each, so that windows of `taps` fit ceil(size / stride)
/// times: each side gets half, and the `upper` or the lower one what is over.
std::pair<Value, Value> getSamePads(Node &node, Value taps,
                                    ArrayRef<int64_t> strides,
                                    ArrayRef<int64_t> dilations, bool upper);

} // namespace mlir::dyn::onnx_import

#endif // DYN_LIB_IMPORT_ONNX_WINDOWS_H
