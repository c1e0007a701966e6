"""dyn-transpose-weights, dyn-convert-weights and dyn-quantize-weights: the data they write, against NumPy, and what
models with these weights compute."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import ml_dtypes
import numpy as np
import onnxruntime
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import encoders
from tools import run_model, run_tool, tool

NUMPY = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64, "i8": np.int8}
NAMES = {np.dtype(dtype): name for name, dtype in NUMPY.items()}


def type_of(array: np.ndarray) -> str:
    return f"!dyn.tensor<[{', '.join(map(str, array.shape))}], {NAMES[array.dtype]}>"


def write_weights(folder, tensors: dict[str, np.ndarray], aliases=None):
    """A module of nothing but weights, each with a function that returns it, and their file, w.safetensors."""
    save_file(tensors, folder / "w.safetensors")
    symbols = {name: name for name in tensors} | (aliases or {})
    lines = []
    for symbol, key in symbols.items():
        lines.append(f'dyn.weight @{symbol} : {type_of(tensors[key])} = #dyn.external<"w.safetensors", "{key}">')
        lines.append(f"func.func @get_{symbol}() -> {type_of(tensors[key])} {{")
        lines.append(f"  %0 = dyn.get_weight @{symbol} : {type_of(tensors[key])}")
        lines.append(f"  return %0 : {type_of(tensors[key])}\n}}")
    (folder / "m.mlir").write_text("\n".join(lines) + "\n")


def opt(folder, *arguments, code=0, source="m.mlir", target="out.mlir"):
    """Runs dyn-opt in `folder`; what it printed on stderr."""
    command = [tool("dyn-opt"), source, *arguments, "-o", target]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr


def load(path) -> dict[str, np.ndarray]:
    """The tensors of a file; bf16 as well, which safetensors.numpy has as ml_dtypes does."""
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


# Conversion ----------------------------------------------------------------------------------------------------------


def near_midpoints(narrow) -> np.ndarray:
    """The numbers of a type of 16 bits, what is halfway between neighbours, and next to that, as f32."""
    numbers = np.arange(1 << 16, dtype=np.uint16).view(narrow).astype(np.float32)
    numbers = np.unique(numbers[np.isfinite(numbers)])
    middle = (numbers[1:].astype(np.float64) + numbers[:-1]) / 2
    middle = middle.astype(np.float32)
    infinity = np.float32(np.inf)
    return np.concatenate([numbers, middle, np.nextafter(middle, infinity), np.nextafter(middle, -infinity)])


def floats(source) -> np.ndarray:
    """Numbers of the type `source` that are hard to convert: all there are of 16 bits."""
    if np.dtype(source).itemsize == 2:
        return np.arange(1 << 16, dtype=np.uint16).view(source)
    random = np.random.default_rng(5)
    width = np.dtype(source).itemsize
    bits = random.integers(0, 1 << 8 * width, 200_000, dtype=np.uint64 if width == 8 else np.uint32).view(source)
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-45, -1e-45, 3.4e38, 65519.99, 65520, 2**-25])
    near = np.concatenate([near_midpoints(np.float16), near_midpoints(ml_dtypes.bfloat16)]).astype(source)
    if width == 8:  # What rounding to f32 first would get wrong.
        near = np.concatenate([near, np.nextafter(near, np.inf), np.nextafter(near, -np.inf)])
    return np.concatenate([bits, special.astype(source), near])


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Rounds f64 to bf16 once, by comparing distances; ml_dtypes rounds to f32 on the way."""
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = values.astype(np.float32)
        too_large = np.abs(nearest.astype(np.float64)) > np.abs(values)
        bits = nearest.view(np.uint32) - too_large.astype(np.uint32)  # Rounded towards zero.
        low = bits & np.uint32(0xFFFF0000)
        high = low + np.uint32(0x10000)
        limit = np.float64(2.0**128)
        low_value = low.view(np.float32).astype(np.float64)
        high_value = high.view(np.float32).astype(np.float64)
        high_value = np.where(np.isinf(high_value), np.copysign(limit, values), high_value)
        below, above = np.abs(values - low_value), np.abs(high_value - values)
        is_even = (low >> 16) % 2 == 0
        result = np.where((below < above) | ((below == above) & is_even), low, high)
        result = (result >> 16).astype(np.uint16).view(ml_dtypes.bfloat16)
        special = ~np.isfinite(values)
        return np.where(special, values.astype(np.float32).astype(ml_dtypes.bfloat16), result)


@pytest.mark.parametrize("target", ["f16", "bf16", "f32"])
@pytest.mark.parametrize("source", ["f16", "bf16", "f32", "f64"])
def test_conversion_rounds_as_numpy_does(tmp_path, source, target):
    values = floats(NUMPY[source])
    write_weights(tmp_path, {"w": values, "scalar": np.array(1.5, NUMPY[source]), "empty": values[:0]})
    stderr = opt(tmp_path, f"--dyn-convert-weights=type={target} output=new.safetensors")
    assert stderr == ""
    if source == target:
        assert not (tmp_path / "new.safetensors").exists()
        return
    text = (tmp_path / "out.mlir").read_text()
    assert f'dyn.weight @w : !dyn.tensor<[{len(values)}], {target}> = #dyn.external<"new.safetensors", "w">' in text
    written = load(tmp_path / "new.safetensors")
    assert written.keys() == {"w", "scalar", "empty"}
    with np.errstate(over="ignore", invalid="ignore"):
        is_double = (source, target) == ("f64", "bf16")
        expected = to_bfloat16(values) if is_double else values.astype(NUMPY[target])
    got = written["w"]
    assert got.dtype == NUMPY[target]
    bits = np.uint32 if target == "f32" else np.uint16
    is_nan = np.isnan(values.astype(np.float32) if values.itemsize == 2 else values)
    np.testing.assert_array_equal(np.isnan(got.astype(np.float32)), is_nan)
    np.testing.assert_array_equal(got.view(bits)[~is_nan], expected.view(bits)[~is_nan])
    assert written["scalar"] == 1.5


def test_converted_weights_give_the_type_they_had(tmp_path):
    weight = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    write_weights(tmp_path, {"w": weight})
    opt(tmp_path, "--dyn-convert-weights=type=bf16 output=new.safetensors")
    (got,) = run_model(tmp_path / "out.mlir", {}).values()
    np.testing.assert_array_equal(got, weight.astype(ml_dtypes.bfloat16).astype(np.float32))


def test_what_is_the_same_is_converted_once(tmp_path):
    weight = np.arange(3000, dtype=np.float32)
    other = weight.copy()
    other[1000] = 7
    tensors = {"a": weight, "equal": weight.copy(), "other": other, "reshaped": weight.reshape(30, 100).copy()}
    write_weights(tmp_path, tensors, {"shared": "a"})
    opt(tmp_path, "--dyn-convert-weights=type=f16 output=new.safetensors")
    written = load(tmp_path / "new.safetensors")
    assert written.keys() == {"a", "other", "reshaped"}
    text = (tmp_path / "out.mlir").read_text()
    assert text.count('#dyn.external<"new.safetensors", "a">') == 3
    np.testing.assert_array_equal(written["other"], other.astype(np.float16))


def test_integers_and_weights_of_the_type_are_left_alone(tmp_path):
    write_weights(tmp_path, {"codes": np.arange(4, dtype=np.int8), "half": np.ones(3, np.float16)})
    opt(tmp_path, "--dyn-convert-weights=type=f16 output=new.safetensors")
    assert sorted(os.listdir(tmp_path)) == ["m.mlir", "out.mlir", "w.safetensors"]


# Files ---------------------------------------------------------------------------------------------------------------


def test_the_source_may_be_the_target(tmp_path):
    """Tensors that are not converted stay, be they used or not, and metadata."""
    tensors = {"a": np.linspace(0, 1, 5000, dtype=np.float32), "codes": np.arange(99, dtype=np.int8)}
    write_weights(tmp_path, tensors)
    save_file(tensors | {"unused": np.ones(7, np.float64)}, tmp_path / "w.safetensors", {"note": "kept"})
    opt(tmp_path, "--dyn-convert-weights=type=bf16 output=w.safetensors")
    written = load(tmp_path / "w.safetensors")
    assert written.keys() == {"a", "codes", "unused"}
    np.testing.assert_array_equal(written["a"], tensors["a"].astype(ml_dtypes.bfloat16))
    np.testing.assert_array_equal(written["codes"], tensors["codes"])
    with safe_open(tmp_path / "w.safetensors", "np") as file:
        assert file.metadata() == {"note": "kept"}
    # What was written is the source of the next one.
    opt(tmp_path, "--dyn-convert-weights=type=f32 output=w.safetensors", source="out.mlir")
    np.testing.assert_array_equal(load(tmp_path / "w.safetensors")["a"], written["a"].astype(np.float32))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("type=bf16", "the pass expects output=FILE.safetensors, where to write new weights"),
        ("output=new.safetensors", "the pass expects type=f16, bf16 or f32, got ''"),
        ("type=i8 output=new.safetensors", "the pass expects type=f16, bf16 or f32, got 'i8'"),
        ("type=bf16 output=no/new.safetensors", "no/new.safetensors: cannot be written: its folder: no such file"),
        ("type=bf16 output=folder", "folder: is a directory, expected a regular file or none"),
        ("type=bf16 output=fifo", "fifo: is a FIFO, expected a regular file or none"),
        ("type=bf16 output=/dev/full", "/dev/full: is a device, expected a regular file or none"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(tmp_path, option, message):
    write_weights(tmp_path, {"w": np.ones(3, np.float32)})
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    before = sorted(os.listdir(tmp_path))
    stderr = opt(tmp_path, f"--dyn-convert-weights={option}", code=1)
    assert message in stderr
    assert stderr.count("error:") == 1
    assert len(stderr.splitlines()) == 1
    assert sorted(os.listdir(tmp_path)) == before
    assert load(tmp_path / "w.safetensors").keys() == {"w"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "w.safetensors").unlink(), "weight 'w': w.safetensors: there is no such file in"),
        (lambda folder: save_file({"v": np.ones(3)}, folder / "w.safetensors"), "has no tensor 'w'"),
        (
            lambda folder: save_file({"w": np.ones(4)}, folder / "w.safetensors"),
            "tensor 'w' is f64 [4], expected f32 [3]",
        ),
        (
            lambda folder: (folder / "w.safetensors").write_bytes((folder / "w.safetensors").read_bytes()[:-1]),
            "tensor 'w' ends at byte",
        ),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, change, message):
    write_weights(tmp_path, {"w": np.ones(3, np.float32)})
    change(tmp_path)
    stderr = opt(tmp_path, "--dyn-convert-weights=type=bf16 output=new.safetensors", code=1)
    assert message in stderr
    assert stderr.count("error:") == 1
    assert not (tmp_path / "new.safetensors").exists()


def test_memory_is_that_of_a_part(tmp_path):
    """The most anonymous memory does not grow with the weights."""
    peaks = {}
    for count in (1, 40):
        folder = tmp_path / str(count)
        folder.mkdir()
        data = np.random.default_rng(1).standard_normal(2**20).astype(np.float32)
        write_weights(folder, {f"w{i}": data + np.float32(i) for i in range(count)})
        command = [tool("dyn-opt"), "m.mlir", "--dyn-convert-weights=type=bf16 output=n.safetensors", "-o", "o.mlir"]
        process = subprocess.Popen(command, cwd=folder)
        peak = 0
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except FileNotFoundError:
                break
            for line in status.splitlines():
                if line.startswith("RssAnon:"):
                    peak = max(peak, int(line.split()[1]))
        assert process.wait() == 0
        peaks[count] = peak
    assert peaks[40] < peaks[1] + 8192, f"KiB by number of tensors of 4 MiB: {peaks}"


def read_terminal(terminal: int) -> str:
    """What was written to a terminal whose other end is closed."""
    text = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            return text.decode()
        if not part:
            return text.decode()
        text += part


def test_progress_on_a_terminal(tmp_path):
    """Of work that takes longer than two seconds, which a stop in the middle makes of it."""
    write_weights(tmp_path, {f"w{i}": np.full(2**20, i, np.float32) for i in range(32)})
    command = [tool("dyn-opt"), "m.mlir", "--dyn-convert-weights=type=bf16 output=new.safetensors", "-o", "out.mlir"]
    start = time.monotonic()
    subprocess.run(command, cwd=tmp_path, check=True)
    whole = time.monotonic() - start
    shown = ""
    for part in (0.6, 0.5, 0.7, 0.4, 0.8, 0.3):
        terminal, other = os.openpty()
        process = subprocess.Popen(command, cwd=tmp_path, stderr=other)
        os.close(other)
        time.sleep(part * whole)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.2)
        process.send_signal(signal.SIGCONT)
        shown = read_terminal(terminal)
        os.close(terminal)
        assert process.wait() == 0
        if shown:
            break
    assert re.search(r"new\.safetensors: \d+ of 128 MiB \(\d+%\)", shown)
    assert shown.endswith("\r\x1b[K")


def test_killed_in_the_middle_leaves_the_old_file_or_the_new(tmp_path):
    """In place, killed after times from none to more than the whole takes."""
    tensors = {f"w{i}": np.full(2**20, i, np.float32) for i in range(16)}
    write_weights(tmp_path, tensors)
    old = (tmp_path / "w.safetensors").read_bytes()
    arguments = ["m.mlir", "--dyn-convert-weights=type=bf16 output=w.safetensors"]
    start = time.monotonic()
    subprocess.run([tool("dyn-opt"), *arguments], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    whole = time.monotonic() - start
    new = (tmp_path / "w.safetensors").read_bytes()
    assert new != old
    outcomes = set()
    for i in range(24):
        (tmp_path / "w.safetensors").write_bytes(old)
        process = subprocess.Popen(
            [tool("dyn-opt"), *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # The first is killed at once, the last not at all.
        if i < 24 - 1:
            time.sleep(whole * i / 18)
            process.send_signal(signal.SIGKILL)
        process.wait()
        found = (tmp_path / "w.safetensors").read_bytes()
        assert found in (old, new)
        outcomes.add(found == new)
        assert sorted(os.listdir(tmp_path)) == ["m.mlir", "w.safetensors"]
    assert outcomes == {False, True}


# Transposition -------------------------------------------------------------------------------------------------------


def test_transposed_weights_compute_the_same(tmp_path):
    random = np.random.default_rng(2)
    tensors = {
        "only": random.standard_normal((37, 65)).astype(np.float32),
        "both": random.standard_normal((65, 65)).astype(np.float32),
        "cube": random.standard_normal((3, 65, 5)).astype(np.float32),
    }
    save_file(tensors, tmp_path / "w.safetensors")
    (tmp_path / "m.mlir").write_text("""
dyn.weight @only : !dyn.tensor<[37, 65], f32> = #dyn.external<"w.safetensors", "only">
dyn.weight @both : !dyn.tensor<[65, 65], f32> = #dyn.external<"w.safetensors", "both">
dyn.weight @cube : !dyn.tensor<[3, 65, 5], f32> = #dyn.external<"w.safetensors", "cube">
func.func @model(%x: !dyn.tensor<[B, 65], f32> {dyn.name = "x"})
    -> (!dyn.tensor<[B, 37], f32> {dyn.name = "y"}, !dyn.tensor<[5, B, 3], f32> {dyn.name = "z"}) {
  %both = dyn.get_weight @both : !dyn.tensor<[65, 65], f32>
  %flipped = dyn.transpose %both {permutation = array<i64: 1, 0>}
      : (!dyn.tensor<[65, 65], f32>) -> !dyn.tensor<[65, 65], f32>
  %0 = dyn.matmul %x, %both : (!dyn.tensor<[B, 65], f32>, !dyn.tensor<[65, 65], f32>) -> !dyn.tensor<[B, 65], f32>
  %1 = dyn.matmul %0, %flipped : (!dyn.tensor<[B, 65], f32>, !dyn.tensor<[65, 65], f32>) -> !dyn.tensor<[B, 65], f32>
  %only = dyn.get_weight @only : !dyn.tensor<[37, 65], f32>
  %t = dyn.transpose %only {permutation = array<i64: 1, 0>}
      : (!dyn.tensor<[37, 65], f32>) -> !dyn.tensor<[65, 37], f32>
  %y = dyn.matmul %1, %t : (!dyn.tensor<[B, 65], f32>, !dyn.tensor<[65, 37], f32>) -> !dyn.tensor<[B, 37], f32>
  %cube = dyn.get_weight @cube : !dyn.tensor<[3, 65, 5], f32>
  %c = dyn.transpose %cube {permutation = array<i64: 2, 1, 0>}
      : (!dyn.tensor<[3, 65, 5], f32>) -> !dyn.tensor<[5, 65, 3], f32>
  %z = dyn.matmul %x, %c : (!dyn.tensor<[B, 65], f32>, !dyn.tensor<[5, 65, 3], f32>) -> !dyn.tensor<[5, B, 3], f32>
  return %y, %z : !dyn.tensor<[B, 37], f32>, !dyn.tensor<[5, B, 3], f32>
}
""")
    assert opt(tmp_path, "--dyn-transpose-weights=output=new.safetensors") == ""
    text = (tmp_path / "out.mlir").read_text()
    assert "dyn.transpose" not in text
    written = load_file(tmp_path / "new.safetensors")
    assert written.keys() == {"only", "both_transposed", "cube"}
    np.testing.assert_array_equal(written["only"], tensors["only"].T)
    np.testing.assert_array_equal(written["both_transposed"], tensors["both"].T)
    np.testing.assert_array_equal(written["cube"], tensors["cube"].transpose(2, 1, 0))
    for rows in (1, 6):
        x = random.standard_normal((rows, 65)).astype(np.float32)
        outputs = run_model(tmp_path / "out.mlir", {"x": x})
        expected = x @ tensors["both"] @ tensors["both"].T @ tensors["only"].T
        np.testing.assert_allclose(outputs["y"], expected, rtol=1e-4, atol=1e-2)
        np.testing.assert_allclose(outputs["z"], x @ tensors["cube"].transpose(2, 1, 0), rtol=1e-4, atol=1e-4)


# Quantization --------------------------------------------------------------------------------------------------------


def product(name: str, weight: np.ndarray, transposed: bool) -> str:
    """A function x @ weight, with the weight as it is or transposed."""
    rows, columns = reversed(weight.shape) if transposed else weight.shape
    element = NAMES[weight.dtype]
    kind = f"!dyn.tensor<[{rows}, {columns}], {element}>"
    lines = [f"  %w = dyn.get_weight @{name} : {type_of(weight)}"]
    if transposed:
        lines.append(
            f"  %r = dyn.transpose %w {{permutation = array<i64: 1, 0>}} : ({type_of(weight)}) -> {kind}",
        )
    value = "%r" if transposed else "%w"
    x, y = (f"!dyn.tensor<[B, {size}], {element}>" for size in (rows, columns))
    body = "\n".join([*lines, f"  %y = dyn.matmul %x, {value} : ({x}, {kind}) -> {y}"])
    return f"""dyn.weight @{name} : {type_of(weight)} = #dyn.external<"w.safetensors", "{name}">
func.func @main(%x: {x} {{dyn.name = "x"}}) -> ({y} {{dyn.name = "y"}}) {{
{body}
  return %y : {y}
}}
"""


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("element", ["f32", "f16", "bf16"])
def test_quantized_weights_keep_their_bound(tmp_path, element, transposed):
    random = np.random.default_rng(4)
    weight = (random.standard_normal((67, 129)) * np.exp(random.uniform(-9, 9, 129))).astype(NUMPY[element])
    weight[:, 5] = 0
    weight[3, 7] = 100
    stored = np.ascontiguousarray(weight.T) if transposed else weight
    save_file({"w": stored}, tmp_path / "w.safetensors")
    (tmp_path / "m.mlir").write_text(product("w", stored, transposed))
    assert opt(tmp_path, "--dyn-quantize-weights=output=new.safetensors") == ""
    written = load(tmp_path / "new.safetensors")
    assert written.keys() == {"w", "w_scale"}
    assert written["w"].dtype == np.int8
    assert written["w"].shape == stored.shape
    codes = written["w"].T if transposed else written["w"]
    scales = written["w_scale"].reshape(129).astype(np.float64)
    exact = weight.astype(np.float64)
    np.testing.assert_allclose(scales[6:], np.abs(exact).max(axis=0)[6:] / 127, rtol=1e-6)
    assert np.all(np.abs(exact - codes * scales) <= (0.5 + 2**-16) * scales)
    assert np.all(np.abs(codes.astype(int)) <= 127)
    if element != "f32":
        return
    # What is computed is the product with what the file holds.
    x = random.standard_normal((9, 67)).astype(np.float32)
    y = run_model(tmp_path / "out.mlir", {"x": x})["y"]
    dequantized = (codes * scales).astype(np.float32)
    np.testing.assert_allclose(y, x @ dequantized, rtol=1e-4, atol=1e-4 * np.abs(dequantized).max())
    # And the error of a product is what those of its terms allow.
    allowed = (np.abs(x) @ np.tile(0.501 * scales, (67, 1))) + 1e-4 * np.abs(dequantized).max()
    assert np.all(np.abs(y - x @ exact) <= allowed)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_cannot_be_quantized(tmp_path, bad):
    weight = np.ones((4, 8), np.float32)
    weight[2, 3] = bad
    save_file({"w": weight}, tmp_path / "w.safetensors")
    (tmp_path / "m.mlir").write_text(product("w", weight, False))
    stderr = opt(tmp_path, "--dyn-quantize-weights=output=new.safetensors", code=1)
    assert "weight 'w': holds NaN or infinity, which int8 cannot" in stderr
    assert sorted(os.listdir(tmp_path)) == ["m.mlir", "w.safetensors"]


# Whole models --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """An encoder in dyn, and ONNX Runtime on the model that it was imported from."""
    folder = tmp_path_factory.mktemp("encoder")
    encoders.export(encoders.small_config(), encoders.EXPORTS[0], folder / "m.onnx")
    done = run_tool("dyn-translate", "--import-onnx", folder / "m.onnx", "-o", folder / "m.mlirbc")
    assert done.returncode == 0, done.stderr
    return folder, onnxruntime.InferenceSession(folder / "m.onnx")


# Elements of the output have variance 1. Errors of weights are 2^-9 (bf16) or 2^-12 (f16) of a weight, or up to 1/254
# of a channel's largest (int8), and go through two layers.
@pytest.mark.parametrize(
    ("passes", "bound"),
    [
        (["--dyn-transpose-weights=output=new.safetensors"], 2e-5),
        (["--dyn-convert-weights=type=f16 output=new.safetensors"], 5e-3),
        (["--dyn-convert-weights=type=bf16 output=new.safetensors"], 5e-2),
        (["--dyn-quantize-weights=output=new.safetensors"], 1e-1),
        (
            [
                "--dyn-transpose-weights=output=new.safetensors",
                "--dyn-quantize-weights=output=quantized.safetensors",
                "--dyn-convert-weights=type=bf16 output=half.safetensors",
            ],
            1.5e-1,
        ),
    ],
    ids=["transposed", "f16", "bf16", "int8", "all"],
)
def test_an_encoder_agrees_within_its_bound(encoder, passes, bound):
    folder, session = encoder
    opt(folder, *passes, source="m.mlirbc", target="out.mlir")
    done = run_tool("dyn-compile", folder / "out.mlir", "-o", folder / "out.so")
    assert done.returncode == 0, done.stderr
    largest = 0
    for shape in ((1, 1), (2, 7), (5, 16)):
        inputs = encoders.random_inputs(*shape)
        expected = session.run(["tokens"], inputs)[0]
        got = run_model(folder / "out.so", inputs)["tokens"]
        largest = max(largest, np.abs(got - expected).max())
    assert largest < bound
    # The weights are really other ones.
    assert largest > bound / 1000 or "transpose" in passes[0]
