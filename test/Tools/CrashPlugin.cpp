//===- CrashPlugin.cpp - A pass that crashes ------------------------------===//
//
// test-crash{how=abort|segfault|overflow}: what is left when a pass does so.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Operation.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

#include <csignal>
#include <cstdlib>

using namespace mlir;

// NOLINTNEXTLINE(misc-no-recursion): that is what it is for.
static int overflowStack(int depth, const std::string &how) {
  volatile char frame[4096];
  frame[depth % 4096] = 1;
  return how.empty() ? 0 : overflowStack(depth + 1, how) + frame[0];
}

namespace {
struct CrashPass : PassWrapper<CrashPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CrashPass)
  CrashPass() = default;
  CrashPass(const CrashPass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "test-crash"; }
  void runOnOperation() override {
    if (how == "abort")
      std::abort();
    if (how == "overflow")
      (void)overflowStack(0, how);
    // What a wild pointer gives, without the undefined behaviour.
    (void)std::raise(SIGSEGV);
  }

  Option<std::string> how{*this, "how",
                          llvm::cl::desc("abort, segfault or overflow"),
                          llvm::cl::init("abort")};
};
} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK
    LLVM_ATTRIBUTE_VISIBILITY_DEFAULT PassPluginLibraryInfo
    mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "DynCrash", LLVM_VERSION_STRING,
          [] { PassRegistration<CrashPass>(); }};
}
