//===- Frame.cpp - What a run works on ------------------------------------===//

#include "Frame.h"

namespace mlir::dyn::runtime {

Result::Result(const Element &element, const View &view)
    : DLManagedTensor(), sizes(view.sizes.begin(), view.sizes.end()) {
  dl_tensor.data = view.data;
  dl_tensor.device = {kDLCPU, 0};
  dl_tensor.ndim = static_cast<int>(sizes.size());
  dl_tensor.dtype = element.dtype;
  dl_tensor.shape = sizes.data();
  deleter = [](DLManagedTensor *self) { delete static_cast<Result *>(self); };
}

static std::vector<size_t> getRanks(const Metadata &metadata) {
  std::vector<size_t> ranks;
  ranks.reserve(metadata.inputs.size() + metadata.weights.size() +
                metadata.outputs.size() + 1);
  for (const TensorInfo &input : metadata.inputs)
    ranks.push_back(input.shape.size());
  for (const Weight &weight : metadata.weights)
    ranks.push_back(weight.shape.size());
  for (const TensorInfo &output : metadata.outputs)
    ranks.push_back(output.shape.size());
  ranks.push_back(1);
  return ranks;
}

Frame::Frame(const Metadata &metadata, const std::vector<char *> &weights)
    : descriptors(getRanks(metadata)),
      arena(descriptors[metadata.inputs.size() + metadata.weights.size() +
                        metadata.outputs.size()]) {
  size_t next = 0;
  inputs.reserve(metadata.inputs.size());
  for (const TensorInfo &input : metadata.inputs)
    inputs.push_back({input, false, descriptors[next++]});
  for (size_t i = 0; i < weights.size(); ++i) {
    const Weight &weight = metadata.weights[i];
    Descriptor descriptor = descriptors[next++];
    std::ranges::copy(weight.shape, descriptor.getSizes().begin());
    setContiguous(*weight.element, descriptor.getSizes(),
                  descriptor.getStrides(), weight.name);
    descriptor.setData(weights[i]);
  }
  outputs.reserve(metadata.outputs.size());
  for (const TensorInfo &output : metadata.outputs) {
    outputs.push_back({output, output.hasUnknownSize(), descriptors[next++]});
    if (output.alias)
      inputs[*output.alias].isAliased = true;
  }
  arena.getStrides()[0] = 1;
}

void Frame::clear() {
  for (std::vector<Binding> *bindings : {&inputs, &outputs})
    for (Binding &binding : *bindings) {
      binding.memory.reset();
      binding.result.reset();
    }
}

} // namespace mlir::dyn::runtime
