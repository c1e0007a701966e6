//===- ResultsToDestinations.cpp - The caller hands in result buffers -----===//

#include "Dyn/Dialect/Dyn.h"
#include "Dyn/Transforms/EntryAttributes.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNRESULTSTODESTINATIONSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

/// Where one result of a function goes.
namespace {
struct Destination {
  DictionaryAttr attributes;
  /// The function's new argument, null if the memory is allocated in its body.
  BlockArgument argument;
};
} // namespace

static DynTensorType getResultType(func::FuncOp function, unsigned result) {
  auto type = function.getResultAttrOfType<TypeAttr>(result, kTypeAttr);
  return type ? dyn_cast<DynTensorType>(type.getValue()) : DynTensorType();
}

static void materialize(OpBuilder &builder, Location loc, Value tensor,
                        Value destination) {
  auto op = bufferization::MaterializeInDestinationOp::create(
      builder, loc, /*result=*/Type(), tensor, destination);
  op.setRestrict(true);
  op.setWritable(true);
}

/// `destination` in the shape that `collapse` takes away; null if sizes of its
/// source would have to be known for that.
static Value expandLike(OpBuilder &builder, Location loc, Value destination,
                        tensor::CollapseShapeOp collapse) {
  RankedTensorType type = collapse.getSrcType();
  SmallVector<OpFoldResult> sizes;
  for (auto [axis, group] :
       llvm::enumerate(collapse.getReassociationIndices())) {
    int64_t known = 1, unknown = 0;
    for (int64_t i : group)
      if (type.isDynamicDim(i))
        ++unknown;
      else
        known *= type.getDimSize(i);
    if (unknown > 1 || (unknown && !known))
      return nullptr;
    for (int64_t i : group) {
      if (!type.isDynamicDim(i)) {
        sizes.push_back(builder.getIndexAttr(type.getDimSize(i)));
        continue;
      }
      Value size = memref::DimOp::create(builder, loc, destination, axis);
      if (known != 1)
        size = arith::DivUIOp::create(
            builder, loc, size,
            arith::ConstantIndexOp::create(builder, loc, known));
      sizes.push_back(size);
    }
  }
  // A single number has no groups to tell the sizes by.
  if (collapse.getReassociationIndices().empty()) {
    if (!type.hasStaticShape())
      return nullptr;
    sizes.assign(type.getRank(), builder.getIndexAttr(1));
  }
  return memref::ExpandShapeOp::create(
      builder, loc, type.getShape(), destination,
      collapse.getReassociationIndices(), sizes);
}

/// Looks through reshapes of a result, so that the value below is computed in
/// the caller's memory: empty tensor elimination does not follow them. The
/// views are made at the function's entry, where they dominate whatever
/// computes the value.
static void materializeInArgument(OpBuilder &builder, Location loc,
                                  Value tensor, BlockArgument argument) {
  OpBuilder::InsertionGuard guard(builder);
  OpBuilder atEntry(builder.getContext());
  atEntry.setInsertionPointToStart(argument.getOwner());
  Value destination = argument;
  while (true) {
    if (auto expand = tensor.getDefiningOp<tensor::ExpandShapeOp>()) {
      destination = memref::CollapseShapeOp::create(
          atEntry, loc, destination, expand.getReassociationIndices());
      tensor = expand.getSrc();
    } else if (auto collapse =
                   tensor.getDefiningOp<tensor::CollapseShapeOp>()) {
      Value expanded = expandLike(atEntry, loc, destination, collapse);
      if (!expanded)
        break;
      destination = expanded;
      tensor = collapse.getSrc();
    } else {
      break;
    }
    auto type = cast<RankedTensorType>(tensor.getType());
    auto exact = MemRefType::get(type.getShape(), type.getElementType());
    if (destination.getType() != exact)
      destination = memref::CastOp::create(atEntry, loc, exact, destination);
  }
  materialize(builder, loc, tensor, destination);
}

static Value allocateLike(OpBuilder &builder, Location loc, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (type.isDynamicDim(axis))
      sizes.push_back(tensor::DimOp::create(builder, loc, tensor, axis));
  return memref::AllocOp::create(
      builder, loc, MemRefType::get(type.getShape(), type.getElementType()),
      sizes);
}

static DictionaryAttr
withResultNumber(Builder &builder, DictionaryAttr attributes, unsigned result) {
  NamedAttrList list(attributes);
  list.set(kResultAttr, builder.getI64IntegerAttr(result));
  return list.getDictionary(builder.getContext());
}

static LogicalResult checkConvertible(func::FuncOp function) {
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    if (!getResultType(function, i))
      return function.emitOpError() << "expects '" << kTypeAttr
                                    << "' on all results or none, got none "
                                    << "on result " << i;
    if (!isa<RankedTensorType>(type))
      return function.emitOpError() << "expects ranked tensors as results, got "
                                    << type << " as result " << i;
  }
  return success();
}

static LogicalResult convert(func::FuncOp function) {
  if (failed(checkConvertible(function)))
    return failure();
  OpBuilder builder(function.getContext());
  for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
    if (isa<RankedTensorType>(function.getArgumentTypes()[i]))
      function.setArgAttr(
          i, bufferization::BufferizationDialect::kWritableAttrName,
          builder.getBoolAttr(false));

  SmallVector<Destination> destinations;
  SmallVector<Type> keptTypes;
  SmallVector<DictionaryAttr> keptAttributes;
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    DictionaryAttr attributes =
        withResultNumber(builder, function.getResultAttrDict(i), i);
    auto tensor = cast<RankedTensorType>(type);
    auto memref = MemRefType::get(tensor.getShape(), tensor.getElementType());
    bool known = llvm::none_of(getResultType(function, i).getShape(),
                               [](DimAttr dim) { return dim.isUnknown(); });
    if (known) {
      unsigned position = function.getNumArguments();
      if (failed(function.insertArgument(position, memref, attributes,
                                         function.getLoc())))
        return failure();
      destinations.push_back({attributes, function.getArgument(position)});
    } else {
      destinations.push_back({attributes, BlockArgument()});
      keptTypes.push_back(memref);
      keptAttributes.push_back(attributes);
    }
  }
  function.walk([&](func::ReturnOp op) {
    builder.setInsertionPoint(op);
    SmallVector<Value> kept;
    for (auto [value, destination] :
         llvm::zip(op.getOperands(), destinations)) {
      if (destination.argument) {
        materializeInArgument(builder, op.getLoc(), value,
                              destination.argument);
        continue;
      }
      kept.push_back(allocateLike(builder, op.getLoc(), value));
      materialize(builder, op.getLoc(), value, kept.back());
    }
    op.getOperandsMutable().assign(kept);
  });
  function.setType(
      builder.getFunctionType(function.getArgumentTypes(), keptTypes));
  function.setAllResultAttrs(keptAttributes);
  return success();
}

namespace {
struct DynResultsToDestinationsPass
    : dyn::impl::DynResultsToDestinationsPassBase<
          DynResultsToDestinationsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isPrivate() || function.isExternal())
        continue;
      bool described = false;
      for (unsigned i = 0; i < function.getNumResults(); ++i)
        described |= static_cast<bool>(getResultType(function, i));
      if (!described)
        continue;
      if (SymbolTable::symbolKnownUseEmpty(function, getOperation())) {
        if (failed(convert(function)))
          return signalPassFailure();
        continue;
      }
      function.emitOpError("is a model's function and cannot be called inside "
                           "the module: make a private copy of it");
      return signalPassFailure();
    }
  }
};
} // namespace
