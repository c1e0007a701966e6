//===- Node.h - A node of the graph, as importing functions see it -*- C++
//-*-===//

#ifndef DYN_LIB_IMPORT_ONNX_NODE_H
#define DYN_LIB_IMPORT_ONNX_NODE_H

#include "Dyn/Dialect/SymbolicDim.h"
#include "Tensors.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::dyn::onnx_import {

class Importer;

/// An operand of `Node::create` that the op can do without: null stands for no
/// operand, not for an error.
struct Omittable {
  Value value;
  operator Value() const { return value; }
};

/// The attributes that a node has, by name, those of a function's call put in
/// place of references.
using Attributes = llvm::StringMap<const ::onnx::AttributeProto *>;

/// Inputs and attributes of a node, and ways to build what it computes.
///
/// Errors stick: after the first one, functions that build values return null
/// and do nothing, also for null operands. So an importing function is written
/// as if nothing went wrong; only before it looks at the type of a value that
/// it built itself it must check for null. Inputs that the signature requires
/// are not null.
class Node {
public:
  Node(Importer &importer, const ::onnx::NodeProto &proto, int64_t opset,
       Location loc, SmallVector<Value> inputs, Attributes attributes);

  StringRef getOpType() const { return proto.op_type(); }
  int64_t getOpset() const { return opset; }
  MLIRContext *getContext() const { return builder.getContext(); }
  OpBuilder &getBuilder() { return builder; }
  bool hasFailed() const { return failed; }

  /// Reports what is wrong with the node. The file, the node and its operator
  /// are put before it.
  template <typename... Parts> Value error(Parts &&...parts) {
    failed = true;
    InFlightDiagnostic diagnostic = mlir::emitError(loc);
    (diagnostic << ... << std::forward<Parts>(parts));
    return {};
  }

  //===--------------------------------------------------------------------===//
  // Inputs and outputs
  //===--------------------------------------------------------------------===//

  size_t getNumInputs() const { return inputs.size(); }
  ArrayRef<Value> getInputs() const { return inputs; }
  /// Null if the input is omitted.
  Value getInput(size_t index) const {
    return index < inputs.size() ? inputs[index] : Value();
  }
  static DynTensorType getType(Value value) {
    return cast<DynTensorType>(value.getType());
  }
  DynTensorType getInputType(size_t index) const {
    return getType(getInput(index));
  }
  int64_t getInputRank(size_t index) const {
    return getInputType(index).getRank();
  }
  /// The elements of an integer input of rank 0 or 1 that is known now, as
  /// numbers; nullopt otherwise.
  std::optional<SmallVector<int64_t>> getConstantInts(size_t index) const;
  /// The same, but an error if the input is not known now. `what` names it:
  /// "axes".
  SmallVector<int64_t> requireConstantInts(size_t index, StringRef what);

  size_t getNumOutputs() const { return outputs.size(); }
  /// Whether the output is there and named.
  bool hasOutput(size_t index) const;
  void setOutput(size_t index, Value value);
  ArrayRef<Value> getOutputs() const { return outputs; }

  //===--------------------------------------------------------------------===//
  // Attributes. An attribute of another type is an error; so is one that is
  // missing where there is no default.
  //===--------------------------------------------------------------------===//

  bool hasAttribute(StringRef name) const { return attributes.contains(name); }
  int64_t getInt(StringRef name,
                 std::optional<int64_t> fallback = std::nullopt);
  double getFloat(StringRef name,
                  std::optional<double> fallback = std::nullopt);
  std::string getString(StringRef name,
                        std::optional<StringRef> fallback = std::nullopt);
  std::optional<SmallVector<int64_t>> getInts(StringRef name);
  std::optional<SmallVector<float>> getFloats(StringRef name);
  /// The element type that an integer attribute stands for; null after an
  /// error.
  Type getElementType(StringRef name);
  const ::onnx::TensorProto *getTensor(StringRef name);
  const ::onnx::GraphProto *getGraph(StringRef name);

  /// `axis` counted from the front, which must be one of `rank`; 0 after an
  /// error.
  int64_t normalizeAxis(int64_t axis, int64_t rank);
  SmallVector<int64_t> normalizeAxes(ArrayRef<int64_t> axes, int64_t rank);
  /// The axis in attribute `name`.
  int64_t getAxis(StringRef name, std::optional<int64_t> fallback,
                  int64_t rank);

  //===--------------------------------------------------------------------===//
  // Building. What is known now is folded.
  //===--------------------------------------------------------------------===//

  /// The op on `args`, its operands and then its attributes, with the result
  /// type that it infers.
  template <typename OpTy, typename... Args> Value create(Args &&...args) {
    if (failed || (isNull(args) || ...))
      return {};
    OperationState state(loc, OpTy::getOperationName());
    // A placeholder: builders that infer the type themselves abort on errors.
    Type placeholder =
        DynTensorType::get(ArrayRef<DimAttr>(), builder.getI1Type());
    OpTy::build(builder, state, placeholder, std::forward<Args>(args)...);
    return finish(Operation::create(state));
  }

  Value constant(DenseElementsAttr value);
  /// A vector of i64.
  Value ints(ArrayRef<int64_t> values);
  /// A vector of i64 whose elements are sizes, none of them `?`.
  Value dims(ArrayRef<DimAttr> dims);
  /// A scalar.
  Value scalar(Type elementType, double value);
  /// A scalar of the element type of `like`.
  Value scalarLike(Value like, double value);
  /// The value of a tensor in the model.
  Value tensor(const ::onnx::TensorProto &tensor);

  Value convert(Value value, Type elementType);
  /// `value` in another shape, an integer vector.
  Value reshape(Value value, Value shape);
  /// Result dimension i is dimension `permutation[i]` of `value`.
  Value transpose(Value value, ArrayRef<int64_t> permutation);
  /// `value` with a dimension of 1 put in so that it is at each of `axes` of
  /// the result.
  Value unsqueeze(Value value, ArrayRef<int64_t> axes);
  /// `value` without the dimensions `axes`, which are 1 or checked to be at run
  /// time.
  Value squeeze(Value value, ArrayRef<int64_t> axes);
  /// `value` with sizes that are checked at run time where they are not known
  /// to be its own.
  Value refine(Value value, ArrayRef<DimAttr> shape);
  /// Elements `[begin, end)` of an integer vector.
  Value slice1d(Value value, int64_t begin, int64_t end);

  // Sizes are integer vectors of i64, so that those known now and those known
  // at run time are built the same way.

  /// The sizes of dimensions `[begin, end)`.
  Value sizes(Value value, int64_t begin, int64_t end);
  /// The product of the sizes of some dimensions, a vector of one element.
  Value sizeProduct(Value value, ArrayRef<int64_t> axes);
  /// Integer vectors put one after the other.
  Value concat(ArrayRef<Value> vectors);

  /// Imports a graph that the node holds in place; its results. Null values
  /// after an error.
  SmallVector<Value> inlineGraph(const ::onnx::GraphProto &graph);

private:
  static bool isNull(Value value) { return !value; }
  static bool isNull(ArrayRef<Value> values) {
    return llvm::is_contained(values, Value());
  }
  static bool isNull(const SmallVector<Value> &values) {
    return isNull(ArrayRef<Value>(values));
  }
  template <typename T> static bool isNull(const T &) { return false; }

  /// Infers the type of `op`, verifies it, folds it; its result.
  Value finish(Operation *op);
  /// Null, with an error if `required`.
  const ::onnx::AttributeProto *
  findAttribute(StringRef name, ::onnx::AttributeProto::AttributeType type,
                bool required);

  Importer &importer;
  const ::onnx::NodeProto &proto;
  int64_t opset;
  Location loc;
  OpBuilder &builder;
  SmallVector<Value> inputs;
  SmallVector<Value> outputs;
  Attributes attributes;
  bool failed = false;
};

} // namespace mlir::dyn::onnx_import

#endif // DYN_LIB_IMPORT_ONNX_NODE_H
