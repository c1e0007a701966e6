//===- InitAll.h - The one list of what Dyn registers -----------*- C++ -*-===//
//
// Tools, the plugin and embedders call these two functions; nothing else
// registers anything.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_INITALL_H
#define DYN_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::dyn {

/// The dyn dialect and the external models its passes need on upstream
/// dialects.
void registerAllDialects(DialectRegistry &registry);

/// Every Dyn pass and pipeline, by its command-line name. Safe to call more
/// than once.
void registerAllPasses();

} // namespace mlir::dyn

#endif // DYN_INITALL_H
