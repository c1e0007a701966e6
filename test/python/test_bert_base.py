"""A model of real size that no part of Dyn was made for: BERT-base with random weights. Run by `pytest -m slow`."""

import numpy as np
import onnxruntime
import pytest
from transformers import BertConfig

import dyn
import encoders
from tools import run_tool

SHAPES = [(1, 1), (1, 7), (3, 11), (2, 64), (1, 512)]
TOLERANCE = 1e-4  # twelve layers of f32, elements of variance 1

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """The artifact and ONNX Runtime on the same export."""
    path = tmp_path_factory.mktemp("bert") / "bert.onnx"
    encoders.export(BertConfig(), encoders.Export("dynamo", 18, "sdpa"), path)
    done = run_tool("dyn-compile", path, "-o", path.with_suffix(".so"), seconds=600)
    assert done.returncode == 0, done.stderr
    return dyn.load(path.with_suffix(".so"), threads=2), onnxruntime.InferenceSession(path)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
def test_equals_onnx_runtime(bert, shape):
    model, session = bert
    inputs = encoders.random_inputs(*shape, vocabulary=BertConfig().vocab_size)
    (expected,) = session.run(["tokens"], inputs)
    assert np.var(expected) == pytest.approx(1, rel=0.1)
    np.testing.assert_allclose(model(**inputs)["tokens"], expected, rtol=0, atol=TOLERANCE)
