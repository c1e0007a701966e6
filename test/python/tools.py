"""Runs Dyn's tools of the build under test, and compares what they write."""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("DYN_BUILD_DIR", ROOT / "build")).resolve()


def tool(name: str) -> Path:
    return BUILD / "bin" / name


def run_tool(name: str, *arguments, seconds: float = 120) -> subprocess.CompletedProcess:
    """Runs a tool to its end and keeps what it prints; a crash raises, an exit status does not."""
    command = [tool(name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode not in (0, 1, 2):
        raise AssertionError(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def run_model(model: Path, inputs: dict[str, np.ndarray], seconds: float = 120) -> dict[str, np.ndarray]:
    """What `dyn-run` answers for a model or an artifact; AssertionError with its sentence if it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for position, (name, array) in enumerate(inputs.items()):
            file = Path(folder, f"input{position}.npy")
            np.save(file, array)
            arguments.append(f"--input={name}={file}")
        outputs = Path(folder, "outputs")
        outputs.mkdir()
        done = run_tool("dyn-run", model, *arguments, f"--output-dir={outputs}", seconds=seconds)
        assert done.returncode == 0, done.stderr.strip()
        return {file.stem: np.load(file) for file in outputs.glob("*.npy")}


def assert_same(got: np.ndarray, expected: np.ndarray, *, absolute: float, relative: float) -> None:
    """Types and shapes are equal, numbers close, NaN where NaN is expected; all but floating point exactly."""
    assert got.dtype == expected.dtype, f"type is {got.dtype}, expects {expected.dtype}"
    assert got.shape == expected.shape, f"shape is {got.shape}, expects {expected.shape}"
    if np.issubdtype(expected.dtype, np.floating):
        np.testing.assert_allclose(got, expected, rtol=relative, atol=absolute, equal_nan=True)
    else:
        np.testing.assert_array_equal(got, expected)
