//===- ListTensors.cpp - The tensors of a model, without an import --------===//

#include "Dyn/Import/Onnx.h"
#include "ModelFile.h"
#include "Tensors.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;
using ::onnx::GraphProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;

namespace {
class TensorList {
public:
  explicit TensorList(const ModelFile &model) : model(model) {}

  /// Adds the tensors of `graph`, and those of graphs inside it. Tensors of the
  /// graphs around are visible by `outer`.
  void addGraph(const GraphProto &graph, llvm::StringMap<size_t> visible) {
    for (const TensorProto &tensor : graph.initializer()) {
      visible[tensor.name()] = tensors.size();
      tensors.push_back(describe(tensor, tensor.name()));
    }
    for (const NodeProto &node : graph.node()) {
      for (const auto &attribute : node.attribute())
        if (node.op_type() == "Constant" && attribute.t().has_segment() &&
            node.output_size() == 1) {
          visible[node.output(0)] = tensors.size();
          tensors.push_back(describe(attribute.t(), node.output(0)));
        }
      for (const std::string &input : node.input())
        if (auto it = visible.find(input); it != visible.end())
          tensors[it->second].users.push_back(
              node.name().empty() ? node.op_type() : node.name());
      for (const auto &attribute : node.attribute()) {
        if (attribute.has_g())
          addGraph(attribute.g(), visible);
        for (const GraphProto &inner : attribute.graphs())
          addGraph(inner, visible);
      }
    }
  }

  std::vector<OnnxTensor> tensors;

private:
  OnnxTensor describe(const TensorProto &tensor, StringRef name) const {
    OnnxTensor result;
    result.name = name.str();
    std::vector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
    if (auto type = getElementType(tensor.data_type())) {
      result.type = formatTensorType(*type, shape);
      result.numBytes = computeNumBytes(*type, shape);
    } else {
      result.type = getDataTypeName(tensor.data_type()) + " [" +
                    llvm::join(llvm::map_range(shape,
                                               [](int64_t size) {
                                                 return std::to_string(size);
                                               }),
                               ", ") +
                    "]";
    }
    result.place = describePlace(tensor);
    return result;
  }

  std::string describePlace(const TensorProto &tensor) const {
    if (tensor.has_segment())
      return (model.getFileName() + ", byte " + Twine(tensor.segment().begin()))
          .str();
    if (tensor.data_location() != TensorProto::EXTERNAL)
      return "in the graph";
    StringRef file = "?", offset = "0";
    for (const auto &entry : tensor.external_data())
      if (entry.key() == "location")
        file = entry.value();
      else if (entry.key() == "offset")
        offset = entry.value();
    return (file + ", byte " + offset).str();
  }

  const ModelFile &model;
};
} // namespace

FailureOr<std::vector<OnnxTensor>> dyn::listOnnxTensors(StringRef path,
                                                        MLIRContext *context) {
  FailureOr<std::unique_ptr<ModelFile>> model = ModelFile::open(path, context);
  if (failed(model))
    return failure();
  TensorList list(**model);
  list.addGraph((*model)->getModel().graph(), {});
  return std::move(list.tensors);
}
