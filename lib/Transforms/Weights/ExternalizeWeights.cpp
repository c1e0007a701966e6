//===- ExternalizeWeights.cpp - Constants become weights ------------------===//

#include "Dyn/Dialect/WeightData.h"
#include "Dyn/Transforms/Passes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

#include <cstring>

namespace mlir::dyn {
#define GEN_PASS_DEF_DYNEXTERNALIZEWEIGHTSPASS
#include "Dyn/Transforms/Passes.h.inc"
} // namespace mlir::dyn

using namespace mlir;
using namespace mlir::dyn;

/// The type of the weight that a constant of `type` becomes; null if it cannot.
static DynTensorType getWeightType(Type type) {
  if (auto tensor = dyn_cast<DynTensorType>(type))
    return tensor.hasStaticShape() ? tensor : DynTensorType();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || tensor.getEncoding() ||
      !DynTensorType::isValidElementType(tensor.getElementType()))
    return {};
  DynTensorType result = DynTensorType::fromBuiltin(tensor);
  // ui8 has no way back: code on builtin tensors has signless integers.
  return result.toBuiltin() == tensor ? result : DynTensorType();
}

/// The bytes of a weight of `type`; as many as fit if there are more.
static uint64_t getNumBytes(DynTensorType type) {
  return computeNumBytes(getElementType(type.getElementType()),
                         getStaticShape(type))
      .value_or(UINT64_MAX);
}

/// The bytes of `dense`, which its context keeps.
static Blob viewDense(DenseElementsAttr dense) {
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.getElementType().isInteger(1))
    return viewBytes(dense.getContext(), raw, [] {});
  // Packed bits, a byte each in a weight.
  Blob blob = *Blob::allocate(ElementType::I1, {dense.getNumElements()});
  std::span<std::byte> bytes = *blob.mutableBytes();
  for (auto [byte, value] : llvm::zip(bytes, dense.getValues<bool>()))
    byte = std::byte(value);
  return blob;
}

namespace {
struct ExternalizeWeightsPass
    : dyn::impl::DynExternalizeWeightsPassBase<ExternalizeWeightsPass> {
  using DynExternalizeWeightsPassBase::DynExternalizeWeightsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable table(module);
    symbols = &table;
    last = nullptr;
    weights.clear();
    SmallVector<Operation *> constants;
    module.walk([&](Operation *op) {
      if (op->hasTrait<OpTrait::ConstantLike>() && op->getNumResults() == 1 &&
          SymbolTable::getNearestSymbolTable(op) == module)
        constants.push_back(op);
    });
    for (Operation *op : constants)
      if (failed(externalize(op)))
        return signalPassFailure();
  }

  LogicalResult externalize(Operation *op) {
    DynTensorType type = getWeightType(op->getResult(0).getType());
    Attribute value;
    if (!type || !matchPattern(op, m_Constant(&value)))
      return success();
    auto dense = dyn_cast<DenseElementsAttr>(value);
    auto resource = dyn_cast<DenseResourceElementsAttr>(value);
    if (dense ? dense.isSplat() || getNumBytes(type) < minBytes : !resource)
      return success();
    WeightOp &weight = weights[{value, type}];
    if (!weight) {
      FailureOr<WeightOp> made =
          dense ? makeWeight(op, type, "constant", viewDense(dense))
                : makeWeight(op, type, resource);
      if (failed(made))
        return failure();
      weight = *made;
    }
    OpBuilder builder(op);
    Value result =
        GetWeightOp::create(builder, op->getLoc(), type, weight.getSymName());
    if (!isa<DynTensorType>(op->getResult(0).getType()))
      result = ToBuiltinOp::create(builder, op->getLoc(),
                                   op->getResult(0).getType(), result);
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
    return success();
  }

  FailureOr<WeightOp> makeWeight(Operation *op, DynTensorType type,
                                 DenseResourceElementsAttr resource) {
    DenseResourceElementsHandle handle = resource.getRawHandle();
    if (!handle.getBlob())
      return makeWeight(op, type, handle.getKey(), std::nullopt);
    ArrayRef<char> data = handle.getBlob()->getData();
    // Upstream does not compare the two.
    if (getNumBytes(type) != data.size())
      return op->emitOpError()
             << "expects " << getNumBytes(type) << " bytes in resource '"
             << handle.getKey() << "' for " << resource.getType() << ", got "
             << data.size();
    return makeWeight(op, type, handle.getKey(),
                      viewBytes(&getContext(), data, [] {}));
  }

  WeightOp makeWeight(Operation *op, DynTensorType type, StringRef name,
                      std::optional<Blob> blob) {
    OpBuilder builder(&getContext());
    auto weight = WeightOp::create(builder, op->getLoc(), name, StringAttr(),
                                   type, WeightSource());
    Block &body = *cast<ModuleOp>(symbols->getOp()).getBody();
    symbols->insert(weight,
                    last ? std::next(Block::iterator(last)) : body.begin());
    last = weight;
    if (blob)
      setWeight(weight, *std::move(blob));
    return weight;
  }

  SymbolTable *symbols = nullptr;
  Operation *last = nullptr; ///< The last weight: they come first, in order.
  DenseMap<std::pair<Attribute, Type>, WeightOp> weights;
};
} // namespace
