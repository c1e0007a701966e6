"""An encoder from each of PyTorch's exporters, compiled once, equals ONNX Runtime at every shape."""

import numpy as np
import onnx
import onnxruntime
import pytest

import dyn
import encoders
from tools import run_tool

SHAPES = [
    *((1, 1), (1, 2), (2, 1), (1, 7), (3, 5), (5, 3), (4, 4), (2, 12), (7, 13), (13, 1), (2, 17), (1, 31), (6, 33)),
    *((8, 16), (1, 64), (3, 64)),
]
# Elements have variance 1; two layers of f32.
TOLERANCE = 2e-5
# What a mistake changes, at least; otherwise these tests would not see it.
MISTAKE = 1000 * TOLERANCE


class Compiled:
    """An exported encoder, its artifact, and ONNX Runtime on the same file."""

    def __init__(self, how: encoders.Export, folder):
        self.path = folder / f"{how}.onnx"
        encoders.export(encoders.small_config(), how, self.path)
        artifact = self.path.with_suffix(".so")
        done = run_tool("dyn-compile", self.path, "-o", artifact)
        assert done.returncode == 0, done.stderr
        self.model = dyn.load(artifact, threads=2)
        self.session = onnxruntime.InferenceSession(self.path)

    def __call__(self, inputs):
        return self.model(**inputs)["tokens"]

    def reference(self, inputs):
        return self.session.run(["tokens"], inputs)[0]


@pytest.fixture(scope="module", params=encoders.EXPORTS, ids=str)
def encoder(request, tmp_path_factory):
    return Compiled(request.param, tmp_path_factory.mktemp("encoder"))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
def test_equals_onnx_runtime(encoder, shape):
    inputs = encoders.random_inputs(*shape)
    got, expected = encoder(inputs), encoder.reference(inputs)
    assert got.shape == (*shape, encoders.HIDDEN)
    assert np.var(expected, axis=-1) == pytest.approx(1, rel=0.1)
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE)


def test_a_dropped_mask_shows(encoder):
    inputs = encoders.random_inputs(7, 13)
    dropped = inputs | {"attention_mask": np.ones_like(inputs["attention_mask"])}
    assert np.abs(encoder(inputs) - encoder.reference(dropped)).max() > MISTAKE


def test_swapped_batch_and_sequence_show(encoder):
    inputs = encoders.random_inputs(4, 4)
    swapped = {name: np.ascontiguousarray(value.T) for name, value in inputs.items()}
    assert np.abs(encoder(inputs) - encoder.reference(swapped).swapaxes(0, 1)).max() > MISTAKE


def test_keys_left_as_they_are_show(encoder):
    """With as many tokens as a head has elements, sizes do not tell whether keys were transposed."""
    model = onnx.load(encoder.path)
    permutations = [a for n in model.graph.node if n.op_type == "Transpose" for a in n.attribute if a.name == "perm"]
    keys = [a for a in permutations if a.ints[-1] != len(a.ints) - 1]
    assert len(keys) == 2
    for attribute in keys:
        attribute.ints[-2], attribute.ints[-1] = attribute.ints[-1], attribute.ints[-2]
    mistaken = onnxruntime.InferenceSession(model.SerializeToString())
    inputs = encoders.random_inputs(3, encoders.HIDDEN // encoders.HEADS)
    (expected,) = mistaken.run(["tokens"], inputs)
    assert np.abs(encoder(inputs) - expected).max() > MISTAKE
