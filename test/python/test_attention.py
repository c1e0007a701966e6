"""Attention at every length against NumPy in double precision; a row's bits do not depend on what stands around it."""

from dataclasses import dataclass

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

import dyn
from kernels import guarded
from tools import run_tool

LENGTHS = (1, 2, 5, 6, 7, 14, 15, 16, 17, 31, 32, 33, 47, 64, 127, 128, 129, 130, 257)
TARGETS = ("native", "znver2")


@dataclass(frozen=True)
class Model:
    """[B, S, heads * width] by [B, T, heads * width]; `mask`: "" or the sizes that it has."""

    heads: int = 3
    width: int = 32
    mask: str = ""
    #: "": queries see all keys; "now": the keys up to their own place; "past": the queries are the last of the keys.
    causal: str = ""
    #: Whether the projections' transpositions are in the model, or queries come as [B, heads, S, width].
    split: bool = True
    scale: float | None = 0.125

    def write(self, path) -> None:
        nodes, constants = [], []

        def node(kind, *inputs, **attributes):
            nodes.append(helper.make_node(kind, inputs, [f"t{len(nodes)}"], **attributes))
            return f"t{len(nodes) - 1}"

        def constant(value, dtype):
            constants.append(numpy_helper.from_array(np.array(value, dtype), f"c{len(constants)}"))
            return f"c{len(constants) - 1}"

        hidden = self.heads * self.width
        shapes = {name: ["B", length, hidden] for name, length in (("q", "S"), ("k", "T"), ("v", "T"))}
        if not self.split:
            shapes = {name: ["B", self.heads, shape[1], self.width] for name, shape in shapes.items()}

        def heads(name, axes):
            if not self.split:
                return node("Transpose", name, perm=[0, 1, 3, 2]) if axes[-1] != 3 else name
            return node("Transpose", node("Reshape", name, constant([0, 0, self.heads, -1], np.int64)), perm=axes)

        scores = node("MatMul", heads("q", [0, 2, 1, 3]), heads("k", [0, 2, 3, 1]))
        if self.scale:
            scores = node("Mul", scores, constant(self.scale, np.float32))
        if self.mask:
            scores = node("Add", scores, "mask")
            shapes["mask"] = [1 if size == "1" else size for size in self.mask.split()]
        if self.causal:
            one = constant(1, np.int64)
            axis = constant(1 if self.split else 2, np.int64)
            zero = constant(0, np.int64)
            rows = node("Range", zero, node("Gather", node("Shape", "q"), axis), one)
            columns = node("Range", zero, node("Gather", node("Shape", "k"), axis), one)
            rows = node("Unsqueeze", rows, constant([1], np.int64))
            never = constant(-np.inf, np.float32)
            if self.causal == "now":
                scores = node("Where", node("Greater", columns, rows), never, scores)
            else:
                lengths = [node("Gather", node("Shape", name), axis) for name in "kq"]
                rows = node("Add", rows, node("Sub", *lengths))
                scores = node("Where", node("GreaterOrEqual", rows, columns), scores, never)
        result = node("MatMul", node("Softmax", scores, axis=-1), heads("v", [0, 2, 1, 3]))
        if self.split:
            result = node("Reshape", node("Transpose", result, perm=[0, 2, 1, 3]), constant([0, 0, hidden], np.int64))
        nodes.append(helper.make_node("Identity", [result], ["y"]))

        inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
        output = helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes["q"])
        graph = helper.make_graph(nodes, "attention", inputs, [output], constants)
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)

    def inputs(self, batch, queries, keys, seed=0):
        rng = np.random.default_rng(seed)
        lengths = {"q": queries, "k": keys, "v": keys}
        arrays = {}
        for name, length in lengths.items():
            shape = (batch, length, self.heads * self.width)
            if not self.split:
                shape = (batch, self.heads, length, self.width)
            arrays[name] = rng.standard_normal(shape).astype(np.float32)
        if self.mask:
            sizes = {"1": 1, "B": batch, "S": queries, "T": keys}
            mask = rng.standard_normal([sizes[size] for size in self.mask.split()]).astype(np.float32)
            mask[rng.random(mask.shape) < 0.3] = np.finfo(np.float32).min
            mask[..., :1] = 0
            arrays["mask"] = mask
        return arrays

    def reference(self, arrays):
        def heads(x):
            x = x.astype(np.float64)
            return x.reshape(*x.shape[:2], self.heads, self.width).transpose(0, 2, 1, 3) if self.split else x

        q, k, v = (heads(arrays[name]) for name in "qkv")
        scores = q @ k.swapaxes(-1, -2) * (self.scale or 1)
        if self.mask:
            scores = scores + arrays["mask"]
        if self.causal:
            past = scores.shape[-1] - scores.shape[-2] if self.causal == "past" else 0
            scores = np.where(np.tri(*scores.shape[-2:], past, dtype=bool), scores, -np.inf)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-1e300))
        with np.errstate(invalid="ignore"):  # a row that sees no key
            result = scores / scores.sum(axis=-1, keepdims=True) @ v
        return result.transpose(0, 2, 1, 3).reshape(arrays["q"].shape) if self.split else result


MODELS = {
    "plain": Model(),
    "unscaled": Model(scale=None),
    "width 64": Model(heads=2, width=64),
    "odd width": Model(width=20),
    "heads apart": Model(split=False),
    "key mask": Model(mask="B 1 1 T"),
    "full mask": Model(mask="1 1 S T"),
    "causal": Model(causal="now"),
    "causal, heads apart": Model(causal="now", split=False),
    "causal, key mask": Model(causal="now", mask="B 1 1 T"),
    "causal, with a past": Model(causal="past"),
}


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attention")
    loaded = {}

    def get(name, target="native", threads=1):
        key = (name, target, threads)
        if key not in loaded:
            source = folder / f"{name}.onnx"
            MODELS[name].write(source)
            loaded[key] = dyn.compile(source, output=folder / f"{name}-{target}.so", target=target, threads=threads)
        return loaded[key]

    return get


def run(model, arrays):
    return model(**arrays)["y"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", MODELS)
def test_every_length(load, name, target):
    model, case = load(name, target), MODELS[name]
    pairs = [(n, n) for n in LENGTHS] + [(1, 300), (300, 1), (3, 129), (33, 14), (0, 5), (0, 0)]
    for queries, keys in pairs:
        arrays = case.inputs(2, queries, keys)
        got = run(model, arrays)
        expected = case.reference(arrays)
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5, err_msg=f"{queries} queries, {keys} keys")


def test_without_keys_is_zero(load):
    arrays = MODELS["plain"].inputs(1, 5, 0)
    np.testing.assert_array_equal(run(load("plain"), arrays), np.zeros_like(arrays["q"]))


@pytest.mark.parametrize("name", ["plain", "key mask", "full mask", "heads apart"])
@pytest.mark.parametrize("target", TARGETS)
def test_bits_of_a_row(load, name, target):
    """Whatever the number of queries, the row's place among them, the batch and the number of threads."""
    model, two = load(name, target), load(name, target, threads=2)
    axes = {"q": 1 if MODELS[name].split else 2}
    if name == "full mask":
        axes["mask"] = 2
    arrays = MODELS[name].inputs(2, 129, 277)
    whole = run(model, arrays)
    np.testing.assert_array_equal(run(two, arrays), whole)
    for rows in ([0], [5], [128], [1, 2, 3], list(range(20)), list(range(128, 0, -1))):
        taken = {key: np.ascontiguousarray(arrays[key].take(rows, axis)) for key, axis in axes.items()}
        np.testing.assert_array_equal(run(model, arrays | taken), whole.take(rows, axes["q"]))
    for batch in (0, 1):
        alone = {key: array if array.shape[0] == 1 else array[batch : batch + 1] for key, array in arrays.items()}
        np.testing.assert_array_equal(run(model, alone)[0], whole[batch])


def test_bits_with_keys_in_the_future(load):
    """Keys that no row sees change nothing."""
    model = load("causal")
    arrays = MODELS["causal"].inputs(1, 150, 150)
    whole = run(model, arrays)
    for rows in (1, 31, 33, 129, 149):
        part = run(model, {**arrays, "q": np.ascontiguousarray(arrays["q"][:, :rows])})
        np.testing.assert_array_equal(part, whole[:, :rows])
        part = run(model, {name: np.ascontiguousarray(array[:, :rows]) for name, array in arrays.items()})
        np.testing.assert_array_equal(part, whole[:, :rows])


def test_bits_with_masked_keys_behind(load):
    model = load("key mask")
    arrays = MODELS["key mask"].inputs(1, 9, 50)
    expected = run(model, arrays)
    for more in (1, 13, 78, 79, 200):
        rng = np.random.default_rng(more)
        longer = dict(arrays)
        for name in "kv":
            tail = rng.standard_normal((1, more, arrays[name].shape[2])).astype(np.float32)
            longer[name] = np.concatenate([arrays[name], tail], axis=1)
        tail = np.full((1, 1, 1, more), np.finfo(np.float32).min, np.float32)
        longer["mask"] = np.concatenate([arrays["mask"], tail], axis=-1)
        np.testing.assert_array_equal(run(model, longer), expected)


def test_extremes(load):
    """As the formula has them: NaN and infinities reach the rows that see them, and no others."""
    model, case = load("key mask"), MODELS["key mask"]
    arrays = case.inputs(1, 40, 40)
    expected = run(model, arrays)
    arrays["q"][0, 7] = np.nan
    got = run(model, arrays)
    assert np.isnan(got[0, 7]).all()
    np.testing.assert_array_equal(np.delete(got, 7, axis=1), np.delete(expected, 7, axis=1))
    arrays = case.inputs(1, 40, 40)
    arrays["mask"][:] = np.finfo(np.float32).min  # all alike: every key counts the same
    np.testing.assert_allclose(run(model, arrays), case.reference(arrays), rtol=2e-5, atol=2e-5)
    arrays["mask"][:] = -np.inf
    assert np.isnan(run(model, arrays)).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["plain", "heads apart", "key mask", "full mask", "causal"])
def test_nothing_beyond_an_operand_is_touched(load, name, target):
    """Inputs that begin or end at unmapped pages."""
    model, case = load(name, target), MODELS[name]
    for queries, keys in ((1, 1), (1, 17), (1, 129), (2, 5), (7, 13), (16, 16), (17, 15), (33, 130)):
        arrays = case.inputs(1, queries, keys)
        expected = run(model, arrays)
        for side in ("start", "end"):
            inputs = {key: guarded(array.shape, np.float32, side) for key, array in arrays.items()}
            for key, array in arrays.items():
                inputs[key][...] = array
            np.testing.assert_array_equal(run(model, inputs), expected)


def test_memory_does_not_grow_with_the_square(load):
    model = load("plain")
    peak = [model.peak_bytes(B=1, S=n, T=n) for n in (512, 1024, 2048)]
    assert peak[2] - peak[1] <= 2 * (peak[1] - peak[0]), peak


@pytest.mark.parametrize(
    ("name", "path"), [("plain", "attention: "), ("odd width", "; no attention: the width of a head")]
)
def test_path_is_reported(tmp_path, name, path):
    source = tmp_path / "model.onnx"
    MODELS[name].write(source)
    imported = run_tool("dyn-translate", "--import-onnx", source, "-o", tmp_path / "model.mlir")
    assert imported.returncode == 0, imported.stderr
    done = run_tool("dyn-opt", tmp_path / "model.mlir", "--dyn-graph-pipeline", "--dyn-codegen-pipeline=report-kernels")
    assert path in done.stderr
