//===- CommandLine.cpp - What the drivers' command lines share ------------===//

#include "Dyn/Driver/CommandLine.h"
#include "Dyn/Resources/AtomicFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Option/Arg.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::dyn;

Result<llvm::opt::InputArgList>
dyn::parseCommandLine(const llvm::opt::OptTable &table, int argc, char **argv) {
  unsigned missingIndex = 0, missingCount = 0;
  llvm::ArrayRef<const char *> words(argv + 1, argc - 1);
  llvm::opt::InputArgList arguments =
      table.ParseArgs(words, missingIndex, missingCount);
  if (missingCount)
    return Error(std::string(arguments.getArgString(missingIndex)) +
                 " expects a value");
  for (const llvm::opt::Arg *argument : arguments) {
    if (argument->getOption().getKind() != llvm::opt::Option::UnknownClass)
      continue;
    std::string spelling = argument->getAsString(arguments), nearest;
    std::string message = "unknown option '" + spelling + "'";
    if (table.findNearest(spelling, nearest) <= 2)
      message += ", did you mean '" + nearest + "'";
    return Error(message + ": see --help");
  }
  return arguments;
}

int dyn::reportError(llvm::StringRef tool, const Error &error, ExitCode code) {
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(error.message()).split(lines, '\n');
  for (llvm::StringRef line : lines)
    llvm::errs() << tool << ": error: " << line << '\n';
  return code;
}

Result<> dyn::writeOutput(const std::string &path, llvm::StringRef contents) {
  if (path == "-") {
    llvm::outs() << contents;
    llvm::outs().flush();
    if (std::error_code code = llvm::outs().error()) {
      llvm::outs().clear_error();
      return Error("standard output: " + code.message());
    }
    return {};
  }
  Result<AtomicFile> file = AtomicFile::create(path, contents.size());
  if (!file)
    return file.error();
  auto bytes = std::as_bytes(std::span(contents.data(), contents.size()));
  if (auto written = file->write(0, bytes); !written)
    return written;
  return file->commit();
}

std::vector<std::string> dyn::findRuntimeFolders(const char *program,
                                                 llvm::StringRef libraryDir) {
  std::vector<std::string> folders{"$ORIGIN"};
  std::string self = llvm::sys::fs::getMainExecutable(
      program, reinterpret_cast<void *>(&findRuntimeFolders));
  llvm::StringRef root =
      llvm::sys::path::parent_path(llvm::sys::path::parent_path(self));
  for (llvm::StringRef name : {llvm::StringRef("lib"), libraryDir}) {
    llvm::SmallString<128> folder(root);
    llvm::sys::path::append(folder, name);
    llvm::SmallString<128> library(folder);
    llvm::sys::path::append(library, "libdyn_runtime.so.0");
    if (llvm::sys::fs::exists(library) && folders.back() != folder)
      folders.push_back(folder.str().str());
  }
  return folders;
}
