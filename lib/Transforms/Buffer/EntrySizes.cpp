//===- EntrySizes.cpp - Sizes as expressions of a function's arguments ----===//

#include "EntrySizes.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::dyn;

EntrySizes::EntrySizes(func::FuncOp function)
    : function(function), context(function.getContext()),
      symbols(
          function->getAttrOfType<DictionaryAttr>(DynDialect::kSymbolsAttr)) {
  if (!function.isPrivate()) {
    solveSymbols();
    return;
  }
  auto addSource = [&](const std::string &name, Source source) {
    sources[StringAttr::get(context, name)] = source;
  };
  DimAttr zero = DimAttr::get(context, 0), one = DimAttr::get(context, 1);
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    std::string name = "arg" + std::to_string(i);
    unsigned argument = i;
    if (type.isIndex())
      addSource(name, {argument, std::nullopt, zero, one});
    if (auto shaped = dyn_cast<ShapedType>(type); shaped && shaped.hasRank())
      for (int64_t axis = 0; axis < shaped.getRank(); ++axis)
        if (shaped.isDynamicDim(axis))
          addSource(name + "." + std::to_string(axis),
                    {argument, axis, zero, one});
  }
}

//===----------------------------------------------------------------------===//
// Symbols from the sizes of arguments
//===----------------------------------------------------------------------===//

/// Repeats until nothing new is learned: one size may need a symbol that a
/// later one gives.
void EntrySizes::solveSymbols() {
  bool changed = true;
  while (changed) {
    changed = false;
    for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i) {
      auto type = function.getArgAttrOfType<TypeAttr>(i, kTypeAttr);
      auto tensor =
          type ? dyn_cast<DynTensorType>(type.getValue()) : DynTensorType();
      if (!tensor || function.getArgAttr(i, kResultAttr))
        continue;
      for (auto [axis, size] : llvm::enumerate(tensor.getShape()))
        changed |= solveSymbol(size, i, axis);
    }
  }
}

/// Solves `size = factor * symbol + offset` for a symbol that is not known yet,
/// where factor and offset are expressions of symbols that are.
bool EntrySizes::solveSymbol(DimAttr size, unsigned argument, int64_t axis) {
  StringAttr missing;
  bool several = false;
  size.walkSymbols([&](StringAttr name) {
    if (sources.contains(name) || name == missing)
      return;
    several |= static_cast<bool>(missing);
    missing = name;
  });
  if (!missing || several)
    return false;
  DimAttr zero = DimAttr::get(context, 0), one = DimAttr::get(context, 1);
  DimAttr offset = size.substitute(
      [&](StringAttr name) { return name == missing ? zero : DimAttr(); });
  DimAttr factor = size.substitute([&](StringAttr name) {
    return name == missing ? one : DimAttr();
  }) - offset;
  if (factor * DimAttr::getSymbol(missing) + offset != size ||
      factor.isConstant(0))
    return false;
  sources[missing] = {argument, axis, offset, factor};
  return true;
}

//===----------------------------------------------------------------------===//
// From values to expressions
//===----------------------------------------------------------------------===//

DimAttr EntrySizes::get(Value index) {
  auto [it, inserted] = known.try_emplace(index, DimAttr::getUnknown(context));
  if (!inserted)
    return it->second;
  DimAttr dim = compute(index);
  known[index] = dim;
  return dim;
}

DimAttr EntrySizes::get(OpFoldResult size) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return DimAttr::get(context, *constant);
  return get(cast<Value>(size));
}

DimAttr EntrySizes::getArgumentSize(BlockArgument argument, int64_t axis) {
  DimAttr unknown = DimAttr::getUnknown(context);
  if (argument.getOwner() != &function.getBody().front())
    return unknown;
  unsigned i = argument.getArgNumber();
  if (function.isPrivate())
    return DimAttr::getSymbol(StringAttr::get(
        context, "arg" + std::to_string(i) + "." + std::to_string(axis)));
  auto type = function.getArgAttrOfType<TypeAttr>(i, kTypeAttr);
  auto tensor =
      type ? dyn_cast<DynTensorType>(type.getValue()) : DynTensorType();
  return tensor && axis < tensor.getRank() ? tensor.getDim(axis) : unknown;
}

DimAttr EntrySizes::getShapedSize(Value shaped, int64_t axis) {
  auto type = cast<ShapedType>(shaped.getType());
  if (!type.hasRank() || axis < 0 || axis >= type.getRank())
    return DimAttr::getUnknown(context);
  if (!type.isDynamicDim(axis))
    return DimAttr::get(context, type.getDimSize(axis));
  if (auto argument = dyn_cast<BlockArgument>(shaped))
    return getArgumentSize(argument, axis);
  return llvm::TypeSwitch<Operation *, DimAttr>(shaped.getDefiningOp())
      .Case<memref::AllocOp, memref::AllocaOp, memref::ViewOp>([&](auto op) {
        MemRefType opType = op.getType();
        return get(op.getDynamicSizes()[opType.getDynamicDimIndex(axis)]);
      })
      .Case<memref::CastOp, memref::MemorySpaceCastOp>(
          [&](auto op) { return getShapedSize(op.getSource(), axis); })
      .Case([&](memref::SubViewOp op) {
        SmallVector<OpFoldResult> sizes;
        llvm::SmallBitVector dropped = op.getDroppedDims();
        for (auto [i, size] : llvm::enumerate(op.getMixedSizes()))
          if (!dropped.test(i))
            sizes.push_back(size);
        return get(sizes[axis]);
      })
      .Case([&](memref::ReinterpretCastOp op) {
        return get(op.getMixedSizes()[axis]);
      })
      .Case([&](memref::ExpandShapeOp op) {
        return get(op.getMixedOutputShape()[axis]);
      })
      .Case([&](memref::CollapseShapeOp op) {
        DimAttr product = DimAttr::get(context, 1);
        for (int64_t i : op.getReassociationIndices()[axis])
          product = product * getShapedSize(op.getSrc(), i);
        return product;
      })
      .Default([&](Operation *) { return DimAttr::getUnknown(context); });
}

DimAttr EntrySizes::getAffine(AffineExpr expr, unsigned dimCount,
                              ValueRange operands) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return DimAttr::get(context, constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return get(operands[dim.getPosition()]);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return get(operands[dimCount + symbol.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  DimAttr lhs = getAffine(binary.getLHS(), dimCount, operands),
          rhs = getAffine(binary.getRHS(), dimCount, operands);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::FloorDiv:
    return lhs.floorDiv(rhs);
  case AffineExprKind::CeilDiv:
    return lhs.ceilDiv(rhs);
  default:
    return lhs.mod(rhs);
  }
}

/// The condition `size == 1` of a broadcast, as `x` with x == 1.
static Value matchEqualsOne(Value condition) {
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (compare && compare.getPredicate() == arith::CmpIPredicate::eq &&
      matchPattern(compare.getRhs(), m_One()))
    return compare.getLhs();
  return {};
}

DimAttr EntrySizes::compute(Value index) {
  DimAttr unknown = DimAttr::getUnknown(context);
  if (auto argument = dyn_cast<BlockArgument>(index)) {
    StringAttr name = StringAttr::get(
        context, "arg" + std::to_string(argument.getArgNumber()));
    bool isSource = function.isPrivate() && index.getType().isIndex() &&
                    argument.getOwner() == &function.getBody().front();
    return isSource ? DimAttr::getSymbol(name) : unknown;
  }
  APInt constant;
  if (matchPattern(index, m_ConstantInt(&constant)))
    return constant.getSignificantBits() <= 64
               ? DimAttr::get(context, constant.getSExtValue())
               : unknown;
  // Division and remainder that round towards zero, and unsigned operations,
  // are those of `DimAttr` where nothing is negative.
  auto isNatural = [&](Value value) {
    return computeBounds(get(value), symbols).min >= 0;
  };
  auto both = [&](auto op, auto combine) {
    return combine(get(op.getLhs()), get(op.getRhs()));
  };
  auto naturals = [&](auto op, auto combine) {
    return isNatural(op.getLhs()) && isNatural(op.getRhs()) ? both(op, combine)
                                                            : unknown;
  };
  auto floorDiv = [](DimAttr a, DimAttr b) { return a.floorDiv(b); };
  auto ceilDiv = [](DimAttr a, DimAttr b) { return a.ceilDiv(b); };
  auto mod = [](DimAttr a, DimAttr b) { return a.mod(b); };
  return llvm::TypeSwitch<Operation *, DimAttr>(index.getDefiningOp())
      .Case([&](memref::DimOp op) {
        std::optional<int64_t> axis = op.getConstantIndex();
        return axis && isa<ShapedType>(op.getSource().getType())
                   ? getShapedSize(op.getSource(), *axis)
                   : unknown;
      })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp>(
          [&](auto op) { return get(op.getIn()); })
      .Case([&](arith::AddIOp op) { return both(op, std::plus<>()); })
      .Case([&](arith::SubIOp op) { return both(op, std::minus<>()); })
      .Case([&](arith::MulIOp op) { return both(op, std::multiplies<>()); })
      .Case([&](arith::FloorDivSIOp op) { return both(op, floorDiv); })
      .Case([&](arith::CeilDivSIOp op) { return both(op, ceilDiv); })
      .Case<arith::DivSIOp, arith::DivUIOp>(
          [&](auto op) { return naturals(op, floorDiv); })
      .Case([&](arith::CeilDivUIOp op) { return naturals(op, ceilDiv); })
      .Case<arith::RemSIOp, arith::RemUIOp>(
          [&](auto op) { return naturals(op, mod); })
      .Case([&](arith::MinSIOp op) { return both(op, DimAttr::min); })
      .Case([&](arith::MaxSIOp op) { return both(op, DimAttr::max); })
      .Case([&](arith::MinUIOp op) { return naturals(op, DimAttr::min); })
      .Case([&](arith::MaxUIOp op) { return naturals(op, DimAttr::max); })
      .Case([&](arith::SelectOp op) {
        Value size = matchEqualsOne(op.getCondition());
        return size && size == op.getFalseValue()
                   ? DimAttr::broadcast(get(size), get(op.getTrueValue()))
                   : unknown;
      })
      .Case([&](affine::AffineApplyOp op) {
        return getAffine(op.getAffineMap().getResult(0),
                         op.getAffineMap().getNumDims(), op.getMapOperands());
      })
      .Case<affine::AffineMinOp, affine::AffineMaxOp>([&](auto op) {
        DimAttr result;
        for (AffineExpr expr : op.getAffineMap().getResults()) {
          DimAttr dim =
              getAffine(expr, op.getAffineMap().getNumDims(), op.getOperands());
          if (!result)
            result = dim;
          else
            result = isa<affine::AffineMinOp>(op) ? DimAttr::min(result, dim)
                                                  : DimAttr::max(result, dim);
        }
        return result;
      })
      .Default([&](Operation *) { return unknown; });
}

DimAttr EntrySizes::getBytes(MemRefType type, ValueRange dynamicSizes) {
  Type element = type.getElementType();
  DataLayout layout = DataLayout::closest(function);
  // `memref<?xi1>` takes a byte an element.
  int64_t elementBytes =
      element.isIndex() ? 8
                        : (int64_t)layout.getTypeSize(element).getFixedValue();
  DimAttr bytes = DimAttr::get(context, elementBytes);
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    bytes = bytes * (type.isDynamicDim(axis)
                         ? get(dynamicSizes[type.getDynamicDimIndex(axis)])
                         : DimAttr::get(context, type.getDimSize(axis)));
  return bytes;
}

//===----------------------------------------------------------------------===//
// From expressions to values
//===----------------------------------------------------------------------===//

bool EntrySizes::isComputable(DimAttr dim) const {
  bool computable = !dim.isUnknown();
  dim.walkSymbols(
      [&](StringAttr name) { computable &= sources.contains(name); });
  return computable;
}

Value EntrySizes::materialize(OpBuilder &builder, Location loc, DimAttr dim,
                              ValueRange arguments) const {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  auto compute = [&](DimAttr part) {
    return materialize(builder, loc, part, arguments);
  };
  if (std::optional<int64_t> value = dim.getConstant())
    return constant(*value);
  if (StringAttr name = dim.getSymbolName()) {
    const Source &source = sources.at(name);
    Value size = arguments[source.argument];
    if (source.axis)
      size = memref::DimOp::create(builder, loc, size, *source.axis);
    if (!source.offset.isConstant(0))
      size = arith::SubIOp::create(builder, loc, size, compute(source.offset));
    if (!source.factor.isConstant(1))
      size = arith::FloorDivSIOp::create(builder, loc, size,
                                         compute(source.factor));
    return size;
  }
  auto computeAtom = [&](Attribute atom) -> Value {
    if (auto name = dyn_cast<StringAttr>(atom))
      return compute(DimAttr::getSymbol(name));
    auto fn = cast<DimFnAttr>(atom);
    Value lhs = compute(fn.getLhs()), rhs = compute(fn.getRhs());
    switch (fn.getKind()) {
    case DimFn::FloorDiv:
      return arith::FloorDivSIOp::create(builder, loc, lhs, rhs);
    case DimFn::Mod: {
      Value quotient = arith::FloorDivSIOp::create(builder, loc, lhs, rhs);
      Value multiple = arith::MulIOp::create(builder, loc, quotient, rhs);
      return arith::SubIOp::create(builder, loc, lhs, multiple);
    }
    case DimFn::Min:
      return arith::MinSIOp::create(builder, loc, lhs, rhs);
    case DimFn::Max:
      return arith::MaxSIOp::create(builder, loc, lhs, rhs);
    case DimFn::Broadcast: {
      Value isOne = arith::CmpIOp::create(
          builder, loc, arith::CmpIPredicate::eq, lhs, constant(1));
      return arith::SelectOp::create(builder, loc, isOne, rhs, lhs);
    }
    }
    llvm_unreachable("covered switch");
  };
  Value sum;
  for (auto [monomial, coefficient] :
       llvm::zip(dim.getMonomials(), dim.getCoefficients())) {
    Value product;
    if (coefficient != 1 || monomial.empty())
      product = constant(coefficient);
    for (Attribute atom : monomial) {
      Value factor = computeAtom(atom);
      product =
          product ? (Value)arith::MulIOp::create(builder, loc, product, factor)
                  : factor;
    }
    sum = sum ? (Value)arith::AddIOp::create(builder, loc, sum, product)
              : product;
  }
  return sum;
}
