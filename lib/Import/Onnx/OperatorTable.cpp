//===- OperatorTable.cpp - How each ONNX operator is imported -------------===//

#include "OperatorTable.h"
#include "Dyn/Import/Onnx.h"

using namespace mlir;
using namespace mlir::dyn::onnx_import;

OperatorTable::OperatorTable() {
  addConvolutionOperators(*this);
  addElementwiseOperators(*this);
  addLinearOperators(*this);
  addNormalizationOperators(*this);
  addPoolingOperators(*this);
  addQuantizationOperators(*this);
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
  // Entries that follow one another are one range to the user.
  SmallVector<std::pair<int64_t, int64_t>> ranges;
  auto [first, last] = entries.equal_range({domain.str(), name.str()});
  for (const auto &[key, entry] : llvm::make_range(first, last)) {
    int64_t since = entry.signature.since, until = entry.signature.until;
    if (domain.empty())
      until = std::min(until, kMaxOpset + 1);
    if (!ranges.empty() && ranges.back().second == since)
      ranges.back().second = until;
    else
      ranges.emplace_back(since, until);
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(ranges, os, [&](std::pair<int64_t, int64_t> range) {
    os << range.first;
    if (range.second == INT64_MAX)
      os << " on";
    else if (range.second > range.first + 1)
      os << " to " << range.second - 1;
  });
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
