//===- WeightTools.h - Weights of a model, listed and exported --*- C++ -*-===//

#ifndef DYN_TOOLS_WEIGHTTOOLS_H
#define DYN_TOOLS_WEIGHTTOOLS_H

#include "Dyn/Resources/Result.h"
#include "mlir/Support/LLVM.h"
#include <string>

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace mlir::dyn {

/// Prints a table of the weights, and the resources of other dialects, that the
/// file at `path` holds or refers to: name, type, bytes, place and users. The
/// file is MLIR (text or bytecode), ONNX or safetensors, told by its contents.
/// Reads indices and no weights; one whose file is not there is listed all the
/// same. Diagnostics of the parsers go to `context`, which has the dialects.
Result<> dumpResources(const std::string &path, const std::string &weightsDir,
                       MLIRContext *context, raw_ostream &os);

/// Writes the weights of the model at `path`, which is MLIR or ONNX, to the
/// safetensors file `output` under the names of their symbols, one after the
/// other. `output` may be the file that they are in.
Result<> exportWeights(const std::string &path, const std::string &weightsDir,
                       const std::string &output, MLIRContext *context);

} // namespace mlir::dyn

#endif // DYN_TOOLS_WEIGHTTOOLS_H
