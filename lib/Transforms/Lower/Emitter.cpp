//===- Emitter.cpp - Sizes, tensors and checks around one op --------------===//

#include "Lowering.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Utils/Utils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::dyn;

Emitter::Emitter(OpBuilder &builder, Operation *op, ValueRange operands,
                 LoweringState &state)
    : ImplicitLocOpBuilder(op->getLoc(), builder), op(op), operands(operands),
      state(state), scope(state.getScope(op)) {}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Value Emitter::index(DimAttr size) {
  // Arithmetic on sizes gives up where an expression outgrows its limits.
  if (scope.resolve(size).isUnknown()) {
    isTooComplex = true;
    size = number(0);
  }
  return scope.getValue(*this, getLoc(), size);
}

OpFoldResult Emitter::fold(DimAttr size) {
  if (std::optional<int64_t> number = scope.resolve(size).getConstant())
    return getIndexAttr(*number);
  return index(size);
}

SmallVector<OpFoldResult> Emitter::fold(ArrayRef<DimAttr> sizes) {
  return llvm::map_to_vector(sizes, [&](DimAttr size) { return fold(size); });
}

DimAttr Emitter::product(ArrayRef<DimAttr> sizes) {
  DimAttr result = number(1);
  for (DimAttr size : sizes)
    result = result * size;
  return result;
}

SmallVector<DimAttr> Emitter::readElements(Value tensor) {
  if (std::optional<SmallVector<DimAttr>> known = scope.getContents(tensor))
    return *known;
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<DimAttr> elements;
  int64_t count = type.getRank() == 0 ? 1 : type.getDimSize(0);
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> at;
    if (type.getRank() == 1)
      at.push_back(index(number(i)));
    Value element = tensor::ExtractOp::create(*this, tensor, at);
    elements.push_back(
        scope.bind(arith::IndexCastOp::create(*this, getIndexType(), element),
                   /*isSigned=*/true));
  }
  if (scope.dominatesRest(*this))
    scope.setContents(tensor, elements);
  return elements;
}

Value Emitter::compare(arith::CmpIPredicate predicate, Value lhs, Value rhs) {
  return arith::CmpIOp::create(*this, predicate, lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

RankedTensorType Emitter::getType(ArrayRef<DimAttr> sizes, Type elementType) {
  SmallVector<int64_t> shape;
  for (DimAttr size : sizes)
    shape.push_back(
        scope.resolve(size).getConstant().value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, elementType);
}

SizedTensor Emitter::sized(Value value, ArrayRef<DimAttr> sizes) {
  auto type = cast<RankedTensorType>(value.getType());
  RankedTensorType wanted = getType(sizes, type.getElementType());
  if (type != wanted)
    value = tensor::CastOp::create(*this, wanted, value);
  return {value, SmallVector<DimAttr>(sizes)};
}

SizedTensor Emitter::tensor(Value operand) {
  DynTensorType type;
  for (auto [converted, original] : llvm::zip(operands, op->getOperands()))
    if (converted == operand)
      type = dyn_cast<DynTensorType>(original.getType());
  return sized(operand, scope.getSizes(*this, getLoc(), operand, type));
}

Value Emitter::empty(ArrayRef<DimAttr> sizes, Type elementType) {
  return tensor::EmptyOp::create(*this, fold(sizes), elementType);
}

Value Emitter::filled(ArrayRef<DimAttr> sizes, Value scalar) {
  return linalg::FillOp::create(*this, scalar, empty(sizes, scalar.getType()))
      .getResult(0);
}

/// The type whose dimensions are products of those of `type`.
static RankedTensorType collapseType(RankedTensorType type,
                                     ArrayRef<ReassociationIndices> groups) {
  SmallVector<int64_t> shape;
  for (const ReassociationIndices &group : groups) {
    int64_t product = 1;
    for (int64_t axis : group)
      product = ShapedType::isDynamic(product) || type.isDynamicDim(axis)
                    ? ShapedType::kDynamic
                    : product * type.getDimSize(axis);
    shape.push_back(product);
  }
  return RankedTensorType::get(shape, type.getElementType());
}

static bool isIdentity(ArrayRef<ReassociationIndices> groups) {
  return llvm::all_of(groups,
                      [](const auto &group) { return group.size() == 1; });
}

SizedTensor Emitter::collapse(SizedTensor input,
                              ArrayRef<ReassociationIndices> groups) {
  SmallVector<DimAttr> sizes;
  for (const ReassociationIndices &group : groups) {
    sizes.push_back(number(1));
    for (int64_t axis : group)
      sizes.back() = sizes.back() * input.sizes[axis];
  }
  if (isIdentity(groups) && !(groups.empty() && input.getRank() > 0))
    return input;
  // What an expansion of the same groups was made from.
  if (auto expansion = input.value.getDefiningOp<tensor::ExpandShapeOp>())
    if (ArrayRef(expansion.getReassociationIndices()) == groups)
      return sized(expansion.getSrc(), sizes);
  return sized(
      tensor::CollapseShapeOp::create(
          *this, collapseType(input.getType(), groups), input.value, groups),
      sizes);
}

SizedTensor Emitter::expand(const SizedTensor &input,
                            ArrayRef<ReassociationIndices> groups,
                            ArrayRef<DimAttr> sizes) {
  if (groups.size() == sizes.size())
    return sized(input.value, sizes);
  RankedTensorType type = getType(sizes, input.getElementType());
  RankedTensorType collapsed = collapseType(type, groups);
  Value value = input.value;
  if (value.getType() != collapsed)
    value = tensor::CastOp::create(*this, collapsed, value);
  return {
      tensor::ExpandShapeOp::create(*this, type, value, groups, fold(sizes)),
      SmallVector<DimAttr>(sizes)};
}

SizedTensor Emitter::slice(const SizedTensor &input, ArrayRef<DimAttr> offsets,
                           ArrayRef<DimAttr> sizes, ArrayRef<int64_t> strides) {
  SmallVector<OpFoldResult> steps;
  for (int64_t stride : strides)
    steps.push_back(getIndexAttr(stride));
  Value value = tensor::ExtractSliceOp::create(
      *this, input.value, fold(offsets), fold(sizes), steps);
  return sized(value, sizes);
}

Value Emitter::insert(const SizedTensor &source, Value target,
                      ArrayRef<DimAttr> offsets) {
  SmallVector<OpFoldResult> steps(source.getRank(), getIndexAttr(1));
  return tensor::InsertSliceOp::create(
      *this, source.value, target, fold(offsets), fold(source.sizes), steps);
}

//===----------------------------------------------------------------------===//
// Loop nests
//===----------------------------------------------------------------------===//

SizedTensor Emitter::generic(ArrayRef<SizedTensor> inputs,
                             ArrayRef<AffineMap> maps, ArrayRef<DimAttr> sizes,
                             Type elementType, Body body) {
  SmallVector<Value> operands;
  for (const SizedTensor &input : inputs)
    operands.push_back(input.value);
  SmallVector<AffineMap> allMaps(maps);
  allMaps.push_back(getMultiDimIdentityMap(sizes.size()));
  Value init = empty(sizes, elementType);
  auto loops = linalg::GenericOp::create(
      *this, init.getType(), operands, init, allMaps,
      SmallVector<utils::IteratorType>(sizes.size(),
                                       utils::IteratorType::parallel),
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        ImplicitLocOpBuilder b(loc, builder);
        linalg::YieldOp::create(b, body(b, args.drop_back()));
      });
  return {loops.getResult(0), SmallVector<DimAttr>(sizes)};
}

SizedTensor Emitter::generate(ArrayRef<DimAttr> sizes, Type elementType,
                              Body body) {
  return generic({}, {}, sizes, elementType,
                 [&](ImplicitLocOpBuilder &b, ValueRange) {
                   SmallVector<Value> indices;
                   for (size_t axis = 0; axis < sizes.size(); ++axis)
                     indices.push_back(linalg::IndexOp::create(b, axis));
                   return body(b, indices);
                 });
}

SizedTensor Emitter::reduce(const SizedTensor &input, const SizedTensor &init,
                            ArrayRef<int64_t> axes, Body body) {
  SmallVector<utils::IteratorType> iterators;
  SmallVector<AffineExpr> kept;
  for (int64_t axis = 0; axis < input.getRank(); ++axis) {
    bool isReduced = llvm::is_contained(axes, axis);
    iterators.push_back(isReduced ? utils::IteratorType::reduction
                                  : utils::IteratorType::parallel);
    if (!isReduced)
      kept.push_back(getAffineDimExpr(axis));
  }
  AffineMap maps[] = {getMultiDimIdentityMap(input.getRank()),
                      AffineMap::get(input.getRank(), 0, kept, getContext())};
  auto loops = linalg::GenericOp::create(
      *this, init.value.getType(), input.value, init.value, maps, iterators,
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        ImplicitLocOpBuilder b(loc, builder);
        linalg::YieldOp::create(b, body(b, args));
      });
  return {loops.getResult(0), init.sizes};
}

std::pair<SizedTensor, AffineMap>
Emitter::prepareBroadcast(SizedTensor input, ArrayRef<DimAttr> sizes) {
  int64_t leading = sizes.size() - input.getRank();
  // Where the sizes are neither equal nor 1 as far as is known, the run tells:
  // an operand that has to be repeated there is, before the loops.
  SmallVector<DimAttr> expanded(input.sizes);
  SmallVector<int64_t> open;
  for (int64_t axis = 0; axis < input.getRank(); ++axis) {
    DimAttr want = sizes[leading + axis];
    if (input.sizes[axis].isConstant(1) ||
        scope.areEqual(input.sizes[axis], want))
      continue;
    open.push_back(axis);
    expanded[axis] = want;
  }
  if (!open.empty()) {
    Value fits;
    SmallVector<Value> isOne(input.getRank());
    Value one = index(number(1)), zero = index(number(0));
    for (int64_t axis : open) {
      Value size = index(input.sizes[axis]);
      Value same = isEqual(size, index(expanded[axis]));
      fits = fits ? arith::AndIOp::create(*this, fits, same) : same;
      isOne[axis] = isEqual(size, one);
    }
    for (DimAttr size : expanded)
      fold(size);
    RankedTensorType type = getType(expanded, input.getElementType());
    auto choice = scf::IfOp::create(
        *this, fits,
        [&](OpBuilder &builder, Location loc) {
          Value same = input.value;
          if (same.getType() != type)
            same = tensor::CastOp::create(builder, loc, type, same);
          scf::YieldOp::create(builder, loc, same);
        },
        [&](OpBuilder &builder, Location loc) {
          OpBuilder::InsertionGuard guard(*this);
          setInsertionPoint(builder.getInsertionBlock(),
                            builder.getInsertionPoint());
          SizedTensor repeated =
              generate(expanded, input.getElementType(),
                       [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
                         SmallVector<Value> from(at);
                         for (int64_t axis : open)
                           from[axis] = arith::SelectOp::create(
                               b, isOne[axis], zero, from[axis]);
                         return tensor::ExtractOp::create(b, input.value, from);
                       });
          scf::YieldOp::create(*this, repeated.value);
        });
    input = {choice.getResult(0), expanded};
  }
  // Dimensions of 1 that are repeated are no dimensions of the loops' operand.
  SmallVector<AffineExpr> exprs;
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices pending;
  for (int64_t axis = 0; axis < input.getRank(); ++axis) {
    pending.push_back(axis);
    if (input.sizes[axis].isConstant(1) && !sizes[leading + axis].isConstant(1))
      continue;
    exprs.push_back(getAffineDimExpr(leading + axis));
    groups.push_back(pending);
    pending.clear();
  }
  if (!groups.empty())
    llvm::append_range(groups.back(), pending);
  if (groups.size() != input.sizes.size())
    input = collapse(input, groups);
  return {input, AffineMap::get(sizes.size(), 0, exprs, getContext())};
}

/// The element of a constant tensor whose elements are all equal.
static TypedAttr getSplat(Value tensor) {
  DenseElementsAttr value;
  while (auto cast = tensor.getDefiningOp<tensor::CastOp>())
    tensor = cast.getSource();
  if (!matchPattern(tensor, m_Constant(&value)) || !value.isSplat())
    return {};
  return cast<TypedAttr>(value.getSplatValue<Attribute>());
}

SizedTensor Emitter::map(ArrayRef<SizedTensor> inputs, ArrayRef<DimAttr> sizes,
                         Type elementType, Body body) {
  SmallVector<SizedTensor> operands;
  SmallVector<AffineMap> maps;
  SmallVector<TypedAttr> splats;
  for (const SizedTensor &input : inputs) {
    splats.push_back(getSplat(input.value));
    if (splats.back())
      continue;
    auto [operand, map] = prepareBroadcast(input, sizes);
    operands.push_back(operand);
    maps.push_back(map);
  }
  return generic(operands, maps, sizes, elementType,
                 [&](ImplicitLocOpBuilder &b, ValueRange args) {
                   SmallVector<Value> scalars;
                   size_t next = 0;
                   for (TypedAttr splat : splats)
                     scalars.push_back(
                         splat ? Value(arith::ConstantOp::create(b, splat))
                               : args[next++]);
                   return body(b, scalars);
                 });
}

SizedTensor Emitter::broadcast(SizedTensor input, ArrayRef<DimAttr> sizes) {
  bool same = input.getRank() == static_cast<int64_t>(sizes.size());
  for (int64_t axis = 0; same && axis < input.getRank(); ++axis)
    same = scope.areEqual(input.sizes[axis], sizes[axis]);
  if (same)
    return sized(input.value, sizes);
  return map(input, sizes, input.getElementType(),
             [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; });
}

//===----------------------------------------------------------------------===//
// Run-time checks
//===----------------------------------------------------------------------===//

/// The name that a person knows the op by: its node's, if the location has one.
static std::string describe(Operation *op) {
  std::string name;
  op->getLoc()->walk([&](Location loc) {
    auto named = dyn_cast<NameLoc>(loc);
    if (!named)
      return WalkResult::advance();
    name = ("node '" + named.getName().getValue() + "'").str();
    return WalkResult::interrupt();
  });
  return name.empty() ? op->getName().getStringRef().str() : name;
}

void Emitter::check(StringRef callee, Value bad, const Twine &message, Value a,
                    Value b) {
  int64_t text = state.getMessage((describe(op) + ": " + message).str());
  state.useFunction(callee);
  scf::IfOp::create(*this, bad, [&](OpBuilder &builder, Location loc) {
    auto toI64 = [&](Value value) -> Value {
      if (value.getType().isInteger(64))
        return value;
      if (value.getType().isIndex())
        return arith::IndexCastOp::create(builder, loc, builder.getI64Type(),
                                          value);
      return arith::ExtSIOp::create(builder, loc, builder.getI64Type(), value);
    };
    Value number = arith::ConstantOp::create(builder, loc,
                                             builder.getI64IntegerAttr(text));
    Value first = toI64(a), second = toI64(b);
    func::CallOp::create(builder, loc, callee, TypeRange(),
                         ValueRange{number, first, second});
    scf::YieldOp::create(builder, loc);
  });
}

void Emitter::requireEqual(DimAttr lhs, DimAttr rhs, const Twine &message) {
  if (scope.areEqual(lhs, rhs))
    return;
  Value l = index(lhs), r = index(rhs);
  failIf(compare(arith::CmpIPredicate::ne, l, r), message, l, r);
  if (scope.dominatesRest(*this))
    scope.assumeEqual(lhs, rhs);
}

void Emitter::requireAtMost(DimAttr lhs, DimAttr rhs, const Twine &message) {
  if (scope.isAtMost(lhs, rhs))
    return;
  Value l = index(lhs), r = index(rhs);
  failIf(compare(arith::CmpIPredicate::sgt, l, r), message, l, r);
}

/// Whether `size` is `min(other, c)` with a number c of 2 or more: it is 1 only
/// if `other` is.
static bool isMinOf(DimAttr size, DimAttr other) {
  if (size.getMonomials().size() != 1 || size.getCoefficients()[0] != 1 ||
      size.getMonomials()[0].size() != 1)
    return false;
  auto fn = dyn_cast<DimFnAttr>(size.getMonomials()[0][0]);
  if (!fn || fn.getKind() != DimFn::Min)
    return false;
  DimAttr lhs = fn.getLhs(), rhs = fn.getRhs();
  return (lhs == other && rhs.getConstant().value_or(0) >= 2) ||
         (rhs == other && lhs.getConstant().value_or(0) >= 2);
}

DimAttr Emitter::requireBroadcast(DimAttr lhs, DimAttr rhs) {
  lhs = scope.resolve(lhs);
  rhs = scope.resolve(rhs);
  if (rhs.isConstant(1) || scope.areEqual(lhs, rhs))
    return lhs;
  if (lhs.isConstant(1))
    return rhs;
  auto mayBeOne = [&](DimAttr size) {
    DimBounds bounds = scope.getBounds(size);
    return bounds.min <= 1 && bounds.max >= 1;
  };
  bool lhsMayBeOne = mayBeOne(lhs), rhsMayBeOne = mayBeOne(rhs);
  if (isMinOf(lhs, rhs) || isMinOf(rhs, lhs) ||
      (!lhsMayBeOne && !rhsMayBeOne)) {
    requireEqual(lhs, rhs, "sizes {0} and {1} do not broadcast, they differ");
    return isMinOf(lhs, rhs) || rhs.getConstant() ? rhs : lhs;
  }
  DimAttr result = !lhsMayBeOne   ? lhs
                   : !rhsMayBeOne ? rhs
                                  : DimAttr::broadcast(lhs, rhs);
  if (scope.isBroadcast(lhs, rhs))
    return result;
  Value l = index(lhs), r = index(rhs), one = index(number(1));
  Value bad = compare(arith::CmpIPredicate::ne, l, r);
  if (lhsMayBeOne)
    bad = arith::AndIOp::create(*this, bad,
                                compare(arith::CmpIPredicate::ne, l, one));
  if (rhsMayBeOne)
    bad = arith::AndIOp::create(*this, bad,
                                compare(arith::CmpIPredicate::ne, r, one));
  failIf(bad,
         "sizes {0} and {1} do not broadcast, they are neither equal nor 1", l,
         r);
  if (scope.dominatesRest(*this))
    scope.assumeBroadcast(lhs, rhs);
  return result;
}

void Emitter::requireBroadcastTo(ArrayRef<DimAttr> shape,
                                 ArrayRef<DimAttr> target) {
  for (auto [size, want] : llvm::zip(shape, target.take_back(shape.size()))) {
    if (size.isConstant(1) || scope.areEqual(size, want))
      continue;
    Value have = index(size), wanted = index(want);
    Value differs = compare(arith::CmpIPredicate::ne, have, wanted);
    Value isMany = compare(arith::CmpIPredicate::ne, have, index(number(1)));
    failIf(arith::AndIOp::create(*this, differs, isMany),
           "size {0} does not broadcast to {1}, it is neither equal nor 1",
           have, wanted);
  }
}

SmallVector<DimAttr>
Emitter::requireBroadcast(ArrayRef<ArrayRef<DimAttr>> shapes) {
  size_t rank = 0;
  for (ArrayRef<DimAttr> shape : shapes)
    rank = std::max(rank, shape.size());
  SmallVector<DimAttr> result(rank, number(1));
  for (ArrayRef<DimAttr> shape : shapes)
    for (auto [axis, size] : llvm::enumerate(shape)) {
      DimAttr &sum = result[rank - shape.size() + axis];
      sum = requireBroadcast(sum, size);
    }
  return result;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

Value Emitter::finish(SizedTensor result) {
  auto type = cast<DynTensorType>(op->getResult(0).getType());
  SmallVector<Type> inferred;
  if (auto inference = dyn_cast<InferTypeOpInterface>(op)) {
    LogicalResult inferredTypes = inference.inferReturnTypes(
        getContext(), getLoc(), op->getOperands(), op->getAttrDictionary(),
        op->getPropertiesStorage(), op->getRegions(), inferred);
    assert(succeeded(inferredTypes) && "checked by the verifier");
    (void)inferredTypes;
  }
  SmallVector<DimAttr> sizes;
  for (auto [axis, size] : llvm::enumerate(type.getShape())) {
    if (size.isUnknown()) {
      sizes.push_back(result.sizes[axis]);
      continue;
    }
    // What inference knows holds; what the type states beyond it is checked.
    if (!inferred.empty() &&
        cast<DynTensorType>(inferred.front()).getDim(axis).isUnknown())
      requireEqual(result.sizes[axis], size,
                   "dimension " + Twine(axis) +
                       " of the result is {0}, expects " + size.str() +
                       " = {1}");
    sizes.push_back(size);
  }
  if (isTooComplex) {
    op->emitOpError() << "needs a size whose expression is too large";
    return {};
  }
  Value value = result.value;
  if (value.getType() != type.toBuiltin())
    value = tensor::CastOp::create(*this, type.toBuiltin(), value);
  if (scope.dominatesRest(*this))
    scope.setSizes(value, sizes);
  return value;
}
