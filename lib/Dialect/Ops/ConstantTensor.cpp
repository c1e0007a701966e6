//===- ConstantTensor.cpp - Small constants, element by element -----------===//

#include "ConstantTensor.h"

using namespace mlir;
using namespace mlir::dyn;

int64_t dyn::countElements(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

std::optional<SmallVector<int64_t>> dyn::getSmallShape(DynTensorType type) {
  SmallVector<int64_t> shape;
  for (DimAttr dim : type.getShape()) {
    std::optional<int64_t> size = dim.getConstant();
    if (!size)
      return std::nullopt;
    shape.push_back(*size);
  }
  std::optional<int64_t> count = type.getNumElements().getConstant();
  if (!count || *count > ConstantTensor::kMaxElements)
    return std::nullopt;
  return shape;
}

void dyn::forEachIndex(ArrayRef<int64_t> shape,
                       llvm::function_ref<void(ArrayRef<int64_t>)> visit) {
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t i = 0, e = countElements(shape); i < e; ++i) {
    visit(index);
    for (int64_t axis = shape.size() - 1; axis >= 0; --axis) {
      if (++index[axis] < shape[axis])
        break;
      index[axis] = 0;
    }
  }
}

int64_t dyn::getPosition(ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  int64_t position = 0;
  for (auto [i, size] : llvm::zip(index.take_back(shape.size()), shape))
    position = position * size + (size == 1 ? 0 : i);
  return position;
}

std::optional<ConstantTensor> ConstantTensor::get(Attribute constant,
                                                  DynTensorType type) {
  std::optional<SmallVector<int64_t>> shape = getSmallShape(type);
  if (!shape || !constant)
    return std::nullopt;
  ConstantTensor tensor{*shape, type.getElementType(), {}};
  if (auto dims = dyn_cast<DimsAttr>(constant)) {
    llvm::append_range(tensor.elements, dims.getDims());
    return tensor;
  }
  MLIRContext *context = type.getContext();
  if (auto floats = dyn_cast<DenseFPElementsAttr>(constant)) {
    for (const APFloat &value : floats.getValues<APFloat>())
      tensor.elements.push_back(FloatAttr::get(tensor.elementType, value));
    return tensor;
  }
  auto integers = dyn_cast<DenseIntElementsAttr>(constant);
  if (!integers)
    return std::nullopt;
  bool isUnsigned =
      tensor.elementType.isUnsignedInteger() || tensor.elementType.isInteger(1);
  for (const APInt &value : integers.getValues<APInt>())
    tensor.elements.push_back(DimAttr::get(
        context, isUnsigned ? value.getZExtValue() : value.getSExtValue()));
  return tensor;
}

Attribute ConstantTensor::toAttribute() const {
  MLIRContext *context = elementType.getContext();
  SmallVector<DimAttr> sizes;
  for (int64_t size : shape)
    sizes.push_back(DimAttr::get(context, size));
  RankedTensorType type = DynTensorType::get(sizes, elementType).toBuiltin();
  if (isa<FloatType>(elementType))
    return DenseElementsAttr::get(type, elements);

  SmallVector<DimAttr> dims = llvm::map_to_vector(
      elements, [](Attribute element) { return cast<DimAttr>(element); });
  unsigned width = elementType.getIntOrFloatBitWidth();
  SmallVector<APInt> numbers;
  for (DimAttr dim : dims)
    if (std::optional<int64_t> number = dim.getConstant())
      numbers.emplace_back(width, *number, /*isSigned=*/true,
                           /*implicitTrunc=*/true);
  if (numbers.size() == dims.size())
    return DenseElementsAttr::get(type, numbers);
  if (shape.size() > 1)
    return {};
  return DimsAttr::get(context, /*scalar=*/shape.empty(), dims);
}
