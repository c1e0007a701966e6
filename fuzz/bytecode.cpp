//===- bytecode.cpp - Fuzzes the dyn dialect's part of bytecode -----------===//
//
// The input is not a file: MLIR 22's own reader asserts, loops and runs out of
// memory on random damage to its framing (sections, offsets, numbering), which
// is not ours to mend. It is what that reader hands to the dialect: the numbers
// of the encodings, and attributes, types and handles of any kind where one is
// referred to. So inputs are valid framing around damaged dyn sections, and a
// thousand times faster than files.
//
// An input is a list of actions, each a byte and what the dialect reads:
// 0 attribute, 1 type, 2 version, 3 properties of an operation (its number
// first), 4 a resource (its key, alignment and bytes). A number is 7 bits a
// byte, the lowest first; attributes, types and handles are numbers of what was
// read before, after what `Pool` starts with.
//
//===----------------------------------------------------------------------===//

#include "Dyn/Dialect/Dyn.h"
#include "Dyn/Dialect/Version.h"
#include "Dyn/Dialect/WeightData.h"
#include "Require.h"
#include "mlir/Bytecode/BytecodeImplementation.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <variant>

using namespace mlir;
using namespace mlir::dyn;

namespace {

/// What an input refers to by number.
struct Pool {
  std::vector<Attribute> attributes;
  std::vector<Type> types;
  std::vector<AsmDialectResourceHandle> handles;

  explicit Pool(MLIRContext *context) {
    Builder builder(context);
    for (const char *text : {"B", "S", "", "w.safetensors", "min", "0"})
      attributes.push_back(builder.getStringAttr(text));
    attributes.push_back(builder.getI64IntegerAttr(-1));
    attributes.push_back(builder.getUnitAttr());
    attributes.push_back(builder.getBoolAttr(true));
    attributes.push_back(builder.getDenseI64ArrayAttr({1, 0}));
    attributes.push_back(
        DenseElementsAttr::get(RankedTensorType::get({2}, builder.getF32Type()),
                               ArrayRef<float>{1, 2}));
    attributes.push_back(FlatSymbolRefAttr::get(context, "w"));
    attributes.push_back(DimAttr::get(context, 2));
    attributes.push_back(DimAttr::getUnknown(context));
    types = {builder.getF32Type(),
             builder.getI64Type(),
             builder.getI1Type(),
             builder.getIndexType(),
             builder.getIntegerType(8, /*isSigned=*/false),
             builder.getIntegerType(7),
             RankedTensorType::get({2}, builder.getF32Type())};
    for (Type type : types)
      attributes.push_back(TypeAttr::get(type));
  }
};

/// What both readers are, for a dialect.
class Reader : public DialectBytecodeReader {
public:
  explicit Reader(MLIRContext *context) : context(context) {}

  InFlightDiagnostic emitError(const Twine &message) const override {
    return mlir::emitError(UnknownLoc::get(context), message);
  }
  FailureOr<const DialectVersion *>
  getDialectVersion(StringRef) const override {
    return static_cast<const DialectVersion *>(&version);
  }
  MLIRContext *getContext() const override { return context; }
  uint64_t getBytecodeVersion() const override { return 6; }
  LogicalResult readOptionalAttribute(Attribute &result) override {
    bool isThere;
    if (failed(readBool(isThere)))
      return failure();
    return isThere ? readAttribute(result) : success();
  }
  FailureOr<APInt> readAPIntWithKnownWidth(unsigned) override {
    return failure();
  }
  FailureOr<APFloat>
  readAPFloatWithKnownSemantics(const llvm::fltSemantics &) override {
    return failure();
  }
  LogicalResult readString(StringRef &) override { return failure(); }
  LogicalResult readBlob(ArrayRef<char> &) override { return failure(); }

  DynVersion version{DynVersion::kCurrent};

private:
  MLIRContext *context;
};

/// Reads what the fuzzer says.
class InputReader : public Reader {
public:
  InputReader(MLIRContext *context, const Pool &pool,
              std::span<const uint8_t> input)
      : Reader(context), pool(pool), input(input) {}

  bool atEnd() const { return input.empty(); }

  LogicalResult readVarInt(uint64_t &result) override {
    result = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (input.empty())
        return emitError("the file ends");
      uint8_t byte = input.front();
      input = input.subspan(1);
      result |= uint64_t(byte & 127) << shift;
      if (byte < 128)
        break;
    }
    return success();
  }
  LogicalResult readSignedVarInt(int64_t &result) override {
    uint64_t bits;
    if (failed(readVarInt(bits)))
      return failure();
    result = static_cast<int64_t>(bits >> 1 ^ -(bits & 1));
    return success();
  }
  LogicalResult readBool(bool &result) override {
    uint64_t number;
    LogicalResult done = readVarInt(number);
    result = number & 1;
    return done;
  }
  LogicalResult readAttribute(Attribute &result) override {
    return pick(pool.attributes, result);
  }
  LogicalResult readType(Type &result) override {
    return pick(pool.types, result);
  }
  std::span<const uint8_t> takeBytes(uint64_t count) {
    auto bytes = input.first(std::min<uint64_t>(count, input.size()));
    input = input.subspan(bytes.size());
    return bytes;
  }

private:
  template <typename T> LogicalResult pick(const std::vector<T> &all, T &one) {
    uint64_t number;
    if (failed(readVarInt(number)))
      return failure();
    if (number >= all.size())
      return emitError("there is no such number");
    one = all[number];
    return success();
  }
  FailureOr<AsmDialectResourceHandle> readResourceHandle() override {
    AsmDialectResourceHandle handle;
    if (failed(pick(pool.handles, handle)))
      return failure();
    return handle;
  }

  const Pool &pool;
  std::span<const uint8_t> input;
};

using Entry = std::variant<uint64_t, int64_t, bool, Attribute, Type,
                           AsmDialectResourceHandle>;

/// Keeps what a dialect writes.
class Recorder : public DialectBytecodeWriter {
public:
  void writeAttribute(Attribute attr) override { entries.emplace_back(attr); }
  void writeOptionalAttribute(Attribute attr) override {
    entries.emplace_back(static_cast<bool>(attr));
    if (attr)
      writeAttribute(attr);
  }
  void writeType(Type type) override { entries.emplace_back(type); }
  void writeResourceHandle(const AsmDialectResourceHandle &handle) override {
    entries.emplace_back(handle);
  }
  void writeVarInt(uint64_t value) override { entries.emplace_back(value); }
  void writeSignedVarInt(int64_t value) override {
    entries.emplace_back(value);
  }
  void writeAPIntWithKnownWidth(const APInt &) override {}
  void writeAPFloatWithKnownSemantics(const APFloat &) override {}
  void writeOwnedString(StringRef) override {}
  void writeOwnedBlob(ArrayRef<char>) override {}
  void writeOwnedBool(bool value) override { entries.emplace_back(value); }
  int64_t getBytecodeVersion() const override { return 6; }
  FailureOr<const DialectVersion *>
  getDialectVersion(StringRef) const override {
    return failure();
  }

  std::vector<Entry> entries;
};

/// Reads what was recorded.
class Replay : public Reader {
public:
  Replay(MLIRContext *context, std::vector<Entry> entries)
      : Reader(context), entries(std::move(entries)) {}

  bool atEnd() const { return next == entries.size(); }
  LogicalResult readVarInt(uint64_t &result) override { return take(result); }
  LogicalResult readSignedVarInt(int64_t &result) override {
    return take(result);
  }
  LogicalResult readBool(bool &result) override { return take(result); }
  LogicalResult readAttribute(Attribute &result) override {
    return take(result);
  }
  LogicalResult readType(Type &result) override { return take(result); }

private:
  template <typename T> LogicalResult take(T &result) {
    require(next < entries.size() && std::holds_alternative<T>(entries[next]),
            "what is written is read in its order");
    result = std::get<T>(entries[next++]);
    return success();
  }
  FailureOr<AsmDialectResourceHandle> readResourceHandle() override {
    AsmDialectResourceHandle handle;
    (void)take(handle);
    return handle;
  }

  std::vector<Entry> entries;
  size_t next = 0;
};

/// An entry of the resources section.
class ResourceEntry : public AsmParsedResourceEntry {
public:
  ResourceEntry(MLIRContext *context, std::string key, size_t alignment,
                std::span<const uint8_t> data)
      : context(context), key(std::move(key)), alignment(alignment),
        data(data) {}

  StringRef getKey() const override { return key; }
  InFlightDiagnostic emitError() const override {
    return mlir::emitError(UnknownLoc::get(context));
  }
  AsmResourceEntryKind getKind() const override {
    return AsmResourceEntryKind::Blob;
  }
  FailureOr<bool> parseAsBool() const override { return failure(); }
  FailureOr<std::string> parseAsString() const override { return failure(); }
  FailureOr<AsmResourceBlob>
  parseAsBlob(BlobAllocatorFn allocate) const override {
    AsmResourceBlob blob = allocate(data.size(), alignment);
    require(blob.getData().size() == data.size(), "as much is allocated");
    llvm::copy(data, blob.getMutableData().begin());
    return blob;
  }

private:
  MLIRContext *context;
  std::string key;
  size_t alignment;
  std::span<const uint8_t> data;
};

class Run {
public:
  explicit Run(std::span<const uint8_t> input)
      : context(MLIRContext::Threading::DISABLED),
        handler(&context,
                [&](Diagnostic &diagnostic) {
                  hasError |=
                      diagnostic.getSeverity() == DiagnosticSeverity::Error;
                  require(!diagnostic.str().empty(), "an error says something");
                  return success();
                }),
        dialect(context.getOrLoadDialect<DynDialect>()), pool(&context),
        reader(&context, pool, input),
        bytecode(dialect->getRegisteredInterface<BytecodeDialectInterface>()),
        resources(dialect->getRegisteredInterface<OpAsmDialectInterface>()) {
    for (RegisteredOperationName name :
         context.getRegisteredOperationsByDialect("dyn"))
      if (name.hasInterface<BytecodeOpInterface>())
        operations.push_back(name);
  }

  void run() {
    uint64_t action;
    // A file has as many entries as it has; a fuzzer would add up to a timeout.
    for (unsigned i = 0; i < 64 && !reader.atEnd(); ++i) {
      if (failed(reader.readVarInt(action)))
        return;
      hasError = false;
      switch (action % 5) {
      case 0:
        readAttribute();
        break;
      case 1:
        readType();
        break;
      case 2:
        readVersion();
        break;
      case 3:
        readProperties();
        break;
      case 4:
        readResource();
        break;
      }
    }
  }

private:
  template <typename T> void print(T value) {
    std::string text;
    llvm::raw_string_ostream(text) << value;
    require(!text.empty(), "what is read can be printed");
  }

  /// Reads an attribute or a type, and reads again what is written of it. Null
  /// if it is refused.
  template <typename T, typename ReadFn, typename WriteFn>
  T readAndRewrite(ReadFn read, WriteFn write) {
    T value = read(reader);
    require(static_cast<bool>(value) != hasError,
            "there is a value or an error");
    if (!value)
      return value;
    print(value);
    Recorder recorder;
    require(succeeded(write(value, recorder)), "what was read can be written");
    Replay replay(&context, recorder.entries);
    require(read(replay) == value && replay.atEnd(),
            "a value is read as it was written");
    return value;
  }

  void readAttribute() {
    auto attribute = readAndRewrite<Attribute>(
        [&](Reader &from) { return bytecode->readAttribute(from); },
        [&](Attribute value, Recorder &to) {
          return bytecode->writeAttribute(value, to);
        });
    if (attribute)
      pool.attributes.push_back(attribute);
  }

  void readType() {
    auto type = readAndRewrite<Type>(
        [&](Reader &from) { return bytecode->readType(from); },
        [&](Type value, Recorder &to) {
          return bytecode->writeType(value, to);
        });
    if (!type)
      return;
    pool.types.push_back(type);
    pool.attributes.push_back(TypeAttr::get(type));
  }

  void readVersion() {
    std::unique_ptr<DialectVersion> version = bytecode->readVersion(reader);
    require(static_cast<bool>(version) != hasError,
            "there is a version or an error");
    // From now on it is that of the file.
    if (version)
      reader.version = *static_cast<DynVersion *>(version.get());
  }

  void readProperties() {
    uint64_t number;
    if (failed(reader.readVarInt(number)))
      return;
    RegisteredOperationName name = operations[number % operations.size()];
    OperationState state(UnknownLoc::get(&context), name);
    auto *interface = name.getInterface<BytecodeOpInterface>();
    LogicalResult done = interface->readProperties(reader, state);
    require(failed(done) == hasError, "there are properties or an error");
    if (failed(done))
      return;
    Operation *op = Operation::create(state);
    if (succeeded(verify(op))) {
      print(OpWithFlags(op, OpPrintingFlags().printGenericOpForm()));
      if (auto weight = dyn_cast<WeightOp>(op)) {
        Result<Blob> blob = readWeight(weight);
        require(!blob ||
                    blob->getShape() == getStaticShape(weight.getTensorType()),
                "data are of the weight's shape");
      }
    }
    op->destroy();
  }

  void readResource() {
    uint64_t key, alignment, size;
    if (failed(reader.readVarInt(key)) ||
        failed(reader.readVarInt(alignment)) || failed(reader.readVarInt(size)))
      return;
    FailureOr<AsmDialectResourceHandle> handle =
        resources->declareResource("r" + std::to_string(key % 4));
    require(succeeded(handle), "resources can be declared");
    pool.handles.push_back(*handle);
    ResourceEntry entry(&context, resources->getResourceKey(*handle),
                        size_t(1) << alignment % 16, reader.takeBytes(size));
    LogicalResult done = resources->parseResource(entry);
    require(failed(done) == hasError, "there is a resource or an error");
  }

  MLIRContext context;
  bool hasError = false;
  ScopedDiagnosticHandler handler;
  DynDialect *dialect;
  Pool pool;
  InputReader reader;
  const BytecodeDialectInterface *bytecode;
  const OpAsmDialectInterface *resources;
  std::vector<RegisteredOperationName> operations;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Run({data, size}).run();
  return 0;
}
