//===- Output.cpp - Writing IR --------------------------------------------===//

#include "Output.h"
#include "Dyn/Dialect/Version.h"
#include "Dyn/Dialect/WeightData.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Tools/ParseUtilities.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::dyn;

namespace {
/// Writes a file from its start to its end. Bytes of mapped files that
/// `context` knows, if there is one, are copied from file to file.
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
        context && size >= kLargeBytes ? findFile(context, {data, size})
                                       : nullptr;
    std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
    result = source ? file.copy(position, *source,
                                bytes.data() - source->bytes().data(), size)
                    : file.write(position, bytes);
    position += size;
  }
  uint64_t current_pos() const override { return position; }
  size_t preferred_buffer_size() const override { return kLargeBytes; }

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

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// True for a file that may be replaced, or made. What is below /dev and /proc
/// stands for something else, as /dev/stdout does.
static bool isFile(StringRef path) {
  llvm::sys::fs::file_status status;
  return path != "-" && !path.starts_with("/dev/") &&
         !path.starts_with("/proc/") &&
         (llvm::sys::fs::status(path, status) ||
          llvm::sys::fs::is_regular_file(status));
}

Result<OutputFile> OutputFile::open(const std::string &path) {
  OutputFile output;
  output.path = path;
  if (path == "-") {
    output.stream = &llvm::outs();
    return output;
  }
  if (isFile(path)) {
    Result<AtomicFile> file = AtomicFile::create(path);
    if (!file)
      return file.error();
    output.file = std::make_unique<AtomicFile>(*std::move(file));
    output.owned =
        std::make_unique<FileStream>(*output.file, /*context=*/nullptr);
  } else {
    std::error_code code;
    output.owned = std::make_unique<llvm::raw_fd_ostream>(path, code);
    if (code)
      return Error(path + ": " + code.message());
  }
  output.stream = output.owned.get();
  return output;
}

Result<> OutputFile::commit() {
  stream->flush();
  if (file) {
    if (const Result<> &written =
            static_cast<FileStream &>(*stream).getResult();
        !written)
      return written;
    return file->commit(/*waitForDisk=*/false);
  }
  // Standard output reports its errors itself, with the program's end.
  if (!owned)
    return {};
  auto &device = static_cast<llvm::raw_fd_ostream &>(*stream);
  std::error_code code = device.error();
  device.clear_error();
  return code ? Error(path + ": " + code.message()) : Result<>();
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

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
  bool isBytecode = options.config.shouldEmitBytecode();
  if (isBytecode && isFile(path))
    return writeBytecodeFile(op, resources, path, options);
  Result<OutputFile> output = OutputFile::open(path);
  if (!output)
    return output.error();
  if (!isBytecode) {
    AsmState state(op, OpPrintingFlags(), /*locationMap=*/nullptr, &resources);
    op->print(output->os(), state);
    output->os() << '\n';
  } else if (failed(writeBytecode(op, resources, options, output->os()))) {
    return Error(path + ": this module cannot be written as bytecode");
  }
  return output->commit();
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
