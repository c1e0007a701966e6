//===- ConstantTensor.h - Small constants, element by element ---*- C++ -*-===//

#ifndef DYN_LIB_DIALECT_OPS_CONSTANTTENSOR_H
#define DYN_LIB_DIALECT_OPS_CONSTANTTENSOR_H

#include "Dyn/Dialect/SymbolicDim.h"

namespace mlir::dyn {

/// A small constant as folders work on it. Elements are in row-major order: a
/// `FloatAttr` of the element type for floats, a `DimAttr` for all else (bools
/// are 0 and 1), so that sizes and numbers fold alike.
struct ConstantTensor {
  SmallVector<int64_t> shape;
  Type elementType;
  SmallVector<Attribute> elements;

  /// Larger constants are left to the run: folding is for shape arithmetic and
  /// scalars, weights are never touched.
  static constexpr int64_t kMaxElements = 1024;

  /// The value of a `dyn.constant` of `type`, nullopt if it is too large.
  static std::optional<ConstantTensor> get(Attribute constant,
                                           DynTensorType type);

  /// The attribute that a `dyn.constant` holds; null for sizes in a tensor of
  /// rank 2 or more, which has no attribute.
  Attribute toAttribute() const;

  DimAttr getDim(int64_t index) const { return cast<DimAttr>(elements[index]); }
};

/// The shape of `type` as numbers, nullopt if a size is none or there are more
/// than `ConstantTensor::kMaxElements` elements.
std::optional<SmallVector<int64_t>> getSmallShape(DynTensorType type);

/// Number of elements of a shape of numbers.
int64_t countElements(ArrayRef<int64_t> shape);

/// Calls `visit` with each index of `shape` in row-major order.
void forEachIndex(ArrayRef<int64_t> shape,
                  llvm::function_ref<void(ArrayRef<int64_t>)> visit);

/// Row-major position of `index` in `shape`; `index` may have leading axes that
/// `shape` lacks and sizes of 1 in `shape` stay at 0, as broadcasting reads.
int64_t getPosition(ArrayRef<int64_t> index, ArrayRef<int64_t> shape);

/// What the function of an element needs beside the elements.
struct ElementContext {
  Type resultType; ///< Element type of the result.
  DictionaryAttr symbols;
};

/// One element of the result from one of each operand; null if it cannot be
/// told before the run.
using ElementFn = Attribute (*)(ArrayRef<Attribute> operands,
                                const ElementContext &context);

/// The function of an elementwise operation, null if it has none.
ElementFn getElementFn(Operation *op);

/// What reductions are made of.
Attribute foldAddElements(ArrayRef<Attribute>, const ElementContext &);
Attribute foldMulElements(ArrayRef<Attribute>, const ElementContext &);
Attribute foldMinElements(ArrayRef<Attribute>, const ElementContext &);
Attribute foldMaxElements(ArrayRef<Attribute>, const ElementContext &);

/// `dim` as a value of the integer or bool type `type`: numbers wrap. Null for
/// `?` and for a size that might not fit 8 or 16 bits.
Attribute wrapToType(DimAttr dim, const ElementContext &context);

} // namespace mlir::dyn

#endif // DYN_LIB_DIALECT_OPS_CONSTANTTENSOR_H
