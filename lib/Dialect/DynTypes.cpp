//===- DynTypes.cpp - The tensor type -------------------------------------===//

#include "DimSyntax.h"
#include "Dyn/Dialect/SymbolicDim.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::dyn;

#define GET_TYPEDEF_CLASSES
#include "Dyn/Dialect/DynTypes.cpp.inc"

void DynDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "Dyn/Dialect/DynTypes.cpp.inc"
      >();
}

Type DynDialect::parseType(DialectAsmParser &parser) const {
  StringRef spelling = parser.getFullSymbolSpec();
  {
    std::lock_guard<std::mutex> lock(spellingsMutex);
    if (Type known = spellings.lookup(spelling))
      return known; // The caller goes on behind the text that it gave.
  }
  SMLoc loc = parser.getCurrentLocation();
  StringRef mnemonic;
  Type type;
  OptionalParseResult parsed = generatedTypeParser(parser, &mnemonic, type);
  if (!parsed.has_value())
    return parser.emitError(loc, "expects a type of dyn, got '")
               << mnemonic << "'",
           Type();
  if (type) {
    std::lock_guard<std::mutex> lock(spellingsMutex);
    spellings.try_emplace(spelling, type);
  }
  return type;
}

void DynDialect::printType(Type type, DialectAsmPrinter &printer) const {
  LogicalResult printed = generatedTypePrinter(type, printer);
  assert(succeeded(printed) && "a type of another dialect");
  (void)printed;
}

bool DynTensorType::isValidElementType(Type type) {
  if (isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(type) ||
      type.isUnsignedInteger(8))
    return true;
  return llvm::any_of(ArrayRef{1, 8, 16, 32, 64}, [&](unsigned width) {
    return type.isSignlessInteger(width);
  });
}

LogicalResult
DynTensorType::verify(function_ref<InFlightDiagnostic()> emitError,
                      ArrayRef<DimAttr> shape, Type elementType) {
  if (!isValidElementType(elementType))
    return emitError() << "expects element type f16, bf16, f32, f64, i1, i8, "
                          "i16, i32, i64 or ui8, got "
                       << elementType;
  for (auto [axis, dim] : llvm::enumerate(shape))
    if (std::optional<int64_t> size = dim.getConstant(); size && *size < 0)
      return emitError() << "expects sizes of at least 0, got " << *size
                         << " for dimension " << axis;
  return success();
}

Type DynTensorType::parse(AsmParser &parser) {
  SmallVector<DimAttr> shape;
  Type elementType;
  if (parser.parseLess() || parseDimList(parser, shape) ||
      parser.parseComma() || parser.parseType(elementType) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<DynTensorType>(parser.getContext(), shape,
                                          elementType);
}

void DynTensorType::print(AsmPrinter &printer) const {
  printer << '<' << formatShape(getShape()) << ", " << getElementType() << '>';
}

DimAttr DynTensorType::getNumElements() const {
  DimAttr product = DimAttr::get(getContext(), 1);
  for (DimAttr dim : getShape())
    product = product * dim;
  return product;
}

bool DynTensorType::hasStaticShape() const {
  return llvm::all_of(
      getShape(), [](DimAttr dim) { return dim.getConstant().has_value(); });
}

RankedTensorType DynTensorType::toBuiltin() const {
  SmallVector<int64_t> shape;
  for (DimAttr dim : getShape())
    shape.push_back(dim.getConstant().value_or(ShapedType::kDynamic));
  Type elementType = getElementType();
  if (elementType.isUnsignedInteger())
    elementType =
        IntegerType::get(getContext(), elementType.getIntOrFloatBitWidth());
  return RankedTensorType::get(shape, elementType);
}

DynTensorType DynTensorType::fromBuiltin(RankedTensorType type) {
  MLIRContext *context = type.getContext();
  SmallVector<DimAttr> shape;
  for (int64_t size : type.getShape())
    shape.push_back(ShapedType::isDynamic(size) ? DimAttr::getUnknown(context)
                                                : DimAttr::get(context, size));
  return get(shape, type.getElementType());
}

bool dyn::areCompatible(TypeRange inferred, TypeRange written) {
  if (inferred.size() != written.size())
    return false;
  for (auto [lhs, rhs] : llvm::zip(inferred, written)) {
    auto lhsType = dyn_cast<DynTensorType>(lhs),
         rhsType = dyn_cast<DynTensorType>(rhs);
    if (!lhsType || !rhsType ||
        lhsType.getElementType() != rhsType.getElementType() ||
        lhsType.getRank() != rhsType.getRank())
      return false;
    for (auto [lhsDim, rhsDim] :
         llvm::zip(lhsType.getShape(), rhsType.getShape()))
      if (lhsDim != rhsDim && !lhsDim.isUnknown() && !rhsDim.isUnknown())
        return false;
  }
  return true;
}
