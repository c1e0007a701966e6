"""libdyn_runtime.so.0 as ctypes sees it: dyn/runtime.h, declaration by declaration."""

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint16, c_uint64, c_void_p
from pathlib import Path

LIBRARY = "libdyn_runtime.so.0"
# A checkout, whose build lies in build/, or the folder of libraries that the package is installed below.
ROOT = Path(__file__).resolve().parents[2]


class Error(RuntimeError):
    """An artifact or its weights cannot be used; the message says why."""


class DLDataType(ctypes.Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class DLTensor(ctypes.Structure):
    # Sizes and strides are addresses: typed pointers cost more than all else of a call.
    _fields_ = [
        ("data", c_void_p),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("ndim", c_int32),
        ("dtype", DLDataType),
        ("shape", c_void_p),
        ("strides", c_void_p),
        ("byte_offset", c_uint64),
    ]

    def get_shape(self) -> tuple[int, ...]:
        return tuple((c_int64 * self.ndim).from_address(self.shape)) if self.ndim else ()


class DLManagedTensor(ctypes.Structure):
    pass


DLManagedTensor._fields_ = [
    ("dl_tensor", DLTensor),
    ("manager_ctx", c_void_p),
    ("deleter", ctypes.CFUNCTYPE(None, POINTER(DLManagedTensor))),
]


class Argument(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("tensor", c_void_p)]  # the address of a DLTensor


class Options(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("threads", c_int),
        ("pool", c_void_p),
        ("weights", c_char_p),
        ("weights_folder", c_char_p),
    ]


class TensorInfo(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("type", c_char_p),
        ("dtype", DLDataType),
        ("rank", c_int),
        ("shape", POINTER(c_char_p)),
        ("alias", c_char_p),
    ]


class SymbolInfo(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("min", c_int64), ("max", c_int64), ("multiple", c_int64)]


FUNCTIONS = {
    "dyn_last_error": (c_char_p, []),
    "dyn_version": (c_char_p, []),
    "dyn_model_open": (c_int, [c_char_p, POINTER(Options), POINTER(c_void_p)]),
    "dyn_model_close": (None, [c_void_p]),
    "dyn_model_name": (c_char_p, [c_void_p]),
    "dyn_model_target": (c_char_p, [c_void_p]),
    "dyn_model_threads": (c_int, [c_void_p]),
    "dyn_model_input_count": (c_size_t, [c_void_p]),
    "dyn_model_output_count": (c_size_t, [c_void_p]),
    "dyn_model_symbol_count": (c_size_t, [c_void_p]),
    "dyn_model_input": (POINTER(TensorInfo), [c_void_p, c_size_t]),
    "dyn_model_output": (POINTER(TensorInfo), [c_void_p, c_size_t]),
    "dyn_model_symbol": (POINTER(SymbolInfo), [c_void_p, c_size_t]),
    "dyn_model_peak_bytes": (c_int, [c_void_p, POINTER(c_int64), POINTER(c_uint64)]),
    "dyn_model_peak_formula": (c_char_p, [c_void_p]),
    "dyn_model_run": (
        c_int,
        [c_void_p, POINTER(Argument), c_size_t, POINTER(Argument), c_size_t, POINTER(POINTER(DLManagedTensor))],
    ),
}


def find(folder: str, name: str) -> Path | None:
    """A file of the build folder that DYN_BUILD_DIR names, or of the checkout, or of the installation."""
    roots = [Path(os.environ["DYN_BUILD_DIR"])] if "DYN_BUILD_DIR" in os.environ else [ROOT / "build", ROOT.parent]
    candidates = [root / folder / name for root in roots] + [ROOT / name]
    return next((path for path in candidates if path.exists()), None)


def _open_library() -> ctypes.CDLL:
    try:
        loaded = ctypes.CDLL(str(find("lib", LIBRARY) or LIBRARY))
    except OSError as error:
        raise ImportError(
            f"dyn needs {LIBRARY}: build it (ninja -C build DynRuntime) or install it ({error})"
        ) from error
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype = result
        function.argtypes = arguments
    return loaded


library = _open_library()

# What each dyn_status but DYN_OK becomes: 1 invalid argument, 2 artifact, 3 weights, 4 run, 5 memory.
EXCEPTIONS = {1: ValueError, 2: Error, 3: Error, 4: ValueError, 5: MemoryError}


def check(status: int) -> None:
    """Raises what a dyn_status stands for."""
    if status:
        raise EXCEPTIONS[status](library.dyn_last_error().decode())


def version() -> str:
    return library.dyn_version().decode()
