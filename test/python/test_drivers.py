"""dyn-compile and dyn-run on modules written by hand, against NumPy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors

from kernels import panels

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("DYN_BUILD_DIR", ROOT / "build")).resolve()

sys.path.insert(0, str(ROOT / "python"))
import dyn  # noqa: E402

SIZES = (0, 1, 2, 7, 17, 31, 64, 97)


def tool(name: str, *arguments) -> subprocess.CompletedProcess:
    command = [str(BUILD / "bin" / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_module(folder: Path, text: str) -> Path:
    path = folder / "model.mlir"
    path.write_text(text)
    return path


def compile_module(folder: Path, text: str, **options) -> dyn.Model:
    return dyn.compile(write_module(folder, text), **options)


def elementwise(body: str, element: str, result: str | None = None) -> str:
    """A function of two [M, N] inputs %a and %b, computed element by element."""
    result = result or element
    return f"""
#map = affine_map<(d0, d1) -> (d0, d1)>
func.func @model(%x: tensor<?x?x{element}> {{dyn.name = "x", dyn.type = !dyn.tensor<[M, N], {element}>}},
                 %y: tensor<?x?x{element}> {{dyn.name = "y", dyn.type = !dyn.tensor<[M, N], {element}>}})
    -> (tensor<?x?x{result}> {{dyn.name = "z", dyn.type = !dyn.tensor<[M, N], {result}>}}) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = tensor.dim %x, %c0 : tensor<?x?x{element}>
  %n = tensor.dim %x, %c1 : tensor<?x?x{element}>
  %empty = tensor.empty(%m, %n) : tensor<?x?x{result}>
  %z = linalg.generic {{indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]}}
      ins(%x, %y : tensor<?x?x{element}>, tensor<?x?x{element}>) outs(%empty : tensor<?x?x{result}>) {{
  ^bb0(%a: {element}, %b: {element}, %c: {result}):
    {body}
    linalg.yield %r : {result}
  }} -> tensor<?x?x{result}>
  return %z : tensor<?x?x{result}>
}}
"""


# A kernel with scratch of its own, a parallel loop, a weight, reshapes: all in arena and caller's memory.
NETWORK = """
#map = affine_map<(d0, d1) -> (d0, d1)>
dyn.weight @w : !dyn.tensor<[16, 32], f32> = #dyn.external<"w.bin", 64, 2048>
func.func private @kernel(%x: tensor<?x16xf32>, %w: tensor<16x32xf32>, %out: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x16xf32>
  %e = tensor.empty(%n) : tensor<?x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
  %m = linalg.matmul ins(%x, %w : tensor<?x16xf32>, tensor<16x32xf32>) outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  %r = linalg.add ins(%m, %m : tensor<?x32xf32>, tensor<?x32xf32>) outs(%out : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %r : tensor<?x32xf32>
}
func.func @model(%x: tensor<?x?x16xf32> {dyn.name = "x", dyn.type = !dyn.tensor<[B, S, 16], f32>},
                 %w: tensor<16x32xf32> {dyn.weight = @w, dyn.type = !dyn.tensor<[16, 32], f32>})
    -> (tensor<?x?x32xf32> {dyn.name = "y", dyn.type = !dyn.tensor<[B, S, 32], f32>}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x16xf32>
  %s = tensor.dim %x, %c1 : tensor<?x?x16xf32>
  %n = arith.muli %b, %s : index
  %flat = tensor.collapse_shape %x [[0, 1], [2]] : tensor<?x?x16xf32> into tensor<?x16xf32>
  %e = tensor.empty(%n) : tensor<?x32xf32>
  %k = func.call @kernel(%flat, %w, %e)
      : (tensor<?x16xf32>, tensor<16x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %e2 = tensor.empty(%n) : tensor<?x32xf32>
  %q = linalg.mul ins(%k, %k : tensor<?x32xf32>, tensor<?x32xf32>) outs(%e2 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %e3 = tensor.empty(%n) : tensor<?x32xf32>
  %p = scf.forall (%i) in (%n) shared_outs(%o = %e3) -> tensor<?x32xf32> {
    %row = tensor.extract_slice %q[%i, 0] [1, 32] [1, 1] : tensor<?x32xf32> to tensor<1x32xf32>
    %into = tensor.extract_slice %o[%i, 0] [1, 32] [1, 1] : tensor<?x32xf32> to tensor<1x32xf32>
    %e4 = tensor.empty() : tensor<1x32xf32>
    %root = linalg.sqrt ins(%row : tensor<1x32xf32>) outs(%e4 : tensor<1x32xf32>) -> tensor<1x32xf32>
    %add = linalg.add ins(%root, %row : tensor<1x32xf32>, tensor<1x32xf32>)
        outs(%into : tensor<1x32xf32>) -> tensor<1x32xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %add into %o[%i, 0] [1, 32] [1, 1] : tensor<1x32xf32> into tensor<?x32xf32>
    }
  }
  %y = tensor.expand_shape %p [[0, 1], [2]] output_shape [%b, %s, 32] : tensor<?x32xf32> into tensor<?x?x32xf32>
  return %y : tensor<?x?x32xf32>
}
"""


def write_weight(folder: Path) -> np.ndarray:
    weight = np.random.default_rng(1).standard_normal((16, 32), np.float32)
    (folder / "w.bin").write_bytes(bytes(64) + weight.tobytes())
    return weight


def network(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    product = 2 * (x @ weight)
    return np.abs(product) + product**2


@pytest.mark.parametrize("threads", [1, 2])
def test_network_at_every_shape(tmp_path, threads):
    weight = write_weight(tmp_path)
    model = compile_module(tmp_path, NETWORK, threads=threads)
    assert model.peak_formula != "0"
    for batch in (0, 1, 3):
        for length in SIZES:
            x = np.random.default_rng(length).standard_normal((batch, length, 16), np.float32)
            y = model(x=x)["y"]
            assert y.shape == (batch, length, 32)
            np.testing.assert_allclose(y, network(x, weight), rtol=2e-5, atol=1e-5)


def test_weights_inside_bytecode_are_a_slice_of_the_file(tmp_path):
    weight = write_weight(tmp_path)
    place = '#dyn.external<"w.bin", 64, 2048>'
    hexadecimal = (16).to_bytes(4, "little").hex() + weight.tobytes().hex()
    text = NETWORK.replace(place, "#dyn.resource<w>")
    text += f'{{-# dialect_resources: {{ dyn: {{ w: "0x{hexadecimal}" }} }} #-}}'
    x = np.random.default_rng(2).standard_normal((3, 7, 16), np.float32)
    source = write_module(tmp_path, text)
    # Packed weights get a file of their own, wherever they were.
    np.testing.assert_allclose(dyn.compile(source)(x=x)["y"], network(x, weight), rtol=2e-5, atol=1e-5)

    text = text.replace("linalg.sqrt ins(%row :", "linalg.mul ins(%row, %part :")
    text = text.replace("(%row, %part : tensor<1x32xf32>)", "(%row, %part : tensor<1x32xf32>, tensor<1x32xf32>)")
    text = text.replace("    %into =", "    %part = tensor.extract_slice %w[0, 0] [1, 32] [1, 1] : SLICE\n    %into =")
    refused = tool(
        "dyn-compile",
        write_module(tmp_path, text.replace("SLICE", "tensor<16x32xf32> to tensor<1x32xf32>")),
        "-o",
        tmp_path / "model.so",
    )
    assert refused.returncode == 1
    assert "weight 'w': its data are in no file" in refused.stderr
    source = write_module(tmp_path, NETWORK.replace(place, "#dyn.resource<w>") + text[text.index("{-#") :])

    bytecode = tmp_path / "model.mlirbc"
    assert tool("dyn-opt", source, "--emit-bytecode", "-o", bytecode).returncode == 0
    (tmp_path / "w.bin").unlink()
    model = dyn.compile(bytecode)
    np.testing.assert_allclose(model(x=x)["y"], network(x, weight), rtol=2e-5, atol=1e-5)

    write_module(tmp_path, NETWORK.replace(place, "#dyn.absent"))
    refused = tool("dyn-compile", source, "-o", tmp_path / "model.so")
    assert refused.returncode == 1
    assert "weight 'w': its data are absent" in refused.stderr


def test_artifact_moves_with_its_weights(tmp_path):
    weight = write_weight(tmp_path)
    compile_module(tmp_path, NETWORK, output=tmp_path / "model.so")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "model.so").rename(moved / "model.so")
    with pytest.raises(dyn.Error, match=r"weights of model.so: .*model.weights.safetensors: no such file"):
        dyn.load(moved / "model.so")
    (tmp_path / "model.weights.safetensors").rename(moved / "model.weights.safetensors")
    (tmp_path / "w.bin").unlink()
    x = np.ones((1, 2, 16), np.float32)
    np.testing.assert_allclose(dyn.load(moved / "model.so")(x=x)["y"], network(x, weight), rtol=2e-5, atol=1e-5)


def test_packed_weights(tmp_path):
    """One weight that is gathered from, multiplied by, and multiplied by transposed."""
    n, k = 67, 300
    weight = np.random.default_rng(3).standard_normal((k, n), np.float32)
    (tmp_path / "w.bin").write_bytes(weight.tobytes())
    text = """
dyn.weight @w : !W = #dyn.external<"w.bin", 0, BYTES>
func.func @model(%ids: !dyn.tensor<[S], i64> {dyn.name = "ids"}) -> (!ROWS {dyn.name = "y"}) {
  %w = dyn.get_weight @w : !W
  %rows = dyn.gather %w, %ids {axis = 0} : (!W, !dyn.tensor<[S], i64>) -> !ROWS
  %t = dyn.transpose %w {permutation = array<i64: 1, 0>} : (!W) -> !dyn.tensor<[N, K], f32>
  %p = dyn.matmul %rows, %t : (!ROWS, !dyn.tensor<[N, K], f32>) -> !dyn.tensor<[S, K], f32>
  %y = dyn.matmul %p, %w : (!dyn.tensor<[S, K], f32>, !W) -> !ROWS
  return %y : !ROWS
}
"""
    names = {"!W": "!dyn.tensor<[K, N], f32>", "!ROWS": "!dyn.tensor<[S, N], f32>", "[N, K]": f"[{n}, {k}]"}
    names |= {"[K, N]": f"[{k}, {n}]", "[S, N]": f"[S, {n}]", "[S, K]": f"[S, {k}]", "BYTES": str(4 * n * k)}
    for name, meaning in names.items():
        text = text.replace(name, meaning)
    model = compile_module(tmp_path, text, output=tmp_path / "model.so")
    with safetensors.safe_open(tmp_path / "model.weights.safetensors", "np") as file:
        packed = [file.get_tensor(name) for name in sorted(file.keys())]
        assert sorted(file.keys()) == ["w.panels", "w.panels.1"]
    for expected in (panels(weight), panels(weight.T)):
        assert any(np.array_equal(expected, tensor) for tensor in packed)
    for size in (0, 1, 15, 33):
        ids = np.random.default_rng(size).integers(0, k, size)
        np.testing.assert_allclose(model(ids=ids)["y"], weight[ids] @ weight.T @ weight, rtol=1e-4, atol=1e-2)


def test_packed_weights_need_a_file(tmp_path):
    write_weight(tmp_path)
    result = tool("dyn-compile", write_module(tmp_path, NETWORK), "-o", "-")
    assert result.returncode == 1
    assert "expects an output with a name" in result.stderr


@pytest.mark.parametrize("output", ["missing/model.so", "/dev/null"])
def test_packed_weights_are_not_left_behind(tmp_path, monkeypatch, output):
    write_weight(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = tool("dyn-compile", write_module(tmp_path, NETWORK), "-o", output)
    assert result.returncode == 1
    assert output.split("/")[1] in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"w.bin", "model.mlir"}
    assert not list(Path("/dev").glob("*.safetensors"))


def test_run_leaves_no_packed_weights_behind(tmp_path):
    write_weight(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [BUILD / "bin" / "dyn-run", write_module(tmp_path, NETWORK), "--random", "B=2,S=3"]
    subprocess.run(command, env={**os.environ, "TMPDIR": str(temporary)}, check=True, capture_output=True)
    assert not list(temporary.iterdir())


REMAINDERS = [(5.5, 2.0), (-5.5, 2.0), (1e30, 3.0), (7.0, -1e-30), (3e-45, 1.4e-45), (0.0, 1.0), (-0.0, 1.0)]
REMAINDERS += [(1.0, np.inf), (np.inf, 1.0), (1.0, 0.0), (np.nan, 1.0), (1.0, np.nan), (3.4e38, 1.1e-38)]


@pytest.mark.parametrize("element", ["f32", "f64"])
def test_remainder_is_exact(tmp_path, element):
    model = compile_module(tmp_path, elementwise(f"%r = arith.remf %a, %b : {element}", element))
    dtype = np.float32 if element == "f32" else np.float64
    random = np.random.default_rng(0)
    x, y = (10.0 ** random.uniform(-8, 8, (9, 97)) * random.choice([-1, 1], (9, 97)) for _ in range(2))
    x.flat[: len(REMAINDERS)], y.flat[: len(REMAINDERS)] = zip(*REMAINDERS)
    x, y = x.astype(dtype), y.astype(dtype)
    with np.errstate(invalid="ignore"):
        expected = np.fmod(x, y)
    z = model(x=x, y=y)["z"]
    np.testing.assert_array_equal(z, expected)
    np.testing.assert_array_equal(np.signbit(z[~np.isnan(z)]), np.signbit(expected[~np.isnan(z)]))


@pytest.mark.parametrize("size", SIZES)
def test_booleans_take_a_byte_each(tmp_path, size):
    random = np.random.default_rng(size)
    less = compile_module(tmp_path, elementwise("%r = arith.cmpf olt, %a, %b : f32", "f32", "i1"))
    x, y = random.standard_normal((2, 3, size)).astype(np.float32)
    np.testing.assert_array_equal(less(x=x, y=y)["z"], x < y)
    xor = compile_module(tmp_path, elementwise("%r = arith.xori %a, %b : i1", "i1"))
    np.testing.assert_array_equal(xor(x=x > 0, y=y > 0)["z"], (x > 0) ^ (y > 0))


UNKNOWN = """
func.func @model(%count: tensor<i64> {dyn.name = "count", dyn.type = !dyn.tensor<[], i64>},
                 %value: tensor<f32> {dyn.name = "value", dyn.type = !dyn.tensor<[], f32>})
    -> (tensor<?x3xf32> {dyn.name = "y", dyn.type = !dyn.tensor<[?, 3], f32>},
        tensor<f32> {dyn.name = "same", dyn.type = !dyn.tensor<[], f32>}) {
  %n = tensor.extract %count[] : tensor<i64>
  %size = arith.index_cast %n : i64 to index
  %v = tensor.extract %value[] : tensor<f32>
  %empty = tensor.empty(%size) : tensor<?x3xf32>
  %tmp = linalg.fill ins(%v : f32) outs(%empty : tensor<?x3xf32>) -> tensor<?x3xf32>
  %y = linalg.add ins(%tmp, %tmp : tensor<?x3xf32>, tensor<?x3xf32>) outs(%empty : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %y, %value : tensor<?x3xf32>, tensor<f32>
}
"""


def test_sizes_that_only_the_run_tells(tmp_path):
    model = compile_module(tmp_path, UNKNOWN)
    for count in SIZES:
        outputs = model(count=np.array(count), value=np.array(1.5, np.float32))
        np.testing.assert_array_equal(outputs["y"], np.full((count, 3), 3.0, np.float32))
        assert outputs["same"] == 1.5


PLAIN = """
func.func @first(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}
func.func @second(%x: tensor<4x?xi32>) -> tensor<4x?xi32> {
  return %x : tensor<4x?xi32>
}
"""


def test_modules_without_symbols(tmp_path):
    first = compile_module(tmp_path, PLAIN, arguments=["--entry=first"])
    assert first.signature.inputs["arg0"].shape == ("arg0_0",)
    assert first.signature.outputs["result0"].shape == ("?",)
    x = np.arange(5, dtype=np.float32)
    np.testing.assert_array_equal(first(arg0=x, arg1=x[:2])["result0"], x)
    second = compile_module(tmp_path, PLAIN, arguments=["--entry", "second"], dims={"arg0_1": (1, 9, 3)})
    assert second(arg0=np.ones((4, 6), np.int32))["result0"].shape == (4, 6)
    with pytest.raises(ValueError, match="arg0_1 is 5"):
        second(arg0=np.ones((4, 5), np.int32))


@pytest.mark.parametrize("compiled", [False, True])
def test_dyn_run_reads_and_writes_arrays(tmp_path, compiled):
    weight = write_weight(tmp_path)
    model = write_module(tmp_path, NETWORK)
    if compiled:
        assert tool("dyn-compile", model, "-o", tmp_path / "model.so").returncode == 0
        model = tmp_path / "model.so"
    # Column-major as well: NumPy saves it as such.
    x = np.asfortranarray(np.random.default_rng(3).standard_normal((2, 5, 16), np.float32))
    np.save(tmp_path / "x.npy", x)
    out = tmp_path / "new" / "folder"
    result = tool("dyn-run", model, f"--input=x={tmp_path / 'x.npy'}", "--output-dir", out, "--threads=1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("y  f32 [2, 5, 32]  min ")
    np.testing.assert_allclose(np.load(out / "y.npy"), network(x, weight), rtol=2e-5, atol=1e-5)


TYPES = {"f16": np.float16, "f32": np.float32, "f64": np.float64, "i1": np.bool_, "i8": np.int8, "i16": np.int16}
TYPES |= {"i32": np.int32, "i64": np.int64}


@pytest.mark.parametrize("element", TYPES)
def test_dyn_run_keeps_every_type(tmp_path, element):
    copy = f'func.func @copy(%x: tensor<?x2x{element}> {{dyn.name = "x"}}) -> tensor<?x2x{element}> {{ \
        return %x : tensor<?x2x{element}> }}'
    x = np.random.default_rng(0).integers(-100, 100, (3, 2)).astype(TYPES[element])
    np.save(tmp_path / "x.npy", x)
    result = tool("dyn-run", write_module(tmp_path, copy), f"--input=x={tmp_path / 'x.npy'}", "--output-dir", tmp_path)
    assert result.returncode == 0, result.stderr
    y = np.load(tmp_path / "result0.npy")
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, x)


def test_dyn_run_shows_and_measures(tmp_path):
    write_weight(tmp_path)
    model = write_module(tmp_path, NETWORK)
    signature = tool("dyn-run", model)
    assert signature.returncode == 0, signature.stderr
    assert "x  f32 [B, S, 16]" in signature.stdout
    assert "--random B=1,S=1" in signature.stdout
    described = json.loads(tool("dyn-run", model, "--json").stdout)
    assert described["inputs"] == [{"name": "x", "shape": ["B", "S", "16"], "type": "f32"}]
    text = tool("dyn-run", model, "--random=B=2,S=3", "--bench=0.05").stdout
    assert text.startswith("model B=2,S=3: median ")
    measured = json.loads(tool("dyn-run", model, "--random=x=2x3x16", "--bench=0.05", "--json").stdout)
    assert measured["symbols"] == {"B": 2, "S": 3}
    assert 0 < measured["min_ms"] <= measured["median_ms"] <= measured["p99_ms"]


WRONG_RUNS = {
    ("--random=B=2",): "no size is given for 'S': expects --random S=SIZE",
    ("--random=Q=2",): "--random Q: the model has no such input or symbol, expects one of x, B, S",
    ("--random=x=2x3",): "--random x: expects 3 sizes, got 2",
    ("--input=x=missing.npy",): "missing.npy: No such file or directory",
    ("--input=x=broken.npy",): "broken.npy: is no .npy file",
    ("--input=x=short.npy",): "short.npy: has 4 bytes of data, its header says 384",
    ("--input=x=big.npy",): "big.npy: has elements of type '>f4', expects a little-endian float, integer or bool",
    ("--input=x=i32.npy",): "input 'x' is i32, expected f32",
    ("--output-dir=.",): "input 'x' is missing",
}


@pytest.mark.parametrize("arguments", WRONG_RUNS, ids=" ".join)
def test_dyn_run_says_what_is_wrong(tmp_path, arguments, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_weight(tmp_path)
    x = np.ones((2, 3, 16), np.float32)
    np.save("x.npy", x)
    Path("broken.npy").write_bytes(b"not an array, nothing like it")
    Path("short.npy").write_bytes(Path("x.npy").read_bytes()[: -384 + 4])
    np.save("big.npy", x.astype(">f4"))
    np.save("i32.npy", x.astype(np.int32))
    result = tool("dyn-run", write_module(tmp_path, NETWORK), *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("dyn-run: error: ")
    assert WRONG_RUNS[arguments] in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--nope"], [], ["m", "--threads=x"], ["m", "--bench=0"], ["m", "--random=B"]])
def test_dyn_run_exits_with_2_on_wrong_usage(arguments):
    result = tool("dyn-run", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("dyn-run: error: ")


def peak_kilobytes(command: list) -> int:
    pid = os.posix_spawn(str(command[0]), [str(word) for word in command], os.environ)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_maxrss


def test_memory_does_not_grow_with_the_weights(tmp_path):
    peaks = []
    for columns in (1 << 20, 10 << 20):
        folder = tmp_path / str(columns)
        folder.mkdir()
        with (folder / "w.bin").open("wb") as file:
            file.truncate(16 * columns * 4)
        model = write_module(
            folder,
            f"""
dyn.weight @w : !dyn.tensor<[16, {columns}], f32> = #dyn.external<"w.bin", 0, {16 * columns * 4}>
func.func @model(%x: tensor<?x16xf32> {{dyn.name = "x", dyn.type = !dyn.tensor<[M, 16], f32>}},
                 %w: tensor<16x{columns}xf32> {{dyn.weight = @w}})
    -> (tensor<?x{columns}xf32> {{dyn.name = "y", dyn.type = !dyn.tensor<[M, {columns}], f32>}}) {{
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x16xf32>
  %e = tensor.empty(%m) : tensor<?x{columns}xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x{columns}xf32>) -> tensor<?x{columns}xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x16xf32>, tensor<16x{columns}xf32>)
      outs(%f : tensor<?x{columns}xf32>) -> tensor<?x{columns}xf32>
  return %y : tensor<?x{columns}xf32>
}}""",
        )
        peaks.append(peak_kilobytes([BUILD / "bin" / "dyn-compile", model, "-o", folder / "model.so"]))
    assert peaks[1] < 1.1 * peaks[0]
