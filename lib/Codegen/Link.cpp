//===- Link.cpp - From object code to a shared library --------------------===//

#include "Dyn/Codegen/Link.h"
#include "Dyn/Codegen/Object.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/InterfaceStub/ELFObjHandler.h"
#include "llvm/InterfaceStub/IFSStub.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::dyn;

static constexpr llvm::StringLiteral kRuntimeLibrary = "libdyn_runtime.so.0";

static Result<std::string> findLinker() {
  std::string versioned = "ld.lld-" + std::to_string(LLVM_VERSION_MAJOR);
  llvm::StringRef toolsDir[] = {DYN_LLVM_TOOLS_DIR};
  if (auto path = llvm::sys::findProgramByName("ld.lld", toolsDir))
    return *path;
  for (llvm::StringRef name :
       {llvm::StringRef(versioned), llvm::StringRef("ld.lld")})
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return Error("the linker ld.lld is neither in " DYN_LLVM_TOOLS_DIR
               " nor on the PATH: install lld-" +
               std::to_string(LLVM_VERSION_MAJOR));
}

/// Writes a shared library without code, for the linker to find the runtime's
/// functions in.
static Result<> writeRuntimeStub(const std::string &path,
                                 const llvm::Triple &triple) {
  llvm::ifs::IFSStub stub;
  stub.SoName = kRuntimeLibrary.str();
  stub.Target.Arch =
      triple.isAArch64() ? llvm::ELF::EM_AARCH64 : llvm::ELF::EM_X86_64;
  stub.Target.BitWidth = llvm::ifs::IFSBitWidthType::IFS64;
  stub.Target.Endianness = llvm::ifs::IFSEndiannessType::Little;
  stub.Target.ObjectFormat = "ELF";
  for (llvm::StringRef name : getAllowedCalls()) {
    llvm::ifs::IFSSymbol symbol(name.str());
    symbol.Type = llvm::ifs::IFSSymbolType::Func;
    stub.Symbols.push_back(symbol);
  }
  if (llvm::Error error = llvm::ifs::writeBinaryStub(path, stub))
    return Error("cannot write " + path + ": " +
                 llvm::toString(std::move(error)));
  return {};
}

static Result<> writeFile(const std::string &path, llvm::StringRef contents) {
  std::error_code code;
  llvm::raw_fd_ostream os(path, code);
  if (!code) {
    os << contents;
    os.close();
    code = os.error();
    os.clear_error();
  }
  if (code)
    return Error("cannot write " + path + ": " + code.message());
  return {};
}

/// Runs the linker; its first complaint becomes the error.
static Result<> run(const std::string &linker,
                    const std::vector<std::string> &arguments,
                    const std::string &complaints) {
  std::vector<llvm::StringRef> words(arguments.begin(), arguments.end());
  std::optional<llvm::StringRef> redirects[] = {
      llvm::StringRef(""), llvm::StringRef(""), llvm::StringRef(complaints)};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(linker, words, /*Env=*/std::nullopt,
                                         redirects, /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &message);
  if (status == 0)
    return {};
  auto text = llvm::MemoryBuffer::getFile(complaints);
  if (text && !(*text)->getBuffer().empty())
    message = (*text)->getBuffer().split('\n').first.str();
  return Error(
      "the linker " + linker + " failed: " +
      (message.empty() ? "status " + std::to_string(status) : message));
}

Result<std::string>
dyn::linkSharedLibrary(llvm::ArrayRef<llvm::StringRef> objects,
                       const LinkOptions &options) {
  Result<std::string> linker = findLinker();
  if (!linker)
    return linker.error();
  llvm::SmallString<128> folder;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("dyn-link", folder))
    return Error("cannot make a temporary folder: " + code.message());
  auto cleanUp = llvm::scope_exit(
      [&] { (void)llvm::sys::fs::remove_directories(folder); });
  auto inFolder = [&](const std::string &name) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    return std::string(path);
  };
  std::string stub = inFolder(kRuntimeLibrary.str()),
              library = inFolder("artifact.so");
  if (auto written = writeRuntimeStub(stub, llvm::Triple(options.triple));
      !written)
    return written.error();
  std::vector<std::string> arguments = {*linker,
                                        "-shared",
                                        "-o",
                                        library,
                                        "--no-undefined",
                                        "--hash-style=gnu",
                                        "-z",
                                        "relro",
                                        "-z",
                                        "now",
                                        "-z",
                                        "noexecstack",
                                        "--gc-sections",
                                        "--build-id=sha1",
                                        "--enable-new-dtags"};
  for (const std::string &runtimeFolder : options.runtimeFolders)
    arguments.insert(arguments.end(), {"-rpath", runtimeFolder});
  for (auto [i, object] : llvm::enumerate(objects)) {
    std::string path = inFolder(std::to_string(i) + ".o");
    if (auto written = writeFile(path, object); !written)
      return written.error();
    arguments.push_back(path);
  }
  arguments.push_back(stub);
  if (auto linked = run(*linker, arguments, inFolder("stderr")); !linked)
    return linked.error();
  auto bytes = llvm::MemoryBuffer::getFile(library, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!bytes)
    return Error("cannot read " + library + ": " + bytes.getError().message());
  return (*bytes)->getBuffer().str();
}
