"""What a kernel is run by: Dyn and what a user would call instead.

A peer lives in a process of its own. `bind(case, size)` makes it ready: it gives calls that take turns, each a function
without arguments that runs all layers of one model or set of buffers, and where the outputs of the first one will be.
The clock starts behind it, so packed weights and plans cost nothing.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

import numpy as np
from attention import Attention
from case import Case
from products import Gemm, unquantized

HERE = Path(__file__).parent
WORK = HERE / "work"
NATIVE = WORK / "native"
CACHE_LINE = 64


class NotThereError(Exception):
    """This peer has no such kernel."""


def model_file(case: Case, model: int) -> Path:
    """The ONNX file of a case, written by whoever needs it first."""
    path = WORK / f"{case.family}-{case.key}" / f"{model}.onnx"
    cases = HERE / "cases.py"
    if not path.exists() or path.stat().st_mtime < cases.stat().st_mtime:
        path.parent.mkdir(parents=True, exist_ok=True)
        case.write(path, model)
    return path


def aligned(array: np.ndarray) -> np.ndarray:
    """A copy that begins with a cache line, as memory of all these libraries does; NumPy's is 16 bytes behind one."""
    memory = np.empty(array.nbytes + CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def make_buffers(case: Case, size: int, count: int) -> list[tuple[dict, dict]]:
    """Inputs and memory for the outputs, `count` times; of the outputs once if they are to stay in the cache."""
    buffers = []
    for index in range(count):
        if not buffers or not case.shares_outputs:
            outputs = {name: aligned(np.zeros(shape, np.float32)) for name, shape in case.outputs(size).items()}
        inputs = {name: aligned(array) for name, array in case.inputs(size, index).items()}
        buffers.append((inputs, outputs))
    return buffers


class Peer:
    """Models are opened once a case and bound to buffers once a size."""

    name: str
    version: str

    def __init__(self, threads: int):
        self.threads = threads
        self.case = None
        self.models = []

    def open(self, path: Path):
        raise NotImplementedError

    def connect(self, model, inputs, outputs):
        """A call of `model` that reads `inputs` and writes `outputs`."""
        raise NotImplementedError

    def supports(self, case: Case) -> bool:
        return True

    def bind(self, case: Case, size: int) -> tuple[list, dict]:
        if not self.supports(case):
            raise NotThereError
        if case != self.case:
            self.models = []
            self.models = [self.open(model_file(case, i)) for i in range(case.models())]
            self.case = case
        self.buffers = make_buffers(case, size, case.sets)
        calls = [
            self.connect(self.models[index % len(self.models)], *buffers) for index, buffers in enumerate(self.buffers)
        ]
        return calls, self.buffers[0][1]


class Dyn(Peer):
    """An artifact through the C ABI, with arguments made once, as a program in C has them.

    All models have one pool of threads, as in a program that has several: a pool of its own would sleep while the
    others have their turns, and be woken by every call.
    """

    name = "dyn"
    target = "native"

    def __init__(self, threads: int):
        super().__init__(threads)
        import dyn
        from dyn import _native

        self.version = dyn.__version__
        self.pool = ctypes.c_void_p()
        _native.check(_native.library.dyn_pool_create(threads, ctypes.byref(self.pool)))

    def open(self, path: Path):
        import dyn
        from dyn import _native

        artifact = path.with_suffix(f".{self.target}.so")
        compiler = _native.find("bin", "dyn-compile")
        made_from = max(path.stat().st_mtime, compiler.stat().st_mtime)
        if not artifact.exists() or artifact.stat().st_mtime < made_from:
            dyn.compile(path, output=artifact, target=self.target, threads=self.threads).close()
        return dyn.Model(artifact, _native.Options(size=ctypes.sizeof(_native.Options), pool=self.pool))

    def connect(self, model, inputs, outputs):
        from dyn._model import _Arguments
        from dyn._native import check, library

        given = _Arguments("input", inputs, model.signature.inputs)
        buffers = _Arguments("output", outputs, model.signature.outputs)
        arguments = (model._handle, given.structs, len(inputs), buffers.structs, len(outputs), None)
        run = library.dyn_model_run

        def call(keep=(given, buffers)):
            if run(*arguments):
                check(1)

        return call


class DynFloat(Dyn):
    """Dyn with the weights in f32, beside itself with smaller ones."""

    name = "dyn-f32"

    def supports(self, case):
        return isinstance(case, Gemm)

    def bind(self, case, size):
        return super().bind(unquantized(case), size)


class DynZen2(Dyn):
    """Dyn's code for AVX2, beside that for AVX-512 on a machine that runs both."""

    name = "dyn-znver2"
    target = "znver2"


class OnnxRuntime(Peer):
    name = "onnxruntime"

    def __init__(self, threads: int):
        super().__init__(threads)
        import onnxruntime

        self.version = onnxruntime.__version__

    def open(self, path: Path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def connect(self, model, inputs, outputs):
        binding = model.io_binding()
        for name, array in inputs.items():
            binding.bind_cpu_input(name, array)
        for name, array in outputs.items():
            binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        return lambda: model.run_with_iobinding(binding)


class OnnxRuntimeAttention(OnnxRuntime):
    """ONNX Runtime's own fused operator, which its optimizer makes of some models."""

    name = "onnxruntime-fused"

    def supports(self, case):
        return isinstance(case, Attention) and not case.masked

    def open(self, path: Path):
        import onnx
        from onnx import TensorProto, helper

        case = self.case_opened
        attributes = {"num_heads": 12, "scale": 0.125, "unidirectional": int(case.causal)}
        keys = "T" if case.keys else "S"
        nodes, inputs, outputs = [], [], []
        for i in range(case.layers):
            for name, length in (("q", "S"), ("k", keys), ("v", keys)):
                inputs.append(helper.make_tensor_value_info(f"{name}{i}", TensorProto.FLOAT, [1, length, 768]))
            names = [f"q{i}", f"k{i}", f"v{i}"]
            nodes.append(helper.make_node("MultiHeadAttention", names, [f"y{i}"], domain="com.microsoft", **attributes))
            outputs.append(helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [1, "S", 768]))
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(
            helper.make_graph(nodes, "kernel", inputs, outputs), opset_imports=opsets, ir_version=10
        )
        fused = path.with_suffix(".fused.onnx")
        onnx.save(model, str(fused))
        return super().open(fused)

    def bind(self, case, size):
        self.case_opened = case
        return super().bind(case, size)


class OpenVino(Peer):
    name = "openvino"

    def __init__(self, threads: int):
        super().__init__(threads)
        import openvino

        self.version = openvino.__version__.split("-")[0]
        self.core = openvino.Core()

    def open(self, path: Path):
        options = {
            "INFERENCE_NUM_THREADS": self.threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        return self.core.compile_model(str(path), "CPU", options)

    def connect(self, model, inputs, outputs):
        import openvino

        request = model.create_infer_request()
        for name, array in (inputs | outputs).items():
            request.set_tensor(name, openvino.Tensor(array, shared_memory=True))
        return request.infer


class PyTorch(Peer):
    name = "pytorch"

    def __init__(self, threads: int):
        super().__init__(threads)
        import torch

        torch.set_num_threads(threads)
        torch.inference_mode().__enter__()
        self.version = torch.__version__

    def supports(self, case):
        return not isinstance(case, Gemm) or case.weights == "f32"

    def bind(self, case: Case, size: int):
        import torch

        if not self.supports(case):
            raise NotThereError
        calls = []
        for index in range(case.sets):
            inputs = {name: torch.from_numpy(aligned(array)) for name, array in case.inputs(size, index).items()}
            calls.append(case.torch(torch, inputs, index % case.models()))
        return calls, {name: x.numpy() for name, x in calls[0]().items()}


class GemmStruct(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("batch", "m", "n", "k")),
        *((name, ctypes.c_int32) for name in ("transposed", "constant")),
    ]


class Native(Peer):
    """A library of native/, for products."""

    def __init__(self, threads: int):
        super().__init__(threads)
        self.native = ctypes.CDLL(str(NATIVE / f"peer_{self.name}.so"))
        self.native.peer_version.restype = ctypes.c_char_p
        self.native.gemm_create.restype = ctypes.c_void_p
        self.native.gemm_create.argtypes = [ctypes.POINTER(GemmStruct), *[ctypes.c_void_p] * 4]
        self.native.gemm_destroy.argtypes = [ctypes.c_void_p]
        self.native.gemm_run.argtypes = [ctypes.c_void_p, ctypes.c_int64]
        self.native.peer_init(threads)
        self.version = " ".join(self.native.peer_version().decode().split()[:2])
        self.products = []

    def supports(self, case):
        return isinstance(case, Gemm) and case.weights == "f32"

    def bind(self, case: Case, size: int):
        if not self.supports(case):
            raise NotThereError
        for product in self.products:
            self.native.gemm_destroy(product)
        self.products = []
        if case != self.case:
            self.data = [case.data(i) for i in range(case.models())] if case.constant else []
            self.case = case
        gemm = GemmStruct(case.batch, size, case.n, case.k, case.transposed, case.constant)
        calls = []
        self.buffers = make_buffers(case, size, case.sets)
        for index, (inputs, outputs) in enumerate(self.buffers):
            layers = self.data[index] if case.constant else [(inputs["w"], None)]
            products = []
            for (w, bias), out in zip(layers, outputs.values()):
                pointers = [None if x is None else x.ctypes.data for x in (inputs["x"], w, bias, out)]
                product = self.native.gemm_create(gemm, *pointers)
                if not product:
                    raise NotThereError
                products.append(product)
            self.products += products
            array = (ctypes.c_void_p * len(products))(*products)
            calls.append(lambda array=array: self.native.gemm_run(array, len(array)))
        return calls, self.buffers[0][1]


class OneDnn(Native):
    name = "onednn"


class OpenBlas(Native):
    name = "openblas"


class Libxsmm(Native):
    name = "libxsmm"


class Machine:
    """What the machine can do at this moment, in bytes and operations per second."""

    def __init__(self, threads: int, cpus: list[int]):
        self.native = ctypes.CDLL(str(NATIVE / "peer_limits.so"))
        self.native.limits_open.restype = ctypes.c_void_p
        self.native.limits_open.argtypes = [ctypes.c_int, ctypes.c_int64]
        self.native.limits_measure.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self.handle = self.native.limits_open(threads, 512 << 20)
        self.cpus = cpus

    def measure(self) -> dict[str, float]:
        rates = (ctypes.c_double * 4)()
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.cpus)
        self.native.limits_measure(self.handle, rates)
        os.sched_setaffinity(0, allowed)
        return dict(zip(("read", "copied", "stored", "flops"), rates))


PEERS = {
    peer.name: peer
    for peer in (
        Dyn,
        OneDnn,
        OpenBlas,
        Libxsmm,
        OnnxRuntime,
        OnnxRuntimeAttention,
        OpenVino,
        PyTorch,
        DynFloat,
        DynZen2,
    )
}

#: Who is asked for which family, Dyn first. libxsmm knows the shape: it is shown, and is not among the best peers.
ASKED = {
    "gemm": ("onednn", "openblas", "onnxruntime", "openvino", "pytorch", "libxsmm"),
    "awkward": ("onednn", "openblas", "onnxruntime", "openvino", "pytorch"),
    "attention": ("onnxruntime", "onnxruntime-fused", "pytorch"),
    "rows": ("onnxruntime", "openvino", "pytorch"),
    "copies": ("onnxruntime", "openvino", "pytorch"),
    "convolutions": ("onnxruntime", "openvino", "pytorch"),
    "pools": ("onnxruntime", "openvino", "pytorch"),
    "quantized": ("dyn-f32", "onnxruntime", "openvino"),
    "targets": ("dyn-znver2",),
}


def build_native() -> None:
    """Builds native/ with whatever libraries there are."""
    quiet = {"stdout": subprocess.DEVNULL}
    compilers = ["-DCMAKE_C_COMPILER=clang-22", "-DCMAKE_CXX_COMPILER=clang++-22"]
    subprocess.run(["cmake", "-S", HERE / "native", "-B", NATIVE, "-G", "Ninja", *compilers], check=True, **quiet)
    subprocess.run(["cmake", "--build", NATIVE], check=True, **quiet)
