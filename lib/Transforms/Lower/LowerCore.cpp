//===- LowerCore.cpp - Constants, casts, shapes as values -----------------===//

#include "Lowering.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::dyn;

SizedTensor Emitter::fromSizes(ArrayRef<DimAttr> elements, DynTensorType type) {
  RankedTensorType builtin = type.toBuiltin();
  SmallVector<Value> values;
  for (DimAttr element : elements)
    values.push_back(arith::IndexCastOp::create(*this, builtin.getElementType(),
                                                index(element)));
  Value tensor = tensor::FromElementsOp::create(*this, builtin, values);
  scope.setContents(tensor, elements);
  return {tensor, SmallVector<DimAttr>(type.getShape())};
}

static SizedTensor lowerConstant(ConstantOp op, ConstantOp::Adaptor,
                                 Emitter &e) {
  DynTensorType type = op.getResult().getType();
  if (auto dims = dyn_cast<DimsAttr>(op.getValue()))
    return e.fromSizes(dims.getDims(), type);
  Value tensor = e.constant(cast<TypedAttr>(op.getValue()));
  if (type.getElementType().isSignlessInteger(32) ||
      type.getElementType().isSignlessInteger(64))
    if (std::optional<SmallVector<DimAttr>> elements =
            getConstantDims(op.getValue()))
      e.getScope().setContents(tensor, *elements);
  return {tensor, SmallVector<DimAttr>(type.getShape())};
}

static SizedTensor lowerShapeOf(ShapeOfOp op, ShapeOfOp::Adaptor adaptor,
                                Emitter &e) {
  SizedTensor input = e.tensor(adaptor.getInput());
  ArrayRef<DimAttr> sizes = input.sizes;
  return e.fromSizes(sizes.slice(op.getStart(), op.getEnd() - op.getStart()),
                     op.getResult().getType());
}

/// Checks that a tensor has the sizes of `type`, and gives values to symbols
/// that are first named there.
static SizedTensor refine(Emitter &e, SizedTensor input, DynTensorType type) {
  SymbolScope &scope = e.getScope();
  SmallVector<DimAttr> sizes;
  for (auto [axis, have, want] :
       llvm::enumerate(input.sizes, type.getShape())) {
    StringAttr symbol = want.getSymbolName();
    if (symbol && !scope.isDefined(symbol))
      scope.define(symbol, have);
    if (want.isUnknown()) {
      sizes.push_back(have);
      continue;
    }
    e.requireEqual(have, want,
                   "dimension " + Twine(axis) + " is {0}, expects " +
                       want.str() + " = {1}");
    sizes.push_back(want);
  }
  return {input.value, sizes};
}

static SizedTensor lowerRefine(RefineOp op, RefineOp::Adaptor adaptor,
                               Emitter &e) {
  return refine(e, e.tensor(adaptor.getInput()), op.getResult().getType());
}

static SizedTensor
lowerFromBuiltin(FromBuiltinOp op, FromBuiltinOp::Adaptor adaptor, Emitter &e) {
  return refine(e, e.tensor(adaptor.getInput()), op.getResult().getType());
}

namespace {
/// The one op whose result is a builtin tensor already.
struct LowerToBuiltin : OpConversionPattern<ToBuiltinOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ToBuiltinOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getInput());
    return success();
  }
};
} // namespace

void dyn::populateLowerCore(LoweringPatterns &patterns) {
  patterns.add<ConstantOp>(lowerConstant);
  patterns.add<ShapeOfOp>(lowerShapeOf);
  patterns.add<RefineOp>(lowerRefine);
  patterns.add<FromBuiltinOp>(lowerFromBuiltin);
  patterns.add<LowerToBuiltin>();
}
