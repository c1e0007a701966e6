"""What a model is run with: Dyn and the engines it is compared to.

A peer is loaded once from an ONNX file and called with a dict of NumPy arrays; it returns a list of arrays.
"""

from __future__ import annotations

from pathlib import Path


class Dyn:
    """The artifact of one compile, made by the dyn-compile of a Release build."""

    name = "dyn"

    def __init__(self, model: Path, threads: int, artifact: Path):
        import dyn

        self.version = dyn.__version__
        if not artifact.exists():
            dyn.compile(model, output=artifact, target="native")
        self.model = dyn.load(artifact, threads=threads)

    def __call__(self, inputs):
        return list(self.model(**inputs).values())


class OnnxRuntime:
    name = "onnxruntime"

    def __init__(self, model: Path, threads: int, artifact: Path):
        import onnxruntime

        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def __call__(self, inputs):
        return self.session.run(None, inputs)


class OpenVino:
    name = "openvino"

    def __init__(self, model: Path, threads: int, artifact: Path):
        import openvino

        self.version = openvino.__version__.split("-")[0]
        self.compiled = openvino.Core().compile_model(
            str(model),
            "CPU",
            {
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": "f32",
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
        self.request = self.compiled.create_infer_request()

    def __call__(self, inputs):
        self.request.infer(inputs)
        return [self.request.get_tensor(output).data for output in self.compiled.outputs]


PEERS = {peer.name: peer for peer in (Dyn, OnnxRuntime, OpenVino)}
