"""Products, with weights of the model and of the call."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from case import F32, MIB, Case, cache_bytes, random, write_model


@dataclass(frozen=True)
class Gemm(Case):
    """x[M, K] * w[K, N] + bias[N]. `constant`: w is part of the model; if not, an input of unknown sizes."""

    k: int = 0
    n: int = 0
    transposed: bool = False
    constant: bool = True
    batch: int = 1
    #: Of the weights in the model: f32, int8 (a scale a column) or bf16.
    weights: str = "f32"

    @property
    def weight_bytes(self) -> int:
        return self.k * self.n * {"f32": 4, "bf16": 2, "int8": 1}[self.weights]

    @property
    def layers(self) -> int:
        if not self.constant:
            return 1
        # As many whatever the type of the weights: the same product in f32 is measured beside them.
        return max(1, min(64, (8 if self.mode == "cold" else 1) * MIB // (F32 * self.k * self.n)))

    @property
    def sets(self) -> int:
        if self.mode == "hot":
            return 1
        return max(2, -(-4 * cache_bytes() // (self.layers * self.batch * self.weight_bytes)))

    def models(self) -> int:
        return self.sets if self.constant else 1

    def flops(self, size: int) -> int:
        return 2 * self.batch * size * self.n * self.k

    def bytes(self, size: int) -> int:
        return self.batch * self.weight_bytes

    def data(self, model: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights and bias of each layer."""
        shape = (self.n, self.k) if self.transposed else (self.k, self.n)
        return [
            (random(shape, 2 * (model * self.layers + i)), random(self.n, 2 * (model * self.layers + i) + 1))
            for i in range(self.layers)
        ]

    def inputs(self, size: int, index: int) -> dict[str, np.ndarray]:
        if self.constant:
            return {"x": random((size, self.k), 7)}
        shape = (self.n, self.k) if self.transposed else (self.k, self.n)
        batch = (self.batch,) if self.batch > 1 else ()
        return {"x": random((*batch, size, self.k), 7), "w": random((*batch, *shape), 8 + index)}

    def outputs(self, size: int) -> dict[str, tuple[int, ...]]:
        batch = (self.batch,) if self.batch > 1 else ()
        return {f"y{i}": (*batch, size, self.n) for i in range(self.layers)}

    @property
    def tolerance(self) -> float:
        # With quantized weights some peers quantize x as well.
        return 1e-4 if self.weights == "f32" else 2e-2

    #: All models write to the same memory: what a product writes stays in the cache, as it does in a larger model.
    shares_outputs = True

    def reference(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        x = inputs["x"].astype(np.float64)
        if not self.constant:
            w = inputs["w"]
            return {"y0": x @ (np.swapaxes(w, -1, -2) if self.transposed else w)}
        layers = self.data(0) if self.weights == "f32" else [(self.quantized(w)[2], b) for w, b in self.data(0)]
        return {f"y{i}": x @ (w.T if self.transposed else w) + b for i, (w, b) in enumerate(layers)}

    def quantized(self, w: np.ndarray):
        """int8 weights with a scale a column or bf16 ones; what they stand for."""
        if self.weights == "int8":
            scale = np.abs(w).max(axis=0) / np.float32(127)
            q = np.round(w / scale).astype(np.int8)
            return q, scale, q * scale
        import ml_dtypes

        q = w.astype(ml_dtypes.bfloat16)
        return q, None, q.astype(np.float32)

    def write(self, path: Path, model: int) -> None:
        from onnx import TensorProto, helper, numpy_helper

        nodes, constants = [], []

        def constant(name, array):
            constants.append(numpy_helper.from_array(array, name))
            return name

        if self.constant:
            for i, (w, bias) in enumerate(self.data(model)):
                if self.weights == "f32":
                    weight = constant(f"w{i}", w)
                else:
                    q, scale, _ = self.quantized(w)
                    weight = f"w{i}"
                    stored = constant(f"q{i}", q)
                    if scale is None:
                        nodes.append(helper.make_node("Cast", [stored], [weight], to=TensorProto.FLOAT))
                    else:
                        arguments = [stored, constant(f"s{i}", scale), constant(f"z{i}", np.zeros(self.n, np.int8))]
                        nodes.append(helper.make_node("DequantizeLinear", arguments, [weight], axis=1))
                if self.transposed:
                    nodes.append(helper.make_node("Gemm", ["x", weight, constant(f"b{i}", bias)], [f"y{i}"], transB=1))
                else:
                    nodes.append(helper.make_node("MatMul", ["x", weight], [f"p{i}"]))
                    nodes.append(helper.make_node("Add", [f"p{i}", constant(f"b{i}", bias)], [f"y{i}"]))
            shapes = {"x": ["M", self.k]}
            result = ["M", self.n]
        else:
            batch = ["B"] if self.batch > 1 else []
            shapes = {"x": [*batch, "M", "K"], "w": [*batch, *(["N", "K"] if self.transposed else ["K", "N"])]}
            result = [*batch, "M", "N"]
            right = "w"
            if self.transposed:
                axes = [0, 2, 1] if batch else [1, 0]
                nodes.append(helper.make_node("Transpose", ["w"], ["t"], perm=axes))
                right = "t"
            nodes.append(helper.make_node("MatMul", ["x", right], ["y0"]))
        write_model(path, nodes, constants, shapes, dict.fromkeys(self.outputs(1), result))

    def torch(self, torch, inputs, model: int):
        functional = torch.nn.functional
        if not self.constant:
            w = inputs["w"].transpose(-1, -2) if self.transposed else inputs["w"]
            return lambda: {"y0": torch.matmul(inputs["x"], w)}
        # As torch.nn.Linear keeps its weights.
        layers = [
            (torch.from_numpy(np.ascontiguousarray(w if self.transposed else w.T)), torch.from_numpy(b))
            for w, b in self.data(model)
        ]

        def run():
            return {f"y{i}": functional.linear(inputs["x"], w, b) for i, (w, b) in enumerate(layers)}

        return run


BERT = ((768, 768), (768, 2304), (768, 3072), (3072, 768))
ROWS = (1, 2, 4, 8, 11, 14, 16, 20, 23, 32, 47, 64, 128, 512)


def gemm_cases():
    for k, n in BERT:
        for mode in ("cold", "hot"):
            yield Gemm("gemm", f"{k}x{n}", mode, ROWS, k=k, n=n)


def awkward_cases():
    sizes = (1, 4, 16, 47, 128)
    for k, n in ((300, 1000), (768, 30522), (509, 1021), (5, 7), (1, 256)):
        yield Gemm("awkward", f"{k}x{n}", "hot", sizes, k=k, n=n)
    yield Gemm("awkward", "768x768 of the call", "hot", sizes, k=768, n=768, constant=False)
    yield Gemm("awkward", "300x1000 of the call", "hot", sizes, k=300, n=1000, constant=False)
    yield Gemm("awkward", "768x768 transposed", "hot", sizes, k=768, n=768, transposed=True)
    yield Gemm("awkward", "768x768 transposed of the call", "hot", sizes, k=768, n=768, transposed=True, constant=False)
    batched = {"k": 64, "n": 128, "constant": False, "batch": 12}
    yield Gemm("awkward", "12 of 64x128", "hot", sizes, **batched)
    yield Gemm("awkward", "12 of 64x128 transposed", "hot", sizes, **batched, transposed=True)


def quantized_cases():
    for weights in ("int8", "bf16"):
        for k, n in BERT:
            yield Gemm("quantized", f"{k}x{n} {weights}", "cold", (1, 2, 4, 8, 16, 32), k=k, n=n, weights=weights)


def unquantized(case: Gemm) -> Gemm:
    """The same product with weights of f32."""
    return dataclasses.replace(case, weights="f32", name=case.name.split()[0])
