//===- onnx-text.cpp - From ONNX's textual syntax to a model file ---------===//
//
// Reads a model in the syntax of ONNX's `onnx.parser` from standard input and
// writes it to standard output.
//
//===----------------------------------------------------------------------===//

#include "onnx/defs/parser.h"
#include <iostream>
#include <iterator>

int main() {
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  onnx::ModelProto model;
  onnx::Common::Status status = onnx::OnnxParser::Parse(model, text.c_str());
  if (!status.IsOK()) {
    std::cerr << "error: " << status.ErrorMessage() << '\n';
    return 1;
  }
  return model.SerializeToOstream(&std::cout) ? 0 : 1;
}
