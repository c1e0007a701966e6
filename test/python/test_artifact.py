"""What an artifact needs at run time, and what compiling it costs."""

import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import encoders
from tools import run_tool, tool

LLVM = Path("/usr/lib/llvm-22/bin")
# runtime/include/dyn/artifact.h has the same list.
ALLOWED_CALLS = {
    *("dyn_rt_alloc", "dyn_rt_free", "dyn_rt_report", "dyn_rt_fail", "dyn_rt_parallel_for"),
    *("memcpy", "memmove", "memset"),
}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("artifact")
    encoders.export(encoders.small_config(), encoders.EXPORTS[0], folder / "encoder.onnx")
    done = run_tool("dyn-compile", folder / "encoder.onnx", "-o", folder / "encoder.so")
    assert done.returncode == 0, done.stderr
    return folder / "encoder.so"


def symbols(artifact: Path, which: str) -> set[str]:
    """Names of the dynamic symbols that llvm-nm lists with the option `which`."""
    command = [LLVM / "llvm-nm", "--dynamic", "--format=just-symbols", which, artifact]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_calls_what_is_allowed(artifact):
    assert symbols(artifact, "--undefined-only") <= ALLOWED_CALLS


def test_exports_one_symbol(artifact):
    assert symbols(artifact, "--defined-only") == {"dyn_artifact"}


def test_needs_the_runtime_only(artifact):
    """And of it, what it needs itself: `ldd` follows the libraries' own libraries, too."""
    command = [LLVM / "llvm-readelf", "--needed-libs", artifact]
    needed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert [word for word in needed if ".so" in word] == ["libdyn_runtime.so.0"]
    loaded = subprocess.run(["ldd", artifact], capture_output=True, text=True, check=True).stdout
    assert "libdyn_runtime.so" in loaded
    assert not [name for name in ("LLVM", "MLIR", "python", "not found") if name in loaded], loaded


def chain_of_products(folder: Path, size: int) -> Path:
    """A model of eight products with square weights in a sparse file: x W0 ... W7."""
    folder.mkdir()
    layers, length = 8, 4 * size * size
    with open(folder / "weights.bin", "wb") as file:
        file.truncate(layers * length)
    weights = []
    for layer in range(layers):
        weight = TensorProto(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=[size, size])
        weight.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "weights.bin"), ("offset", layer * length), ("length", length)):
            weight.external_data.add(key=key, value=str(value))
        weights.append(weight)
    nodes = [helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"]) for i in range(layers)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", size]) for name in ("x0", f"x{layers}")]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "chain.onnx")
    return folder / "chain.onnx"


def peak_of_compiling(model: Path) -> int:
    """The peak of dyn-compile's resident memory, in KiB."""
    with subprocess.Popen([tool("dyn-compile"), model, "-o", model.with_suffix(".so")]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


def test_memory_of_compiling_does_not_grow_with_weights(tmp_path):
    sizes = (1024, 3232)
    assert np.square(sizes[1] / sizes[0]) == pytest.approx(10, rel=0.01)
    small, large = (peak_of_compiling(chain_of_products(tmp_path / str(size), size)) for size in sizes)
    assert large < 1.1 * small, f"{small} KiB for 32 MiB of weights, {large} KiB for 320 MiB"
