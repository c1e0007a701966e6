"""Functions of one dyn op, their arguments and what NumPy says of them."""

import dataclasses
import zlib
from collections.abc import Callable

import numpy as np
import pytest

import lowered

TYPES = lowered.NUMPY_TYPES


def split(shape):
    """ "min(3, N), 4" as its two sizes."""
    sizes = [""]
    for char in shape:
        if char == "," and sizes[-1].count("(") == sizes[-1].count(")"):
            sizes.append("")
        else:
            sizes[-1] += char
    return [size.strip() for size in sizes if size.strip()]


def evaluate(size, symbols):
    return eval(str(size), {"broadcast": lambda a, b: b if a == 1 else a}, dict(symbols))


@dataclasses.dataclass
class T:
    """A tensor: an argument if among the operands. `data` makes its elements from a generator and a shape."""

    shape: str
    dtype: str = "f32"
    data: Callable | None = None

    def sizes(self, symbols):
        return tuple(evaluate(size.lstrip("?"), symbols) for size in split(self.shape))

    def written(self):
        """As the function has it: of a size like "?N" only the case knows the value."""
        return f"!dyn.tensor<[{', '.join('?' if '?' in size else size for size in split(self.shape))}], {self.dtype}>"

    def make(self, generator, symbols):
        shape, dtype = self.sizes(symbols), TYPES[self.dtype]
        if self.data:
            return np.asarray(self.data(generator, shape, symbols), dtype)
        if dtype == np.bool_:
            return generator.random(shape) < 0.5
        if self.dtype[0] in "iu":
            low, high = (0, 200) if self.dtype == "ui8" else (-100, 100)
            return generator.integers(low, high, shape).astype(dtype)
        return generator.standard_normal(shape).astype(dtype)


@dataclasses.dataclass
class C:
    """A constant operand: `value` as written in MLIR."""

    value: str
    shape: str
    dtype: str = "i64"

    def written(self):
        return f"!dyn.tensor<[{self.shape}], {self.dtype}>"


@dataclasses.dataclass
class Case:
    name: str
    op: str
    operands: list
    result: T
    reference: Callable
    attrs: str = ""
    sizes: list = dataclasses.field(default_factory=lambda: [{}])
    ulps: float = 0
    symbols: str = ""

    def text(self):
        arguments, lines, names = [], [], []
        for index, operand in enumerate(self.operands):
            names.append(f"%v{index}")
            if isinstance(operand, T):
                arguments.append(f"%v{index}: {operand.written()}")
            else:
                lines.append(f"%v{index} = dyn.constant {operand.value} as {operand.written()}")
        types = ", ".join(operand.written() for operand in self.operands)
        result = self.result.written()
        attrs = f" {{{self.attrs}}}" if self.attrs else ""
        symbols = f" attributes {{dyn.symbols = {{{self.symbols}}}}}" if self.symbols else ""
        lines.append(f"%r = dyn.{self.op} {', '.join(names)}{attrs} : ({types}) -> {result}")
        body = "\n  ".join(lines)
        signature = f"@{self.name}({', '.join(arguments)}) -> {result}{symbols}"
        return f"func.func {signature} {{\n  {body}\n  return %r : {result}\n}}"


def grid(**values):
    """All combinations of the symbols' values."""
    combinations = [{}]
    for name, choices in values.items():
        combinations = [{**c, name: choice} for c in combinations for choice in choices]
    return combinations


FLOATS = ["f32", "f64", "f16", "bf16"]
INTS = ["i8", "i16", "i32", "i64", "ui8"]
SIZES = grid(B=[0, 1, 3], S=[0, 1, 7])


def wide(array):
    """f16 and bf16 as f32, in which their arithmetic is done."""
    return array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind not in "iu" else array


def in_f32(function):
    def compute(*arrays):
        with np.errstate(all="ignore"):
            return np.asarray(function(*[wide(a) for a in arrays])).astype(arrays[0].dtype)

    return compute


class Cases(list):
    """The cases of one file, compiled into one library."""

    def add(self, name, op, operands, result, reference, **options):
        self.append(Case(name, op, operands, result, reference, **options))

    def compile(self, folder):
        return lowered.compile_functions("\n".join(item.text() for item in self), folder)

    def tests(self):
        """A test of each case, and the fixture that compiles them together: `library, test_op = CASES.tests()`."""

        @pytest.fixture(scope="module")
        def library(tmp_path_factory):
            return self.compile(tmp_path_factory.mktemp("lowering"))

        @pytest.mark.parametrize("item", self, ids=lambda item: item.name)
        def test_op(library, item):
            check(library, item)

        return library, test_op


def dims(*sizes, scalar=False):
    return C(
        f"#dyn.dims<{'scalar ' if scalar else ''}[{', '.join(map(str, sizes))}]>", "" if scalar else f"{len(sizes)}"
    )


def vector(*expressions):
    """A shape operand that only the run knows."""
    return T(f"{len(expressions)}", "i64", lambda g, s, y: [evaluate(e, y) for e in expressions])


def with_specials(generator, shape, symbols):
    values = generator.standard_normal(shape) * 3
    specials = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0]
    flat = values.reshape(-1)
    for index in range(0, flat.size, 3):
        flat[index] = specials[index // 3 % len(specials)]
    return flat.reshape(shape)


def truncate_div(a, b):
    quotient = np.abs(a.astype(object)) // np.abs(b.astype(object)) * np.where((a < 0) != (b < 0), -1, 1)
    return quotient.astype(np.int64).astype(a.dtype)


# Where the sign of a zero is part of the definition.
SIGNED_ZEROS = {"add", "sub", "mul", "div", "mod", "fmod", "neg", "abs", "ceil", "floor", "round", "convert", "concat"}


def assert_close(actual, expected, ulps, signs=False):
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    if actual.dtype.kind in "iub":
        np.testing.assert_array_equal(actual, expected)
        return
    digits = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}[actual.dtype.name]
    tolerance = ulps * 2.0**-digits
    # NumPy's comparisons do not know bfloat16's NaN.
    actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    if signs:
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(actual[number]), np.signbit(expected[number]))


def check(library, item):
    """Runs a case at all of its sizes and compares it with NumPy."""
    for symbols in item.sizes:
        generator = np.random.default_rng(zlib.crc32(repr((item.name, symbols)).encode()))
        arrays = [operand.make(generator, symbols) for operand in item.operands if isinstance(operand, T)]
        sizes, dtype = item.result.sizes(symbols), TYPES[item.result.dtype]
        expected = np.asarray(item.reference(*arrays)).astype(dtype, copy=False)
        if item.op == "reshape":
            expected = expected.reshape(sizes)
        try:
            actual = library.call(item.name, arrays, len(sizes), dtype)
            assert actual.shape == sizes
            assert_close(actual, expected, item.ulps, item.op in SIGNED_ZEROS)
        except (AssertionError, lowered.RunError) as error:
            raise AssertionError(f"at {symbols}: {error}") from error
