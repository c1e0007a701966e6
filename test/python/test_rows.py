"""softmax, layer norm and gelu, from a model to its artifact, at widths around every vector boundary, against NumPy."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("DYN_BUILD_DIR", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "python"))
import dyn  # noqa: E402

# Parts of a vector, whole ones, four of them and what lies beside; a size that is known only when called.
WIDTHS = [1, 7, 16, 63, 64, 65, 768, 1021, "W"]
ROWS = [0, 1, 2, 3, 5, 8, 67]
SOFTMAX = "%y = dyn.softmax %x {{axis = 1 : i64}} : ({type}) -> {type}"
GELU = """
  %h = dyn.constant dense<0.5> : tensor<1xf32> as !dyn.tensor<[1], f32>
  %r = dyn.constant dense<0.707106769> : tensor<1xf32> as !dyn.tensor<[1], f32>
  %o = dyn.constant dense<1.0> : tensor<1xf32> as !dyn.tensor<[1], f32>
  %0 = dyn.mul %x, %r : ({type}, !dyn.tensor<[1], f32>) -> {type}
  %1 = dyn.erf %0 : ({type}) -> {type}
  %2 = dyn.add %1, %o : ({type}, !dyn.tensor<[1], f32>) -> {type}
  %3 = dyn.mul %x, %h : ({type}, !dyn.tensor<[1], f32>) -> {type}
  %y = dyn.mul %3, %2 : ({type}, {type}) -> {type}"""
LAYER_NORM = """
  %s = dyn.constant dense<1.5> : tensor<1xf32> as !dyn.tensor<[1], f32>
  %y = dyn.layer_norm %x, %s {{axis = 1 : i64, epsilon = 1.0e-5 : f64}} : ({type}, !dyn.tensor<[1], f32>) -> {type}"""

# A sum that is read twice: by the normalization and by the next layer.
RESIDUAL = (
    """
  %h = dyn.mul %x, %x : ({type}, {type}) -> {type}"""
    + LAYER_NORM.replace("%y", "%n").replace("%x", "%h")
    + """
  %y = dyn.add %h, %n : ({type}, {type}) -> {type}"""
)


def compile_rows(folder: Path, operation: str, width: int | str):
    row_type = f"!dyn.tensor<[S, {width}], f32>"
    (folder / "model.mlir").write_text(f"""
func.func @model(%x: {row_type} {{dyn.name = "x"}}) -> ({row_type} {{dyn.name = "y"}}) {{
  {operation.format(type=row_type)}
  return %y : {row_type}
}}
""")
    return dyn.compile(folder / "model.mlir", output=folder / "model.so", threads=1)


def softmax(x: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(axis=1, keepdims=True, initial=-np.inf))
        return e / e.sum(axis=1, keepdims=True)


def layer_norm(x: np.ndarray) -> np.ndarray:
    centered = x - x.mean(axis=1, keepdims=True)
    return centered / np.sqrt((centered * centered).mean(axis=1, keepdims=True) + 1e-5) * 1.5


def gelu(x: np.ndarray) -> np.ndarray:
    return torch.nn.functional.gelu(torch.from_numpy(x)).numpy()


def residual(x: np.ndarray) -> np.ndarray:
    return x * x + layer_norm(x * x)


OPERATIONS = {
    "softmax": (SOFTMAX, softmax),
    "layer_norm": (LAYER_NORM, layer_norm),
    "gelu": (GELU, gelu),
    "residual": (RESIDUAL, residual),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_rows(tmp_path, name, width):
    operation, reference = OPERATIONS[name]
    model = compile_rows(tmp_path, operation, width)
    for columns in [1, 17, 300] if width == "W" else [width]:
        for rows in ROWS:
            x = 4 * np.random.default_rng(rows).standard_normal((rows, columns)).astype(np.float32)
            np.testing.assert_allclose(model(x=x)["y"], reference(x.astype(np.float64)), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_row_has_the_same_bits(tmp_path, name):
    """Whatever the number of rows, its position among them, and the number of threads."""
    model = compile_rows(tmp_path, OPERATIONS[name][0], 333)
    threaded = dyn.load(tmp_path / "model.so", threads=2)
    x = np.random.default_rng(0).standard_normal((67, 333), np.float32)
    whole = model(x=x)["y"]
    np.testing.assert_array_equal(threaded(x=x)["y"], whole)
    for first, count in [(0, 1), (66, 1), (3, 2), (17, 13), (1, 64)]:
        for which in (model, threaded):
            np.testing.assert_array_equal(which(x=x[first : first + count])["y"], whole[first : first + count])


@pytest.mark.parametrize("name", ["layer_norm", "gelu"])
def test_a_result_larger_than_the_caches(tmp_path, name):
    """Written past them: the same bits as of a few rows, from all threads, wherever the memory begins."""
    model = compile_rows(tmp_path, OPERATIONS[name][0], 768)
    threaded = dyn.load(tmp_path / "model.so", threads=2)
    x = np.random.default_rng(0).standard_normal((11000, 768), np.float32)
    expected = np.concatenate([model(x=x[first : first + 1000])["y"] for first in range(0, len(x), 1000)])
    memory = np.zeros(x.size + 32, np.float32)
    aligned = -memory.ctypes.data // 4 % 16
    for first in (aligned, aligned + 4):
        for which in (model, threaded):
            y = memory[first : first + x.size].reshape(x.shape)
            y[...] = 0
            which.run({"x": x}, {"y": y})
            np.testing.assert_array_equal(y, expected)


def test_softmax_of_extremes(tmp_path):
    """Infinite differences weigh nothing, exactly; a NaN of any bits and an infinite maximum spoil their row."""
    model = compile_rows(tmp_path, SOFTMAX, 37)
    x = np.random.default_rng(0).standard_normal((8, 37)).astype(np.float32)
    x[0, 5:30] = -np.inf
    x[1] = -np.inf
    x[2, 36] = np.inf
    x[3, 0] = np.array(0x7FC001FF, np.uint32).view(np.float32)
    x[4, 36] = np.array(0xFFC00000, np.uint32).view(np.float32)
    x[5] = np.finfo(np.float32).min
    x[6] *= 1e30
    x[7] = np.linspace(0, -110, 37)
    y = model(x=x)["y"]
    np.testing.assert_allclose(y, softmax(x.astype(np.float64)), rtol=2e-5, atol=1e-37)
    assert (y[0, 5:30] == 0).all()
    assert np.isnan(y[1:5]).all()
