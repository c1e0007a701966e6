"""python/dyn and examples/c, with the artifacts that unittests/Runtime writes by hand."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("DYN_BUILD_DIR", ROOT / "build")).resolve()
ARTIFACTS = BUILD / "unittests" / "Runtime" / "artifacts"

sys.path.insert(0, str(ROOT / "python"))
import dyn  # noqa: E402


def load(name: str, **options) -> dyn.Model:
    return dyn.load(ARTIFACTS / f"{name}.so", **options)


def scale_inputs(rows: int, columns: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(rows * 1000 + columns)
    return {
        "x": generator.standard_normal((rows, columns), np.float32),
        "mask": generator.integers(-5, 5, (rows, columns)),
    }


def scale(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return 2 * x + mask.astype(np.float32)


def test_signature():
    model = load("append")
    assert (model.name, model.target, model.peak_formula) == ("append", "host", "0")
    assert list(model.signature.inputs) == ["past", "x"]
    present = model.signature.outputs["present"]
    assert (present.type, present.dtype, present.shape) == ("f32", np.float32, ("B", "P + S"))
    assert present.alias == "past"
    assert str(model.signature) == (
        "inputs\n  past: f32 [B, P]\n  x: f32 [B, S]\noutputs\n  present: f32 [B, P + S]\n"
        "sizes\n  B: 0 or more\n  P: 0 or more\n  S: 0 or more"
    )
    assert str(load("scale").signature.symbols["S"]) == "S: 1 to 512"


@pytest.mark.parametrize("threads", [1, 2])
def test_runs_at_every_shape(threads):
    model = load("scale", threads=threads)
    assert model.threads == threads
    for rows in (0, 1, 3, 64):
        for columns in (1, 17, 512):
            inputs = scale_inputs(rows, columns)
            outputs = model(**inputs)
            assert outputs.keys() == {"y"}
            np.testing.assert_array_equal(outputs["y"], scale(**inputs))
            assert outputs["y"].dtype == np.float32


def test_results_outlive_the_model():
    inputs = scale_inputs(4, 5)
    with load("scale") as model:
        result = model(**inputs)["y"]
    np.testing.assert_array_equal(result, scale(**inputs))
    with pytest.raises(ValueError, match="model scale is closed"):
        model(**inputs)
    model.close()


def test_takes_views_without_a_copy_or_with_one():
    model = load("scale")
    inputs = scale_inputs(6, 10)
    views = {
        "transposed": {name: np.ascontiguousarray(array.T).T for name, array in inputs.items()},
        "strided": {name: np.repeat(array, 2, axis=1)[:, ::2] for name, array in inputs.items()},
        "reversed": {name: array[::-1, ::-1].copy()[::-1, ::-1] for name, array in inputs.items()},
    }
    packed = np.zeros((6, 10), np.dtype([("pad", "i1"), ("x", "f4")]))
    packed["x"] = inputs["x"]
    views["unaligned"] = {"x": packed["x"], "mask": inputs["mask"]}
    for name, view in views.items():
        np.testing.assert_array_equal(model(**view)["y"], scale(**inputs), err_msg=name)


def test_writes_into_buffers():
    model = load("scale")
    inputs = scale_inputs(3, 4)
    buffer = np.zeros((3, 8), np.float32)
    result = model.run(inputs, {"y": buffer[:, ::2]})["y"]
    assert np.shares_memory(result, buffer)
    np.testing.assert_array_equal(buffer[:, ::2], scale(**inputs))
    np.testing.assert_array_equal(buffer[:, 1::2], 0)

    frozen = np.zeros((3, 4), np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="the buffer of output 'y' is not a NumPy array that can be written"):
        model.run(inputs, {"y": frozen})
    with pytest.raises(ValueError, match=r"the buffer of output 'y' is \[3, 5\], expected \[B, S\] = \[3, 4\]"):
        model.run(inputs, {"y": np.zeros((3, 5), np.float32)})


def test_outputs_of_unknown_size():
    model = load("nonzero")
    mask = np.array([True, False, True, True])
    outputs = model(mask=mask)
    np.testing.assert_array_equal(outputs["found"], [0, 2, 3])
    np.testing.assert_array_equal(outputs["others"], [1])
    buffer = np.full(4, -1)
    outputs = model.run({"mask": mask}, {"found": buffer})
    np.testing.assert_array_equal(outputs["found"], [0, 2, 3])
    assert np.shares_memory(outputs["found"], buffer)
    assert model(mask=np.zeros(0, bool))["found"].shape == (0,)


def test_appends_to_a_cache_in_place():
    model = load("append")
    cache = np.arange(20, dtype=np.float32).reshape(2, 10)
    expected = cache.copy()
    expected[:, 3:5] = [[50, 51], [52, 53]]
    model.run({"past": cache[:, :3], "x": expected[:, 3:5].copy()}, {"present": cache[:, :5]})
    np.testing.assert_array_equal(cache, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": None}, "input 'mask' is missing; the model's inputs are x, mask"),
        ({"extra": np.zeros(1)}, "there is no input 'extra'; the model's inputs are x, mask"),
        ({"extra": np.array(["a"])}, "there is no input 'extra'; the model's inputs are x, mask"),
        ({"x": np.zeros((2, 11))}, "input 'x' is f64, expected f32"),
        ({"x": np.zeros((2, 11), ">f4")}, "input 'x' is >f4, expected f32"),
        ({"x": np.array([["a"]])}, "input 'x' is <U1, expected f32"),
        ({"x": np.zeros(11, np.float32)}, "input 'x' is [11] of rank 1, expected [B, S] of rank 2"),
        ({"mask": np.zeros((2, 12), np.int64)}, "x is [2, 11], but mask is [2, 12]: S cannot be both"),
        ({"x": np.zeros((65, 11), np.float32)}, "x is [65, 11], but mask is [2, 11]: B cannot be both"),
    ],
)
def test_wrong_inputs(change, message):
    inputs = {**scale_inputs(2, 11), **change}
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the message is compared below)
        load("scale")(**{name: array for name, array in inputs.items() if array is not None})
    assert str(error.value).startswith(message)


def test_errors_of_a_run():
    model = load("misbehave")
    with pytest.raises(ValueError, match="node 'g': index 7 is out of range for axis of size 5"):
        model(mode=np.array([0]))
    with pytest.raises(MemoryError, match="the model asked for 9223372036854775807 bytes"):
        model(mode=np.array([4]))
    np.testing.assert_array_equal(model(mode=np.array([8]))["y"], [42])


def test_errors_of_loading(tmp_path):
    with pytest.raises(dyn.Error, match=r"cannot open artifact '.*none.so': No such file or directory"):
        dyn.load(tmp_path / "none.so")
    text = tmp_path / "text.so"
    text.write_text("not a library")
    with pytest.raises(dyn.Error, match=r"text.so is not an artifact: expects a shared library"):
        dyn.load(text)
    with pytest.raises(dyn.Error, match=r"weights of linear.so: .*linear.bin: no such file"):
        load("linear")


def test_peak_bytes():
    model = load("scale")
    assert model.peak_bytes(B=2, S=3) == 24
    with pytest.raises(ValueError, match="B is 65, but the model is compiled for B from 0 to 64"):
        model.peak_bytes(B=65, S=3)
    with pytest.raises(ValueError, match="expects the sizes B, S, got B"):
        model.peak_bytes(B=1)


def test_threads_share_a_model():
    model = load("scale", threads=2)
    failures = []

    def call(seed: int) -> None:
        for i in range(200):
            inputs = scale_inputs(1 + (i + seed) % 7, 1 + i % 50)
            if not np.array_equal(model(**inputs)["y"], scale(**inputs)):
                failures.append((seed, i))

    callers = [threading.Thread(target=call, args=(seed,)) for seed in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


def test_takes_tensors_of_pytorch():
    torch = pytest.importorskip("torch")
    inputs = scale_inputs(2, 3)
    outputs = load("scale")(**{name: torch.from_numpy(array) for name, array in inputs.items()})
    np.testing.assert_array_equal(outputs["y"], scale(**inputs))


def test_memory_of_results_is_freed():
    resource = pytest.importorskip("resource")
    model = load("scale")
    inputs = scale_inputs(64, 512)
    for _ in range(100):
        model(**inputs)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(1000):  # 128 KB each
        model(**inputs)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024


def fake_compiler(folder: Path, script: str) -> None:
    compiler = folder / "bin" / "dyn-compile"
    compiler.parent.mkdir()
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)


def test_compile_runs_dyn_compile(tmp_path, monkeypatch):
    """What is passed on; that compiling works is tested where models are compiled."""
    monkeypatch.setenv("DYN_BUILD_DIR", str(tmp_path))
    fake_compiler(tmp_path, f'echo "$@" > {tmp_path}/arguments; cp {ARTIFACTS}/scale.so "$3"')
    model = dyn.compile("m.onnx", tmp_path / "m.so", target="znver2", dims={"S": (1, 512, 8)}, threads=1)
    assert model.name == "scale"
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments == ["m.onnx", "-o", str(tmp_path / "m.so"), "--target=znver2", "--dim", "S=1:512:8"]
    model = dyn.compile("m.onnx")
    artifact = Path((tmp_path / "arguments").read_text().split()[2])
    assert artifact.exists()
    del model
    assert not artifact.exists()


def test_compile_reports_what_dyn_compile_says(tmp_path, monkeypatch):
    monkeypatch.setenv("DYN_BUILD_DIR", str(tmp_path))
    fake_compiler(tmp_path, "echo 'm.onnx: is empty' >&2; exit 1")
    with pytest.raises(dyn.CompileError, match=r"m\.onnx: is empty"):
        dyn.compile("m.onnx")
    monkeypatch.setenv("DYN_BUILD_DIR", str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(dyn.Error, match=r"dyn\.compile needs dyn-compile"):
        dyn.compile("m.onnx")


@pytest.fixture(scope="module")
def c_example(tmp_path_factory) -> Path:
    compiler = shutil.which("clang-22") or shutil.which("cc")
    program = tmp_path_factory.mktemp("c") / "run"
    library = BUILD / "lib"
    command = [compiler, "-std=c99", "-Wall", "-Werror", ROOT / "examples" / "c" / "run.c", "-o", program]
    command += [f"-I{ROOT}/runtime/include", f"-L{library}", "-ldyn_runtime", f"-Wl,-rpath,{library}"]
    subprocess.run(command, check=True)
    return program


def run_c(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_c_example(c_example):
    done = run_c(c_example, ARTIFACTS / "scale.so")
    assert done.stdout.splitlines() == [
        "input x: f32 [B, S]",
        "input mask: i64 [B, S]",
        "output y: f32 [B, S]",
        "size B: at least 0, at most 64",
        "size S: at least 1, at most 512",
        "memory: 4 * B * S bytes",
    ]
    done = run_c(c_example, ARTIFACTS / "scale.so", "B=2", "S=11")
    assert (done.returncode, done.stdout) == (0, "y: [2, 11], first element 0\n")
    done = run_c(c_example, ARTIFACTS / "scale.so", "B=2", "S=1000")
    assert (done.returncode, done.stderr) == (1, "run: S is 1000, but the model is compiled for S from 1 to 512\n")
    assert run_c(c_example).returncode == 2
