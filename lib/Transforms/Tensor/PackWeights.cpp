//===- PackWeights.cpp - Constant matrices in the order kernels read ------===//
//
// Upstream's block packing (`linalg-block-pack-matmul`) packs all operands at
// run time and pads them; here the data of an argument that never changes are
// laid out once, before the program runs, and nothing else is touched.
//
//===----------------------------------------------------------------------===//

#include "../Panels.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNPACKWEIGHTSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

/// How `operand`, a matrix of constants or the filter of a convolution, is
/// read; nothing if panels would not help: they do where columns are the
/// dimension along which vectors run, the last one of the result, and where the
/// rows of the result share them.
static std::optional<PanelAccess> findAccess(OpOperand &operand,
                                             int64_t width) {
  auto op = dyn_cast<linalg::LinalgOp>(operand.getOwner());
  if (!op || !op.hasPureTensorSemantics() || !op.isDpsInput(&operand) ||
      !(linalg::isaContractionOpInterface(op) ||
        linalg::isaConvolutionOpInterface(op)) ||
      op->getNumResults() != 1)
    return std::nullopt;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  AffineMap result = op.getIndexingMapMatchingResult(op->getResult(0));
  if (result.getNumResults() == 0 || !map.isProjectedPermutation() ||
      !result.isProjectedPermutation())
    return std::nullopt;
  unsigned column = result.getDimPosition(result.getNumResults() - 1);
  // Columns are the first dimension, or the second one of a matrix.
  PanelAccess access{column, {}, width};
  for (unsigned i = 0; i < map.getNumResults(); ++i) {
    unsigned dim = map.getDimPosition(i);
    if (dim == column && (i == 0 || map.getNumResults() == 2))
      continue;
    if (op.getIteratorTypesArray()[dim] != utils::IteratorType::reduction)
      return std::nullopt;
    access.rows.push_back(dim);
  }
  if (access.rows.size() + 1 != map.getNumResults())
    return std::nullopt;
  // The other operand must not run along the columns, or no row is shared.
  for (OpOperand *other : op.getDpsInputOperands())
    if (other != &operand &&
        (other->get() == operand.get() ||
         op.getMatchingIndexingMap(other).isFunctionOfDim(column)))
      return std::nullopt;
  return access;
}

/// Replaces the op that reads `operand` by one that reads `panels`.
static void readPanels(RewriterBase &rewriter, OpOperand &operand, Value panels,
                       const PanelAccess &access) {
  auto op = cast<linalg::LinalgOp>(operand.getOwner());
  rewriter.setInsertionPoint(op);
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  maps[operand.getOperandNumber()] =
      getPanelMap(op.getNumLoops(), access, op.getContext());
  SmallVector<Value> inputs = op.getDpsInputs();
  inputs[operand.getOperandNumber()] = panels;
  auto generic = linalg::GenericOp::create(
      rewriter, op.getLoc(), op->getResultTypes(), inputs, op.getDpsInits(),
      maps, op.getIteratorTypesArray());
  IRMapping mapping;
  op->getRegion(0).cloneInto(&generic.getRegion(), mapping);
  rewriter.replaceOp(op, generic);
}

namespace {
struct DynPackWeightsPass
    : dyn::impl::DynPackWeightsPassBase<DynPackWeightsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>()) {
      // A caller would have to pack what it passes.
      if (function.isExternal() ||
          !SymbolTable::symbolKnownUseEmpty(function, module))
        continue;
      for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
        if (function.getArgAttr(i, kWeightAttr))
          pack(function, i);
    }
  }

  static bool isWorthPacking(RankedTensorType weight, unsigned columnDim) {
    Type element = weight.getElementType();
    // Padding must not make a short matrix a long one.
    return weight.getDimSize(columnDim) >= kPanelColumns &&
           element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
  }

  void pack(func::FuncOp function, unsigned number) {
    BlockArgument weight = function.getArgument(number);
    auto type = dyn_cast<RankedTensorType>(weight.getType());
    if (!type || type.getRank() < 2 || !type.hasStaticShape() ||
        function.getArgAttr(number, kPackedAttr))
      return;
    // Readers by the dimension of the weight that holds columns.
    llvm::MapVector<unsigned, SmallVector<std::pair<OpOperand *, PanelAccess>>>
        readers;
    for (OpOperand &use : weight.getUses()) {
      std::optional<PanelAccess> access = findAccess(use, kPanelColumns);
      if (!access)
        continue;
      unsigned columnDim = cast<linalg::LinalgOp>(use.getOwner())
                               .getMatchingIndexingMap(&use)
                               .getDimPosition(0) != access->column;
      if (isWorthPacking(type, columnDim))
        readers[columnDim].emplace_back(&use, *access);
    }
    IRRewriter rewriter(&getContext());
    for (auto &[columnDim, uses] : readers) {
      Value panels = addPanels(function, number, columnDim);
      for (const auto &[use, access] : uses)
        readPanels(rewriter, *use, panels, access);
    }
    if (!readers.empty() && weight.use_empty())
      (void)function.eraseArgument(number);
  }

  /// Adds the packed weight behind the weight itself.
  static Value addPanels(func::FuncOp function, unsigned number,
                         unsigned columnDim) {
    auto weight =
        cast<RankedTensorType>(function.getArgument(number).getType());
    Builder b(function.getContext());
    SmallVector<int64_t> sizes{
        kPanelStreams,
        int64_t(llvm::divideCeil(weight.getDimSize(columnDim),
                                 kPanelStreams * kPanelColumns))};
    SmallVector<AffineExpr> place(weight.getRank());
    for (int64_t dim = 0; dim < weight.getRank(); ++dim) {
      if (dim == columnDim)
        continue;
      place[dim] = b.getAffineDimExpr(sizes.size());
      sizes.push_back(weight.getDimSize(dim));
    }
    place[columnDim] = b.getAffineDimExpr(1) * (kPanelStreams * kPanelColumns) +
                       b.getAffineDimExpr(0) * kPanelColumns +
                       b.getAffineDimExpr(sizes.size());
    sizes.push_back(kPanelColumns);
    NamedAttrList attributes(function.getArgAttrDict(number));
    attributes.set(kPackedAttr, AffineMapAttr::get(AffineMap::get(
                                    sizes.size(), 0, place, b.getContext())));
    auto type = RankedTensorType::get(sizes, weight.getElementType());
    (void)function.insertArgument(number + 1, type,
                                  attributes.getDictionary(b.getContext()),
                                  function.getArgument(number).getLoc());
    return function.getArgument(number + 1);
  }
};
} // namespace
