//===- Importer.h - From a model's messages to a module ---------*- C++ -*-===//

#ifndef DYN_LIB_IMPORT_ONNX_IMPORTER_H
#define DYN_LIB_IMPORT_ONNX_IMPORTER_H

#include "Node.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::dyn::onnx_import {

using GraphProto = ::onnx::GraphProto;
using NodeProto = ::onnx::NodeProto;
using FunctionProto = ::onnx::FunctionProto;
using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;

/// The model-local functions by domain, name and overload.
class FunctionTable {
public:
  /// Fails, with an error, if two functions have one name.
  LogicalResult add(const ::onnx::ModelProto &model, MLIRContext *context);
  /// The function that `node` calls; null if it calls an operator.
  const FunctionProto *find(const NodeProto &node) const;

private:
  std::map<std::tuple<std::string, std::string, std::string>,
           const FunctionProto *>
      functions;
};

/// Fails if any operator in use is missing from the table; the error lists all
/// that are.
LogicalResult checkOperators(const ::onnx::ModelProto &model,
                             const FunctionTable &functions,
                             MLIRContext *context);

/// The nodes in an order in which each one comes after those whose results it
/// uses, also in graphs that it holds; the given one if that is right. Fails if
/// some are in a cycle.
FailureOr<SmallVector<const NodeProto *>> sortNodes(const Nodes &nodes,
                                                    MLIRContext *context);

/// How error messages call a node: by its name, or by its operator and first
/// output.
std::string describeNode(const NodeProto &node);

/// Values by name in one graph or function; graphs inside see those of the
/// graph around.
struct Scope {
  Scope *parent = nullptr;
  Opsets opsets;
  /// Put before the names of nodes: the calls that lead to the function.
  std::string path;
  llvm::StringMap<Value> values;
  llvm::StringMap<const ::onnx::TensorProto *> initializers;
  /// Inputs of a function that its call leaves out; nodes that use them leave
  /// them out.
  llvm::StringSet<> omitted;
  /// A function's attributes in this call; null outside of functions.
  const Attributes *callAttributes = nullptr;
};

class Importer {
public:
  Importer(const ModelFile &model, const OnnxImportOptions &options,
           MLIRContext *context);

  /// Null after an error.
  OwningOpRef<ModuleOp> run();

  OpBuilder &getBuilder() { return builder; }
  /// The value of a tensor, of which a large one becomes the weight `name`.
  /// Null after an error.
  Value getTensor(const ::onnx::TensorProto &tensor, StringRef name,
                  Location loc);
  /// Imports a graph inside the current one, without inputs, at the point of
  /// insertion; its results.
  FailureOr<SmallVector<Value>> inlineGraph(const GraphProto &graph);

private:
  LogicalResult importInputs(const GraphProto &graph, func::FuncOp function);
  FailureOr<DynTensorType>
  convertInputType(const ::onnx::ValueInfoProto &input);
  LogicalResult importOutputs(const GraphProto &graph, func::FuncOp function);
  /// The value with the sizes that the graph declares as numbers, which are
  /// checked at run time.
  FailureOr<Value> refineOutput(const ::onnx::ValueInfoProto &output,
                                Value value);

  LogicalResult importInitializers(const GraphProto &graph);
  LogicalResult importNodes(const Nodes &nodes);
  LogicalResult importNode(const NodeProto &proto);
  LogicalResult importOperator(const NodeProto &proto, Location loc,
                               int64_t opset, SmallVector<Value> inputs,
                               Attributes attributes,
                               SmallVector<Value> &outputs);
  LogicalResult callFunction(const FunctionProto &function, StringRef name,
                             ArrayRef<Value> inputs, Attributes attributes,
                             SmallVector<Value> &outputs);
  FailureOr<Attributes> resolveAttributes(const NodeProto &proto);

  /// Whether `name` is an input that the call of the function leaves out.
  bool isOmitted(StringRef name) const;
  /// Null, with an error, if there is no such value.
  Value lookup(StringRef name);
  LogicalResult define(StringRef name, Value value);

  void eraseUnusedOps(ModuleOp module);

  const ModelFile &model;
  MLIRContext *context;
  OpBuilder builder;
  TensorReader tensors;
  FunctionTable functions;
  Scope *scope = nullptr;
  SmallVector<const FunctionProto *> calls;
  size_t numNodes = 0;
  /// Kept, since tensors are told apart by their addresses.
  std::vector<std::unique_ptr<::onnx::AttributeProto>> defaultAttributes;
  OwningOpRef<ModuleOp> module;
  llvm::DenseMap<const ::onnx::TensorProto *, WeightOp> weights;
  llvm::StringSet<> symbolNames;
};

} // namespace mlir::dyn::onnx_import

#endif // DYN_LIB_IMPORT_ONNX_IMPORTER_H
