//===- LowerToLinalg.cpp - dyn to linalg: the pass, functions, weights ----===//

#include "Dyn/Transforms/Passes.h"
#include "Lowering.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNLOWERTOLINALGPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

namespace {
/// Types become builtin ones, the symbolic ones stay as attributes; weights are
/// arguments behind the inputs.
struct LowerFunction : OpConversionPattern<func::FuncOp> {
  LowerFunction(const TypeConverter &converter, MLIRContext *context,
                LoweringState &state)
      : OpConversionPattern(converter, context), state(state) {}

  LogicalResult
  matchAndRewrite(func::FuncOp function, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> inputs(function.getArgumentTypes()),
        results(function.getResultTypes());
    SmallVector<DictionaryAttr> argumentAttrs, resultAttrs;
    function.getAllArgAttrs(argumentAttrs);
    function.getAllResultAttrs(resultAttrs);
    argumentAttrs.resize(inputs.size());
    resultAttrs.resize(results.size());
    for (auto [types, attrs] : {std::pair(&inputs, &argumentAttrs),
                                std::pair(&results, &resultAttrs)})
      for (auto [type, attr] : llvm::zip(*types, *attrs))
        if (isa<DynTensorType>(type))
          attr = addAttribute(attr, kTypeAttr, TypeAttr::get(type));

    TypeConverter::SignatureConversion signature(inputs.size());
    SmallVector<Type> resultTypes;
    if (failed(getTypeConverter()->convertSignatureArgs(inputs, signature)) ||
        failed(getTypeConverter()->convertTypes(results, resultTypes)))
      return failure();
    for (WeightOp weight : state.getWeights(function)) {
      signature.addInputs(weight.getTensorType().toBuiltin());
      argumentAttrs.push_back(addAttribute(
          addAttribute({}, kTypeAttr, weight.getTypeAttr()), kWeightAttr,
          FlatSymbolRefAttr::get(weight.getSymNameAttr())));
    }
    Block *entry = nullptr;
    if (!function.isDeclaration())
      entry = rewriter.applySignatureConversion(&function.front(), signature,
                                                getTypeConverter());
    rewriter.modifyOpInPlace(function, [&] {
      function.setType(
          rewriter.getFunctionType(signature.getConvertedTypes(), resultTypes));
      function.setAllArgAttrs(argumentAttrs);
      function.setAllResultAttrs(resultAttrs);
    });
    for (WeightOp weight : state.getWeights(function))
      inputs.push_back(weight.getTensorType());
    state.startFunction(function, entry, inputs);
    return success();
  }

private:
  static DictionaryAttr addAttribute(DictionaryAttr attrs, StringRef name,
                                     Attribute value) {
    NamedAttrList list(attrs);
    list.set(name, value);
    return list.getDictionary(value.getContext());
  }

  LoweringState &state;
};

/// A call hands on the weights that its callee reads.
struct LowerCall : OpConversionPattern<func::CallOp> {
  LowerCall(const TypeConverter &converter, MLIRContext *context,
            LoweringState &state)
      : OpConversionPattern(converter, context), state(state) {}

  LogicalResult
  matchAndRewrite(func::CallOp call, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        call, call.getCalleeAttr());
    SmallVector<Type> types;
    if (!callee ||
        failed(getTypeConverter()->convertTypes(call.getResultTypes(), types)))
      return failure();
    SmallVector<Value> operands(adaptor.getOperands());
    auto caller = call->getParentOfType<func::FuncOp>();
    for (WeightOp weight : state.getWeights(callee))
      operands.push_back(
          state.getWeightArgument(caller, weight.getSymNameAttr()));
    auto lowered = func::CallOp::create(rewriter, call.getLoc(),
                                        call.getCallee(), types, operands);
    rewriter.replaceOp(call, lowered);
    return success();
  }

private:
  LoweringState &state;
};

struct LowerReturn : OpConversionPattern<func::ReturnOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(func::ReturnOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.modifyOpInPlace(op,
                             [&] { op->setOperands(adaptor.getOperands()); });
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

struct LowerGetWeight : OpConversionPattern<GetWeightOp> {
  LowerGetWeight(const TypeConverter &converter, MLIRContext *context,
                 LoweringState &state)
      : OpConversionPattern(converter, context), state(state) {}

  LogicalResult
  matchAndRewrite(GetWeightOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op, state.getWeightArgument(op->getParentOfType<func::FuncOp>(),
                                    op.getWeightAttr().getAttr()));
    return success();
  }

private:
  LoweringState &state;
};
} // namespace

//===----------------------------------------------------------------------===//
// The conversion
//===----------------------------------------------------------------------===//

void dyn::populateLowerToLinalgTypes(TypeConverter &converter) {
  converter.addConversion([](Type type) { return type; });
  converter.addConversion(
      [](DynTensorType type) -> Type { return type.toBuiltin(); });
}

void dyn::populateLowerToLinalgPatterns(const TypeConverter &converter,
                                        LoweringState &state,
                                        RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<LowerFunction, LowerCall, LowerGetWeight>(converter, context,
                                                         state);
  patterns.add<LowerReturn>(converter, context);
  LoweringPatterns families(converter, state, patterns);
  populateLowerCore(families);
  populateLowerElementwise(families);
  populateLowerConv(families);
  populateLowerMatmul(families);
  populateLowerReductions(families);
  populateLowerReshape(families);
  populateLowerStructural(families);
  populateLowerIndexing(families);
}

namespace {
struct DynLowerToLinalgPass
    : dyn::impl::DynLowerToLinalgPassBase<DynLowerToLinalgPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    LoweringState state(module);
    if (failed(state.prepare()))
      return signalPassFailure();

    TypeConverter converter;
    populateLowerToLinalgTypes(converter);
    RewritePatternSet patterns(&getContext());
    populateLowerToLinalgPatterns(converter, state, patterns);
    ConversionTarget target(getContext());
    target.addLegalDialect<arith::ArithDialect, linalg::LinalgDialect,
                           math::MathDialect, scf::SCFDialect,
                           tensor::TensorDialect>();
    target.addIllegalDialect<DynDialect>();
    target.addLegalOp<WeightOp>();
    target.addDynamicallyLegalOp<func::FuncOp>(
        [&](func::FuncOp function) { return !state.needsLowering(function); });
    target.addDynamicallyLegalOp<func::CallOp, func::ReturnOp>(
        [&](Operation *op) { return converter.isLegal(op); });
    // Control flow carries dyn tensors as it carries any others.
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    if (failed(applyPartialConversion(module, target, std::move(patterns))))
      return signalPassFailure();
    state.finish();
    // Sizes as tensors that nothing reads, sizes that no loop needed.
    module.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
      if (isOpTriviallyDead(op))
        op->erase();
    });
  }
};
} // namespace
