"""Runs dyn functions through the lowering and upstream's way to code, with none of Dyn's own code generation.

`compile_functions` makes one shared library of a module; a `Library` calls its functions with NumPy arrays.
"""

import ctypes
import os
import pathlib
import re
import subprocess

import ml_dtypes
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DYN_BUILD_DIR", ROOT / "build"))
DYN_OPT = BUILD / "bin" / "dyn-opt"

NUMPY_TYPES = {
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
    "i1": np.dtype(np.bool_),
    "i8": np.dtype(np.int8),
    "i16": np.dtype(np.int16),
    "i32": np.dtype(np.int32),
    "i64": np.dtype(np.int64),
    "ui8": np.dtype(np.uint8),
}

# Loops over elements and libm: slow, and simple enough to be trusted.
PASSES = [
    "dyn-lower-to-linalg",
    "canonicalize",
    "cse",
    "one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map}",
    "func.func(llvm-request-c-wrappers)",
    "func.func(convert-linalg-to-loops)",
    "func.func(dyn-expand-for-llvm)",
    "expand-strided-metadata",
    "lower-affine",
    "arith-expand{include-bf16=true}",
    "math-expand-ops{ops=roundeven,copysign}",
    "convert-math-to-llvm{approximate-log1p=false}",
    "convert-math-to-libm",
    "convert-scf-to-cf",
    "convert-arith-to-llvm",
    "finalize-memref-to-llvm",
    "convert-func-to-llvm",
    "convert-cf-to-llvm",
    "reconcile-unrealized-casts",
]

# The runtime's side of the contract: the first error of a run wins, a failure leaves the run.
RUNTIME = """
#include <setjmp.h>
#include <stdint.h>
static jmp_buf leave;
int64_t message, values[2];
void _mlir_ciface_dyn_rt_report(int64_t m, int64_t a, int64_t b) {
  if (message < 0) { message = m; values[0] = a; values[1] = b; }
}
void _mlir_ciface_dyn_rt_fail(int64_t m, int64_t a, int64_t b) {
  _mlir_ciface_dyn_rt_report(m, a, b);
  longjmp(leave, 1);
}
void run(void (*f)(void *, ...), int count, void **a) {
  message = -1;
  if (setjmp(leave))
    return;
  switch (count) {
  case 1: ((void (*)(void *))f)(a[0]); break;
  case 2: ((void (*)(void *, void *))f)(a[0], a[1]); break;
  case 3: ((void (*)(void *, void *, void *))f)(a[0], a[1], a[2]); break;
  case 4: ((void (*)(void *, void *, void *, void *))f)(a[0], a[1], a[2], a[3]); break;
  case 5: ((void (*)(void *, void *, void *, void *, void *))f)(a[0], a[1], a[2], a[3], a[4]); break;
  }
}
"""


class RunError(Exception):
    """What the run reported: the text of the module's `dyn.messages`, filled in."""


def descriptor_type(rank):
    """MLIR's ranked memref descriptor."""
    fields = [("allocated", ctypes.c_void_p), ("aligned", ctypes.c_void_p), ("offset", ctypes.c_int64)]
    if rank:
        fields += [("sizes", ctypes.c_int64 * rank), ("strides", ctypes.c_int64 * rank)]
    return type(f"Descriptor{rank}", (ctypes.Structure,), {"_fields_": fields})


def to_descriptor(array):
    descriptor = descriptor_type(array.ndim)()
    descriptor.allocated = descriptor.aligned = array.ctypes.data
    for axis in range(array.ndim):
        descriptor.sizes[axis] = array.shape[axis]
        descriptor.strides[axis] = array.strides[axis] // array.itemsize
    return descriptor


def from_descriptor(descriptor, rank, dtype):
    shape = tuple(descriptor.sizes) if rank else ()
    assert all(size >= 0 for size in shape), f"negative size in {shape}"
    strides = [stride * dtype.itemsize for stride in descriptor.strides] if rank else []
    reach = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) + dtype.itemsize
    if 0 in shape:
        return np.zeros(shape, dtype)
    data = (ctypes.c_char * reach).from_address(descriptor.aligned + descriptor.offset * dtype.itemsize)
    return np.ndarray(shape, dtype, data, strides=strides).copy()


class Library:
    def __init__(self, path, messages):
        self.library = ctypes.CDLL(str(path))
        self.messages = messages

    def call(self, function, arrays, rank, dtype):
        """The result of a function with one result; raises RunError if the run fails."""
        arrays = [np.require(array, requirements=["C"]) for array in arrays]
        result = descriptor_type(rank)()
        descriptors = [result] + [to_descriptor(array) for array in arrays]
        pointers = (ctypes.c_void_p * len(descriptors))(*[ctypes.addressof(d) for d in descriptors])
        entry = getattr(self.library, f"_mlir_ciface_{function}")
        self.library.run(entry, len(descriptors), pointers)
        number = ctypes.c_int64.in_dll(self.library, "message").value
        if number >= 0:
            values = (ctypes.c_int64 * 2).in_dll(self.library, "values")
            raise RunError(self.messages[number].format(*values))
        return from_descriptor(result, rank, dtype)


def run_tool(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert done.returncode == 0, f"{command[0]}: {done.stderr[:4000]}"
    return done.stdout


def compile_functions(text, folder):
    """Compiles a module of dyn functions to a `Library` in `folder`."""
    lowered = run_tool([DYN_OPT, "--dyn-lower-to-linalg"], text)
    found = re.search(r"dyn\.messages = \[(.*?)\]\} \{$", lowered, re.MULTILINE)
    messages = re.findall(r'"((?:[^"\\]|\\.)*)"', found.group(1)) if found else []
    code = run_tool([DYN_OPT, f"--pass-pipeline=builtin.module({','.join(PASSES)})"], text)
    llvm_ir = run_tool(["mlir-translate-22", "--mlir-to-llvmir", "--allow-unregistered-dialect"], code)
    (folder / "module.ll").write_text(llvm_ir)
    (folder / "runtime.c").write_text(RUNTIME)
    library = folder / "module.so"
    flags = ["-O1", "-shared", "-fPIC", "-march=native", "-Wno-override-module"]
    run_tool(["clang-22", *flags, "-o", library, folder / "module.ll", folder / "runtime.c", "-lm"], None)
    return Library(library, messages)
