"""Dyn::Resources against the safetensors package, through examples/resources, which links that library alone."""

import os
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("DYN_BUILD_DIR", SOURCE / "build"))


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    build = tmp_path_factory.mktemp("resources")
    configure = ["cmake", "-S", SOURCE / "examples/resources", "-B", build, "-G", "Ninja"]
    # A place where no MLIR is: the library has to do without.
    settings = [f"-DDyn_DIR={BUILD / 'cmake'}", "-DCMAKE_CXX_COMPILER=clang++-22", "-DMLIR_DIR=/nowhere"]
    subprocess.run(configure + settings, check=True)
    subprocess.run(["cmake", "--build", build], check=True)
    return build / "dyn-weights"


def run(*command):
    return subprocess.run(command, check=False, capture_output=True, text=True)


def make_tensors():
    torch.manual_seed(0)
    return {
        "scalar": torch.tensor(3.5, dtype=torch.float64),
        "empty": torch.zeros(0, 4),
        "flags": torch.tensor([True, False, True]),
        "half": torch.randn(3, 5).half(),
        "float8": torch.randn(7).to(torch.float8_e4m3fn),
        "unsigned": torch.tensor([1, 65535], dtype=torch.uint16),
        'quoted "é"\n\\': torch.arange(5, dtype=torch.int16),
        "indices": torch.arange(11),
        "matrix": torch.cat([torch.randn(13, 64), torch.tensor([[float("inf"), float("nan"), -0.0, 3e38] * 16])]),
    }


def have_same_bits(lhs, rhs):
    """Equal types, shapes and bits, but for those of a NaN: how it is rounded is nobody's promise."""
    if lhs.dtype != rhs.dtype or lhs.shape != rhs.shape:
        return False
    if lhs.is_floating_point() and lhs.itemsize > 1:
        if not torch.equal(lhs.isnan(), rhs.isnan()):
            return False
        lhs, rhs = lhs.nan_to_num(0, float("inf"), float("-inf")), rhs.nan_to_num(0, float("inf"), float("-inf"))
    return torch.equal(lhs.reshape(-1).view(torch.uint8), rhs.reshape(-1).view(torch.uint8))


def test_links_no_llvm(program):
    libraries = run("ldd", program).stdout
    assert "libc.so" in libraries
    assert "LLVM" not in libraries
    assert "MLIR" not in libraries


def test_lists_what_safetensors_wrote(program, tmp_path):
    save_file(make_tensors(), tmp_path / "w.safetensors")
    lines = run(program, "list", tmp_path / "w.safetensors").stdout
    assert "matrix: f32 [14, 64], 3584 bytes" in lines
    assert "scalar: f64 [], 8 bytes" in lines
    assert "empty: f32 [0, 4], 0 bytes" in lines
    assert "unsigned: ui16 [2], 4 bytes" in lines


@pytest.mark.parametrize("in_place", [False, True])
def test_writes_what_safetensors_reads(program, tmp_path, in_place):
    tensors = make_tensors()
    source = tmp_path / "w.safetensors"
    target = source if in_place else tmp_path / "out.safetensors"
    save_file(tensors, source, {"note": 'a "é"'})
    result = run(program, "to-bf16", source, "matrix", target)
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(tmp_path.iterdir()) == sorted({source, target})
    with safe_open(target, "pt") as file:
        assert file.metadata() == {"note": 'a "é"'}
    written = load_file(target)
    assert written.keys() == tensors.keys()
    tensors["matrix"] = tensors["matrix"].bfloat16()
    for name, tensor in tensors.items():
        assert have_same_bits(written[name], tensor), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "none"], "none: no such file or directory"),
        (["to-bf16", "w.safetensors", "half", "out"], "w.safetensors: tensor 'half' is f16, expected f32"),
        (["to-bf16", "w.safetensors", "none", "out"], "w.safetensors: has no tensor 'none'"),
        (
            ["to-bf16", "w.safetensors", "matrix", "no/out"],
            "no/out: cannot be written: its folder: no such file or directory",
        ),
    ],
)
def test_reports_in_one_sentence(program, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    save_file(make_tensors(), "w.safetensors")
    result = run(program, *arguments)
    assert result.returncode == 1
    assert result.stderr == f"dyn-weights: {message}\n"
    assert os.listdir() == ["w.safetensors"]
