//===- ConstantFolding.h - Operations on small constants --------*- C++ -*-===//

#ifndef DYN_LIB_DIALECT_OPS_CONSTANTFOLDING_H
#define DYN_LIB_DIALECT_OPS_CONSTANTFOLDING_H

#include "Dyn/Dialect/Dyn.h"
#include "mlir/Interfaces/FoldInterfaces.h"

namespace mlir::dyn {

/// Folds any dyn operation whose operands are small constants, sizes included,
/// after the operation's own `fold` (which simplifies by structure) declined.
struct ConstantFoldInterface : DialectFoldInterface {
  using DialectFoldInterface::DialectFoldInterface;

  LogicalResult fold(Operation *op, ArrayRef<Attribute> operands,
                     SmallVectorImpl<OpFoldResult> &results) const override;
};

} // namespace mlir::dyn

#endif // DYN_LIB_DIALECT_OPS_CONSTANTFOLDING_H
