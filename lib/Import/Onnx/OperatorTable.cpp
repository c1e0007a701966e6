//===- OperatorTable.cpp - How each ONNX operator is imported -------------===//

#include "OperatorTable.h"
#include "Dyn/Import/Onnx.h"

using namespace mlir;
using namespace mlir::dyn::onnx_import;

OperatorTable::OperatorTable() {
  addElementwiseOperators(*this);
  addLinearOperators(*this);
  addReductionOperators(*this);
  addShapeOperators(*this);
  addStructuralOperators(*this);
  addControlFlowOperators(*this);
}

const OperatorTable &OperatorTable::get() {
  static const OperatorTable table;
  return table;
}

const OperatorEntry *OperatorTable::find(StringRef domain, StringRef name,
                                         int64_t opset) const {
  auto [first, last] = entries.equal_range({domain.str(), name.str()});
  for (const auto &[key, entry] : llvm::make_range(first, last))
    if (opset >= entry.signature.since && opset < entry.signature.until)
      return &entry;
  return nullptr;
}

std::string OperatorTable::describeOpsets(StringRef domain,
                                          StringRef name) const {
  std::string text;
  auto [first, last] = entries.equal_range({domain.str(), name.str()});
  for (const auto &[key, entry] : llvm::make_range(first, last)) {
    const Signature &signature = entry.signature;
    int64_t from =
        domain.empty() ? std::max(signature.since, kMinOpset) : signature.since;
    int64_t to = signature.until - 1;
    if (domain.empty())
      to = std::min(to, kMaxOpset);
    if (!text.empty())
      text += ", ";
    text += std::to_string(from);
    if (to == INT64_MAX - 1)
      text += " on";
    else if (to != from)
      text += " to " + std::to_string(to);
  }
  return text;
}

void dyn::printOnnxOperators(raw_ostream &os) {
  os << "| domain | operator | opsets |\n|---|---|---|\n";
  const OperatorTable &table = OperatorTable::get();
  std::pair<std::string, std::string> last;
  for (const auto &[key, entry] : table) {
    if (key == last)
      continue;
    last = key;
    os << "| " << (key.first.empty() ? "ai.onnx" : key.first) << " | "
       << key.second << " | " << table.describeOpsets(key.first, key.second)
       << " |\n";
  }
}
