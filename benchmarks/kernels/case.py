"""What all kernels that are measured have in common, and how their models are written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

MIB = 1 << 20
F32 = 4


def cache_bytes() -> int:
    sizes = [path.read_text().strip() for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")]
    return max((int(size[:-1]) * {"K": 1 << 10, "M": MIB}[size[-1]] for size in sizes), default=32 * MIB)


def random(shape, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32) - np.float32(0.5)


@dataclass(frozen=True)
class Case:
    """What all kernels have; a model takes `inputs` and gives `outputs`, `layers` of them."""

    family: str
    name: str
    mode: str  # "cold" or "hot"
    sizes: tuple[int, ...]

    #: How often the kernel stands in a model, and how many models or sets of buffers take turns.
    layers = 1
    sets = 1
    #: Which of the machine's rates holds for the bytes that are not in a cache when a kernel begins.
    traffic = "read"
    #: And for those that are written into the caches, for whoever reads them next.
    stores = ""
    #: Of the largest result, how far from it an answer may be.
    tolerance = 1e-4

    @property
    def key(self) -> str:
        return f"{self.name.replace(' ', '-').replace('/', '-')}-{self.mode}".lower()

    def models(self) -> int:
        """How many models of other weights there are; each has a number."""
        return 1

    def flops(self, size: int) -> int:
        return 0

    def bytes(self, size: int) -> int:
        return 0

    def limit(self, size: int, machine: dict[str, float]) -> float | None:
        """Seconds that the machine needs for one kernel; None where nothing it has is exhausted."""
        seconds = self.flops(size) / machine["flops"]
        if self.mode == "cold":
            seconds = max(seconds, self.bytes(size) / machine[self.traffic])
        return seconds or None

    def limit_of_stores(self, size: int, machine: dict[str, float]) -> float | None:
        """Seconds that a copy takes with stores of the kind that suits a result of that size."""
        if self.mode != "cold" or not self.stores:
            return None
        large = self.bytes(size) / 2 >= 2 * cache_bytes()
        return self.bytes(size) / machine[self.traffic if large else self.stores]


def write_model(path: Path, nodes, constants, inputs, outputs, types=None) -> None:
    import onnx
    from onnx import TensorProto, helper

    def describe(tensors):
        return [
            helper.make_tensor_value_info(name, (types or {}).get(name, TensorProto.FLOAT), shape)
            for name, shape in tensors.items()
        ]

    graph = helper.make_graph(nodes, "kernel", describe(inputs), describe(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    path.with_suffix(".bin").unlink(missing_ok=True)
    onnx.save(model, str(path), save_as_external_data=True, location=path.with_suffix(".bin").name, size_threshold=1024)
