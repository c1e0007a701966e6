//===- Wire.cpp - Protobuf's wire format, without the tensors' data -------===//

#include "Wire.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

/// Data up to this many bytes are copied rather than referred to.
static constexpr size_t kSmallData = 64;
/// Messages inside messages; protobuf's own limit.
static constexpr int kMaxDepth = 100;

template <typename... Args>
static llvm::Error makeError(const char *format, Args &&...args) {
  return llvm::createStringError(std::errc::invalid_argument, format,
                                 std::forward<Args>(args)...);
}

/// Takes a varint off the front of `rest`; false if there is none.
static bool takeVarint(StringRef &rest, uint64_t &value) {
  value = 0;
  for (size_t i = 0; i < std::min<size_t>(rest.size(), 10); ++i) {
    auto byte = static_cast<uint8_t>(rest[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      rest = rest.drop_front(i + 1);
      return true;
    }
  }
  return false;
}

llvm::Error onnx_import::visitFields(
    StringRef message, StringRef file,
    llvm::function_ref<llvm::Error(const WireField &)> visit) {
  StringRef rest = message;
  while (!rest.empty()) {
    const char *begin = rest.data();
    unsigned long long offset = begin - file.data();
    auto truncated = [&] {
      return makeError("is not an ONNX model or is cut off: the field at byte "
                       "%llu has no end",
                       offset);
    };
    uint64_t tag, length;
    if (!takeVarint(rest, tag))
      return truncated();
    WireField field{static_cast<uint32_t>(tag >> 3),
                    static_cast<WireType>(tag & 7),
                    {},
                    {},
                    0};
    // Types 3 and 4 are groups, which ONNX has none of.
    bool hasType = (tag & 7) <= 2 || (tag & 7) == 5;
    if (tag >> 32 || field.number == 0 || !hasType)
      return makeError("is not an ONNX model: there is no field at byte %llu",
                       offset);
    switch (field.type) {
    case WireType::Varint:
      if (!takeVarint(rest, field.varint))
        return truncated();
      break;
    case WireType::Fixed64:
    case WireType::Fixed32:
      length = field.type == WireType::Fixed64 ? 8 : 4;
      if (rest.size() < length)
        return truncated();
      rest = rest.drop_front(length);
      break;
    case WireType::Bytes:
      if (!takeVarint(rest, length))
        return truncated();
      if (length > rest.size())
        return makeError("is not an ONNX model or is cut off: the field at "
                         "byte %llu has %llu bytes, %llu are left",
                         offset, static_cast<unsigned long long>(length),
                         static_cast<unsigned long long>(rest.size()));
      field.bytes = rest.take_front(length);
      rest = rest.drop_front(length);
      break;
    }
    field.whole = StringRef(begin, rest.data() - begin);
    if (llvm::Error error = visit(field))
      return error;
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Copying
//===----------------------------------------------------------------------===//

static void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

static void appendVarintField(std::string &out, uint32_t number,
                              uint64_t value) {
  appendVarint(out, number << 3);
  appendVarint(out, value);
}

static void appendBytesField(std::string &out, uint32_t number,
                             StringRef bytes) {
  appendVarint(out, number << 3 | static_cast<uint32_t>(WireType::Bytes));
  appendVarint(out, bytes.size());
  out.append(bytes.data(), bytes.size());
}

namespace {
enum class Message : uint8_t {
  Model,
  Graph,
  Function,
  Node,
  Attribute,
  Tensor
};

class Copier {
public:
  explicit Copier(StringRef file) : file(file) {}

  llvm::Error copy(Message kind, StringRef message, std::string &out);

private:
  llvm::Error copyTensor(StringRef message, std::string &out);

  StringRef file;
  int depth = 0;
};
} // namespace

/// The kind of message in a field, for those on the way to tensors.
static std::optional<Message> getChild(Message parent, uint32_t number) {
  switch (parent) {
  case Message::Model:
    if (number == 7)
      return Message::Graph;
    if (number == 25)
      return Message::Function;
    break;
  case Message::Graph:
    if (number == 1)
      return Message::Node;
    if (number == 5)
      return Message::Tensor;
    break;
  case Message::Function:
    if (number == 7)
      return Message::Node;
    if (number == 11) // attribute_proto, of ONNX 1.13
      return Message::Attribute;
    break;
  case Message::Node:
    if (number == 5)
      return Message::Attribute;
    break;
  case Message::Attribute:
    if (number == 5 || number == 10)
      return Message::Tensor;
    if (number == 6 || number == 11)
      return Message::Graph;
    break;
  case Message::Tensor:
    break;
  }
  return std::nullopt;
}

llvm::Error Copier::copy(Message kind, StringRef message, std::string &out) {
  if (kind == Message::Tensor)
    return copyTensor(message, out);
  if (++depth > kMaxDepth)
    return makeError("nests graphs more than %d messages deep", kMaxDepth);
  llvm::Error error =
      visitFields(message, file, [&](const WireField &field) -> llvm::Error {
        // Training, which inference ignores.
        if (kind == Message::Model && field.number == 20)
          return llvm::Error::success();
        std::optional<Message> child = getChild(kind, field.number);
        if (!child || field.type != WireType::Bytes) {
          out.append(field.whole.data(), field.whole.size());
          return llvm::Error::success();
        }
        std::string copied;
        if (llvm::Error error = copy(*child, field.bytes, copied))
          return error;
        appendBytesField(out, field.number, copied);
        return llvm::Error::success();
      });
  --depth;
  return error;
}

llvm::Error Copier::copyTensor(StringRef message, std::string &out) {
  uint64_t dataType = 0;
  if (llvm::Error error =
          visitFields(message, file, [&](const WireField &field) {
            if (field.number == 2 && field.type == WireType::Varint)
              dataType = field.varint;
            return llvm::Error::success();
          }))
    return error;
  // Packed floats are in the file as they are in memory; packed integers are
  // varints.
  auto isData = [&](uint32_t number) {
    return number == 9 || (number == 4 && dataType == 1) ||
           (number == 10 && dataType == 11);
  };
  bool hasSegment = false;
  return visitFields(message, file, [&](const WireField &field) -> llvm::Error {
    if (field.number == 3)
      return makeError("has a tensor in segments, which are not supported");
    bool large = field.type == WireType::Bytes && isData(field.number) &&
                 field.bytes.size() > kSmallData;
    if (!large) {
      out.append(field.whole.data(), field.whole.size());
      return llvm::Error::success();
    }
    if (hasSegment)
      return makeError(
          "has a tensor with data in several pieces, which is not supported");
    hasSegment = true;
    uint64_t begin = field.bytes.data() - file.data();
    std::string segment;
    appendVarintField(segment, 1, begin);
    appendVarintField(segment, 2, begin + field.bytes.size());
    appendBytesField(out, 3, segment);
    return llvm::Error::success();
  });
}

llvm::Expected<std::string> onnx_import::copyWithoutData(StringRef file) {
  std::string copied;
  if (llvm::Error error = Copier(file).copy(Message::Model, file, copied))
    return std::move(error);
  return copied;
}
