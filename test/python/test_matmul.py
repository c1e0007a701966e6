"""Products with weights, from a model to its artifact, at sizes around every tile boundary, against NumPy in f64."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("DYN_BUILD_DIR", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "python"))
import dyn  # noqa: E402

# Around the rows of a register tile (6, 14) and of what a parallel loop takes at once (24, 56).
ROWS = [0, 1, 2, 5, 6, 7, 11, 13, 14, 15, 24, 25, 28, 29, 55, 56, 57, 70, 111, 113]
# (K, N): one panel, parts of one, K = 1, reductions in several blocks, odd numbers.
SHAPES = [(1, 16), (5, 7), (64, 64), (300, 1000), (509, 1021), (1537, 33), (3072, 48), (67, 15)]


def compile_product(folder: Path, k: int, n: int, transposed: bool, threads: int = 1, target: str = "native"):
    """x @ w + b, or x @ w.T + b, and the weights."""
    generator = np.random.default_rng(k * 10000 + n)
    weight = generator.standard_normal((n, k) if transposed else (k, n), np.float32)
    bias = generator.standard_normal(n, np.float32)
    (folder / "w.bin").write_bytes(weight.tobytes() + bias.tobytes())
    matrix = f"!dyn.tensor<[{k}, {n}], f32>"
    stored = f"!dyn.tensor<[{n}, {k}], f32>" if transposed else matrix
    result = f"!dyn.tensor<[M, {n}], f32>"
    turn = f"%w = dyn.transpose %s {{permutation = array<i64: 1, 0>}} : ({stored}) -> {matrix}"
    text = f"""
dyn.weight @w : {stored} = #dyn.external<"w.bin", 0, {4 * n * k}>
dyn.weight @b : !dyn.tensor<[{n}], f32> = #dyn.external<"w.bin", {4 * n * k}, {4 * n}>
func.func @model(%x: !dyn.tensor<[M, {k}], f32> {{dyn.name = "x"}}) -> ({result} {{dyn.name = "y"}}) {{
  %{"s" if transposed else "w"} = dyn.get_weight @w : {stored}
  {turn if transposed else ""}
  %b = dyn.get_weight @b : !dyn.tensor<[{n}], f32>
  %p = dyn.matmul %x, %w : (!dyn.tensor<[M, {k}], f32>, {matrix}) -> !dyn.tensor<[M, {n}], f32>
  %y = dyn.add %p, %b : (!dyn.tensor<[M, {n}], f32>, !dyn.tensor<[{n}], f32>) -> !dyn.tensor<[M, {n}], f32>
  return %y : !dyn.tensor<[M, {n}], f32>
}}
"""
    (folder / "model.mlir").write_text(text)
    model = dyn.compile(folder / "model.mlir", output=folder / "model.so", threads=threads, target=target)
    return model, weight.T if transposed else weight, bias


@pytest.mark.parametrize("target", ["native", "znver2"])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("k", "n"), SHAPES)
def test_product(tmp_path, k, n, transposed, target):
    model, weight, bias = compile_product(tmp_path, k, n, transposed, target=target)
    for m in ROWS:
        x = np.random.default_rng(m).standard_normal((m, k), np.float32)
        y = model(x=x)["y"]
        assert y.shape == (m, n)
        np.testing.assert_allclose(y, x.astype(np.float64) @ weight + bias, rtol=1e-5, atol=2e-7 * k + 2e-6)


@pytest.mark.parametrize(("k", "n"), [(300, 1000), (3072, 48)])
def test_a_row_has_the_same_bits(tmp_path, k, n):
    """Whatever the number of rows, its position among them, and the number of threads."""
    model, _, _ = compile_product(tmp_path, k, n, False)
    threaded = dyn.load(tmp_path / "model.so", threads=2)
    x = np.random.default_rng(0).standard_normal((130, k), np.float32)
    whole = model(x=x)["y"]
    np.testing.assert_array_equal(threaded(x=x)["y"], whole)
    for first, count in [(0, 1), (129, 1), (3, 2), (17, 13), (40, 14), (1, 15), (5, 29), (60, 57), (2, 113)]:
        part = x[first : first + count]
        for which in (model, threaded):
            np.testing.assert_array_equal(which(x=part)["y"], whole[first : first + count])


@pytest.mark.parametrize(("element", "dtype"), [("bf16", np.uint16), ("i8", np.int8), ("f16", np.float16)])
def test_narrow_weights(tmp_path, element, dtype):
    """Weights that the model converts before it multiplies: packed as they are, converted in registers."""
    k, n = 300, 67
    generator = np.random.default_rng(5)
    if element == "bf16":
        weight = generator.standard_normal((k, n), np.float32).view(np.uint32) >> 16
        values = (weight << 16).view(np.float32)
    elif element == "i8":
        weight = values = generator.integers(-128, 128, (k, n))
    else:
        weight = values = generator.standard_normal((k, n)).astype(dtype)
    (tmp_path / "w.bin").write_bytes(weight.astype(dtype).tobytes())
    result = f"!dyn.tensor<[M, {n}], f32>"
    narrow, wide = (f"!dyn.tensor<[{k}, {n}], {which}>" for which in (element, "f32"))
    text = f"""
dyn.weight @w : {narrow} = #dyn.external<"w.bin", 0, {k * n * np.dtype(dtype).itemsize}>
func.func @model(%x: !dyn.tensor<[M, {k}], f32> {{dyn.name = "x"}}) -> ({result} {{dyn.name = "y"}}) {{
  %w = dyn.get_weight @w : {narrow}
  %f = dyn.convert %w {{element_type = f32}} : ({narrow}) -> {wide}
  %y = dyn.matmul %x, %f : (!dyn.tensor<[M, {k}], f32>, {wide}) -> !dyn.tensor<[M, {n}], f32>
  return %y : !dyn.tensor<[M, {n}], f32>
}}
"""
    (tmp_path / "model.mlir").write_text(text)
    model = dyn.compile(tmp_path / "model.mlir", output=tmp_path / "model.so")
    panels = -(-n // 32) * 32 * k * np.dtype(dtype).itemsize
    assert panels < (tmp_path / "model.weights.safetensors").stat().st_size < panels + 1000
    for m in ROWS:
        x = np.random.default_rng(m).standard_normal((m, k), np.float32)
        expected = x.astype(np.float64) @ values.astype(np.float64)
        np.testing.assert_allclose(model(x=x)["y"], expected, rtol=1e-5, atol=1e-6 * np.abs(values).max() * k)


@pytest.mark.parametrize("target", ["native", "znver2"])
def test_columns_that_are_far_apart(tmp_path, target):
    """x @ w.T of two arguments, every size unknown: short sums and long ones, and a row's bits in both."""
    kinds = {name: f"!dyn.tensor<[B, {sizes}], f32>" for name, sizes in zip("xwty", ("M, K", "N, K", "K, N", "M, N"))}
    text = f"""
func.func @model(%x: {kinds["x"]} {{dyn.name = "x"}}, %w: {kinds["w"]} {{dyn.name = "w"}})
    -> ({kinds["y"]} {{dyn.name = "y"}}) {{
  %t = dyn.transpose %w {{permutation = array<i64: 0, 2, 1>}} : ({kinds["w"]}) -> {kinds["t"]}
  %y = dyn.matmul %x, %t : ({kinds["x"]}, {kinds["t"]}) -> {kinds["y"]}
  return %y : {kinds["y"]}
}}
"""
    (tmp_path / "model.mlir").write_text(text)
    model = dyn.compile(tmp_path / "model.mlir", output=tmp_path / "model.so", threads=2, target=target)
    generator = np.random.default_rng(0)
    for k, n in [(0, 3), (1, 40), (5, 7), (64, 128), (67, 129), (128, 33), (129, 31), (300, 64)]:
        x = generator.standard_normal((3, 130, k), np.float32)
        w = generator.standard_normal((3, n, k), np.float32)
        whole = model(x=x, w=w)["y"]
        expected = x.astype(np.float64) @ np.swapaxes(w, -1, -2)
        np.testing.assert_allclose(whole, expected, rtol=1e-5, atol=2e-7 * k + 2e-6)
        for first, count in [(0, 1), (129, 1), (3, 2), (17, 13), (1, 15), (5, 64), (60, 65), (2, 0)]:
            part = model(x=np.ascontiguousarray(x[:, first : first + count]), w=w)["y"]
            np.testing.assert_array_equal(part, whole[:, first : first + count])
