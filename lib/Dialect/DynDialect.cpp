//===- DynDialect.cpp - Registration and attributes of the dialect --------===//

#include "Bytecode.h"
#include "Dyn/Dialect/Dyn.h"
#include "Inlining.h"
#include "Ops/ConstantFolding.h"
#include "WeightResources.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::dyn;

#include "Dyn/Dialect/DynDialect.cpp.inc"
#include "Dyn/Dialect/DynEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "Dyn/Dialect/DynAttrs.cpp.inc"

void DynDialect::initialize() {
  registerTypes();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "Dyn/Dialect/DynAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "Dyn/Dialect/DynOps.cpp.inc"
      >();
  addInterfaces<DynBytecodeInterface, ConstantFoldInterface,
                DynInlinerInterface, WeightResources>();
}

// Here because the attribute's storage is; all else about sizes is in
// SymbolicDim.cpp.
DimAttr DimAttr::getNormalized(MLIRContext *context,
                               ArrayRef<int64_t> coefficients,
                               ArrayRef<ArrayAttr> monomials) {
  return Base::get(context, /*unknown=*/false, coefficients, monomials);
}

DimAttr DimAttr::getUnknown(MLIRContext *context) {
  return Base::get(context, /*unknown=*/true, ArrayRef<int64_t>(),
                   ArrayRef<ArrayAttr>());
}

Operation *DynDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                           Type type, Location loc) {
  if (!isa<DynTensorType>(type) || !isa<DenseElementsAttr, DimsAttr>(value))
    return nullptr;
  return ConstantOp::create(builder, loc, type, value);
}

LogicalResult DynDialect::verifyOperationAttribute(Operation *op,
                                                   NamedAttribute attribute) {
  if (attribute.getName() == kKeyAttr) {
    if (!isa<WeightOp>(op))
      return op->emitOpError()
             << "carries '" << kKeyAttr << "', which belongs on a dyn.weight";
    if (!isa<StringAttr>(attribute.getValue()))
      return op->emitOpError()
             << "expects '" << kKeyAttr << "' to be a string, got "
             << attribute.getValue();
  }
  if (attribute.getName() != kSymbolsAttr)
    return success();
  if (!isa<FunctionOpInterface>(op))
    return op->emitOpError()
           << "carries '" << kSymbolsAttr << "', which belongs on a function";
  auto symbols = dyn_cast<DictionaryAttr>(attribute.getValue());
  if (!symbols)
    return op->emitOpError()
           << "expects '" << kSymbolsAttr << "' to be a dictionary, got "
           << attribute.getValue();
  for (NamedAttribute entry : symbols)
    if (!isa<SymbolAttr>(entry.getValue()))
      return op->emitOpError()
             << "expects '" << kSymbolsAttr
             << "' to hold #dyn.symbol attributes, got " << entry.getValue()
             << " for '" << entry.getName().getValue() << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// SymbolAttr and DimsAttr
//===----------------------------------------------------------------------===//

Attribute SymbolAttr::parse(AsmParser &parser, Type) {
  int64_t min, max = INT64_MAX, multiple = 1;
  if (parser.parseLess() || parser.parseInteger(min))
    return {};
  bool comma = succeeded(parser.parseOptionalComma());
  bool hasMultiple =
      comma && succeeded(parser.parseOptionalKeyword("multiple"));
  if (comma && !hasMultiple) {
    if (parser.parseInteger(max))
      return {};
    hasMultiple = succeeded(parser.parseOptionalComma());
    if (hasMultiple && parser.parseKeyword("multiple"))
      return {};
  }
  if ((hasMultiple && parser.parseInteger(multiple)) || parser.parseGreater())
    return {};
  return parser.getChecked<SymbolAttr>(parser.getContext(), min, max, multiple);
}

void SymbolAttr::print(AsmPrinter &printer) const {
  printer << '<' << getMin();
  if (getMax() != INT64_MAX)
    printer << ", " << getMax();
  if (getMultiple() != 1)
    printer << ", multiple " << getMultiple();
  printer << '>';
}

LogicalResult SymbolAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t min, int64_t max, int64_t multiple) {
  if (min < 0)
    return emitError() << "expects a minimum of at least 0, got " << min;
  if (max < min)
    return emitError() << "expects a maximum of at least the minimum " << min
                       << ", got " << max;
  if (multiple < 1)
    return emitError() << "expects a multiple of at least 1, got " << multiple;
  return success();
}

LogicalResult DimsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               bool scalar, ArrayRef<DimAttr> dims) {
  if (scalar && dims.size() != 1)
    return emitError() << "expects one element in a scalar, got "
                       << dims.size();
  if (llvm::any_of(dims, [](DimAttr dim) { return dim.isUnknown(); }))
    return emitError() << "expects known sizes, got ?";
  return success();
}

//===----------------------------------------------------------------------===//
// ExternalAttr
//===----------------------------------------------------------------------===//

LogicalResult ExternalAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   StringAttr file, StringAttr key,
                                   int64_t offset, int64_t length) {
  if (file.getValue().empty())
    return emitError() << "expects the name of a file";
  if (key)
    return success();
  if (offset < 0 || length < 0)
    return emitError() << "expects offset and length of at least 0, got "
                       << offset << " and " << length;
  return success();
}

Attribute ExternalAttr::parse(AsmParser &parser, Type) {
  std::string file, key;
  int64_t offset = 0, length = 0;
  if (parser.parseLess() || parser.parseString(&file) || parser.parseComma())
    return {};
  MLIRContext *context = parser.getContext();
  StringAttr keyAttr;
  if (succeeded(parser.parseOptionalString(&key)))
    keyAttr = StringAttr::get(context, key);
  else if (parser.parseInteger(offset) || parser.parseComma() ||
           parser.parseInteger(length))
    return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<ExternalAttr>(
      context, StringAttr::get(context, file), keyAttr, offset, length);
}

void ExternalAttr::print(AsmPrinter &printer) const {
  printer << '<' << getFile() << ", ";
  if (getKey())
    printer << getKey();
  else
    printer << getOffset() << ", " << getLength();
  printer << '>';
}
