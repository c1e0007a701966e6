//===- Graph.cpp - Questions about a model as a whole ---------------------===//

#include "Importer.h"
#include "OperatorTable.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include <queue>

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

std::string onnx_import::describeNode(const NodeProto &node) {
  if (!node.name().empty())
    return "'" + node.name() + "'";
  for (const std::string &output : node.output())
    if (!output.empty())
      return "of output '" + output + "'";
  return "without a name";
}

//===----------------------------------------------------------------------===//
// FunctionTable
//===----------------------------------------------------------------------===//

/// The overload of a node (field 8) or a function (field 13), younger than the
/// schema that Dyn is built with.
static std::string getOverload(StringRef unknownFields, uint32_t number) {
  std::string overload;
  llvm::cantFail(
      visitFields(unknownFields, unknownFields, [&](const WireField &field) {
        if (field.number == number && field.type == WireType::Bytes)
          overload = field.bytes.str();
        return llvm::Error::success();
      }));
  return overload;
}

LogicalResult FunctionTable::add(const ::onnx::ModelProto &model,
                                 MLIRContext *context) {
  for (const FunctionProto &function : model.functions()) {
    std::tuple key(normalizeDomain(function.domain()).str(), function.name(),
                   getOverload(function.unknown_fields(), 13));
    if (!functions.emplace(std::move(key), &function).second)
      return emitError(UnknownLoc::get(context))
             << "function '" << function.name() << "' of domain '"
             << function.domain() << "' is defined twice";
  }
  return success();
}

const FunctionProto *FunctionTable::find(const NodeProto &node) const {
  if (functions.empty())
    return nullptr;
  auto it =
      functions.find({normalizeDomain(node.domain()).str(), node.op_type(),
                      getOverload(node.unknown_fields(), 8)});
  return it == functions.end() ? nullptr : it->second;
}

//===----------------------------------------------------------------------===//
// Operators in use
//===----------------------------------------------------------------------===//

namespace {
/// Finds the operators that the table does not have, in the graph and in the
/// functions that it reaches.
class OperatorCheck {
public:
  explicit OperatorCheck(const FunctionTable &functions)
      : functions(functions) {}

  void visit(const Nodes &nodes, const Opsets &opsets) {
    for (const NodeProto &node : nodes) {
      for (const ::onnx::AttributeProto &attribute : node.attribute()) {
        visit(attribute.g().node(), opsets);
        for (const GraphProto &graph : attribute.graphs())
          visit(graph.node(), opsets);
      }
      if (const FunctionProto *function = functions.find(node)) {
        if (visited.insert(function).second) {
          Opsets inner = getOpsets(function->opset_import());
          inner.insert(opsets.begin(), opsets.end());
          visit(function->node(), inner);
        }
        continue;
      }
      std::string domain = normalizeDomain(node.domain()).str();
      auto opset = opsets.find(domain);
      int64_t version = opset == opsets.end() ? 0 : opset->second;
      if (OperatorTable::get().find(domain, node.op_type(), version))
        continue;
      Missing &entry = missing[{domain, node.op_type(), version}];
      if (entry.count++ == 0)
        entry.first = &node;
    }
  }

  LogicalResult report(MLIRContext *context) const {
    if (missing.empty())
      return success();
    InFlightDiagnostic diagnostic = emitError(UnknownLoc::get(context));
    diagnostic << (missing.size() == 1
                       ? "an operator is"
                       : std::to_string(missing.size()) + " operators are")
               << " not supported";
    for (const auto &[key, entry] : missing) {
      auto &[domain, name, version] = key;
      Diagnostic &note = diagnostic.attachNote();
      note << name << " (" << (domain.empty() ? "ai.onnx" : domain) << ", ";
      if (version)
        note << "opset " << version;
      else
        note << "of which no opset is imported";
      note << "): " << entry.count
           << (entry.count == 1 ? " node, " : " nodes, first ")
           << describeNode(*entry.first);
      std::string opsets = OperatorTable::get().describeOpsets(domain, name);
      if (!opsets.empty())
        note << "; supported with opset " << opsets;
    }
    return failure();
  }

private:
  struct Missing {
    int64_t count = 0;
    const NodeProto *first = nullptr;
  };

  const FunctionTable &functions;
  llvm::DenseSet<const FunctionProto *> visited;
  // In the order of the graph. The keys are few.
  llvm::MapVector<
      std::tuple<std::string, std::string, int64_t>, Missing,
      std::map<std::tuple<std::string, std::string, int64_t>, unsigned>>
      missing;
};
} // namespace

LogicalResult onnx_import::checkOperators(const ::onnx::ModelProto &model,
                                          const FunctionTable &functions,
                                          MLIRContext *context) {
  OperatorCheck check(functions);
  check.visit(model.graph().node(), getOpsets(model.opset_import()));
  return check.report(context);
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

/// Calls `visit` with the names of values that `node` or a graph inside it
/// uses.
static void visitUses(const NodeProto &node,
                      llvm::function_ref<void(const std::string &)> visit) {
  llvm::for_each(node.input(), visit);
  auto visitGraph = [&](const GraphProto &graph) {
    for (const NodeProto &inner : graph.node())
      visitUses(inner, visit);
    for (const ::onnx::ValueInfoProto &output : graph.output())
      visit(output.name());
  };
  for (const ::onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      visitGraph(attribute.g());
    llvm::for_each(attribute.graphs(), visitGraph);
  }
}

/// Reports one cycle among the nodes that still wait for another.
static LogicalResult reportCycle(const Nodes &nodes,
                                 const std::vector<SmallVector<int>> &users,
                                 ArrayRef<int> numPending,
                                 MLIRContext *context) {
  // Each waiting node has a waiting predecessor, so that walking backwards
  // meets a node again.
  std::vector<int> predecessor(nodes.size(), -1);
  int start = -1;
  for (int index = 0; index < nodes.size(); ++index) {
    if (numPending[index] == 0)
      continue;
    start = index;
    for (int user : users[index])
      predecessor[user] = index;
  }
  std::vector<bool> seen(nodes.size());
  while (!seen[start]) {
    seen[start] = true;
    start = predecessor[start];
  }
  SmallVector<int> cycle;
  int node = start;
  do {
    cycle.push_back(node);
    node = predecessor[node];
  } while (node != start);
  InFlightDiagnostic diagnostic = emitError(UnknownLoc::get(context));
  diagnostic << "the graph has a cycle of " << cycle.size()
             << (cycle.size() == 1 ? " node" : " nodes");
  constexpr size_t maxShown = 8;
  for (auto [index, node] :
       llvm::enumerate(ArrayRef(cycle).take_front(maxShown)))
    diagnostic << (index == 0 ? ": node " : ", which needs node ")
               << describeNode(nodes[node]);
  diagnostic << (cycle.size() > maxShown ? ", and so on"
                                         : ", which needs the first");
  return diagnostic;
}

FailureOr<SmallVector<const NodeProto *>>
onnx_import::sortNodes(const Nodes &nodes, MLIRContext *context) {
  llvm::StringMap<int> producers;
  for (auto [index, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.output())
      if (!output.empty())
        producers.try_emplace(output, static_cast<int>(index));
  std::vector<SmallVector<int>> users(nodes.size());
  SmallVector<int> numPending(nodes.size());
  for (auto [index, node] : llvm::enumerate(nodes))
    visitUses(node,
              [&, index = static_cast<int>(index)](const std::string &name) {
                auto producer = producers.find(name);
                if (producer == producers.end())
                  return;
                users[producer->second].push_back(index);
                ++numPending[index];
              });
  // The least index first: a sorted graph stays as it is.
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int index = 0; index < nodes.size(); ++index)
    if (numPending[index] == 0)
      ready.push(index);
  SmallVector<const NodeProto *> sorted;
  while (!ready.empty()) {
    int index = ready.top();
    ready.pop();
    sorted.push_back(&nodes[index]);
    for (int user : users[index])
      if (--numPending[user] == 0)
        ready.push(user);
  }
  if (sorted.size() != static_cast<size_t>(nodes.size()))
    return reportCycle(nodes, users, numPending, context);
  return sorted;
}
