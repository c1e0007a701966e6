//===- LowerToLinalg.h - dyn to linalg on builtin tensors -------*- C++ -*-===//
//
// What `dyn-lower-to-linalg` is made of, for compilers that convert dyn ops in
// a conversion of their own.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_TRANSFORMS_LOWERTOLINALG_H
#define DYN_TRANSFORMS_LOWERTOLINALG_H

#include "Dyn/Dialect/Dyn.h"
#include "mlir/Transforms/DialectConversion.h"
#include <memory>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace mlir::dyn {
class SymbolScope;

/// What the lowering knows while it goes through a module: how each function's
/// sizes are computed, which weights it takes, the messages of run-time checks.
/// Made for one conversion of one module and not used after it.
class LoweringState {
public:
  explicit LoweringState(ModuleOp module);
  ~LoweringState();

  /// Checks that every symbol of every function can be computed from its
  /// arguments, and finds the weights that functions need. Emits an error that
  /// names the symbol and fails otherwise.
  LogicalResult prepare();
  /// Whether a function has anything of dyn in it and is not converted yet.
  bool needsLowering(func::FuncOp function) const;
  /// The weights that a function reads, itself or by calls, in the order of the
  /// module; arguments of that order follow its own.
  ArrayRef<WeightOp> getWeights(func::FuncOp function) const;
  Value getWeightArgument(func::FuncOp function, StringAttr weight) const;
  /// Called once a function's entry block, null for a declaration, has builtin
  /// types; `types` are those before.
  void startFunction(func::FuncOp function, Block *entry, ArrayRef<Type> types);
  SymbolScope &getScope(Operation *op);

  /// The number of a message of run-time checks; equal ones share a number.
  int64_t getMessage(StringRef text);
  /// Declares the runtime's functions that are called and writes the messages
  /// to the module's `dyn.messages`.
  void finish();
  void useFunction(StringRef name);

private:
  struct Function;
  ModuleOp module;
  DenseMap<Operation *, std::unique_ptr<Function>> functions;
  SmallVector<std::string> messages;
  llvm::StringMap<int64_t> messageNumbers;
  SmallVector<StringRef> runtimeFunctions;
};

/// Names of the attributes that the lowering leaves: on arguments and results
/// the symbolic type and, on an argument that is a weight, its symbol; on the
/// module the texts of run-time checks.
inline constexpr StringLiteral kTypeAttr = "dyn.type";
inline constexpr StringLiteral kWeightAttr = "dyn.weight";
inline constexpr StringLiteral kMessagesAttr = "dyn.messages";

/// dyn tensors to builtin ones, everything else as it is.
void populateLowerToLinalgTypes(TypeConverter &converter);

/// Patterns for every dyn op but `dyn.weight`, and for functions, calls and
/// returns. To be used in program order, as the dialect conversion driver does.
void populateLowerToLinalgPatterns(const TypeConverter &converter,
                                   LoweringState &state,
                                   RewritePatternSet &patterns);

} // namespace mlir::dyn

#endif // DYN_TRANSFORMS_LOWERTOLINALG_H
