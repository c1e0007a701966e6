//===- Element.cpp - Element types of tensors -----------------------------===//

#include "Element.h"

namespace mlir::dyn::runtime {

static constexpr Element kElements[] = {
    {"f16", {kDLFloat, 16, 1}},  {"bf16", {kDLBfloat, 16, 1}},
    {"f32", {kDLFloat, 32, 1}},  {"f64", {kDLFloat, 64, 1}},
    {"i1", {DYN_DL_BOOL, 8, 1}}, {"i8", {kDLInt, 8, 1}},
    {"i16", {kDLInt, 16, 1}},    {"i32", {kDLInt, 32, 1}},
    {"i64", {kDLInt, 64, 1}},    {"ui8", {kDLUInt, 8, 1}},
};

const Element *Element::find(std::string_view name) {
  for (const Element &element : kElements)
    if (name == element.name)
      return &element;
  return nullptr;
}

std::string formatType(const DLDataType &dtype) {
  for (const Element &element : kElements)
    if (element == dtype)
      return element.name;
  std::string text = dtype.code == kDLInt    ? "i"
                     : dtype.code == kDLUInt ? "ui"
                     : dtype.code == kDLFloat
                         ? "f"
                         : "DLPack type " + std::to_string(dtype.code) + ", ";
  text += std::to_string(dtype.bits);
  if (text.starts_with("DLPack"))
    text += " bits";
  if (dtype.lanes != 1)
    text += " x " + std::to_string(dtype.lanes);
  return text;
}

} // namespace mlir::dyn::runtime
