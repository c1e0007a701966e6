"""Products with quantized weights, from a model to its artifact, at sizes around tile boundaries, against NumPy."""

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("DYN_BUILD_DIR", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "python"))
import dyn  # noqa: E402

ROWS = [0, 1, 2, 5, 8, 14, 15, 29, 57]
SHAPES = [(5, 7), (64, 64), (509, 131), (1537, 33)]
#: Type of the weights; whether there is a scale, and a zero point, for each column or one for all. None: no zero point.
KINDS = [(np.int8, True, None), (np.int8, False, False), (np.uint8, True, True), (np.uint8, False, True)]


def compile_product(folder: Path, k: int, n: int, kind, transposed: bool):
    """x @ ((q - z) * s) + b in f64, and the model."""
    element, many_scales, many_points = kind
    generator = np.random.default_rng(k + n)
    limits = np.iinfo(element)
    q = generator.integers(limits.min, limits.max + 1, (k, n)).astype(element)
    s = generator.uniform(0.01, 0.02, n if many_scales else ()).astype(np.float32)
    constants = [s]
    if many_points is not None:
        middle = (limits.min + limits.max + 1) // 2
        constants.append((generator.integers(-20, 21, n if many_points else ()) + middle).astype(element))
    wide = q.astype(np.float64) - (constants[1].astype(np.float64) if many_points is not None else 0)
    b = generator.standard_normal(n, np.float32)
    stored = np.ascontiguousarray(q.T) if transposed else q
    names = ["q", "s", "z"][: 1 + len(constants)]
    nodes = [
        helper.make_node("DequantizeLinear", names, ["w"], axis=0 if transposed else 1),
        helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=int(transposed)),
    ]
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["M", k])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["M", n])],
        [
            numpy_helper.from_array(np.asarray(array), name)
            for name, array in zip([*names, "b"], [stored, *constants, b])
        ],
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return dyn.compile(path, output=folder / "model.so", threads=1), lambda x: x.astype(np.float64) @ (wide * s) + b


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("k", "n"), SHAPES)
def test_product(tmp_path, k, n, kind, transposed):
    model, reference = compile_product(tmp_path, k, n, kind, transposed)
    for m in ROWS:
        x = np.random.default_rng(m).standard_normal((m, k), np.float32)
        # Sums of k terms of up to 256 * 0.02.
        np.testing.assert_allclose(model(x=x)["y"], reference(x), rtol=1e-5, atol=1e-6 * k + 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_the_same_bits(tmp_path, kind):
    """Whatever the number of rows, its position among them, and the number of threads."""
    model, _ = compile_product(tmp_path, 509, 131, kind, False)
    threaded = dyn.load(tmp_path / "model.so", threads=2)
    x = np.random.default_rng(0).standard_normal((70, 509), np.float32)
    whole = model(x=x)["y"]
    np.testing.assert_array_equal(threaded(x=x)["y"], whole)
    for first, count in [(0, 1), (69, 1), (3, 2), (17, 13), (1, 15), (5, 29)]:
        for which in (model, threaded):
            np.testing.assert_array_equal(which(x=x[first : first + count])["y"], whole[first : first + count])
