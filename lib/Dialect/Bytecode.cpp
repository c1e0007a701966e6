//===- Bytecode.cpp - Encoding of the dialect in bytecode -----------------===//
//
// An attribute or type is a code and its fields:
//
//   dim        ::= 0 unknown:bool, if known: terms:varint
//                  (coefficient:signed, factors:varint, factor:attr*)*
//   dim_fn     ::= 1 kind:varint lhs:attr rhs:attr
//   dims       ::= 2 scalar:bool count:varint dim:attr*
//   symbol     ::= 3 min:signed max:signed multiple:signed
//   external   ::= 4 file:attr hasKey:bool
//                  (key:attr | offset:signed length:signed)
//   resource   ::= 5 handle:resource
//   absent     ::= 6
//   number     ::= 7 value:signed   a dim, since version 2
//   name       ::= 8 symbol:attr    a dim, since version 2
//   unknown    ::= 9                a dim, since version 2
//
//   tensor     ::= 0 rank:varint dim:attr* elementType:type
//
// The source of a weight is a property:
//
//   source     ::= 0                    absent
//                | 1 reference:attr     in another file
//                | 2 handle:resource    in the file's resources section
//
// Lists are read element by element: a length is what the file says, not a
// reason to allocate.
//
//===----------------------------------------------------------------------===//

#include "Bytecode.h"
#include "Dyn/Dialect/SymbolicDim.h"
#include "Dyn/Dialect/Version.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::dyn;

namespace {
enum AttributeCode : uint64_t {
  kDim = 0,
  kDimFn = 1,
  kDims = 2,
  kSymbol = 3,
  kExternal = 4,
  kResource = 5,
  kAbsent = 6,
  kNumber = 7,
  kName = 8,
  kUnknown = 9
};
enum TypeCode : uint64_t { kTensor = 0 };
enum SourceCode : uint64_t { kNowhere = 0, kElsewhere = 1, kHere = 2 };

using EmitError = llvm::function_ref<InFlightDiagnostic()>;
} // namespace

/// The version that a file is read or written in.
template <typename ReaderOrWriter>
static uint64_t getVersion(const ReaderOrWriter &file) {
  FailureOr<const DialectVersion *> version =
      file.template getDialectVersion<DynDialect>();
  if (failed(version) || !*version)
    return DynVersion::kCurrent;
  return static_cast<const DynVersion *>(*version)->number;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Almost all sizes are a number, a symbol or unknown.
static LogicalResult writeShortDim(DimAttr dim, DialectBytecodeWriter &writer) {
  if (dim.isUnknown()) {
    writer.writeVarInt(kUnknown);
  } else if (std::optional<int64_t> number = dim.getConstant()) {
    writer.writeVarInt(kNumber);
    writer.writeSignedVarInt(*number);
  } else if (StringAttr name = dim.getSymbolName()) {
    writer.writeVarInt(kName);
    writer.writeAttribute(name);
  } else {
    return failure();
  }
  return success();
}

static void write(DimAttr dim, DialectBytecodeWriter &writer) {
  if (getVersion(writer) >= DynVersion::kShortDims &&
      succeeded(writeShortDim(dim, writer)))
    return;
  writer.writeVarInt(kDim);
  writer.writeOwnedBool(dim.isUnknown());
  if (dim.isUnknown())
    return;
  writer.writeVarInt(dim.getMonomials().size());
  for (auto [monomial, coefficient] :
       llvm::zip(dim.getMonomials(), dim.getCoefficients())) {
    writer.writeSignedVarInt(coefficient);
    writer.writeVarInt(monomial.size());
    for (Attribute factor : monomial)
      writer.writeAttribute(factor);
  }
}

static void write(DimFnAttr fn, DialectBytecodeWriter &writer) {
  writer.writeVarInt(kDimFn);
  writer.writeVarInt(static_cast<uint64_t>(fn.getKind()));
  writer.writeAttribute(fn.getLhs());
  writer.writeAttribute(fn.getRhs());
}

static void write(DimsAttr dims, DialectBytecodeWriter &writer) {
  writer.writeVarInt(kDims);
  writer.writeOwnedBool(dims.getScalar());
  writer.writeVarInt(dims.getDims().size());
  for (DimAttr dim : dims.getDims())
    writer.writeAttribute(dim);
}

static void write(SymbolAttr symbol, DialectBytecodeWriter &writer) {
  writer.writeVarInt(kSymbol);
  for (int64_t field : {symbol.getMin(), symbol.getMax(), symbol.getMultiple()})
    writer.writeSignedVarInt(field);
}

static void write(ExternalAttr external, DialectBytecodeWriter &writer) {
  writer.writeVarInt(kExternal);
  writer.writeAttribute(external.getFile());
  writer.writeOwnedBool(static_cast<bool>(external.getKey()));
  if (external.getKey()) {
    writer.writeAttribute(external.getKey());
    return;
  }
  writer.writeSignedVarInt(external.getOffset());
  writer.writeSignedVarInt(external.getLength());
}

static void write(ResourceAttr resource, DialectBytecodeWriter &writer) {
  writer.writeVarInt(kResource);
  writer.writeResourceHandle(resource.getHandle());
}

static void write(AbsentAttr, DialectBytecodeWriter &writer) {
  writer.writeVarInt(kAbsent);
}

LogicalResult
DynBytecodeInterface::writeAttribute(Attribute attr,
                                     DialectBytecodeWriter &writer) const {
  return llvm::TypeSwitch<Attribute, LogicalResult>(attr)
      .Case<DimAttr, DimFnAttr, DimsAttr, SymbolAttr, ExternalAttr,
            ResourceAttr, AbsentAttr>([&](auto attr) {
        write(attr, writer);
        return success();
      })
      .Default(failure());
}

LogicalResult
DynBytecodeInterface::writeType(Type type,
                                DialectBytecodeWriter &writer) const {
  auto tensor = dyn_cast<DynTensorType>(type);
  if (!tensor)
    return failure();
  writer.writeVarInt(kTensor);
  writer.writeVarInt(tensor.getRank());
  for (DimAttr dim : tensor.getShape())
    writer.writeAttribute(dim);
  writer.writeType(tensor.getElementType());
  return success();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// A factor of a term as a size; null and an error if it is none.
static DimAttr readFactor(DialectBytecodeReader &reader) {
  Attribute factor;
  if (failed(reader.readAttribute(factor)))
    return {};
  if (auto name = dyn_cast_or_null<StringAttr>(factor))
    return DimAttr::getSymbol(name);
  if (auto fn = dyn_cast_or_null<DimFnAttr>(factor))
    return DimAttr::apply(fn.getKind(), fn.getLhs(), fn.getRhs());
  reader.emitError("expects a symbol or a function as a factor of a size");
  return {};
}

/// Adds and multiplies what it reads: the result is in normal form whatever the
/// file holds.
static Attribute readDim(DialectBytecodeReader &reader) {
  MLIRContext *context = reader.getContext();
  bool unknown;
  if (failed(reader.readBool(unknown)))
    return {};
  if (unknown)
    return DimAttr::getUnknown(context);
  uint64_t terms;
  if (failed(reader.readVarInt(terms)))
    return {};
  DimAttr sum = DimAttr::get(context, 0);
  for (uint64_t i = 0; i < terms && !sum.isUnknown(); ++i) {
    int64_t coefficient;
    uint64_t factors;
    if (failed(reader.readSignedVarInt(coefficient)) ||
        failed(reader.readVarInt(factors)))
      return {};
    DimAttr product = DimAttr::get(context, coefficient);
    for (uint64_t j = 0; j < factors; ++j) {
      DimAttr factor = readFactor(reader);
      if (!factor)
        return {};
      product = product * factor;
    }
    sum = sum + product;
  }
  if (sum.isUnknown()) {
    reader.emitError("a size divides by 0, has numbers of more than 64 bits or "
                     "is too long");
    return {};
  }
  return sum;
}

static Attribute readShortDim(uint64_t code, DialectBytecodeReader &reader) {
  if (code == kUnknown)
    return DimAttr::getUnknown(reader.getContext());
  if (code == kNumber) {
    int64_t number;
    if (failed(reader.readSignedVarInt(number)))
      return {};
    return DimAttr::get(reader.getContext(), number);
  }
  StringAttr name;
  if (failed(reader.readAttribute(name)))
    return {};
  return DimAttr::getSymbol(name);
}

static Attribute readDimFn(DialectBytecodeReader &reader) {
  uint64_t kind;
  DimAttr lhs, rhs;
  if (failed(reader.readVarInt(kind)) || failed(reader.readAttribute(lhs)) ||
      failed(reader.readAttribute(rhs)))
    return {};
  std::optional<DimFn> fn = kind <= UINT32_MAX
                                ? symbolizeDimFn(static_cast<uint32_t>(kind))
                                : std::nullopt;
  if (!fn) {
    reader.emitError("expects a function of sizes, got number ") << kind;
    return {};
  }
  return DimFnAttr::get(reader.getContext(), *fn, lhs, rhs);
}

/// Reads a count and as many sizes.
static LogicalResult readSizes(DialectBytecodeReader &reader,
                               SmallVectorImpl<DimAttr> &sizes) {
  uint64_t count;
  if (failed(reader.readVarInt(count)))
    return failure();
  for (uint64_t i = 0; i < count; ++i)
    if (failed(reader.readAttribute(sizes.emplace_back())))
      return failure();
  return success();
}

static Attribute readDimsAttr(DialectBytecodeReader &reader) {
  bool scalar;
  SmallVector<DimAttr> dims;
  if (failed(reader.readBool(scalar)) || failed(readSizes(reader, dims)))
    return {};
  auto emitError = [&] { return reader.emitError(); };
  return DimsAttr::getChecked(EmitError(emitError), reader.getContext(), scalar,
                              ArrayRef<DimAttr>(dims));
}

static Attribute readSymbol(DialectBytecodeReader &reader) {
  int64_t min, max, multiple;
  if (failed(reader.readSignedVarInt(min)) ||
      failed(reader.readSignedVarInt(max)) ||
      failed(reader.readSignedVarInt(multiple)))
    return {};
  auto emitError = [&] { return reader.emitError(); };
  return SymbolAttr::getChecked(EmitError(emitError), reader.getContext(), min,
                                max, multiple);
}

static Attribute readExternal(DialectBytecodeReader &reader) {
  StringAttr file, key;
  bool hasKey;
  int64_t offset = 0, length = 0;
  if (failed(reader.readAttribute(file)) || failed(reader.readBool(hasKey)))
    return {};
  if (hasKey ? failed(reader.readAttribute(key))
             : failed(reader.readSignedVarInt(offset)) ||
                   failed(reader.readSignedVarInt(length)))
    return {};
  auto emitError = [&] { return reader.emitError(); };
  return ExternalAttr::getChecked(EmitError(emitError), reader.getContext(),
                                  file, key, offset, length);
}

static Attribute readResource(DialectBytecodeReader &reader) {
  FailureOr<WeightHandle> handle = reader.readResourceHandle<WeightHandle>();
  if (failed(handle))
    return {};
  return ResourceAttr::get(reader.getContext(), *handle);
}

Attribute
DynBytecodeInterface::readAttribute(DialectBytecodeReader &reader) const {
  uint64_t code;
  if (failed(reader.readVarInt(code)))
    return {};
  switch (code) {
  case kDim:
    return readDim(reader);
  case kDimFn:
    return readDimFn(reader);
  case kDims:
    return readDimsAttr(reader);
  case kSymbol:
    return readSymbol(reader);
  case kExternal:
    return readExternal(reader);
  case kResource:
    return readResource(reader);
  case kAbsent:
    return AbsentAttr::get(reader.getContext());
  case kNumber:
  case kName:
  case kUnknown:
    return readShortDim(code, reader);
  }
  reader.emitError("expects an attribute of the dyn dialect, got code ")
      << code;
  return {};
}

Type DynBytecodeInterface::readType(DialectBytecodeReader &reader) const {
  uint64_t code;
  if (failed(reader.readVarInt(code)))
    return {};
  if (code != kTensor) {
    reader.emitError("expects a type of the dyn dialect, got code ") << code;
    return {};
  }
  SmallVector<DimAttr> shape;
  Type elementType;
  if (failed(readSizes(reader, shape)) || failed(reader.readType(elementType)))
    return {};
  auto emitError = [&] { return reader.emitError(); };
  return DynTensorType::getChecked(EmitError(emitError), reader.getContext(),
                                   ArrayRef<DimAttr>(shape), elementType);
}

//===----------------------------------------------------------------------===//
// Properties
//===----------------------------------------------------------------------===//

void dyn::writeToMlirBytecode(DialectBytecodeWriter &writer,
                              const WeightSource &source) {
  if (source.isAbsent())
    return writer.writeVarInt(kNowhere);
  if (ExternalAttr reference = source.getReference()) {
    writer.writeVarInt(kElsewhere);
    return writer.writeAttribute(reference);
  }
  writer.writeVarInt(kHere);
  writer.writeResourceHandle(source.getHandle());
}

LogicalResult dyn::readFromMlirBytecode(DialectBytecodeReader &reader,
                                        WeightSource &source) {
  uint64_t code;
  if (failed(reader.readVarInt(code)))
    return failure();
  switch (code) {
  case kNowhere:
    source = WeightSource();
    return success();
  case kElsewhere: {
    ExternalAttr reference;
    if (failed(reader.readAttribute(reference)))
      return failure();
    source = WeightSource(reference);
    return success();
  }
  case kHere: {
    FailureOr<WeightHandle> handle = reader.readResourceHandle<WeightHandle>();
    if (failed(handle))
      return failure();
    source = WeightSource(*handle);
    return success();
  }
  }
  return reader.emitError("expects the source of a weight, got code ") << code;
}

//===----------------------------------------------------------------------===//
// Version
//===----------------------------------------------------------------------===//

void DynBytecodeInterface::writeVersion(DialectBytecodeWriter &writer) const {
  writer.writeVarInt(getVersion(writer));
}

std::unique_ptr<DialectVersion>
DynBytecodeInterface::readVersion(DialectBytecodeReader &reader) const {
  uint64_t number;
  if (failed(reader.readVarInt(number)))
    return nullptr;
  if (number > DynVersion::kCurrent) {
    reader.emitError("this file is of version ")
        << number << " of the dyn dialect, this Dyn reads versions up to "
        << DynVersion::kCurrent << ": read it with the Dyn that wrote it";
    return nullptr;
  }
  if (number < DynVersion::kOldest) {
    reader.emitError("this file is of version ")
        << number << " of the dyn dialect, this Dyn reads versions from "
        << DynVersion::kOldest
        << " on: write it again, as text, with the Dyn that wrote it";
    return nullptr;
  }
  return std::make_unique<DynVersion>(number);
}
