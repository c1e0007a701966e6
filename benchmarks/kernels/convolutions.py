"""Convolutional layers and pools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from case import F32, Case, random, write_model


@dataclass(frozen=True)
class Convolution(Case):
    """A layer with bias and relu over [1, channels, S, S], or [1, channels, S], whose filter is part of the model."""

    channels: int = 0
    filters: int = 0
    taps: tuple[int, ...] = ()
    stride: int = 1
    dilation: int = 1
    groups: int = 1

    shares_outputs = True

    @property
    def attributes(self) -> dict:
        count = len(self.taps)
        pads = [(size - 1) * self.dilation // 2 for size in self.taps]
        strides, dilations = [self.stride] * count, [self.dilation] * count
        return {"pads": pads + pads, "strides": strides, "dilations": dilations, "group": self.groups}

    def places(self, size: int) -> tuple[int, ...]:
        return tuple((size - 1) // self.stride + 1 for _ in self.taps)

    def flops(self, size: int) -> int:
        return (
            2
            * self.filters
            * (self.channels // self.groups)
            * int(np.prod(self.taps))
            * int(np.prod(self.places(size)))
        )

    def inputs(self, size: int, index: int) -> dict[str, np.ndarray]:
        return {"x": random((1, self.channels, *[size] * len(self.taps)), 7)}

    def outputs(self, size: int) -> dict[str, tuple[int, ...]]:
        return {"y": (1, self.filters, *self.places(size))}

    def parameters(self) -> tuple[np.ndarray, np.ndarray]:
        return random((self.filters, self.channels // self.groups, *self.taps), 1), random(self.filters, 2)

    def reference(self, inputs):
        import torch

        x = torch.from_numpy(inputs["x"].astype(np.float64))
        return {
            "y": self.compute(torch, x, *(torch.from_numpy(a.astype(np.float64)) for a in self.parameters())).numpy()
        }

    def compute(self, torch, x, w, b):
        convolve = (torch.nn.functional.conv1d, torch.nn.functional.conv2d)[len(self.taps) - 1]
        pads = self.attributes["pads"][: len(self.taps)]
        return torch.relu(convolve(x, w, b, self.stride, pads, self.dilation, self.groups))

    def write(self, path: Path, model: int) -> None:
        from onnx import helper, numpy_helper

        constants = [numpy_helper.from_array(x, name) for x, name in zip(self.parameters(), ("w", "b"))]
        nodes = [
            helper.make_node("Conv", ["x", "w", "b"], ["c"], **self.attributes),
            helper.make_node("Relu", ["c"], ["y"]),
        ]
        places = ["H", "W"][: len(self.taps)]
        results = [f"{place}_out" for place in places]
        write_model(path, nodes, constants, {"x": [1, self.channels, *places]}, {"y": [1, self.filters, *results]})

    def torch(self, torch, inputs, model: int):
        w, b = (torch.from_numpy(x) for x in self.parameters())
        return lambda: {"y": self.compute(torch, inputs["x"], w, b)}


@dataclass(frozen=True)
class Pool(Case):
    """An operator over windows of [1, channels, S, S], or over all of it."""

    operator: str = ""
    channels: int = 64
    taps: int = 0
    stride: int = 1

    shares_outputs = True

    @property
    def attributes(self) -> dict:
        if not self.taps:
            return {}
        pads = [(self.taps - 1) // 2] * 4
        return {"kernel_shape": [self.taps] * 2, "strides": [self.stride] * 2, "pads": pads}

    def places(self, size: int) -> int:
        padded = size + 2 * ((self.taps - 1) // 2)
        return (padded - self.taps) // self.stride + 1 if self.taps else 1

    def bytes(self, size: int) -> int:
        return F32 * self.channels * (size**2 + self.places(size) ** 2)

    def limit(self, size: int, machine: dict[str, float]) -> None:
        return None

    def inputs(self, size: int, index: int) -> dict[str, np.ndarray]:
        return {"x": random((1, self.channels, size, size), 7)}

    def outputs(self, size: int) -> dict[str, tuple[int, ...]]:
        return {"y": (1, self.channels, self.places(size), self.places(size))}

    def reference(self, inputs):
        import torch

        return {"y": self.compute(torch, torch.from_numpy(inputs["x"].astype(np.float64))).numpy()}

    def compute(self, torch, x):
        functional = torch.nn.functional
        if not self.taps:
            return x.mean((2, 3), keepdim=True)
        pool = functional.max_pool2d if self.operator == "MaxPool" else functional.avg_pool2d
        fields = {} if self.operator == "MaxPool" else {"count_include_pad": False}
        return pool(x, self.taps, self.stride, (self.taps - 1) // 2, **fields)

    def write(self, path: Path, model: int) -> None:
        from onnx import helper

        nodes = [helper.make_node(self.operator, ["x"], ["y"], **self.attributes)]
        places = ["H_out", "W_out"] if self.taps else [1, 1]
        write_model(path, nodes, [], {"x": [1, self.channels, "H", "W"]}, {"y": [1, self.channels, *places]})

    def torch(self, torch, inputs, model: int):
        return lambda: {"y": self.compute(torch, inputs["x"])}


def pool_cases():
    def case(name, sizes, operator, **fields):
        return Pool("pools", name, "hot", sizes, operator, **fields)

    yield case("maximum of 3x3, stride 2", (14, 56, 112), "MaxPool", taps=3, stride=2)
    yield case("maximum of 2x2, stride 2", (14, 56, 112), "MaxPool", taps=2, stride=2)
    yield case("maximum of 5x5", (7, 14, 56), "MaxPool", taps=5)
    yield case("mean of 3x3", (7, 14, 56), "AveragePool", taps=3)
    yield case("mean of 2x2, stride 2", (14, 56, 112), "AveragePool", taps=2, stride=2)
    yield case("mean of all", (7, 14, 56), "GlobalAveragePool", channels=512)


def convolution_cases():
    def case(name, sizes, channels, filters, taps, **fields):
        return Convolution("convolutions", name, "hot", sizes, channels, filters, taps, **fields)

    yield case("3x3", (7, 14, 28, 56), 64, 64, (3, 3))
    yield case("3x3, stride 2", (14, 28, 56), 64, 128, (3, 3), stride=2)
    yield case("3x3, dilation 2", (14, 28, 56), 64, 64, (3, 3), dilation=2)
    yield case("1x1", (7, 14, 28, 56), 256, 64, (1, 1))
    yield case("7x7 of 3 channels, stride 2", (112, 224), 3, 64, (7, 7), stride=2)
    yield case("3x3, depthwise", (14, 28, 56, 112), 96, 96, (3, 3), groups=96)
    yield case("3x3, depthwise, stride 2", (14, 28, 56, 112), 96, 96, (3, 3), groups=96, stride=2)
    yield case("31 of a line, depthwise", (100, 1500), 96, 96, (31,), groups=96)
    yield case("3 of a line", (100, 1500), 80, 384, (3,))
