"""Pools, normalization and a residual network, from ONNX to one artifact, at many sizes, against ONNX Runtime."""

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("DYN_BUILD_DIR", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "python"))
import dyn  # noqa: E402

CHANNELS = 5
LINES = [(length,) for length in (5, 6, 7, 16, 33, 100)]
PLANES = [(5, 5), (7, 7), (6, 9), (13, 14), (17, 40)]
WINDOW = {"kernel_shape": [3, 3], "strides": [2, 2]}
#: Operator, attributes, sizes of the input's places.
POOLS = {
    "max": ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}, PLANES),
    "max_line": ("MaxPool", {"kernel_shape": [3], "pads": [1, 1]}, LINES),
    "max_padded": ("MaxPool", {**WINDOW, "pads": [1, 1, 1, 1]}, PLANES),
    "max_ceil": ("MaxPool", {**WINDOW, "ceil_mode": 1}, PLANES),
    "max_ceil_padded": ("MaxPool", {**WINDOW, "pads": [1, 0, 1, 1], "ceil_mode": 1}, PLANES),
    "max_dilated": ("MaxPool", {"kernel_shape": [2, 3], "dilations": [2, 2]}, PLANES),
    "max_same_lower": ("MaxPool", {**WINDOW, "auto_pad": "SAME_LOWER"}, PLANES),
    "max_valid": ("MaxPool", {**WINDOW, "auto_pad": "VALID"}, PLANES),
    "max_strided_by_3": ("MaxPool", {"kernel_shape": [3, 3], "strides": [1, 3], "pads": [0, 2, 1, 1]}, PLANES),
    "max_strided_by_5": ("MaxPool", {"kernel_shape": [2, 2], "strides": [5, 5]}, PLANES),
    "max_large": ("MaxPool", {"kernel_shape": [13, 13], "pads": [6, 6, 6, 6]}, [*PLANES, (70, 131)]),
    "max_of_1": ("MaxPool", {"kernel_shape": [1, 1], "strides": [2, 2]}, PLANES),
    "mean": ("AveragePool", {"kernel_shape": [3, 2]}, PLANES),
    "mean_strided_by_4": ("AveragePool", {"kernel_shape": [4, 4], "strides": [4, 4], "pads": [1, 1, 2, 2]}, PLANES),
    "mean_line": ("AveragePool", {"kernel_shape": [4], "strides": [3], "pads": [1, 2]}, LINES),
    "mean_padded": ("AveragePool", {**WINDOW, "pads": [1, 1, 1, 1]}, PLANES),
    "mean_with_pads": ("AveragePool", {**WINDOW, "pads": [1, 0, 1, 1], "count_include_pad": 1}, PLANES),
    "mean_ceil": ("AveragePool", {**WINDOW, "ceil_mode": 1}, PLANES),
    "mean_ceil_padded": ("AveragePool", {**WINDOW, "pads": [1, 1, 0, 1], "ceil_mode": 1}, PLANES),
    "mean_dilated": ("AveragePool", {"kernel_shape": [2, 3], "dilations": [2, 2]}, PLANES),
    "mean_same_upper": ("AveragePool", {**WINDOW, "auto_pad": "SAME_UPPER"}, PLANES),
    "global_mean": ("GlobalAveragePool", {}, PLANES),
    "global_max": ("GlobalMaxPool", {}, [(1, 1), *PLANES]),
    "space": ("MaxPool", {"kernel_shape": [1, 2, 3], "strides": [1, 2, 1]}, [(3, 6, 7), (1, 5, 18)]),
}


def save(path: Path, nodes, constants, shape) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "network", [x], [y], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


def check(path: Path, shapes, target: str = "native", atol: float = 1e-5) -> None:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    model = dyn.compile(path, target=target, threads=2)
    for shape in shapes:
        x = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32) - 0.5
        expected = session.run(None, {"x": x})[0]
        np.testing.assert_allclose(model.run({"x": x})["y"], expected, rtol=1e-5, atol=atol, err_msg=f"{x.shape}")


@pytest.mark.parametrize("name", POOLS)
def test_pool(tmp_path, name):
    operator, attributes, places = POOLS[name]
    symbols = [f"D{i}" for i in range(len(places[0]))]
    nodes = [helper.make_node(operator, ["x"], ["y"], **attributes)]
    save(tmp_path / "pool.onnx", nodes, [], ["N", CHANNELS, *symbols])
    check(tmp_path / "pool.onnx", [(batch, CHANNELS, *size) for batch in (1, 3) for size in places])


def test_pool_of_integers(tmp_path):
    x = helper.make_tensor_value_info("x", TensorProto.INT8, ["N", "C", "H", "W"])
    y = helper.make_tensor_value_info("y", TensorProto.INT8, None)
    node = helper.make_node("MaxPool", ["x"], ["y"], **WINDOW, pads=[1, 1, 1, 1])
    graph = helper.make_graph([node], "pool", [x], [y])
    path = tmp_path / "pool.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    model = dyn.compile(path)
    for shape in ((1, 1, 3, 3), (2, 3, 9, 20)):
        values = np.random.default_rng(0).integers(-128, -100, shape, np.int8)
        np.testing.assert_array_equal(model.run({"x": values})["y"], session.run(None, {"x": values})[0])


def build_residual_network(path: Path, width: int, blocks: int) -> None:
    """A stem, blocks of two convolutions around which the input goes, every second with stride 2, a mean, a product."""
    generator = np.random.default_rng(1)
    nodes, constants = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def node(kind, inputs, **attributes):
        nodes.append(helper.make_node(kind, inputs, [f"v{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def convolve(x, channels, filters, taps, stride=1, groups=1):
        weights = generator.standard_normal((filters, channels // groups, taps, taps)) / np.sqrt(channels * taps * taps)
        name = f"w{len(nodes)}"
        pads = [taps // 2] * 4
        x = node("Conv", [x, constant(name, weights)], pads=pads, strides=[stride] * 2, group=groups)
        statistics = [
            constant(f"{name}_{kind}", generator.uniform(0.5, 1.5, filters)) for kind in ("s", "b", "mean", "variance")
        ]
        return node("BatchNormalization", [x, *statistics])

    x = node("Relu", [convolve("x", 3, width, 7, 2)])
    x = node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = width
    for block in range(blocks):
        stride = 1 + block % 2
        filters = channels * stride
        inner = node("Relu", [convolve(x, channels, filters, 3, stride)])
        inner = node("Relu", [convolve(inner, filters, filters, 3, groups=filters)])
        inner = convolve(inner, filters, filters, 3)
        x = convolve(x, channels, filters, 1, stride) if stride > 1 else x
        x = node("Relu", [node("Add", [inner, x])])
        channels = filters
    x = node("Flatten", [node("GlobalAveragePool", [x])])
    weights = constant("classes", generator.standard_normal((channels, 10)))
    nodes.append(helper.make_node("Gemm", [x, weights, constant("bias", np.ones(10))], ["y"]))
    save(path, nodes, constants, ["N", 3, "H", "W"])


@pytest.mark.parametrize("target", ["native", "znver2"])
def test_residual_network(tmp_path, target):
    build_residual_network(tmp_path / "network.onnx", width=24, blocks=4)
    shapes = [(1, 3, 32, 32), (2, 3, 33, 47), (1, 3, 224, 160), (5, 3, 17, 64), (3, 3, 7, 8)]
    check(tmp_path / "network.onnx", shapes, target, atol=1e-4)


@pytest.mark.parametrize(
    ("operator", "attributes", "message"),
    [
        ("MaxPool", {}, "attribute 'kernel_shape'"),
        ("MaxPool", {"kernel_shape": [3]}, "expects attribute 'kernel_shape' of 2 elements, got 1"),
        ("AveragePool", {"kernel_shape": [3, 3], "auto_pad": "HALF"}, "expects attribute 'auto_pad' to be NOTSET"),
        ("AveragePool", {"kernel_shape": [3, 3], "strides": [0, 1]}, "expects attribute 'strides' of 1 or more, got 0"),
        ("MaxPool", {"kernel_shape": [3, 11]}, "expects dimension 3 to be as large as the window, 11, got 9"),
        (
            "AveragePool",
            {"kernel_shape": [1, 8], "dilations": [1, 2], "pads": [0, 2, 0, 1]},
            "expects dimension 3 to be as large as the window, 15, got 12",
        ),
    ],
)
def test_what_is_wrong_with_a_pool(tmp_path, operator, attributes, message):
    nodes = [helper.make_node(operator, ["x"], ["y"], **attributes)]
    save(tmp_path / "pool.onnx", nodes, [], ["N", "C", "H", 9])
    with pytest.raises(Exception, match=message):
        dyn.compile(tmp_path / "pool.onnx")


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_window_larger_than_the_image(tmp_path, operator):
    """ONNX Runtime fails where no place at all would be left, and has an empty result where one is missing."""
    nodes = [helper.make_node(operator, ["x"], ["y"], kernel_shape=[3, 5], pads=[0, 1, 0, 0], name="pool")]
    save(tmp_path / "pool.onnx", nodes, [], ["N", "C", "H", "W"])
    model = dyn.compile(tmp_path / "pool.onnx")
    assert model.run({"x": np.zeros((1, 1, 3, 4), np.float32)})["y"].shape == (1, 1, 1, 1)
    for height, width, message in (
        (2, 9, "'pool': expects dimension 2 to be as large as the window, 3, got 2"),
        (9, 3, "'pool': expects dimension 3 to be as large as the window, 5, got 4"),
        (9, 0, r"'y' would be \[N, C, H - 2, W - 3\], where W - 3 is -3"),
    ):
        with pytest.raises(ValueError, match=message):
            model.run({"x": np.zeros((1, 1, height, width), np.float32)})


def test_maximum_passes_over_nan(tmp_path):
    nodes = [helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[3])]
    save(tmp_path / "pool.onnx", nodes, [], ["N", "C", "W"])
    x = np.arange(40, dtype=np.float32).reshape(1, 1, 40) - 20
    expected = x[..., 2:].copy()
    x[..., 7] = np.nan
    expected[..., 5] = x[..., 6]
    for target in ("native", "znver2"):
        np.testing.assert_array_equal(dyn.compile(tmp_path / "pool.onnx", target=target).run({"x": x})["y"], expected)
