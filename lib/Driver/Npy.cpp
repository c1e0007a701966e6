//===- Npy.cpp - NumPy's files of one array -------------------------------===//

#include "Dyn/Driver/Npy.h"
#include "Dyn/Resources/AtomicFile.h"
#include "dyn/runtime.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace mlir::dyn;

static constexpr llvm::StringLiteral kMagic = "\x93NUMPY";

namespace {
struct TypeName {
  llvm::StringLiteral npy;
  uint8_t code, bits;
};
} // namespace

static constexpr TypeName kTypes[] = {
    {"<f2", kDLFloat, 16},  {"<f4", kDLFloat, 32},  {"<f8", kDLFloat, 64},
    {"|i1", kDLInt, 8},     {"<i2", kDLInt, 16},    {"<i4", kDLInt, 32},
    {"<i8", kDLInt, 64},    {"|u1", kDLUInt, 8},    {"|b1", DYN_DL_BOOL, 8},
    {"|V2", kDLBfloat, 16}, {"<V2", kDLBfloat, 16},
};

//===----------------------------------------------------------------------===//
// Array
//===----------------------------------------------------------------------===//

static std::vector<int64_t> getContiguousStrides(llvm::ArrayRef<int64_t> shape,
                                                 bool columnMajor) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = 0, e = shape.size(); i < e; ++i) {
    size_t axis = columnMajor ? i : e - 1 - i;
    strides[axis] = stride;
    stride *= std::max<int64_t>(shape[axis], 1);
  }
  return strides;
}

Array::Array(DLDataType type, std::vector<int64_t> shape)
    : type(type), shape(std::move(shape)),
      strides(getContiguousStrides(this->shape, /*columnMajor=*/false)),
      memory(nullptr, std::free) {
  size_t bytes = std::max<int64_t>(getNumElements(), 1) * (type.bits / 8);
  memory.reset(
      static_cast<char *>(std::aligned_alloc(64, llvm::alignTo(bytes, 64))));
  if (!memory)
    llvm::report_bad_alloc_error("no memory for an array");
  std::memset(memory.get(), 0, bytes);
  data = memory.get();
}

Array::Array(DLDataType type, std::vector<int64_t> shape,
             std::vector<int64_t> strides,
             std::unique_ptr<llvm::MemoryBuffer> file, const char *data)
    : type(type), shape(std::move(shape)), strides(std::move(strides)),
      file(std::move(file)), memory(nullptr, std::free),
      data(const_cast<char *>(data)) {}

int64_t Array::getNumElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

DLTensor Array::getTensor() {
  DLTensor tensor;
  tensor.data = data;
  tensor.device = {kDLCPU, 0};
  tensor.ndim = static_cast<int>(shape.size());
  tensor.dtype = type;
  tensor.shape = shape.data();
  tensor.strides = strides.data();
  tensor.byte_offset = 0;
  return tensor;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// The header's dictionary: {'descr': '<f4', 'fortran_order': False,
/// 'shape': (3, 4), }.
class HeaderParser {
public:
  explicit HeaderParser(llvm::StringRef text) : rest(text) {}

  /// False if the header is not of this form.
  bool parse() {
    if (!eat("{"))
      return false;
    while (!eat("}")) {
      std::string key;
      if (!parseString(key) || !eat(":") || !parseValue(key))
        return false;
      if (!eat(",") && !rest.ltrim().starts_with("}"))
        return false;
    }
    return hasDescr && hasOrder && hasShape;
  }

  std::string descr;
  bool columnMajor = false;
  std::vector<int64_t> shape;

private:
  bool eat(llvm::StringRef token) {
    rest = rest.ltrim();
    return rest.consume_front(token);
  }

  bool parseString(std::string &value) {
    if (!eat("'"))
      return false;
    auto [text, after] = rest.split('\'');
    if (text.size() == rest.size())
      return false;
    value = text.str();
    rest = after;
    return true;
  }

  bool parseValue(llvm::StringRef key) {
    if (key == "descr")
      return hasDescr = parseString(descr);
    if (key == "fortran_order") {
      columnMajor = eat("True");
      return hasOrder = columnMajor || eat("False");
    }
    return key == "shape" && (hasShape = parseShape());
  }

  bool parseShape() {
    if (!eat("("))
      return false;
    while (!eat(")")) {
      int64_t size;
      rest = rest.ltrim();
      if (rest.consumeInteger(10, size) || size < 0)
        return false;
      shape.push_back(size);
      if (!eat(",") && !rest.ltrim().starts_with(")"))
        return false;
    }
    return true;
  }

  llvm::StringRef rest;
  bool hasDescr = false, hasOrder = false, hasShape = false;
};
} // namespace

Result<Array> dyn::readNpy(const std::string &path) {
  auto wrong = [&](const llvm::Twine &why) {
    return Error((path + ": " + why).str());
  };
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return wrong(file.getError().message());
  llvm::StringRef contents = (*file)->getBuffer();
  if (!contents.starts_with(kMagic) || contents.size() < 12)
    return wrong("is no .npy file");
  unsigned version = static_cast<unsigned char>(contents[6]);
  if (version < 1 || version > 3)
    return wrong("is .npy of version " + llvm::Twine(version) +
                 ", expects 1, 2 or 3");
  const char *length = contents.data() + 8;
  uint64_t headerBytes = version == 1 ? llvm::support::endian::read16le(length)
                                      : llvm::support::endian::read32le(length);
  uint64_t dataBegin = headerBytes + (version == 1 ? 10 : 12);
  if (dataBegin > contents.size())
    return wrong("ends inside its header");
  HeaderParser header(
      contents.slice(dataBegin - headerBytes, dataBegin).rtrim());
  if (!header.parse())
    return wrong("has a header that NumPy does not write");
  const TypeName *type = llvm::find_if(
      kTypes, [&](const TypeName &known) { return known.npy == header.descr; });
  if (type == std::end(kTypes))
    return wrong("has elements of type '" + header.descr +
                 "', expects a little-endian float, integer or bool");
  int64_t bytes = type->bits / 8;
  for (int64_t size : header.shape)
    if (llvm::MulOverflow(bytes, size, bytes))
      return wrong("has a shape with too many elements");
  if (static_cast<uint64_t>(bytes) != contents.size() - dataBegin)
    return wrong("has " + llvm::Twine(contents.size() - dataBegin) +
                 " bytes of data, its header says " + llvm::Twine(bytes));
  std::vector<int64_t> strides =
      getContiguousStrides(header.shape, header.columnMajor);
  return Array({type->code, type->bits, 1}, header.shape, std::move(strides),
               std::move(*file), contents.data() + dataBegin);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

Result<> dyn::writeNpy(const std::string &path, const DLTensor &tensor) {
  const TypeName *type = llvm::find_if(kTypes, [&](const TypeName &known) {
    return known.code == tensor.dtype.code && known.bits == tensor.dtype.bits;
  });
  if (type == std::end(kTypes))
    return Error(path + ": .npy has no name for the elements' type");
  llvm::ArrayRef<int64_t> shape(tensor.shape, tensor.ndim);
  int64_t bytes = type->bits / 8;
  std::string header =
      "{'descr': '" + type->npy.str() + "', 'fortran_order': False, 'shape': (";
  for (int64_t size : shape) {
    header += std::to_string(size) + ", ";
    bytes *= size;
  }
  header += "), }";
  // Data start at a multiple of 64 bytes, after a line break.
  constexpr size_t prefix = 10;
  header.resize(llvm::alignTo(prefix + header.size() + 1, 64) - prefix - 1,
                ' ');
  header += '\n';
  if (header.size() > UINT16_MAX)
    return Error(path + ": has too many dimensions for a .npy file");
  char start[prefix];
  std::memcpy(start, kMagic.data(), 6);
  start[6] = 1;
  start[7] = 0;
  llvm::support::endian::write16le(start + 8, header.size());
  header.insert(0, start, prefix);
  Result<AtomicFile> file = AtomicFile::create(path, header.size() + bytes);
  if (!file)
    return file.error();
  auto toBytes = [](const char *data, size_t size) {
    return std::as_bytes(std::span(data, size));
  };
  if (auto written = file->write(0, toBytes(header.data(), header.size()));
      !written)
    return written;
  const char *data =
      static_cast<const char *>(tensor.data) + tensor.byte_offset;
  if (auto written = file->write(header.size(), toBytes(data, bytes)); !written)
    return written;
  return file->commit();
}
