"""Compiles functions on buffers with the pipelines under test and calls them with NumPy arrays."""

import ctypes
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np

from tools import tool

LLVM = Path("/usr/lib/llvm-22/bin")
ALLOWED = {"free", "malloc", "memcpy", "memmove", "memset"}


class Kernels:
    """Functions `void f(memref...)` with `llvm.emit_c_interface`, by name."""

    def __init__(self, text: str, folder: Path, target: str):
        source, object_file, library = (folder / f"kernels.{end}" for end in ("mlir", "o", "so"))
        source.write_text(text)
        options = f"target={target} runtime=false"
        passes = f"builtin.module(dyn-codegen-pipeline{{{options}}},dyn-to-llvm-pipeline{{{options}}})"
        lowered = self._run(tool("dyn-opt"), source, f"--pass-pipeline={passes}")
        translated = self._run(LLVM / "mlir-translate", "-mlir-to-llvmir", input=lowered)
        arguments = ["-x", "ir", "-", "-O2", *self.cpu(target), "-ffp-contract=off", "-fPIC"]
        self._run(LLVM / "clang", *arguments, "-Wno-override-module", "-c", "-o", object_file, input=translated)
        called = self._run(LLVM / "llvm-nm", "-u", object_file).replace("U ", "").split()
        assert set(called) <= ALLOWED, f"calls {sorted(set(called) - ALLOWED)}"
        self.link(object_file, library)

    def cpu(self, target: str) -> list[str]:
        return [f"-march={target}"]

    def link(self, object_file: Path, library: Path) -> None:
        self._run(LLVM / "clang", "-shared", "-nostdlib", object_file, "-o", library)
        self.library = ctypes.CDLL(str(library))

    @staticmethod
    def _run(*command, input: str | None = None) -> str:
        done = subprocess.run([*map(str, command)], input=input, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def __call__(self, name: str, *arrays: np.ndarray) -> None:
        descriptors = [_descriptor(array) for array in arrays]
        getattr(self.library, f"_mlir_ciface_{name}")(*map(ctypes.byref, descriptors))


class EmulatedKernels(Kernels):
    """The same for a 64-bit Arm CPU, called in a process of qemu-user."""

    COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"

    @classmethod
    def are_possible(cls) -> bool:
        return bool(shutil.which(cls.COMPILER) and shutil.which(cls.EMULATOR))

    def cpu(self, target: str) -> list[str]:
        return ["--target=aarch64-linux-gnu", f"-mcpu={target}"]

    def link(self, object_file: Path, library: Path) -> None:
        program = library.with_suffix("")
        caller = Path(__file__).with_name("emulated.c")
        self._run(self.COMPILER, "-O1", "-rdynamic", caller, object_file, "-o", program, "-ldl")
        command = [self.EMULATOR, "-L", "/usr/aarch64-linux-gnu", "-cpu", "neoverse-n1", program]
        self.process = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __del__(self):
        if hasattr(self, "process"):
            self.process.stdin.close()
            self.process.wait()

    def __call__(self, name: str, *arrays: np.ndarray) -> None:
        request = f"_mlir_ciface_{name}".encode().ljust(64, b"\0") + struct.pack("q", len(arrays))
        for array in arrays:
            assert array.flags.c_contiguous
            request += struct.pack(f"{2 + array.ndim}q", array.ndim, array.itemsize, *array.shape) + array.tobytes()
        self.process.stdin.write(request)
        self.process.stdin.flush()
        for array in arrays:
            data = self.process.stdout.read(array.nbytes)
            assert len(data) == array.nbytes, f"{name} ended the process with {self.process.wait()}"
            array[...] = np.frombuffer(data, array.dtype).reshape(array.shape)


def _descriptor(array: np.ndarray) -> ctypes.Structure:
    rank = array.ndim

    class Descriptor(ctypes.Structure):
        _fields_ = [
            ("allocated", ctypes.c_void_p),
            ("aligned", ctypes.c_void_p),
            ("offset", ctypes.c_int64),
            ("sizes", ctypes.c_int64 * rank),
            ("strides", ctypes.c_int64 * rank),
        ]

    strides = [stride // array.itemsize for stride in array.strides]
    integers = ctypes.c_int64 * rank
    return Descriptor(array.ctypes.data, array.ctypes.data, 0, integers(*array.shape), integers(*strides))


def guarded(shape: tuple[int, ...], dtype=np.float32, side: str = "end") -> np.ndarray:
    """An array of `shape` that ends, or starts (`side`), at an unmapped page: an access beyond it is a crash."""
    import mmap

    page = mmap.PAGESIZE
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    length = -(-size // page) * page
    memory = mmap.mmap(-1, length + page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    guard, start = (address + length, length - size) if side == "end" else (address, page)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0) == 0
    array = np.frombuffer(memory, dtype=np.uint8, count=size, offset=start).view(dtype)
    return array.reshape(shape)


def panels(matrix: np.ndarray, width: int = 16) -> np.ndarray:
    """[K, N] as the panels that kernels read: [2, ceil(N / (2 * width)), K, width], padded with zeros."""
    rows, columns = matrix.shape
    padded = np.pad(matrix, ((0, 0), (0, -columns % (2 * width))))
    return padded.reshape(rows, padded.shape[1] // (2 * width), 2, width).transpose(2, 1, 0, 3)
