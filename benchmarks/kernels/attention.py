"""Attention over rows as projections leave them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from case import Case, random, write_model

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
