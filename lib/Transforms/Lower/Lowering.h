//===- Lowering.h - What lowering each family of ops shares -----*- C++ -*-===//

#ifndef DYN_LIB_TRANSFORMS_LOWER_LOWERING_H
#define DYN_LIB_TRANSFORMS_LOWER_LOWERING_H

#include "Dyn/Transforms/LowerToLinalg.h"
#include "SymbolScope.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::dyn {

/// A builtin tensor and its sizes. The type of `value` has the numbers among
/// `sizes` and is dynamic elsewhere.
struct SizedTensor {
  Value value;
  SmallVector<DimAttr> sizes;

  int64_t getRank() const { return sizes.size(); }
  RankedTensorType getType() const {
    return cast<RankedTensorType>(value.getType());
  }
  Type getElementType() const { return getType().getElementType(); }
};

/// Builds the code for one dyn op, in front of it. Everything that is created
/// is legal upstream IR; nothing is created before the op is known to lower.
class Emitter : public ImplicitLocOpBuilder {
public:
  using Body = function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;

  /// `operands` are those of `op`, converted.
  Emitter(OpBuilder &builder, Operation *op, ValueRange operands,
          LoweringState &state);

  //===- Sizes ------------------------------------------------------------===//

  SymbolScope &getScope() { return scope; }
  DimAttr number(int64_t value) { return DimAttr::get(getContext(), value); }
  Value index(DimAttr size);
  /// An attribute for a number, the value of any other size.
  OpFoldResult fold(DimAttr size);
  SmallVector<OpFoldResult> fold(ArrayRef<DimAttr> sizes);
  /// The elements of an integer tensor of rank 0 or 1: as sizes where they are
  /// known to be, read from the tensor otherwise.
  SmallVector<DimAttr> readElements(Value tensor);
  /// An integer tensor of rank 0 or 1 whose elements are sizes. It is dead
  /// where its readers take the sizes themselves.
  SizedTensor fromSizes(ArrayRef<DimAttr> elements, DynTensorType type);
  DimAttr product(ArrayRef<DimAttr> sizes);

  //===- Tensors ----------------------------------------------------------===//

  /// A converted operand with its sizes; cast so that its type shows every
  /// number among them.
  SizedTensor tensor(Value operand);
  RankedTensorType getType(ArrayRef<DimAttr> sizes, Type elementType);
  /// `value` with the type that `sizes` and its element type make.
  SizedTensor sized(Value value, ArrayRef<DimAttr> sizes);
  Value empty(ArrayRef<DimAttr> sizes, Type elementType);
  Value filled(ArrayRef<DimAttr> sizes, Value scalar);
  Value constant(TypedAttr value) {
    return arith::ConstantOp::create(*this, value);
  }
  /// The same elements, with sizes `groups` multiplied or given as `sizes`.
  SizedTensor collapse(SizedTensor input,
                       ArrayRef<ReassociationIndices> groups);
  SizedTensor expand(const SizedTensor &input,
                     ArrayRef<ReassociationIndices> groups,
                     ArrayRef<DimAttr> sizes);
  /// The same elements in row-major order; fails the run if the numbers of
  /// elements differ.
  SizedTensor reshape(SizedTensor input, ArrayRef<DimAttr> sizes);
  SizedTensor slice(const SizedTensor &input, ArrayRef<DimAttr> offsets,
                    ArrayRef<DimAttr> sizes, ArrayRef<int64_t> strides);
  Value insert(const SizedTensor &source, Value target,
               ArrayRef<DimAttr> offsets);

  /// A `linalg.generic` over `sizes` whose operands are read through `maps`.
  SizedTensor generic(ArrayRef<SizedTensor> inputs, ArrayRef<AffineMap> maps,
                      ArrayRef<DimAttr> sizes, Type elementType, Body body);
  /// A `linalg.generic` over `sizes` with no operands: `body` reads what it
  /// needs by `linalg.index` and `tensor.extract`.
  SizedTensor generate(ArrayRef<DimAttr> sizes, Type elementType, Body body);
  /// One result element from one element of each input, inputs broadcast to
  /// `sizes`. A constant with one value for all elements goes into the body.
  SizedTensor map(ArrayRef<SizedTensor> inputs, ArrayRef<DimAttr> sizes,
                  Type elementType, Body body);
  /// Reduces `axes` of `input` into `init`, whose sizes are the others; `body`
  /// gets an element and the result so far. Loops are in the input's order.
  SizedTensor reduce(const SizedTensor &input, const SizedTensor &init,
                     ArrayRef<int64_t> axes, Body body);
  /// `input` broadcast to `sizes` as a tensor.
  SizedTensor broadcast(SizedTensor input, ArrayRef<DimAttr> sizes);
  /// Makes `input` an operand of a loop nest over `sizes`: an expansion where
  /// only the run knows whether a size is 1, and no dimension where it is.
  std::pair<SizedTensor, AffineMap> prepareBroadcast(SizedTensor input,
                                                     ArrayRef<DimAttr> sizes);

  //===- Run-time checks --------------------------------------------------===//

  /// `message` may contain {0} and {1} for `a` and `b`; it is prefixed by the
  /// op's name. `fail` ends the run, `report` lets it go on with safe values.
  void failIf(Value bad, const Twine &message, Value a, Value b) {
    check("dyn_rt_fail", bad, message, a, b);
  }
  void reportIf(Value bad, const Twine &message, Value a, Value b) {
    check("dyn_rt_report", bad, message, a, b);
  }
  /// Fails the run unless the sizes are equal, which is assumed from there on.
  void requireEqual(DimAttr lhs, DimAttr rhs, const Twine &message);
  /// Fails the run unless `lhs <= rhs`.
  void requireAtMost(DimAttr lhs, DimAttr rhs, const Twine &message);
  /// Fails the run unless `shape` broadcasts to `target` as it is.
  void requireBroadcastTo(ArrayRef<DimAttr> shape, ArrayRef<DimAttr> target);
  /// The sizes to which `shapes` broadcast; fails the run if they do not.
  SmallVector<DimAttr> requireBroadcast(ArrayRef<ArrayRef<DimAttr>> shapes);

  Value compare(arith::CmpIPredicate predicate, Value lhs, Value rhs);
  Value isEqual(Value lhs, Value rhs) {
    return compare(arith::CmpIPredicate::eq, lhs, rhs);
  }

  /// What the op is replaced by: `result` with the sizes that the op's type
  /// states. Those that inference cannot know are checked. Null after an error.
  Value finish(SizedTensor result);

private:
  void check(StringRef callee, Value bad, const Twine &message, Value a,
             Value b);
  DimAttr requireBroadcast(DimAttr lhs, DimAttr rhs);

  Operation *op;
  ValueRange operands;
  bool isTooComplex = false;
  LoweringState &state;
  SymbolScope &scope;
};

/// Lowers an op with one result by a function from its converted operands.
template <typename OpTy>
class LowerOp final : public OpConversionPattern<OpTy> {
public:
  using Adaptor = OpTy::Adaptor;
  using Function = std::function<SizedTensor(OpTy, Adaptor, Emitter &)>;

  LowerOp(const TypeConverter &converter, MLIRContext *context,
          LoweringState &state, Function lower)
      : OpConversionPattern<OpTy>(converter, context), state(state),
        lower(std::move(lower)) {}

  LogicalResult
  matchAndRewrite(OpTy op, Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emitter emitter(rewriter, op, adaptor.getOperands(), state);
    Value result = emitter.finish(lower(op, adaptor, emitter));
    if (!result)
      return failure();
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  LoweringState &state;
  Function lower;
};

/// What `populate…` functions of the families hand to `add`.
class LoweringPatterns {
public:
  LoweringPatterns(const TypeConverter &converter, LoweringState &state,
                   RewritePatternSet &patterns)
      : converter(converter), state(state), patterns(patterns) {}

  template <typename OpTy> void add(LowerOp<OpTy>::Function lower) {
    patterns.add<LowerOp<OpTy>>(converter, patterns.getContext(), state,
                                std::move(lower));
  }
  template <typename Pattern> void add() {
    patterns.add<Pattern>(converter, patterns.getContext());
  }

private:
  const TypeConverter &converter;
  LoweringState &state;
  RewritePatternSet &patterns;
};

void populateLowerConv(LoweringPatterns &patterns);
void populateLowerCore(LoweringPatterns &patterns);
void populateLowerElementwise(LoweringPatterns &patterns);
void populateLowerMatmul(LoweringPatterns &patterns);
void populateLowerReductions(LoweringPatterns &patterns);
void populateLowerReshape(LoweringPatterns &patterns);
void populateLowerStructural(LoweringPatterns &patterns);
void populateLowerIndexing(LoweringPatterns &patterns);

} // namespace mlir::dyn

#endif // DYN_LIB_TRANSFORMS_LOWER_LOWERING_H
