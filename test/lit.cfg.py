"""The lit suite: IR, diagnostics and tools."""

import os
import sys

import lit.formats

config.name = "dyn"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.environment["PATH"] = os.pathsep.join([config.dyn_bin_dir, config.llvm_tools_dir, config.environment["PATH"]])
config.substitutions.append(("%dyn_plugin", config.dyn_plugin))
config.substitutions.append(("%dyn_crash_plugin", config.dyn_crash_plugin))
config.substitutions.append(("%dyn_src", config.dyn_source_dir))
config.substitutions.append(("%mlir_include", os.path.join(os.path.dirname(config.llvm_tools_dir), "include")))
config.substitutions.append(("%python", sys.executable))
# Models in protobuf's text format, for what ONNX's own textual syntax cannot say.
config.substitutions.append(
    ("%onnx_encode", f"protoc -I {config.onnx_proto_dir} --encode=onnx.ModelProto onnx/onnx.proto")
)
