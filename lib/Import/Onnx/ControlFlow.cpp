//===- ControlFlow.cpp - Operators that hold graphs -----------------------===//

#include "OperatorTable.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

/// A condition that is known now, as exporters leave behind, picks its branch.
static void importIf(Node &node) {
  std::optional<SmallVector<int64_t>> condition = node.getConstantInts(0);
  if (!condition || condition->size() != 1) {
    node.error("expects a condition that is known when the model is imported");
    return;
  }
  const ::onnx::GraphProto *branch =
      node.getGraph((*condition)[0] ? "then_branch" : "else_branch");
  if (!branch)
    return;
  for (auto [index, value] : llvm::enumerate(node.inlineGraph(*branch)))
    node.setOutput(index, value);
}

void onnx_import::addControlFlowOperators(OperatorTable &table) {
  table.add("If", {.maxOutputs = kVariadic}, importIf);
}
