//===- Output.cpp - Writing IR --------------------------------------------===//

#include "Output.h"
#include "Dyn/Dialect/Version.h"
#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Resources/AtomicFile.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Tools/ParseUtilities.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::dyn;

namespace {
/// A file that is written from its start to its end. Bytes of mapped files that
/// `context` knows are copied from file to file.
class FileStream : public llvm::raw_ostream {
public:
  FileStream(AtomicFile &file, MLIRContext *context)
      : file(file), context(context) {}
  ~FileStream() override { flush(); }

  const Result<> &getResult() {
    flush();
    return result;
  }

private:
  /// Less is copied through memory.
  static constexpr size_t kLargeBytes = 65536;

  void write_impl(const char *data, size_t size) override {
    if (!result)
      return;
    std::shared_ptr<const MappedFile> source =
        size >= kLargeBytes ? findFile(context, {data, size}) : nullptr;
    std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
    result = source ? file.copy(position, *source,
                                bytes.data() - source->bytes().data(), size)
                    : file.write(position, bytes);
    position += size;
  }
  uint64_t current_pos() const override { return position; }

  AtomicFile &file;
  MLIRContext *context;
  Result<> result;
  uint64_t position = 0;
};

/// Counts what is written, looks at none of it.
class CountingStream : public llvm::raw_ostream {
public:
  CountingStream() : raw_ostream(/*unbuffered=*/true) {}
  ~CountingStream() override = default;
  uint64_t getSize() const { return size; }

private:
  void write_impl(const char *, size_t added) override { size += added; }
  uint64_t current_pos() const override { return size; }

  uint64_t size = 0;
};
} // namespace

static LogicalResult writeBytecode(Operation *op,
                                   FallbackAsmResourceMap &resources,
                                   const OutputOptions &options,
                                   raw_ostream &os) {
  BytecodeWriterConfig writer(resources);
  writer.setDialectVersion<DynDialect>(
      std::make_unique<DynVersion>(options.dynVersion));
  if (std::optional<int64_t> version = options.config.bytecodeVersionToEmit())
    writer.setDesiredBytecodeVersion(*version);
  if (options.config.shouldElideResourceDataFromBytecode())
    writer.setElideResourceDataFlag();
  return writeBytecodeToFile(op, os, writer);
}

/// Twice: the size is known after the first time, which costs nothing since no
/// data are looked at.
static Result<> writeBytecodeFile(Operation *op,
                                  FallbackAsmResourceMap &resources,
                                  const std::string &path,
                                  const OutputOptions &options) {
  CountingStream counter;
  if (failed(writeBytecode(op, resources, options, counter)))
    return Error(path + ": this module cannot be written as bytecode");
  Result<AtomicFile> file = AtomicFile::create(path, counter.getSize());
  if (!file)
    return file.error();
  FileStream stream(*file, op->getContext());
  (void)writeBytecode(op, resources, options, stream);
  if (const Result<> &written = stream.getResult(); !written)
    return written.error();
  assert(stream.tell() == counter.getSize() && "the writer is deterministic");
  return file->commit(/*waitForDisk=*/false);
}

Result<> dyn::writeModule(Operation *op, FallbackAsmResourceMap &resources,
                          const std::string &path,
                          const OutputOptions &options) {
  llvm::sys::fs::file_status status;
  bool isFile = path != "-" && (llvm::sys::fs::status(path, status) ||
                                llvm::sys::fs::is_regular_file(status));
  bool isBytecode = options.config.shouldEmitBytecode();
  if (isFile && isBytecode)
    return writeBytecodeFile(op, resources, path, options);
  auto writeTo = [&](raw_ostream &os) -> llvm::Error {
    if (!isBytecode) {
      AsmState state(op, OpPrintingFlags(), /*locationMap=*/nullptr,
                     &resources);
      op->print(os, state);
      os << '\n';
    } else if (failed(writeBytecode(op, resources, options, os))) {
      return llvm::createStringError(
          "this module cannot be written as bytecode");
    }
    return llvm::Error::success();
  };
  auto write = [&]() -> llvm::Error {
    if (isFile || path == "-")
      return llvm::writeToOutput(path, writeTo);
    // A device or a FIFO keeps its place.
    std::error_code code;
    llvm::raw_fd_ostream os(path, code);
    return code ? llvm::errorCodeToError(code) : writeTo(os);
  };
  if (llvm::Error error = write())
    return Error(path + ": " + llvm::toString(std::move(error)));
  return {};
}

//===----------------------------------------------------------------------===//
// Round trip
//===----------------------------------------------------------------------===//

static std::string printProgram(Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  op->print(os, OpPrintingFlags()
                    .printGenericOpForm()
                    .enableDebugInfo()
                    .elideLargeResourceString(0));
  // The frame of the section stays, unless nothing in it has data.
  StringRef program = StringRef(text).rtrim();
  program.consume_back("{-#\n\n#-}");
  return program.rtrim().str();
}

LogicalResult dyn::verifyRoundTrip(Operation *op,
                                   const DialectRegistry &registry,
                                   const OutputOptions &options) {
  std::string expected = printProgram(op);
  for (bool isBytecode : {false, true}) {
    std::string written = expected;
    if (isBytecode) {
      written.clear();
      llvm::raw_string_ostream os(written);
      BytecodeWriterConfig writer;
      writer.setDialectVersion<DynDialect>(
          std::make_unique<DynVersion>(options.dynVersion));
      writer.setElideResourceDataFlag();
      if (failed(writeBytecodeToFile(op, os, writer)))
        return emitError(op->getLoc(), "cannot be written as bytecode");
    }
    MLIRContext context(registry);
    context.allowUnregisteredDialects(
        options.config.shouldAllowUnregisteredDialects());
    // A verifier may want the data that were left out.
    ParserConfig parser(&context, /*verifyAfterParse=*/false);
    auto sources = std::make_shared<llvm::SourceMgr>();
    sources->AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(written),
                                llvm::SMLoc());
    OwningOpRef<Operation *> again =
        parseSourceFileForTool(sources, parser, /*insertImplicitModule=*/false);
    if (!again || printProgram(*again) != expected)
      return emitError(op->getLoc(),
                       "is another program when it is written as ")
             << (isBytecode ? "bytecode" : "text") << " and read again";
  }
  return success();
}
