"""Convolutional layers, from an ONNX model to one artifact, at many sizes, against ONNX Runtime."""

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

LINES = [(length,) for length in (5, 15, 16, 17, 31, 33, 64, 65, 127, 300)]
PLANES = [(5, 5), (7, 7), (13, 14), (16, 17), (33, 31), (6, 67), (70, 9)]
#: Filter, attributes, sizes of the input's places.
LAYERS = {
    "line": ((33, 5, 3), {"pads": [1, 1]}, LINES),
    "line_strided": ((17, 3, 5), {"strides": [2], "auto_pad": "SAME_UPPER"}, LINES),
    "line_dilated": ((5, 16, 3), {"dilations": [2]}, LINES),
    "plane": ((16, 8, 3, 3), {"pads": [1, 1, 1, 1]}, PLANES),
    "plane_uneven": ((29, 3, 5, 2), {"pads": [2, 0, 1, 1]}, PLANES),
    "plane_strided": ((15, 4, 3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1]}, PLANES),
    "plane_same_lower": ((3, 4, 4, 4), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}, PLANES),
    "plane_dilated": ((14, 4, 3, 3), {"dilations": [2, 2]}, PLANES),
    "point": ((47, 19, 1, 1), {}, PLANES),
    "point_strided": ((7, 19, 1, 1), {"strides": [2, 2]}, PLANES),
    "depthwise": ((21, 1, 3, 3), {"group": 21, "pads": [1, 1, 1, 1]}, PLANES),
    "depthwise_strided": ((21, 1, 3, 3), {"group": 21, "strides": [2, 2], "pads": [1, 1, 1, 1]}, PLANES),
    "depthwise_strided_by_3": ((5, 1, 2, 3), {"group": 5, "strides": [1, 3], "pads": [0, 1, 1, 2]}, PLANES),
    "depthwise_strided_by_4": ((5, 1, 5, 5), {"group": 5, "strides": [4, 4], "pads": [2, 2, 2, 2]}, PLANES),
    "depthwise_strided_by_5": ((5, 1, 3, 3), {"group": 5, "strides": [5, 5], "pads": [1, 1, 1, 1]}, PLANES),
    "depthwise_line": ((7, 1, 31), {"group": 7, "pads": [15, 15]}, [*LINES, (1023,), (1025,), (2500,)]),
    # Tiles that are nothing but padding.
    "depthwise_wide_pads": ((3, 1, 3, 3), {"group": 3, "pads": [0, 150, 70, 1]}, PLANES),
    "groups": ((12, 4, 3, 3), {"group": 3, "pads": [1, 1, 1, 1]}, PLANES),
    "space": ((6, 2, 2, 3, 3), {"pads": [0, 1, 1, 1, 1, 1]}, [(3, 7, 18), (2, 5, 5)]),
}


def make_model(path: Path, weights: np.ndarray, attributes: dict) -> None:
    channels = weights.shape[1] * attributes.get("group", 1)
    bias = np.linspace(-1, 1, len(weights), dtype=np.float32)
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"], **attributes), helper.make_node("Relu", ["c"], ["y"])]
    x = helper.make_tensor_value_info(
        "x", TensorProto.FLOAT, ["N", channels, *(f"D{i}" for i in range(weights.ndim - 2))]
    )
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")]
    graph = helper.make_graph(nodes, "layer", [x], [y], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("target", ["native", "znver2"])
def test_layer(tmp_path, name, target):
    shape, attributes, places = LAYERS[name]
    generator = np.random.default_rng(len(name))
    weights = generator.standard_normal(shape).astype(np.float32)
    make_model(tmp_path / "layer.onnx", weights, attributes)
    session = onnxruntime.InferenceSession(tmp_path / "layer.onnx", providers=["CPUExecutionProvider"])
    model = dyn.compile(tmp_path / "layer.onnx", target=target, threads=2)
    for batch in (0, 1, 3):
        for size in places:
            x = generator.standard_normal((batch, shape[1] * attributes.get("group", 1), *size)).astype(np.float32)
            # ONNX Runtime has no result without elements.
            expected = session.run(None, {"x": x if batch else np.zeros((1, *x.shape[1:]), np.float32)})[0][:batch]
            np.testing.assert_allclose(model.run({"x": x})["y"], expected, rtol=1e-5, atol=1e-4, err_msg=f"{x.shape}")


def test_rows_do_not_depend_on_the_batch(tmp_path):
    generator = np.random.default_rng(0)
    make_model(tmp_path / "layer.onnx", generator.standard_normal((17, 4, 3, 3)).astype(np.float32), {})
    one, two = (dyn.compile(tmp_path / "layer.onnx", threads=threads) for threads in (1, 2))
    x = generator.standard_normal((5, 4, 19, 23)).astype(np.float32)
    together = two.run({"x": x})["y"]
    for i in range(5):
        np.testing.assert_array_equal(one.run({"x": x[i : i + 1]})["y"][0], together[i])


@pytest.mark.parametrize("filters", [5, 40])
@pytest.mark.parametrize("target", ["native", "znver2"])
def test_places_do_not_depend_on_the_size_of_the_image(tmp_path, filters, target):
    generator = np.random.default_rng(0)
    make_model(tmp_path / "layer.onnx", generator.standard_normal((filters, 4, 3, 3)).astype(np.float32), {})
    model = dyn.compile(tmp_path / "layer.onnx", target=target)
    x = generator.standard_normal((1, 4, 25, 70)).astype(np.float32)
    whole = model.run({"x": x})["y"]
    for height, width in ((3, 3), (4, 9), (17, 19), (12, 33), (25, 52)):
        part = model.run({"x": np.ascontiguousarray(x[..., :height, :width])})["y"]
        np.testing.assert_array_equal(part, whole[..., : height - 2, : width - 2])


def test_input_smaller_than_the_filter(tmp_path):
    make_model(tmp_path / "layer.onnx", np.ones((2, 1, 3, 3), np.float32), {"dilations": [2, 2]})
    model = dyn.compile(tmp_path / "layer.onnx")
    with pytest.raises(ValueError, match="expects dimension 3 to be as large as the filter, 5, got 4"):
        model.run({"x": np.zeros((1, 1, 6, 4), np.float32)})
