//===- Link.h - From object code to a shared library ------------*- C++ -*-===//

#ifndef DYN_CODEGEN_LINK_H
#define DYN_CODEGEN_LINK_H

#include "Dyn/Resources/Result.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace mlir::dyn {

struct LinkOptions {
  std::string triple;
  /// Where the loader looks for the runtime besides its usual places; may
  /// contain $ORIGIN, the artifact's folder.
  std::vector<std::string> runtimeFolders;
};

/// Links ELF objects to a shared library that needs the runtime's library and
/// nothing else. The runtime itself need not be there: the linker sees a stub
/// with the functions that an artifact may call, so that linking for another
/// machine works.
///
/// Uses lld: `ld.lld` of the LLVM that this is built with, else
/// `ld.lld-<major>` or `ld.lld` on the PATH. Temporary files are in the
/// system's temporary folder. Returns the library's bytes. Errors: no linker,
/// no space, and what the linker says.
Result<std::string> linkSharedLibrary(llvm::ArrayRef<llvm::StringRef> objects,
                                      const LinkOptions &options);

} // namespace mlir::dyn

#endif // DYN_CODEGEN_LINK_H
