//===- OperatorTable.h - How each ONNX operator is imported -----*- C++ -*-===//

#ifndef DYN_LIB_IMPORT_ONNX_OPERATORTABLE_H
#define DYN_LIB_IMPORT_ONNX_OPERATORTABLE_H

#include "Node.h"
#include <functional>
#include <map>

namespace mlir::dyn::onnx_import {

/// What an importing function takes; checked before it is called.
struct Signature {
  /// The opsets of its domain for which it is right: from the first on, before
  /// the second.
  int64_t since = 1;
  int64_t until = INT64_MAX;
  /// Least and largest number of inputs; those up to the least are not omitted.
  struct {
    size_t min, max;
  } inputs = {1, 1};
  size_t maxOutputs = 1;
  StringRef domain = "";
};

/// Any number of inputs.
inline constexpr size_t kVariadic = SIZE_MAX;

struct OperatorEntry {
  std::string name;
  Signature signature;
  std::function<void(Node &)> import;
};

/// One line an operator and range of opsets, in one file a family.
class OperatorTable {
public:
  /// Opsets of ai.onnx that the table is written for: it knows every change of
  /// its operators between them.
  static constexpr int64_t kMinOpset = 1;
  static constexpr int64_t kMaxOpset = 23;

  static const OperatorTable &get();

  /// `import` gets a node that fits `signature`; it returns the value of the
  /// node's only output, or it calls `Node::setOutput`. It need not look for
  /// errors in between (see Node).
  template <typename Import>
  void add(StringRef name, Signature signature, Import import) {
    OperatorEntry entry{name.str(), signature, {}};
    if constexpr (std::is_convertible_v<std::invoke_result_t<Import, Node &>,
                                        Value>)
      entry.import = [import](Node &node) { node.setOutput(0, import(node)); };
    else
      entry.import = import;
    entries.emplace(std::pair(signature.domain.str(), name.str()),
                    std::move(entry));
  }

  /// Null if there is no such operator, or none for this opset of its domain.
  const OperatorEntry *find(StringRef domain, StringRef name,
                            int64_t opset) const;
  /// The opsets for which there is such an operator, for error messages: "7 to
  /// 9"; "" if there is none.
  std::string describeOpsets(StringRef domain, StringRef name) const;
  /// Ordered by domain and name.
  auto begin() const { return entries.begin(); }
  auto end() const { return entries.end(); }

private:
  OperatorTable();

  std::multimap<std::pair<std::string, std::string>, OperatorEntry> entries;
};

// The families.
void addConvolutionOperators(OperatorTable &table);
void addElementwiseOperators(OperatorTable &table);
void addLinearOperators(OperatorTable &table);
void addNormalizationOperators(OperatorTable &table);
void addPoolingOperators(OperatorTable &table);
void addQuantizationOperators(OperatorTable &table);
void addReductionOperators(OperatorTable &table);
void addShapeOperators(OperatorTable &table);
void addStructuralOperators(OperatorTable &table);
void addControlFlowOperators(OperatorTable &table);

/// Einsum-12: the contraction in Einsum.cpp.
Value importEinsum(Node &node);

} // namespace mlir::dyn::onnx_import

#endif // DYN_LIB_IMPORT_ONNX_OPERATORTABLE_H
