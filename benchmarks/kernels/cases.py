"""The kernels that are measured: as ONNX models, as calls of PyTorch, as numbers of bytes and operations.

A kernel stands several times (`layers`) in one model, so that what a call of the model costs does not hide it; where
that is not wanted `layers` is 1. Cold is several models, or several sets of buffers (`sets`), that together are larger
than the caches.
"""

from __future__ import annotations

import dataclasses
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


# ----------------------------------------------------------------------------------------------------------------------
# Products
# ----------------------------------------------------------------------------------------------------------------------


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


# ----------------------------------------------------------------------------------------------------------------------
# Attention
# ----------------------------------------------------------------------------------------------------------------------

HEADS, WIDTH = 12, 64


@dataclass(frozen=True)
class Attention(Case):
    """softmax(q * kT / 8 + mask) * v for 12 heads of 64, rows as the projections leave them: [1, S, 768]."""

    masked: bool = False
    causal: bool = False
    #: Keys, if not as many as queries.
    keys: int | None = None

    shares_outputs = False

    @property
    def layers(self) -> int:
        most = max(*self.sizes, self.keys or 0)
        return 4 if most <= 16 else 2 if most <= 128 else 1

    def key_count(self, size: int) -> int:
        return self.keys or size

    def flops(self, size: int) -> int:
        pairs = size * (size + 1) // 2 if self.causal else size * self.key_count(size)
        return 4 * HEADS * WIDTH * pairs

    def inputs(self, size: int, index: int) -> dict[str, np.ndarray]:
        keys = self.key_count(size)
        arrays = {}
        for i in range(self.layers):
            for seed, (name, length) in enumerate((("q", size), ("k", keys), ("v", keys))):
                arrays[f"{name}{i}"] = 4 * random((1, length, HEADS * WIDTH), 3 * i + seed)
        if self.masked:
            mask = np.zeros((1, 1, 1, keys), np.float32)
            mask[..., keys - keys // 4 :] = np.finfo(np.float32).min
            arrays["mask"] = mask
        return arrays

    def outputs(self, size: int) -> dict[str, tuple[int, ...]]:
        return {f"y{i}": (1, size, HEADS * WIDTH) for i in range(self.layers)}

    def reference(self, inputs):
        def heads(x):
            return x.astype(np.float64).reshape(-1, HEADS, WIDTH).transpose(1, 0, 2)

        q, k, v = (heads(inputs[name]) for name in ("q0", "k0", "v0"))
        scores = q @ k.transpose(0, 2, 1) / 8
        if self.masked:
            scores = scores + inputs["mask"][0]
        if self.causal:
            scores = np.where(np.tri(q.shape[1], k.shape[1], dtype=bool), scores, -np.inf)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        result = scores / scores.sum(axis=-1, keepdims=True) @ v
        return {"y0": result.transpose(1, 0, 2).reshape(1, -1, HEADS * WIDTH)}

    def write(self, path: Path, model: int) -> None:
        from onnx import helper, numpy_helper

        nodes = []
        constants = [
            numpy_helper.from_array(np.array([0, 0, HEADS, WIDTH], np.int64), "split"),
            numpy_helper.from_array(np.array([0, 0, HEADS * WIDTH], np.int64), "join"),
            numpy_helper.from_array(np.array(0.125, np.float32), "scale"),
        ]

        def node(kind, inputs, output, **attributes):
            nodes.append(helper.make_node(kind, inputs, [output], **attributes))
            return output

        def heads(name, axes):
            return node("Transpose", [node("Reshape", [name, "split"], f"{name}_split")], f"{name}_heads", perm=axes)

        if self.causal:
            # As PyTorch exports it: places compared, then a choice.
            constants += [
                numpy_helper.from_array(np.array(0, np.int64), "zero"),
                numpy_helper.from_array(np.array(1, np.int64), "one"),
                numpy_helper.from_array(np.array([1], np.int64), "one_axis"),
                numpy_helper.from_array(np.array(-np.inf, np.float32), "never"),
            ]
            length = node("Gather", [node("Shape", ["q0"], "q_shape"), "one"], "length")
            places = node("Range", ["zero", length, "one"], "places")
            future = node("Greater", [places, node("Unsqueeze", [places, "one_axis"], "rows")], "future")
        keys = "S" if self.keys is None else "T"
        shapes = {}
        for i in range(self.layers):
            q, k, v = f"q{i}", f"k{i}", f"v{i}"
            shapes |= {q: [1, "S", HEADS * WIDTH], k: [1, keys, HEADS * WIDTH], v: [1, keys, HEADS * WIDTH]}
            scores = node("MatMul", [heads(q, [0, 2, 1, 3]), heads(k, [0, 2, 3, 1])], f"products{i}")
            scores = node("Mul", [scores, "scale"], f"scores{i}")
            if self.masked:
                scores = node("Add", [scores, "mask"], f"masked{i}")
            if self.causal:
                scores = node("Where", [future, "never", scores], f"past{i}")
            weights = node("Softmax", [scores], f"weights{i}", axis=-1)
            result = node("MatMul", [weights, heads(v, [0, 2, 1, 3])], f"results{i}")
            result = node("Transpose", [result], f"rows_of_heads{i}", perm=[0, 2, 1, 3])
            node("Reshape", [result, "join"], f"y{i}")
        if self.masked:
            shapes["mask"] = [1, 1, 1, keys]
        results = {key: [1, "S", HEADS * WIDTH] for key in self.outputs(1)}
        write_model(path, nodes, constants, shapes, results)

    def torch(self, torch, inputs, model: int):
        layers = [
            [inputs[f"{name}{i}"].view(1, -1, HEADS, WIDTH).transpose(1, 2) for name in "qkv"]
            for i in range(self.layers)
        ]

        def run():
            results = {}
            for i, (q, k, v) in enumerate(layers):
                result = torch.nn.functional.scaled_dot_product_attention(
                    q, k, v, attn_mask=inputs.get("mask"), is_causal=self.causal
                )
                results[f"y{i}"] = result.transpose(1, 2).reshape(1, -1, HEADS * WIDTH)
            return results

        return run


def attention_cases():
    # The longer, the fewer in a model: what they work on stays in the second cache as far as it fits.
    yield Attention("attention", "plain, short", "hot", (1, 8, 16))
    yield Attention("attention", "plain, 32", "hot", (32,))
    yield Attention("attention", "plain", "hot", (64, 128))
    yield Attention("attention", "plain, long", "hot", (512, 2048))
    yield Attention("attention", "masked", "hot", (16, 128), masked=True)
    yield Attention("attention", "masked, long", "hot", (512,), masked=True)
    yield Attention("attention", "causal", "hot", (16, 128), causal=True)
    yield Attention("attention", "causal, long", "hot", (512,), causal=True)
    yield Attention("attention", "1024 keys", "hot", (1,), keys=1024)


def target_cases():
    """One code beside another on a machine that runs both."""
    for mode in ("cold", "hot"):
        yield Gemm("targets", "768x3072", mode, ROWS, k=768, n=3072)
    yield Attention("targets", "attention", "hot", (16, 64, 128))


# ----------------------------------------------------------------------------------------------------------------------
# Rows
# ----------------------------------------------------------------------------------------------------------------------


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


# ----------------------------------------------------------------------------------------------------------------------
# Convolutions
# ----------------------------------------------------------------------------------------------------------------------


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


def convolution_cases():
    def case(name, sizes, channels, filters, taps, **fields):
        return Convolution("convolutions", name, "hot", sizes, channels, filters, taps, **fields)

    yield case("3x3", (7, 14, 28, 56), 64, 64, (3, 3))
    yield case("3x3, stride 2", (14, 28, 56), 64, 128, (3, 3), stride=2)
    yield case("3x3, dilation 2", (14, 28, 56), 64, 64, (3, 3), dilation=2)
    yield case("1x1", (7, 14, 28, 56), 256, 64, (1, 1))
    yield case("7x7 of 3 channels, stride 2", (112, 224), 3, 64, (7, 7), stride=2)
    yield case("3x3, depthwise", (14, 28, 56), 96, 96, (3, 3), groups=96)
    yield case("3 of a line", (100, 1500), 80, 384, (3,))


# ----------------------------------------------------------------------------------------------------------------------
# Copies
# ----------------------------------------------------------------------------------------------------------------------


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


FAMILIES = {
    "gemm": gemm_cases,
    "awkward": awkward_cases,
    "attention": attention_cases,
    "rows": row_cases,
    "copies": copy_cases,
    "convolutions": convolution_cases,
    "quantized": quantized_cases,
    "targets": target_cases,
}


def unquantized(case: Gemm) -> Gemm:
    """The same product with weights of f32."""
    return dataclasses.replace(case, weights="f32", name=case.name.split()[0])


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
