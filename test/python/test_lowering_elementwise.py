"""Elementwise dyn ops, lowered, against NumPy: all element types, special values, broadcasting."""

import math

import numpy as np

from lowering_cases import (
    FLOATS,
    INTS,
    SIZES,
    TYPES,
    C,
    Cases,
    T,
    grid,
    in_f32,
    truncate_div,
    wide,
    with_specials,
)

CASES = Cases()
case = CASES.add


def nonzero(generator, shape, symbols):
    values = generator.integers(-9, 9, shape)
    return np.where(values == 0, 3, values)


def nonzero_unsigned(generator, shape, symbols):
    return generator.integers(1, 200, shape)


def binary(op, dtype, reference, lhs=None, rhs=None, result=None, **options):
    case(
        f"{op}_{dtype}",
        op,
        [T("B, S", dtype, lhs), T("S", dtype, rhs)],
        T("B, S", result or dtype),
        in_f32(reference) if result is None else lambda a, b: reference(wide(a), wide(b)),
        sizes=SIZES,
        **options,
    )


for dtype in FLOATS:
    for op, function in [("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("div", np.divide)]:
        binary(op, dtype, function, with_specials, with_specials)
    binary("min", dtype, np.minimum, with_specials, with_specials)
    binary("max", dtype, np.maximum, with_specials, with_specials)
    binary("mod", dtype, np.mod)
    binary("fmod", dtype, np.fmod)
    binary("pow", dtype, np.power, lambda g, s, _: g.random(s) * 4, ulps=2)
    binary("equal", dtype, np.equal, with_specials, with_specials, result="i1")
    binary("less", dtype, np.less, with_specials, with_specials, result="i1")
    binary("less_equal", dtype, np.less_equal, with_specials, with_specials, result="i1")


for dtype in INTS:
    divisor = nonzero_unsigned if dtype == "ui8" else nonzero
    for op, function in [("add", np.add), ("sub", np.subtract), ("mul", np.multiply)]:
        binary(op, dtype, function)
    binary("div", dtype, truncate_div, rhs=divisor)
    binary("mod", dtype, np.mod, rhs=divisor)
    binary("fmod", dtype, np.fmod, rhs=divisor)
    binary("pow", dtype, np.power, rhs=lambda g, s, _: g.integers(0, 6, s))
    binary("min", dtype, np.minimum)
    binary("max", dtype, np.maximum)
    binary("and", dtype, np.bitwise_and)
    binary("or", dtype, np.bitwise_or)
    binary("xor", dtype, np.bitwise_xor)
    width = TYPES[dtype].itemsize * 8
    binary("shift_left", dtype, np.left_shift, rhs=lambda g, s, _, w=width: g.integers(0, w, s))
    binary("shift_right", dtype, np.right_shift, rhs=lambda g, s, _, w=width: g.integers(0, w, s))
    binary("equal", dtype, np.equal, result="i1", rhs=lambda g, s, _: g.integers(0, 3, s))
    binary("less", dtype, np.less, result="i1")
    binary("less_equal", dtype, np.less_equal, result="i1")

binary("and", "i1", np.logical_and)
binary("or", "i1", np.logical_or)
binary("xor", "i1", np.logical_xor)
binary("equal", "i1", np.equal)

# Beyond what NumPy defines: distances of the width and more, the least number divided by -1, negative exponents.
for dtype in ["i8", "i32", "i64", "ui8"]:
    width = TYPES[dtype].itemsize * 8
    for op, over in [("shift_left", lambda a: np.zeros_like(a)), ("shift_right", lambda a: a >> 8 * a.itemsize - 1)]:
        unsigned = dtype == "ui8"
        case(
            f"{op}_over_{dtype}",
            op,
            [T("N", dtype), T("N", dtype, lambda g, s, _, w=width: g.integers(w, 127, s))],
            T("N", dtype),
            (lambda a, b: np.zeros_like(a)) if unsigned else (lambda a, b, over=over: over(a)),
            sizes=grid(N=[7]),
        )


def least(generator, shape, symbols, dtype):
    return np.full(shape, np.iinfo(TYPES[dtype]).min)


for dtype in ["i8", "i32", "i64"]:
    for op, reference in [("div", lambda a, b: a), ("mod", lambda a, b: a * 0), ("fmod", lambda a, b: a * 0)]:
        case(
            f"{op}_least_{dtype}",
            op,
            [
                T("N", dtype, lambda g, s, y, d=dtype: least(g, s, y, d)),
                T("N", dtype, lambda g, s, _: np.full(s, -1)),
            ],
            T("N", dtype),
            reference,
            sizes=grid(N=[5]),
        )

case(
    "pow_negative_exponent",
    "pow",
    [T("N", "i32", lambda g, s, _: [1, -1, -1, 2, 0, -7]), T("N", "i32", lambda g, s, _: [-3, -3, -2, -1, -1, -1])],
    T("N", "i32"),
    lambda a, b: np.array([1, -1, 1, 0, 0, 0], np.int32),
    sizes=[{"N": 6}],
)
case(
    "pow_float_int",
    "pow",
    [T("B, S"), T("S", "i64", lambda g, s, _: g.integers(-3, 4, s))],
    T("B, S"),
    lambda a, b: np.power(a.astype(np.float64), b).astype(np.float32),
    sizes=SIZES,
    ulps=2,
)
case(
    "pow_int_float",
    "pow",
    [T("B, S", "i32", lambda g, s, _: g.integers(0, 9, s)), T("S", "f32", lambda g, s, _: g.integers(0, 4, s))],
    T("B, S", "i32"),
    lambda a, b: np.power(a, b.astype(np.int32)),
    sizes=SIZES,
)
case(
    "cube",
    "pow",
    [T("B, S"), C("dense<3> : tensor<i64>", "", "i64")],
    T("B, S"),
    lambda a: np.power(a.astype(np.float64), 3).astype(np.float32),
    sizes=SIZES,
    ulps=2,
)
case("square", "pow", [T("B, S"), C("dense<2.0> : tensor<f32>", "", "f32")], T("B, S"), lambda a: a * a, sizes=SIZES)
case("div_constant", "div", [T("N", "i64"), C("dense<-7> : tensor<i64>", "")], T("N", "i64"),
     lambda a: truncate_div(a, np.full_like(a, -7)), sizes=grid(N=[0, 1, 13]))  # fmt: skip


def unary(op, dtype, reference, data=None, result=None, ulps=0):
    compute = in_f32(reference) if result is None else lambda a: reference(wide(a))
    case(f"{op}_{dtype}", op, [T("B, S", dtype, data)], T("B, S", result or dtype), compute, sizes=SIZES, ulps=ulps)


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64)).astype(x.dtype)


def sigmoid(x):
    return (1 / (1 + np.exp(-x.astype(np.float64)))).astype(x.dtype)


def sign(x):
    return np.sign(x)


def halves(generator, shape, symbols):
    return generator.integers(-9, 9, shape) / 2


for dtype in FLOATS:
    unary("abs", dtype, np.abs, with_specials)
    unary("neg", dtype, np.negative, with_specials)
    unary("sign", dtype, sign, with_specials)
    unary("ceil", dtype, np.ceil, with_specials)
    unary("floor", dtype, np.floor, with_specials)
    unary("round", dtype, np.round, halves)
    unary("sqrt", dtype, np.sqrt, with_specials)
    unary("exp", dtype, np.exp, with_specials, ulps=2)
    unary("log", dtype, np.log, with_specials, ulps=2)
    unary("erf", dtype, erf, with_specials, ulps=2)
    unary("sigmoid", dtype, sigmoid, with_specials, ulps=3)
    unary("tanh", dtype, np.tanh, with_specials, ulps=2)
    unary("sin", dtype, np.sin, with_specials, ulps=2)
    unary("cos", dtype, np.cos, with_specials, ulps=2)
    unary("tan", dtype, np.tan, with_specials, ulps=3)
    unary("atan", dtype, np.arctan, with_specials, ulps=2)
    unary("is_nan", dtype, np.isnan, with_specials, "i1")
    unary("is_inf", dtype, np.isinf, with_specials, "i1")
for dtype in INTS:
    unary("abs", dtype, np.abs)
    unary("neg", dtype, np.negative)
    unary("sign", dtype, np.sign)
    unary("not", dtype, np.invert)
unary("not", "i1", np.logical_not)


def convert_reference(source, target):
    def compute(array):
        to = TYPES[target]
        if to == np.bool_:
            return array != 0
        if to.kind in "iu" and array.dtype.kind not in "iub":
            info = np.iinfo(to)
            numbers = [0 if math.isnan(x) else x for x in array.astype(np.float64).reshape(-1)]
            numbers = [info.min if x < info.min else info.max if x > info.max else int(x) for x in numbers]
            return np.array(numbers, object).astype(to).reshape(array.shape)
        if to.itemsize == 2 and to.kind not in "iu":
            return round_once(array, target)
        with np.errstate(all="ignore"):
            return array.astype(to)

    return compute


def round_once(array, target):
    """To f16 or bf16 with one rounding, whatever NumPy's own conversion does."""
    bits = {"f16": 11, "bf16": 8}[target]
    exponent = {"f16": -14, "bf16": -126}[target]
    result = []
    for x in array.astype(object).reshape(-1):
        number = x if isinstance(x, int) else float(x)
        if isinstance(number, float) and not math.isfinite(number):
            result.append(number)
            continue
        # The unit in the last place, then Python's exact rounding of a ratio of integers to even.
        magnitude = max(math.frexp(number)[1] - bits, exponent - bits + 1) if number else 0
        numerator, denominator = number.as_integer_ratio()
        scaled = (numerator << -magnitude) if magnitude < 0 else numerator
        divisor = denominator << max(magnitude, 0)
        quotient, rest = divmod(abs(scaled), divisor)
        quotient += 2 * rest > divisor or (2 * rest == divisor and quotient % 2 == 1)
        result.append(math.copysign(math.ldexp(quotient, magnitude), number))
    with np.errstate(over="ignore"):
        return np.array(result, np.float64).reshape(array.shape).astype(TYPES[target])


def conversion_data(source):
    def make(generator, shape, symbols):
        if source == "i1":
            return generator.random(shape) < 0.5
        if source[0] in "iu":
            info = np.iinfo(TYPES[source])
            values = generator.integers(info.min, info.max, shape, dtype=TYPES[source], endpoint=True)
            return values >> generator.integers(0, 8 * values.itemsize, shape, dtype=TYPES[source])
        # All magnitudes, halfway cases between neighbours of the short types, and specials.
        values = generator.standard_normal(shape) * 10.0 ** generator.integers(-9, 20, shape)
        short = (values.astype(np.float32).view(np.uint32) & 0xFFFF0000 | 0x8000).view(np.float32).astype(np.float64)
        values = np.where(generator.random(shape) < 0.4, short * (1 + 1e-12 * generator.integers(-1, 2, shape)), values)
        values = np.where(generator.random(shape) < 0.3, generator.integers(-300, 300, shape) / 2, values)
        flat = values.reshape(-1)
        flat[:5] = [np.nan, np.inf, -np.inf, 0.0, -0.0][: flat.size]
        with np.errstate(all="ignore"):
            return values.astype(TYPES[source])

    return make


for source in [*FLOATS, *INTS, "i1"]:
    for target in [*FLOATS, *INTS, "i1"]:
        case(
            f"convert_{source}_{target}",
            "convert",
            [T("N", source, conversion_data(source))],
            T("N", target),
            convert_reference(source, target),
            attrs=f"element_type = {target}",
            sizes=grid(N=[0, 1, 301]),
        )

for name, shapes, result, sizes in [
    ("scalar", ["B, S", ""], "B, S", SIZES),
    ("unit", ["B, 1, S", "4, 1"], "B, 4, S", SIZES),
    ("unit_both", ["B, 1", "1, 1"], "B, 1", SIZES),
    ("leading_unit", ["1, S", "B, S"], "B, S", SIZES),
    ("rank", ["S", "B, 4, S"], "B, 4, S", SIZES),
    ("open", ["B, S", "B, N"], "B, broadcast(S, N)",
     grid(B=[0, 2], S=[5], N=[1, 5]) + grid(B=[2], S=[1], N=[0, 1, 3]) + grid(B=[2], S=[0], N=[0, 1])),
    ("open_both", ["M, S", "B, N"], "broadcast(M, B), broadcast(S, N)",
     grid(B=[1, 3], M=[1], S=[1, 4], N=[1]) + grid(B=[1], M=[3], S=[1], N=[1, 4]) + grid(B=[1], M=[2], S=[4], N=[4])),
    ("least", ["B, S", "B, min(S, 5)"], "B, S", grid(B=[0, 3], S=[0, 1, 4, 5])),
    ("number", ["B, 5", "B, N"], "B, 5", grid(B=[0, 3], N=[1, 5])),
    ("run", ["B, ?N", "B, ?M"], "B, ?max(N, M) if N * M else 0",
     grid(B=[0, 2], N=[1, 5], M=[5]) + grid(B=[2], N=[1], M=[0, 1])),
    ("run_number", ["B, ?N", "B, 5"], "B, 5", grid(B=[0, 2], N=[1, 5])),
]:  # fmt: skip
    case(
        f"broadcast_{name}",
        "add",
        [T(shape) for shape in shapes],
        T(result),
        np.add,
        sizes=sizes,
    )
case("select", "select", [T("B, 1", "i1"), T("B, S"), T("", "f32")], T("B, S"), np.where, sizes=SIZES)
case(
    "select_open",
    "select",
    [T("B, N", "i1"), T("B, S", "i64"), T("M", "i64")],
    T("B, broadcast(broadcast(N, S), M)", "i64"),
    np.where,
    sizes=grid(B=[0, 3], N=[1, 5], S=[1, 5], M=[5]) + grid(B=[2], N=[5], S=[1], M=[1]),
)

library, test_op = CASES.tests()
