"""Models: what they are, and running them."""

import ctypes
import functools
import math
import os
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _native
from ._native import library

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

_DTYPES = {
    "f16": np.dtype(np.float16),
    # NumPy has no such type: the bits of a bf16 are the upper half of an f32's.
    "bf16": np.dtype(ml_dtypes.bfloat16 if ml_dtypes else np.uint16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
    "i1": np.dtype(np.bool_),
    "i8": np.dtype(np.int8),
    "i16": np.dtype(np.int16),
    "i32": np.dtype(np.int32),
    "i64": np.dtype(np.int64),
    "ui8": np.dtype(np.uint8),
}
# DLPack's type codes by NumPy's kinds.
_CODES = {"i": 0, "u": 1, "f": 2, "b": 6}
_BFLOAT_CODE = 4
_CPU = 1


@dataclass(frozen=True)
class Tensor:
    """An input or output of a model."""

    name: str
    type: str  #: "f32", "i64", "i1", "bf16", ...
    shape: tuple[int | str, ...]  #: numbers, expressions of symbols such as "S + P", or "?" for what only a run tells
    alias: str | None = None  #: of an output, the input that it begins with and may share memory with

    @property
    def dtype(self) -> np.dtype:
        """bf16 is ml_dtypes.bfloat16, or np.uint16 where ml_dtypes is not installed."""
        return _DTYPES[self.type]

    def __str__(self) -> str:
        return f"{self.name}: {self.type} [{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Symbol:
    """What a size may be; bounds are included, and None is no bound."""

    name: str
    min: int
    max: int | None
    multiple: int

    def __str__(self) -> str:
        values = f"{self.min} or more" if self.max is None else f"{self.min} to {self.max}"
        return f"{self.name}: {values}" + (f", a multiple of {self.multiple}" if self.multiple != 1 else "")


@dataclass(frozen=True)
class Signature:
    """What goes in and comes out, by name."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    symbols: dict[str, Symbol]

    def __str__(self) -> str:
        groups = (("inputs", self.inputs), ("outputs", self.outputs), ("sizes", self.symbols))
        return "\n".join(
            line for title, group in groups if group for line in (title, *(f"  {item}" for item in group.values()))
        )


def _read_tensor(info: _native.TensorInfo) -> Tensor:
    sizes = [info.shape[i].decode() for i in range(info.rank)]
    return Tensor(
        name=info.name.decode(),
        type=info.type.decode(),
        shape=tuple(int(size) if size.isdigit() else size for size in sizes),
        alias=info.alias.decode() if info.alias else None,
    )


def _read_symbol(info: _native.SymbolInfo) -> Symbol:
    unbounded = info.max == np.iinfo(np.int64).max
    return Symbol(info.name.decode(), info.min, None if unbounded else info.max, info.multiple)


def _read_signature(handle: ctypes.c_void_p) -> Signature:
    def read(kind, convert):
        count = getattr(library, f"dyn_model_{kind}_count")(handle)
        items = [convert(getattr(library, f"dyn_model_{kind}")(handle, i).contents) for i in range(count)]
        return {item.name: item for item in items}

    return Signature(read("input", _read_tensor), read("output", _read_tensor), read("symbol", _read_symbol))


@functools.cache
def _get_data_type(dtype: np.dtype, is_bfloat: bool) -> _native.DLDataType | None:
    """DLPack's type for NumPy's, None if it has none. `is_bfloat`: 16 bits of integers stand for those of a bf16."""
    code = _CODES.get(dtype.kind)
    if dtype.name == "bfloat16" or (is_bfloat and dtype == np.uint16):
        code = _BFLOAT_CODE
    return _native.DLDataType(code, 8 * dtype.itemsize, 1) if code is not None and dtype.isnative else None


class _Arguments:
    """dyn_argument structs for arrays, and all that they point to."""

    def __init__(self, kind: str, arrays: Mapping[str, np.ndarray], tensors: Mapping[str, Tensor]):
        self.structs = (_native.Argument * len(arrays))()
        self.tensors = (_native.DLTensor * len(arrays))()
        self.kept = [*arrays.values()]
        self.sizes = (ctypes.c_int64 * sum(2 * array.ndim for array in self.kept))()
        address = ctypes.addressof(self.tensors)
        at = 0
        for i, (name, array) in enumerate(arrays.items()):
            dtype = array.dtype
            data_type = _get_data_type(dtype, name in tensors and tensors[name].type == "bf16")
            if data_type is None and name in tensors:
                raise ValueError(f"{kind} '{name}' is {dtype}, expected {tensors[name].type}")
            if not array.flags.c_contiguous and any(stride % dtype.itemsize for stride in array.strides):
                array = self.kept[i] = np.ascontiguousarray(array)
            tensor = self.tensors[i]
            tensor.data = array.__array_interface__["data"][0]
            tensor.device_type = _CPU
            tensor.ndim = array.ndim
            tensor.dtype = data_type or _native.DLDataType()  # the name is wrong: the runtime says so
            tensor.shape = self._add_sizes(at, array.shape)
            at += array.ndim
            if not array.flags.c_contiguous:
                tensor.strides = self._add_sizes(at, [stride // dtype.itemsize for stride in array.strides])
                at += array.ndim
            self.structs[i].name = name.encode()
            self.structs[i].tensor = address + i * ctypes.sizeof(_native.DLTensor)

    def _add_sizes(self, at: int, values: Sequence[int]) -> int:
        """Stores sizes or strides at place `at`; their address."""
        self.sizes[at : at + len(values)] = values
        return ctypes.addressof(self.sizes) + 8 * at


class _Memory:
    """The memory of a result, which NumPy arrays keep alive."""

    def __init__(self, result: Any, dtype: np.dtype):
        self._result = result
        tensor = result.contents.dl_tensor
        # ml_dtypes' types have no name there.
        storage = dtype if dtype.isbuiltin == 1 else np.dtype(f"u{dtype.itemsize}")
        self.__array_interface__ = {
            "version": 3,
            "shape": tensor.get_shape(),
            "typestr": storage.str,
            "data": (tensor.data, False),
        }

    def __del__(self):
        self._result.contents.deleter(self._result)


def _get_first(buffer: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The part of a buffer that an output of this shape was written to."""
    return buffer if buffer.shape == shape else buffer.reshape(-1)[: math.prod(shape)].reshape(shape)


class Model:
    """A compiled model; `load` and `compile` make them.

    Threads may call it at the same time. Its memory goes with the last reference, or with `close()`; results stay.
    """

    def __init__(self, path: str | os.PathLike, options: _native.Options, keep: Any = None):
        handle = ctypes.c_void_p()
        _native.check(library.dyn_model_open(os.fsencode(path), options, handle))
        self._handle = handle
        self._keep = keep
        self._close = weakref.finalize(self, library.dyn_model_close, handle)
        self.name: str = library.dyn_model_name(handle).decode()
        self.target: str = library.dyn_model_target(handle).decode()  #: the CPU it is compiled for
        self.threads: int = library.dyn_model_threads(handle)
        self.signature: Signature = _read_signature(handle)
        self.peak_formula: str = library.dyn_model_peak_formula(handle).decode()  #: of `peak_bytes`

    def __call__(self, **inputs: Any) -> dict[str, np.ndarray]:
        """`run` with the inputs as keyword arguments."""
        return self.run(inputs)

    def run(self, inputs: Mapping[str, Any], outputs: Mapping[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
        """Runs the model on all of its inputs, by name; returns all of its outputs, by name.

        Inputs are what `numpy.asarray` takes without a copy: arrays, tensors of PyTorch on the CPU. Types are not
        converted. Arrays in `outputs` are written to instead of new ones: each must have its output's shape, or for an
        output with "?", room for the elements; what is returned is the part that was written.

        ValueError: an input or output that is missing, unknown, of another type or shape, or whose values the model
        cannot work with, such as an index out of range.
        """
        handle = self._get_handle()
        outputs = outputs or {}
        given = _Arguments("input", {name: np.asarray(x) for name, x in inputs.items()}, self.signature.inputs)
        for name, buffer in outputs.items():
            if not isinstance(buffer, np.ndarray) or not buffer.flags.writeable:
                raise ValueError(f"the buffer of output '{name}' is not a NumPy array that can be written")
            if any(stride % buffer.itemsize for stride in buffer.strides):
                raise ValueError(f"the buffer of output '{name}' has strides that are no multiples of its element")
        buffers = _Arguments("output", outputs, self.signature.outputs)
        results = (ctypes.POINTER(_native.DLManagedTensor) * len(self.signature.outputs))()
        _native.check(
            library.dyn_model_run(
                handle, given.structs, len(given.structs), buffers.structs, len(buffers.structs), results
            )
        )
        arrays = {}
        written = dict(zip(outputs, buffers.tensors))
        for result, tensor in zip(results, self.signature.outputs.values()):
            if result:
                arrays[tensor.name] = np.asarray(_Memory(result, tensor.dtype)).view(tensor.dtype)
            else:
                arrays[tensor.name] = _get_first(outputs[tensor.name], written[tensor.name].get_shape())
        return arrays

    def peak_bytes(self, **symbols: int) -> int:
        """The bytes that one run needs besides inputs and outputs, for given sizes: peak_bytes(B=1, S=128)."""
        names = self.signature.symbols
        if symbols.keys() != names.keys():
            raise ValueError(f"expects the sizes {', '.join(names) or 'none'}, got {', '.join(symbols) or 'none'}")
        values = (ctypes.c_int64 * len(names))(*(symbols[name] for name in names))
        peak = ctypes.c_uint64()
        _native.check(library.dyn_model_peak_bytes(self._get_handle(), values, peak))
        return peak.value

    def close(self) -> None:
        """Gives the model's memory back now; no run may be under way."""
        self._close()

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<dyn.Model {self.name} for {self.target}>"

    def _get_handle(self) -> ctypes.c_void_p:
        if not self._close.alive:
            raise ValueError(f"model {self.name} is closed")
        return self._handle


def load(
    path: str | os.PathLike,
    *,
    threads: int = 0,
    weights: str | os.PathLike | None = None,
    weights_folder: str | os.PathLike | None = None,
) -> Model:
    """Opens an artifact that dyn-compile wrote.

    threads: how many threads a run uses; 0 is as many as this thread may use CPUs.
    weights: a safetensors file with all weights, to use instead of those the model was compiled with.
    weights_folder: where relative paths of weights start, if not in the artifact's folder.

    Error: the file is no artifact, or for another CPU or runtime; weights are missing or not those compiled with.
    """
    return _open(path, threads, weights, weights_folder)


def _open(path, threads=0, weights=None, weights_folder=None, keep=None) -> Model:
    options = _native.Options(
        size=ctypes.sizeof(_native.Options),
        threads=threads,
        weights=os.fsencode(weights) if weights is not None else None,
        weights_folder=os.fsencode(weights_folder) if weights_folder is not None else None,
    )
    return Model(path, options, keep)
