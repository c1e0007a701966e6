//===- SymbolScope.h - The sizes of one function as SSA values --*- C++ -*-===//
//
// Below the graph level a size is an `index` value. This class makes one value
// of each size expression of a function, so that equal sizes stay visibly equal
// to every later pass without an analysis.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_LIB_TRANSFORMS_LOWER_SYMBOLSCOPE_H
#define DYN_LIB_TRANSFORMS_LOWER_SYMBOLSCOPE_H

#include "Dyn/Dialect/SymbolicDim.h"
#include "mlir/IR/Builders.h"

namespace mlir::dyn {

/// The symbols of one function, where their values come from, and what has been
/// found out about sizes so far.
///
/// Expressions of the function's symbols are computed at its entry, each one
/// once. A size that only the run knows (`?`, an element of a shape operand)
/// gets a symbol of its own by `bind`, so that arithmetic and comparison of
/// sizes is that of `DimAttr` everywhere.
class SymbolScope {
public:
  /// `symbols` is the function's `dyn.symbols` or null.
  SymbolScope(Block *entry, Location loc, DictionaryAttr symbols)
      : entry(entry), loc(loc), symbols(symbols) {}

  /// States that `argument`, already of builtin type, has the sizes of `type`.
  void addArgument(BlockArgument argument, DynTensorType type);
  /// Finds out how to compute each symbol from the arguments' sizes: one that
  /// stands alone somewhere is read, one inside an expression is solved for.
  void solveSymbols();
  /// Whether the symbol has a value: solved, bound or defined.
  bool isDefined(StringAttr symbol) const;

  /// A size for a value that only the run knows. It is taken to be at least 0
  /// unless `isSigned`.
  DimAttr bind(Value index, bool isSigned = false);
  /// Gives a symbol that no argument defines the value of `size`.
  void define(StringAttr symbol, DimAttr size);

  /// `size` with defined symbols replaced, the form that all else works on.
  DimAttr resolve(DimAttr size) const;
  /// The value of a size; arithmetic that cannot go to the function's entry is
  /// inserted at `builder`.
  Value getValue(OpBuilder &builder, Location loc, DimAttr size);

  /// Whether two sizes are equal for all the scope knows.
  bool areEqual(DimAttr lhs, DimAttr rhs) const;
  /// Records what a check in the function's body has proven.
  void assumeEqual(DimAttr lhs, DimAttr rhs);
  /// Whether a check has proven that two sizes are equal or one of them is 1.
  bool isBroadcast(DimAttr lhs, DimAttr rhs) const;
  void assumeBroadcast(DimAttr lhs, DimAttr rhs);
  /// Inclusive bounds of a size.
  DimBounds getBounds(DimAttr size) const;
  /// Whether a size may be negative because the run reads it from a tensor.
  bool isSigned(DimAttr size) const { return hasSigned(resolve(size)); }
  /// Whether `lhs <= rhs` for all the scope knows.
  bool isAtMost(DimAttr lhs, DimAttr rhs) const;
  /// Smaller and larger of two sizes, decided by their bounds if possible.
  DimAttr min(DimAttr lhs, DimAttr rhs) const;
  DimAttr max(DimAttr lhs, DimAttr rhs) const;

  Block *getEntry() const { return entry; }
  /// Whether code inserted at `builder` runs in every run, before all code that
  /// is inserted later.
  bool dominatesRest(const OpBuilder &builder) const {
    return builder.getInsertionBlock() == entry;
  }

  /// Sizes of a tensor of builtin type: as recorded, else as `type` states,
  /// which may be null, else read from the tensor.
  SmallVector<DimAttr> getSizes(OpBuilder &builder, Location loc, Value tensor,
                                DynTensorType type);
  void setSizes(Value tensor, ArrayRef<DimAttr> sizes);
  /// Elements of an integer tensor of rank 0 or 1, if they are sizes.
  std::optional<SmallVector<DimAttr>> getContents(Value tensor) const;
  void setContents(Value tensor, ArrayRef<DimAttr> elements);

private:
  /// How to compute a symbol: argument size = factor * symbol + rest.
  struct Solution {
    BlockArgument argument;
    int64_t axis;
    DimAttr factor, rest;
  };

  bool isAtEntry(DimAttr size) const;
  bool hasSigned(DimAttr size) const;
  OpBuilder getBuilder(const OpBuilder &builder, bool atEntry) const;
  std::optional<Solution> solve(StringAttr symbol, BlockArgument argument,
                                int64_t axis, DimAttr size) const;
  Value computeSymbol(StringAttr symbol);
  Value compute(OpBuilder &builder, Location loc, DimAttr size, bool atEntry);
  Value computeAtom(OpBuilder &builder, Location loc, DimFnAttr atom,
                    bool atEntry);
  DimAttr getLeader(DimAttr size) const;

  Block *entry;
  Location loc;
  DictionaryAttr symbols;
  Operation *lastAtEntry = nullptr;
  SmallVector<std::pair<BlockArgument, DynTensorType>> arguments;
  DenseMap<StringAttr, Solution> solutions;
  DenseMap<StringAttr, Value> bound;
  DenseSet<StringAttr> signedSymbols;
  DenseMap<StringAttr, DimAttr> defined;
  DenseMap<DimAttr, Value> values;
  DenseMap<DimAttr, DimAttr> leaders;
  DenseSet<std::pair<DimAttr, DimAttr>> broadcasts;
  DenseMap<Value, SmallVector<DimAttr>> sizes, contents;
};

} // namespace mlir::dyn

#endif // DYN_LIB_TRANSFORMS_LOWER_SYMBOLSCOPE_H
