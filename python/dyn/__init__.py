"""Runs models that Dyn has compiled, with NumPy arrays in and out.

    import dyn

    model = dyn.load("model.so", threads=2)  # or dyn.compile("model.onnx")
    print(model.signature)
    outputs = model(input_ids=ids, attention_mask=mask)

A thin wrapper over the C ABI of libdyn_runtime.so.0; docs/Runtime.md describes both.
"""

from ._compile import CompileError, compile
from ._model import Model, Signature, Symbol, Tensor, load
from ._native import Error, version

__version__ = version()
__all__ = ["CompileError", "Error", "Model", "Signature", "Symbol", "Tensor", "compile", "load"]
