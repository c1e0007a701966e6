"""Compiling models, by way of the dyn-compile program."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ._model import Model, _open
from ._native import Error, find


class CompileError(Error):
    """dyn-compile refused a model; the message is what it said."""


def _find_compiler() -> str:
    found = find("bin", "dyn-compile") or shutil.which("dyn-compile")
    if not found:
        raise Error("dyn.compile needs dyn-compile: build it (ninja -C build dyn-compile) or put it on PATH")
    return str(found)


def compile(
    model: str | os.PathLike,
    output: str | os.PathLike | None = None,
    *,
    target: str = "native",
    dims: Mapping[str, Sequence[int]] | None = None,
    weights_dir: str | os.PathLike | None = None,
    arguments: Sequence[str] = (),
    threads: int = 0,
) -> Model:
    """Compiles a model (.onnx, .mlir or .mlirbc) once, for all sizes, and opens it.

    output: the artifact to write; without it, it goes with the returned model.
    target: the CPU, or several with commas between them.
    dims: what sizes may be, {"S": (1, 512)} or with a divisor {"S": (8, 512, 8)}.
    weights_dir: where the model's weights may be besides its own folder.
    arguments: more arguments of dyn-compile.
    threads: as in `load`.

    CompileError: the model cannot be compiled. Error: there is no dyn-compile, or as in `load`.
    """
    folder = None
    if output is None:
        folder = tempfile.TemporaryDirectory(prefix="dyn-")
        output = Path(folder.name) / (Path(model).stem + ".so")
    command = [_find_compiler(), os.fspath(model), "-o", os.fspath(output), f"--target={target}"]
    for name, bounds in (dims or {}).items():
        command += ["--dim", f"{name}={':'.join(map(str, bounds))}"]
    if weights_dir is not None:
        command.append(f"--weights-dir={os.fspath(weights_dir)}")
    result = subprocess.run([*command, *arguments], stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise CompileError(result.stderr.strip() or f"dyn-compile ended with status {result.returncode}")
    return _open(output, threads, keep=folder)
