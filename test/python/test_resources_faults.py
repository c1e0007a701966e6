"""Files of weights that are damaged, missing, replaced or no files, and targets that cannot be written: the tools end
with one sentence that names the file, and leave what was there as it was."""

import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tools import ROOT, run_model, run_tool, tool

SEEDS = ROOT / "fuzz/seeds/safetensors"


def write_model(folder: Path, file: str = "w.safetensors", key: str = "w", size: int = 6) -> Path:
    """A model that adds a weight, wherever it is said to be."""
    kind = f"!dyn.tensor<[{size}], f32>"
    model = folder / "m.mlir"
    model.write_text(f"""
dyn.weight @w : {kind} = #dyn.external<"{file}", "{key}">
func.func @main(%x: {kind} {{dyn.name = "x"}}) -> ({kind} {{dyn.name = "y"}}) {{
  %w = dyn.get_weight @w : {kind}
  %y = dyn.add %x, %w : ({kind}, {kind}) -> {kind}
  return %y : {kind}
}}
""")
    return model


def weights(value: float = 1, size: int = 6) -> dict[str, np.ndarray]:
    return {"w": np.full(size, value, np.float32)}


def assert_refused(done: subprocess.CompletedProcess, *parts: str) -> None:
    """It ended with one sentence that has the parts, and printed nothing else."""
    assert done.returncode == 1, done.stderr
    sentences = [line for line in done.stderr.splitlines() if "error:" in line]
    assert len(sentences) == 1, done.stderr
    for part in parts:
        assert part in sentences[0]
    assert done.stdout == ""


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# What is read --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", sorted(path.name for path in SEEDS.glob("bad-*")))
def test_damaged_safetensors(tmp_path, seed):
    shutil.copy(SEEDS / seed, tmp_path / "w.safetensors")
    model = write_model(tmp_path)
    before = snapshot(tmp_path)
    # As a weights file it is safetensors, whatever it looks like.
    assert_refused(run_tool("dyn-translate", "--export-weights", model, "-o", tmp_path / "out"), "w.safetensors: ")
    assert_refused(run_tool("dyn-compile", model, "-o", tmp_path / "m.so"), "w.safetensors: ")
    done = run_tool("dyn-translate", "--dump-resources", tmp_path / "w.safetensors")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") or ": error: " in done.stderr
    assert len(done.stderr) < 4000
    # Listing what refers to it is no reason to fail.
    assert "cannot be opened" in run_tool("dyn-translate", "--dump-resources", model).stdout
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 40, -1])
def test_truncated_safetensors(tmp_path, size):
    model = write_model(tmp_path)
    save_file(weights(), tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:size])
    assert_refused(run_tool("dyn-translate", "--export-weights", model, "-o", tmp_path / "out"), "w.safetensors: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [4, 5, 64, 200, -1])
def test_truncated_bytecode(tmp_path, size):
    save_file(weights(), tmp_path / "w.safetensors")
    assert run_tool("dyn-opt", write_model(tmp_path), "--emit-bytecode", "-o", tmp_path / "m.mlirbc").returncode == 0
    (tmp_path / "m.mlirbc").write_bytes((tmp_path / "m.mlirbc").read_bytes()[:size])
    before = snapshot(tmp_path)
    for arguments in (["--dump-resources"], ["--export-weights", "-o", tmp_path / "out"]):
        done = run_tool("dyn-translate", *arguments, tmp_path / "m.mlirbc")
        assert done.returncode == 1
        assert "m.mlirbc" in done.stderr
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("size", [1, 5, 100, 300, 4096, 100_000, -4097, -20, -1])
def test_truncated_bytecode_with_weights_inside(tmp_path, size):
    save_file(weights(size=40_000), tmp_path / "w.safetensors")
    whole = tmp_path / "m.mlirbc"
    model = write_model(tmp_path, size=40_000)
    done = run_tool("dyn-opt", model, "--dyn-internalize-weights", "--emit-bytecode", "-o", whole)
    assert done.returncode == 0, done.stderr
    whole.write_bytes(whole.read_bytes()[:size])
    before = snapshot(tmp_path)
    for name, *arguments in (["dyn-opt", "-o", tmp_path / "out"], ["dyn-translate", "--dump-resources"]):
        assert_refused(run_tool(name, *arguments, whole), "m.mlirbc")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda path: os.mkfifo(path), "is a FIFO"),
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: path.symlink_to("/dev/zero"), "outside the model's folder"),
        (lambda path: path.symlink_to(path.name), "too many"),
        (lambda path: path.symlink_to("/etc/passwd"), "outside the model's folder"),
        (lambda path: None, "there is no such file"),
    ],
    ids=["fifo", "directory", "device", "loop", "outside", "missing"],
)
def test_no_regular_file(tmp_path, make, kind):
    make(tmp_path / "w.safetensors")
    done = run_tool("dyn-translate", "--export-weights", write_model(tmp_path), "-o", tmp_path / "out", seconds=20)
    assert_refused(done, "weight 'w': ", "w.safetensors: ", kind)
    assert not (tmp_path / "out").exists()


def test_a_device_is_not_opened_either_if_it_is_allowed(tmp_path):
    model = write_model(tmp_path, file="/dev/zero")
    done = run_tool("dyn-translate", "--export-weights", model, "--weights-dir=/dev", "-o", tmp_path / "o", seconds=20)
    assert_refused(done, "/dev/zero: is a device")


@pytest.mark.parametrize("file", ["../w.safetensors", "/tmp/nothere/w.safetensors", "a/../../w.safetensors", "", "."])
def test_files_outside_the_folder(tmp_path, file):
    save_file(weights(), tmp_path / "w.safetensors")
    folder = tmp_path / "model"
    (folder / "a").mkdir(parents=True)
    done = run_tool("dyn-translate", "--export-weights", write_model(folder, file=file), "-o", folder / "out")
    assert done.returncode == 1
    assert len([line for line in done.stderr.splitlines() if "error:" in line]) == 1
    if ".." in file:
        assert "outside the model's folder" in done.stderr
        assert f"--weights-dir={tmp_path}" in done.stderr
        # And as the sentence says.
        done = run_tool(
            "dyn-translate", "--export-weights", folder / "m.mlir", f"--weights-dir={tmp_path}", "-o", folder / "o"
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("model", ["fifo", "folder", "/dev/null", "nothere"])
def test_a_model_that_is_no_file(tmp_path, model):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for action in ("--dump-resources", "--export-weights"):
        done = run_tool("dyn-translate", action, tmp_path / model, "-o", tmp_path / "out", seconds=20)
        assert_refused(done, str(tmp_path / model) if "/" not in model else model)
    assert not (tmp_path / "out").exists()


def test_weights_replaced_between_compile_and_use(tmp_path):
    """The stamp in the artifact tells, also if names, types and sizes are the same."""
    save_file(weights(1), tmp_path / "w.safetensors")
    done = run_tool("dyn-compile", write_model(tmp_path), "-o", tmp_path / "m.so")
    assert done.returncode == 0, done.stderr
    x = np.arange(6, dtype=np.float32)
    np.testing.assert_array_equal(run_model(tmp_path / "m.so", {"x": x})["y"], x + 1)
    save_file(weights(2), tmp_path / "other.safetensors")
    os.replace(tmp_path / "other.safetensors", tmp_path / "w.safetensors")
    with pytest.raises(AssertionError, match=r"w\.safetensors: is another file than the one referred to"):
        run_model(tmp_path / "m.so", {"x": x})
    save_file(weights(1), tmp_path / "w.safetensors")
    np.testing.assert_array_equal(run_model(tmp_path / "m.so", {"x": x})["y"], x + 1)
    (tmp_path / "w.safetensors").unlink()
    with pytest.raises(AssertionError, match=r"w\.safetensors: no such file"):
        run_model(tmp_path / "m.so", {"x": x})


# What is written -----------------------------------------------------------------------------------------------------

WRITERS = {
    "text": ["dyn-opt", "m.mlir", "--dyn-internalize-weights", "-o", "TARGET"],
    "bytecode": ["dyn-opt", "m.mlir", "--dyn-internalize-weights", "--emit-bytecode", "-o", "TARGET"],
    "export": ["dyn-translate", "--export-weights", "m.mlir", "-o", "TARGET"],
    "convert": ["dyn-opt", "m.mlir", "--dyn-convert-weights=type=bf16 output=TARGET", "-o", "/dev/null"],
}


def write(folder: Path, writer: str, target: str, **options) -> subprocess.CompletedProcess:
    name, *arguments = WRITERS[writer]
    command = [tool(name), *(word.replace("TARGET", target) for word in arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_limit_on_file_sizes(tmp_path, writer):
    """RLIMIT_FSIZE: an error, not the signal; in place, too."""
    save_file(weights(size=100_000), tmp_path / "w.safetensors")
    write_model(tmp_path, size=100_000)
    before = snapshot(tmp_path)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    for target in ("out.safetensors", "w.safetensors"):
        assert_refused(write(tmp_path, writer, target, preexec_fn=limit), target, "ulimit -f")
        assert snapshot(tmp_path) == before


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB, and a function that makes it read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("needs to mount a file system")
    yield folder, lambda: subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("writer", WRITERS)
def test_no_space(small_disk, writer):
    folder, _ = small_disk
    save_file(weights(size=150_000), folder / "w.safetensors")
    write_model(folder, size=150_000)
    (folder / "filler").write_bytes(bytes(250_000))
    before = snapshot(folder)
    for target in ("out.safetensors", "w.safetensors"):
        # The size of text is not known before.
        parts = ["cannot be written: no space left"] if writer == "text" else ["needs ", "its file system has"]
        assert_refused(write(folder, writer, target), f"{target}: ", *parts)
        assert snapshot(folder) == before


@pytest.mark.parametrize("writer", WRITERS)
def test_read_only_media(small_disk, writer):
    folder, make_read_only = small_disk
    save_file(weights(), folder / "w.safetensors")
    write_model(folder)
    make_read_only()
    for target in ("out.safetensors", "w.safetensors"):
        assert_refused(write(folder, writer, target), f"{target}: cannot be written: read-only file system")
    assert sorted(os.listdir(folder)) == ["m.mlir", "w.safetensors"]


@pytest.mark.parametrize("writer", WRITERS)
def test_no_permission(tmp_path, writer):
    if os.geteuid() != 0:
        pytest.skip("needs to become another user")
    folder = Path("/tmp", f"dyn-test-{os.getpid()}")
    folder.mkdir(mode=0o755)
    try:
        save_file(weights(), folder / "w.safetensors")
        write_model(folder)
        (folder / "w.safetensors").chmod(0o644)
        before = snapshot(folder)
        try:
            for target in ("out.safetensors", "w.safetensors"):
                done = write(folder, writer, target, user=65534, group=65534, extra_groups=[])
                if "error while loading" in done.stderr:
                    pytest.skip("another user cannot run what was built here")
                assert_refused(done, f"{target}: cannot be written: permission denied")
                assert snapshot(folder) == before
            (folder / "w.safetensors").chmod(0)
            done = write(folder, writer, "/tmp/nobody.safetensors", user=65534, group=65534, extra_groups=[])
            assert_refused(done, "w.safetensors: permission denied")
        except PermissionError:
            pytest.skip("another user cannot run what was built here")
    finally:
        shutil.rmtree(folder)


def test_two_writers(tmp_path):
    """Both succeed; the file is that of one of them, whole, and nothing else is left."""
    size = 2_000_000
    expected = []
    for i in range(4):
        folder = tmp_path / str(i)
        folder.mkdir()
        save_file(weights(i, size), folder / "w.safetensors")
        write_model(folder, size=size)
        expected.append(np.full(size, i, np.float32))
    target = tmp_path / "target"
    target.mkdir()
    running = [
        subprocess.Popen([tool("dyn-translate"), "--export-weights", tmp_path / str(i) / "m.mlir", "-o", target / "w"])
        for i in range(4)
    ]
    assert [process.wait() for process in running] == [0] * 4
    assert os.listdir(target) == ["w"]
    written = load_file(target / "w")["w"]
    assert any(np.array_equal(written, one) for one in expected)


def test_killed_while_exporting(tmp_path):
    """The old file or the new one, nothing between and nothing beside."""
    size = 8_000_000
    save_file(weights(1, size), tmp_path / "w.safetensors")
    write_model(tmp_path, size=size)
    command = [tool("dyn-translate"), "--export-weights", tmp_path / "m.mlir", "-o", tmp_path / "out"]
    start = time.monotonic()
    subprocess.run(command, check=True)
    whole = time.monotonic() - start
    new = (tmp_path / "out").read_bytes()
    outcomes = set()
    for i in range(16):
        (tmp_path / "out").write_bytes(b"old")
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        # The first is killed at once, the last not at all.
        if i < 16 - 1:
            time.sleep(whole * i / 12)
            process.send_signal(signal.SIGKILL)
        process.wait()
        found = (tmp_path / "out").read_bytes()
        assert found in (b"old", new)
        outcomes.add(found == new)
        assert sorted(os.listdir(tmp_path)) == ["m.mlir", "out", "w.safetensors"]
    assert outcomes == {False, True}


@pytest.mark.parametrize(
    "options", [[], ["--emit-bytecode"], ["--split-input-file"]], ids=["text", "bytecode", "split"]
)
def test_killed_while_dyn_opt_writes(tmp_path, options):
    """-o of dyn-opt, text, bytecode and what upstream's driver writes: the old file or the new one, nothing beside."""
    data = (4).to_bytes(4, "little") + np.arange(2_000_000, dtype=np.float32).tobytes()
    model = tmp_path / ("m.mlir" if "--split-input-file" in options else "m.mlirbc")
    (tmp_path / "m.mlir").write_text(
        "dyn.weight @w : !dyn.tensor<[2000000], f32> = #dyn.resource<w>\n"
        f'{{-# dialect_resources: {{ dyn: {{ w: "0x{data.hex().upper()}" }} }} #-}}\n'
    )
    if model.suffix == ".mlirbc":
        subprocess.run([tool("dyn-opt"), tmp_path / "m.mlir", "--emit-bytecode", "-o", model], check=True)
        (tmp_path / "m.mlir").unlink()
    command = [tool("dyn-opt"), model, *options, "-o", tmp_path / "out"]
    start = time.monotonic()
    subprocess.run(command, check=True)
    whole = time.monotonic() - start
    new = (tmp_path / "out").read_bytes()
    assert len(new) > 8_000_000
    outcomes = set()
    for i in range(24):
        (tmp_path / "out").write_bytes(b"old")
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        if i < 24 - 1:
            time.sleep(whole * i / 18)
            process.send_signal(signal.SIGKILL)
        process.wait()
        found = (tmp_path / "out").read_bytes()
        assert found in (b"old", new)
        outcomes.add(found == new)
        assert sorted(os.listdir(tmp_path)) == sorted([model.name, "out"])
    assert outcomes == {False, True}


def test_exported_weights_are_what_the_model_had(tmp_path):
    """From safetensors, from bytes of a file, and over the file they come from."""
    random = np.random.default_rng(3)
    tensors = {"a": random.standard_normal((3, 5)).astype(np.float32), "b": np.arange(7), "empty": np.zeros((0, 2))}
    save_file(tensors, tmp_path / "w.safetensors")
    tensors["raw"] = random.integers(-128, 128, 11).astype(np.int8)
    (tmp_path / "w.bin").write_bytes(b"123" + tensors["raw"].tobytes())
    (tmp_path / "m.mlir").write_text("""
dyn.weight @a : !dyn.tensor<[3, 5], f32> = #dyn.external<"w.safetensors", "a">
dyn.weight @b : !dyn.tensor<[7], i64> = #dyn.external<"w.safetensors", "b">
dyn.weight @empty : !dyn.tensor<[0, 2], f64> = #dyn.external<"w.safetensors", "empty">
dyn.weight @raw : !dyn.tensor<[11], i8> = #dyn.external<"w.bin", 3, 11>
""")
    for target in ("out.safetensors", "w.safetensors"):
        done = run_tool("dyn-translate", "--export-weights", tmp_path / "m.mlir", "-o", tmp_path / target)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
        written = load_file(tmp_path / target)
        assert written.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert written[name].dtype == tensor.dtype
            np.testing.assert_array_equal(written[name], tensor)
