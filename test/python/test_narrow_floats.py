"""f16 and bf16 through dyn-compile and dyn-run against ml_dtypes and NumPy: every rounding, for every CPU of x86-64."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from tools import run_model, run_tool

BF16 = np.dtype(ml_dtypes.bfloat16)
MODULE = """
func.func @model(%x: !dyn.tensor<[N], {source}> {{dyn.name = "x"}})
    -> (!dyn.tensor<[N], {result}> {{dyn.name = "y"}}) {{
  %0 = dyn.convert %x {{element_type = {result}}} : (!dyn.tensor<[N], {source}>) -> !dyn.tensor<[N], {result}>
  return %0 : !dyn.tensor<[N], {result}>
}}
"""
MATMUL = """
func.func @model(%x: !dyn.tensor<[M, K], bf16> {dyn.name = "x"}, %w: !dyn.tensor<[K, N], bf16> {dyn.name = "w"})
    -> (!dyn.tensor<[M, N], bf16> {dyn.name = "y"}) {
  %0 = dyn.matmul %x, %w : (!dyn.tensor<[M, K], bf16>, !dyn.tensor<[K, N], bf16>) -> !dyn.tensor<[M, N], bf16>
  return %0 : !dyn.tensor<[M, N], bf16>
}
"""


@pytest.fixture(params=["skylake-avx512", "znver2"])
def artifact(request, tmp_path):
    """Compiles a module for one CPU; skips where the host cannot run its code."""

    def build(module: str) -> Path:
        source, target = tmp_path / "model.mlir", tmp_path / "model.so"
        source.write_text(module)
        assert run_tool("dyn-compile", source, "-o", target, f"--target={request.param}").returncode == 0
        described = run_tool("dyn-run", target)
        if ", this CPU has " in described.stderr:
            pytest.skip(described.stderr.strip())
        assert described.returncode == 0, described.stderr
        return target

    return build


def numbers(target: np.dtype, source: type) -> np.ndarray:
    """Every number of `target`, the ties between neighbours, and what is just beside those."""
    with np.errstate(over="ignore", invalid="ignore"):
        every = np.arange(2**16, dtype=np.uint16).view(target).astype(np.float64)
        every = np.sort(every[np.isfinite(every)])
        ties = (every[1:] + every[:-1]) / 2
        special = np.array([np.inf, -np.inf, np.nan, 1e300, -1e300, 5e-324])
        above, below = (np.nextafter(ties.astype(source), source(to)) for to in (np.inf, -np.inf))
        return np.concatenate([part.astype(source) for part in (every, ties, above, below, special)])


def to_odd(values: np.ndarray) -> np.ndarray:
    """f64 as f32, with the last bit set where it is not exact: rounded again, it gives what one rounding would."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    too_large = np.abs(single.astype(np.float64)) > np.abs(values)
    towards_zero = np.where(too_large, np.nextafter(single, np.float32(0)), single)
    inexact = np.isfinite(values) & (towards_zero != values)
    return (towards_zero.view(np.uint32) | inexact.astype(np.uint32)).view(np.float32)


@pytest.mark.parametrize("source", ["f32", "f64"])
@pytest.mark.parametrize("target", ["f16", "bf16"])
def test_rounding(artifact, source, target):
    wide, narrow = {"f32": np.float32, "f64": np.float64}[source], {"f16": np.dtype(np.float16), "bf16": BF16}[target]
    values = numbers(narrow, wide)
    got = run_model(artifact(MODULE.format(source=source, result=target)), {"x": values})["y"].view(np.uint16)
    with np.errstate(over="ignore"):
        # ml_dtypes rounds f64 to f32 on its way to bf16.
        expected = (to_odd(values) if target == "bf16" else values).astype(narrow).view(np.uint16)
    nan = np.isnan(values)
    np.testing.assert_array_equal(got[~nan], expected[~nan])
    assert np.isnan(got[nan].view(narrow).astype(np.float32)).all()


def test_widening(artifact):
    bits = np.arange(2**16, dtype=np.uint16)
    got = run_model(artifact(MODULE.format(source="bf16", result="f32")), {"x": bits.view("V2")})["y"]
    expected = (bits.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(got, expected)


def test_matmul(artifact):
    built = artifact(MATMUL)
    generator = np.random.default_rng(0)
    for m, k, n in [(1, 1, 1), (7, 33, 5), (17, 1, 31), (0, 3, 4), (64, 97, 48)]:
        x, w = (generator.standard_normal(size).astype(BF16) for size in ((m, k), (k, n)))
        got = run_model(built, {"x": x.view("V2"), "w": w.view("V2")})["y"].view(BF16).astype(np.float64)
        exact = x.astype(np.float64) @ w.astype(np.float64)
        # Half a unit in the last place of bf16's 8 bits, and what f32 loses on the way.
        np.testing.assert_allclose(got, exact, rtol=2.0**-8, atol=1e-6 * k, err_msg=f"{m}x{k}x{n}")
