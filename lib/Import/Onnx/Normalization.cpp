//===- Normalization.cpp - Normalization by known statistics --------------===//

#include "OperatorTable.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

/// At inference: x * factor + shift, one of each a channel.
static Value importBatchNormalization(Node &node) {
  int64_t rank = node.getInputRank(0);
  if (rank < 2)
    return node.error("expects an input of rank 2 or more, got ",
                      node.getInputType(0));
  if (node.getInt("training_mode", 0))
    return node.error("expects attribute 'training_mode' of 0, got 1: models "
                      "are at inference");
  if (node.getOpset() < 9 && !node.getInt("spatial", 1))
    return node.error("expects attribute 'spatial' of 1, got 0");
  Value x = node.getInput(0), scale = node.getInput(1), bias = node.getInput(2),
        mean = node.getInput(3), variance = node.getInput(4);
  // From opset 15 on they may have another element type, wider than x.
  Type type = Node::getType(x).getElementType(),
       statistics = Node::getType(mean).getElementType();
  Value deviation = node.create<SqrtOp>(node.create<AddOp>(
      variance, node.scalarLike(variance, node.getFloat("epsilon", 1e-5))));
  Value factor = node.create<DivOp>(node.convert(scale, statistics), deviation);
  Value shift = node.create<SubOp>(node.convert(bias, statistics),
                                   node.create<MulOp>(mean, factor));
  auto places = llvm::to_vector(llvm::seq<int64_t>(1, rank - 1));
  auto spread = [&](Value value) { return node.unsqueeze(value, places); };
  Value result = node.create<AddOp>(
      node.create<MulOp>(node.convert(x, statistics), spread(factor)),
      spread(shift));
  return node.convert(result, type);
}

void onnx_import::addNormalizationOperators(OperatorTable &table) {
  table.add("BatchNormalization", {.since = 7, .inputs = {5, 5}},
            importBatchNormalization);
}
