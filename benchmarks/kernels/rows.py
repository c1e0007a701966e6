"""Work on rows, and memory that changes its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from attention import HEADS
from case import F32, Case, cache_bytes, random, write_model


@dataclass(frozen=True)
class Rows(Case):
    """An operation on the rows of [S, width]."""

    operation: str = ""
    width: int = 0

    shares_outputs = False
    traffic = "copied"
    stores = "stored"

    @property
    def layers(self) -> int:
        return 4

    @property
    def sets(self) -> int:
        if self.mode == "hot":
            return 1
        return max(2, -(-4 * cache_bytes() // (self.layers * self.bytes(min(self.sizes)))))

    def bytes(self, size: int) -> int:
        return 2 * size * self.width * F32

    def inputs(self, size: int, index: int) -> dict[str, np.ndarray]:
        return {f"x{i}": 8 * random((size, self.width), index * self.layers + i) for i in range(self.layers)}

    def outputs(self, size: int) -> dict[str, tuple[int, ...]]:
        return {f"y{i}": (size, self.width) for i in range(self.layers)}

    def parameters(self):
        return random(self.width, 1), random(self.width, 2)

    def reference(self, inputs):
        return {f"y{i}": self.compute(inputs[f"x{i}"].astype(np.float64)) for i in range(self.layers)}

    def compute(self, x):
        if self.operation == "softmax":
            x = np.exp(x - x.max(axis=-1, keepdims=True))
            return x / x.sum(axis=-1, keepdims=True)
        if self.operation == "layer norm":
            scale, bias = self.parameters()
            x = x - x.mean(axis=-1, keepdims=True)
            return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5) * scale + bias
        import math

        return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2

    def write(self, path: Path, model: int) -> None:
        from onnx import helper, numpy_helper

        nodes, constants = [], []
        if self.operation == "layer norm":
            constants = [numpy_helper.from_array(x, name) for x, name in zip(self.parameters(), ("scale", "bias"))]
        for i in range(self.layers):
            x, y = [f"x{i}"], [f"y{i}"]
            kind, attributes = {
                "softmax": ("Softmax", {"axis": -1}),
                "layer norm": ("LayerNormalization", {"axis": -1}),
                "gelu": ("Gelu", {}),
            }[self.operation]
            if self.operation == "layer norm":
                x += ["scale", "bias"]
            nodes.append(helper.make_node(kind, x, y, **attributes))
        shape = ["S", self.width]
        write_model(
            path, nodes, constants, {f"x{i}": shape for i in range(self.layers)}, dict.fromkeys(self.outputs(1), shape)
        )

    def torch(self, torch, inputs, model: int):
        functional = torch.nn.functional
        scale, bias = (torch.from_numpy(x) for x in self.parameters())
        compute = {
            "softmax": lambda x: torch.softmax(x, -1),
            "layer norm": lambda x: functional.layer_norm(x, (self.width,), scale, bias),
            "gelu": functional.gelu,
        }[self.operation]
        return lambda: {f"y{i}": compute(inputs[f"x{i}"]) for i in range(self.layers)}


def row_cases():
    for operation in ("softmax", "layer norm", "gelu"):
        for width in (768, 3072):
            yield Rows("rows", f"{operation} {width}", "cold", (128, 512), operation=operation, width=width)
            # The last one is larger than the caches by itself.
            large = (2048, 32768 if width == 768 else 8192)
            yield Rows("rows", f"{operation} {width}, large", "cold", large, operation=operation, width=width)
            yield Rows("rows", f"{operation} {width}", "hot", (8, 128), operation=operation, width=width)


@dataclass(frozen=True)
class Copy(Rows):
    """Memory that changes its place: [S, 768] by heads, rows of a table of 30522, two tensors side by side."""

    def inputs(self, size: int, index: int) -> dict[str, np.ndarray]:
        arrays = {}
        for i in range(self.layers):
            seed = index * self.layers + i
            if self.operation == "gather":
                arrays[f"i{i}"] = np.random.default_rng(seed).integers(0, 30522, size)
            elif self.operation == "concat":
                arrays[f"x{i}"] = random((size, self.width // 2), seed)
                arrays[f"z{i}"] = random((size, self.width // 2), seed + 1)
            else:
                arrays[f"x{i}"] = random((size, self.width), seed)
        return arrays

    def table(self) -> np.ndarray:
        return random((30522, self.width), 5)

    def outputs(self, size: int) -> dict[str, tuple[int, ...]]:
        shape = (HEADS, size, self.width // HEADS) if self.operation == "heads" else (size, self.width)
        shape = (self.width, size) if self.operation == "transpose" else shape
        return {f"y{i}": shape for i in range(self.layers)}

    def reference(self, inputs):
        results = {}
        for i in range(self.layers):
            if self.operation == "gather":
                results[f"y{i}"] = self.table()[inputs[f"i{i}"]]
            elif self.operation == "concat":
                results[f"y{i}"] = np.concatenate([inputs[f"x{i}"], inputs[f"z{i}"]], axis=1)
            elif self.operation == "heads":
                results[f"y{i}"] = inputs[f"x{i}"].reshape(-1, HEADS, self.width // HEADS).transpose(1, 0, 2)
            else:
                results[f"y{i}"] = inputs[f"x{i}"].T
        return results

    def write(self, path: Path, model: int) -> None:
        from onnx import TensorProto, helper, numpy_helper

        nodes, shapes, constants, types = [], {}, [], {}
        if self.operation == "gather":
            constants.append(numpy_helper.from_array(self.table(), "table"))
        if self.operation == "heads":
            split = np.array([0, HEADS, self.width // HEADS], np.int64)
            constants.append(numpy_helper.from_array(split, "split"))
        for i in range(self.layers):
            x, y = f"x{i}", [f"y{i}"]
            if self.operation == "gather":
                nodes.append(helper.make_node("Gather", ["table", f"i{i}"], y))
                shapes[f"i{i}"] = ["S"]
                types[f"i{i}"] = TensorProto.INT64
            elif self.operation == "concat":
                nodes.append(helper.make_node("Concat", [x, f"z{i}"], y, axis=1))
                shapes[x] = shapes[f"z{i}"] = ["S", self.width // 2]
            else:
                shapes[x] = ["S", self.width]
                source = x
                if self.operation == "heads":
                    source = f"h{i}"
                    nodes.append(helper.make_node("Reshape", [x, "split"], [source]))
                perm = [1, 0, 2] if self.operation == "heads" else [1, 0]
                nodes.append(helper.make_node("Transpose", [source], y, perm=perm))
        results = {y: ["S" if size == 1 else size for size in shape] for y, shape in self.outputs(1).items()}
        write_model(path, nodes, constants, shapes, results, types)

    def torch(self, torch, inputs, model: int):
        table = torch.from_numpy(self.table()) if self.operation == "gather" else None
        pick = {
            "gather": lambda i: table[inputs[f"i{i}"]],
            "concat": lambda i: torch.cat([inputs[f"x{i}"], inputs[f"z{i}"]], 1),
            "heads": lambda i: inputs[f"x{i}"].view(-1, HEADS, self.width // HEADS).transpose(0, 1).contiguous(),
            "transpose": lambda i: inputs[f"x{i}"].T.contiguous(),
        }[self.operation]
        return lambda: {f"y{i}": pick(i) for i in range(self.layers)}


def copy_cases():
    for operation in ("heads", "transpose", "gather", "concat"):
        for mode, sizes in (("cold", (512,)), ("hot", (8, 128))):
            yield Copy("copies", operation, mode, sizes, operation=operation, width=768)
