//===- EntrySizes.h - Sizes in terms of arguments ---------------*- C++ -*-===//

#ifndef DYN_LIB_TRANSFORMS_BUFFER_ENTRYSIZES_H
#define DYN_LIB_TRANSFORMS_BUFFER_ENTRYSIZES_H

#include "Dyn/Dialect/SymbolicDim.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/OpDefinition.h"

namespace mlir::dyn {

/// Follows index values of one function on buffers to what is known at its
/// entry, and computes such expressions there.
///
/// The symbols of the expressions are those of the arguments' `dyn.type`. In a
/// private function, whose arguments have none, each open size of an argument
/// and each index argument is a symbol of its own, named by its position.
/// The function must keep its arguments while this lives.
class EntrySizes {
public:
  explicit EntrySizes(func::FuncOp function);

  /// The value as an expression of the symbols, `?` if it is none.
  DimAttr get(Value index);
  /// The bytes of a contiguous buffer of `type`, `?` if one of the sizes is.
  DimAttr getBytes(MemRefType type, ValueRange dynamicSizes);
  /// What is known of the symbols, or null.
  DictionaryAttr getSymbols() const { return symbols; }

  /// Whether `materialize` can compute the expression.
  bool isComputable(DimAttr dim) const;
  /// Computes a computable expression. `builder` inserts anywhere in the
  /// function; symbols are read from `arguments`, which are the function's own
  /// or, at a call of it, the operands.
  Value materialize(OpBuilder &builder, Location loc, DimAttr dim,
                    ValueRange arguments) const;

private:
  /// Where a symbol comes from: `argument`, an index, or its size `axis`, less
  /// `offset` and divided by `factor`.
  struct Source {
    unsigned argument;
    std::optional<int64_t> axis;
    DimAttr offset, factor;
  };

  DimAttr compute(Value index);
  DimAttr getArgumentSize(BlockArgument argument, int64_t axis);
  DimAttr getShapedSize(Value shaped, int64_t axis);
  DimAttr getAffine(AffineExpr expr, unsigned dimCount, ValueRange operands);
  DimAttr get(OpFoldResult size);
  void solveSymbols();
  bool solveSymbol(DimAttr size, unsigned argument, int64_t axis);

  func::FuncOp function;
  MLIRContext *context;
  DictionaryAttr symbols;
  DenseMap<StringAttr, Source> sources;
  DenseMap<Value, DimAttr> known;
};

} // namespace mlir::dyn

#endif // DYN_LIB_TRANSFORMS_BUFFER_ENTRYSIZES_H
