"""Elementary functions of f32 over all exponents, denormals, infinities and NaN, against f64."""

import numpy as np
import pytest
import torch

from kernels import Kernels

# Largest errors, in units in the last place.
UNARY = {
    **dict.fromkeys(["exp", "exp2", "log"], 2),
    **dict.fromkeys(["erf", "tanh", "expm1", "log2", "log10", "log1p", "sinh", "cosh", "asinh", "acosh", "atanh"], 4),
    **dict.fromkeys(["sin", "cos", "tan", "atan", "asin", "acos", "cbrt", "rsqrt"], 4),
    "round": 0,
}
BINARY = {"powf": 1, "atan2": 4}
NUMPY = {"powf": "pow", "acos": "arccos", "asin": "arcsin", "atan": "arctan", "atan2": "arctan2"}
NUMPY |= {"acosh": "arccosh", "asinh": "arcsinh", "atanh": "arctanh"}
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, -0.5, 1.5, 2.5, -2.5, 88.7, 89.0, -87.4, -103.9, -104.1]


def function(name: str, operands: int) -> str:
    types = ", ".join(["memref<?xf32>"] * operands)
    names = [f"%x{i}" for i in range(operands)]
    arguments = ", ".join(f"{argument}: memref<?xf32>" for argument in [*names, "%out"])
    elements = ", ".join(f"%e{i}: f32" for i in range(operands + 1))
    maps = ", ".join(["affine_map<(d0) -> (d0)>"] * (operands + 1))
    computed = ", ".join(f"%e{i}" for i in range(operands))
    return f"""
func.func @test_{name}({arguments}) attributes {{llvm.emit_c_interface}} {{
  linalg.generic {{indexing_maps = [{maps}], iterator_types = ["parallel"]}}
      ins({", ".join(names)} : {types}) outs(%out : memref<?xf32>) {{
  ^bb0({elements}):
    %0 = math.{name} {computed} : f32
    linalg.yield %0 : f32
  }}
  return
}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    source = "".join([*(function(name, 1) for name in UNARY), *(function(name, 2) for name in BINARY)])
    return Kernels(source, tmp_path_factory.mktemp("math"), "znver2")


def inputs() -> np.ndarray:
    generator = np.random.default_rng(0)
    everywhere = generator.integers(0, 2**32, 1 << 20, dtype=np.uint32).view(np.float32)
    usual = [generator.uniform(-span, span, 1 << 18).astype(np.float32) for span in (1, 20, 100)]
    return np.concatenate([np.array(SPECIAL, np.float32), everywhere, *usual])


def reference(name: str, *operands: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        wide = [operand.astype(np.float64) for operand in operands]
        if name == "erf":
            return torch.erf(torch.from_numpy(wide[0])).numpy()
        if name == "rsqrt":
            return 1 / np.sqrt(wide[0])
        if name == "round":
            return np.where(np.isfinite(wide[0]), np.copysign(np.floor(np.abs(wide[0]) + 0.5), wide[0]), wide[0])
        return getattr(np, NUMPY.get(name, name))(*wide)


def errors(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """In units in the last place of f32; 0 where both round to the same value or are NaN, infinite for a wrong NaN."""
    with np.errstate(all="ignore"):
        rounded = expected.astype(np.float32)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        limits = np.finfo(np.float32)
        size = np.clip(np.abs(expected), float(limits.tiny), float(limits.max))
        unit = np.exp2(np.floor(np.log2(size)) - limits.nmant)
        distance = np.abs(got.astype(np.float64) - expected) / unit
    return np.where(same, 0, np.where(np.isfinite(distance), distance, np.inf))


@pytest.mark.parametrize(("name", "most"), [*UNARY.items(), *BINARY.items()])
def test_errors_are_small(run, name, most):
    x = inputs()
    operands = [x]
    if name in BINARY:
        y = np.random.default_rng(1).uniform(-30, 30, x.size).astype(np.float32)
        y[::3] = np.round(y[::3])
        y[: len(SPECIAL)] = SPECIAL[::-1]
        operands.append(y)
    if name in ("sin", "cos", "tan"):
        # NaN beyond, as documented.
        operands = [x[(np.abs(x) < 2.0**46) | ~np.isfinite(x)]]
    got = np.zeros_like(operands[0])
    run(f"test_{name}", *operands, got)
    error = errors(got, reference(name, *operands))
    worst = int(np.argmax(error))
    assert error[worst] <= most, f"{name}{tuple(o[worst] for o in operands)} = {got[worst]}, {error[worst]:.3g} ulp"


def test_a_remainder_has_the_bits_of_a_full_vector(run):
    x = np.random.default_rng(2).uniform(-5, 5, 37).astype(np.float32)
    for name in UNARY:
        whole, single = np.zeros_like(x), np.zeros_like(x)
        run(f"test_{name}", x, whole)
        for i in range(x.size):
            run(f"test_{name}", x[i : i + 1], single[i : i + 1])
        np.testing.assert_array_equal(whole.view(np.uint32), single.view(np.uint32), err_msg=name)
