//===- CommandLine.h - What the drivers' command lines share ----*- C++ -*-===//

#ifndef DYN_DRIVER_COMMANDLINE_H
#define DYN_DRIVER_COMMANDLINE_H

#include "Dyn/Resources/Result.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"

#include <string>
#include <vector>

namespace mlir::dyn {

/// How drivers end: well, with a wrong model or input, with a wrong command
/// line.
enum ExitCode { kSuccess = 0, kWrongInput = 1, kWrongUsage = 2 };

/// Parses a command line. Errors: an unknown option (with the nearest known
/// one), an option without its value.
Result<llvm::opt::InputArgList>
parseCommandLine(const llvm::opt::OptTable &table, int argc, char **argv);

/// "TOOL: error: MESSAGE" on standard error, each line of the message its own.
/// Returns `code`.
int reportError(llvm::StringRef tool, const Error &error, ExitCode code);

/// Writes a file that appears complete or not at all; "-" is standard output.
Result<> writeOutput(const std::string &path, llvm::StringRef contents);

/// Folders near the running program in which the runtime's library is:
/// absolute, or relative to $ORIGIN for artifacts moved with it.
std::vector<std::string> findRuntimeFolders(const char *program,
                                            llvm::StringRef libraryDir);

} // namespace mlir::dyn

#endif // DYN_DRIVER_COMMANDLINE_H
