"""Products, reductions, normalizations and running sums, lowered, against NumPy."""

import numpy as np

from lowering_cases import FLOATS, SIZES, TYPES, Cases, T, grid, truncate_div, wide, with_specials

CASES = Cases()
case = CASES.add


def matmul(lhs, rhs):
    """Sums in f64 for floats, in the type's own arithmetic for integers."""
    if lhs.dtype.kind in "iu":
        return np.matmul(lhs, rhs)
    with np.errstate(all="ignore"):
        return np.matmul(lhs.astype(np.float64), rhs.astype(np.float64)).astype(lhs.dtype)


def product(name, lhs, rhs, result, sizes, dtype="f32"):
    case(f"matmul_{name}", "matmul", [T(lhs, dtype), T(rhs, dtype)], T(result, dtype), matmul, sizes=sizes, ulps=16)


MNK = grid(M=[0, 1, 5], N=[0, 1, 7], K=[0, 1, 13])
for dtype in [*FLOATS, "i32", "i64", "i8", "ui8"]:
    product(f"plain_{dtype}", "M, K", "K, N", "M, N", MNK, dtype)
    product(f"batch_{dtype}", "B, M, K", "B, K, N", "B, M, N", grid(B=[2], M=[3], N=[5], K=[7]), dtype)
product("rows", "B, S, 8", "8, N", "B, S, N", grid(B=[0, 1, 2], S=[0, 1, 5], N=[1, 3]))
product("unit_batch", "B, S, 8", "1, 8, N", "B, S, N", grid(B=[0, 1, 2], S=[0, 1, 5], N=[1, 3]))
product("batch", "B, H, M, 4", "B, H, 4, N", "B, H, M, N", grid(B=[0, 1, 2], H=[1, 3], M=[1, 5], N=[0, 1, 7]))
product("lhs_matrix", "M, 4", "B, 4, N", "B, M, N", grid(B=[0, 1, 3], M=[1, 5], N=[0, 1, 7]))
product("cross", "B, 1, M, 4", "1, H, 4, N", "B, H, M, N", grid(B=[0, 1, 3], H=[1, 2], M=[1, 5], N=[1, 7]))
product("shared_head", "B, H, M, 4", "B, 1, 4, N", "B, H, M, N", grid(B=[0, 1, 3], H=[1, 2], M=[1, 5], N=[1, 7]))
product("open", "A, M, 4", "B, 4, N", "broadcast(A, B), M, N",
        grid(A=[1], B=[0, 1, 3], M=[5], N=[7]) + grid(A=[3], B=[1, 3], M=[1], N=[7]))  # fmt: skip
product("open_contraction", "M, K", "J, N", "M, N", [{"M": 3, "K": k, "J": k, "N": 5} for k in (0, 1, 7)])
product("vectors", "K", "K", "", grid(K=[0, 1, 7]))
product("row", "K", "B, K, N", "B, N", grid(B=[0, 1, 3], K=[0, 1, 7], N=[1, 5]))
product("column", "B, M, K", "K", "B, M", grid(B=[0, 1, 3], K=[0, 1, 7], M=[1, 5]))
product("row_matrix", "K", "K, N", "N", grid(K=[0, 1, 7], N=[1, 5]))


def in_f64(function):
    def compute(array, **options):
        with np.errstate(all="ignore"):
            return np.asarray(function(array.astype(np.float64), **options)).astype(array.dtype)

    return compute


def extreme(function, dtype):
    lowest = function is np.max
    if dtype[0] in "iu":
        kind = TYPES[dtype]
        limit = lowest if kind == np.bool_ else None
        initial = not limit if limit is not None else getattr(np.iinfo(kind), "min" if lowest else "max")
    else:
        initial = -np.inf if lowest else np.inf
    return lambda array, **options: function(wide(array), initial=initial, **options).astype(array.dtype)


def reduction(op, dtype, reference, data=None, ulps=0.0, suffix=""):
    for name, axes, keep, shape in [
        ("last", (2,), False, "B, 4"),
        ("last_kept", (2,), True, "B, 4, 1"),
        ("first", (0,), False, "4, S"),
        ("first_kept", (0,), True, "1, 4, S"),
        ("outer", (0, 2), True, "1, 4, 1"),
        ("all", (0, 1, 2), False, ""),
        ("all_kept", (0, 1, 2), True, "1, 1, 1"),
    ]:
        case(
            f"{op}_{dtype}_{name}{suffix}",
            op,
            [T("B, 4, S", dtype, data)],
            T(shape, dtype),
            lambda a, axes=axes, keep=keep: np.asarray(reference(a, axis=axes, keepdims=keep)),
            attrs=f"axes = array<i64: {', '.join(map(str, axes))}>, keep_dims = {str(keep).lower()}",
            sizes=SIZES,
            ulps=ulps,
        )


def int_mean(array, **options):
    count = array.size // max(np.sum(array, **options).size, 1)
    total = np.sum(array, dtype=array.dtype, **options)
    return truncate_div(total, np.full_like(total, max(count, 1)))


for dtype in FLOATS:
    reduction("reduce_sum", dtype, in_f64(np.sum), ulps=16)
    reduction("reduce_mean", dtype, in_f64(np.mean), ulps=16)
    reduction("reduce_prod", dtype, in_f64(np.prod), ulps=64)
    reduction("reduce_max", dtype, extreme(np.max, dtype), with_specials)
    reduction("reduce_min", dtype, extreme(np.min, dtype), with_specials)
for dtype in ["i32", "i64", "i8", "ui8"]:
    reduction("reduce_sum", dtype, lambda a, **o: np.sum(a, dtype=a.dtype, **o))
    reduction("reduce_prod", dtype, lambda a, **o: np.prod(a, dtype=a.dtype, **o))
    reduction("reduce_max", dtype, extreme(np.max, dtype))
    reduction("reduce_min", dtype, extreme(np.min, dtype))
for dtype in ["i32", "i64"]:
    reduction("reduce_mean", dtype, int_mean)
reduction("reduce_max", "i1", extreme(np.max, "i1"))
reduction("reduce_min", "i1", extreme(np.min, "i1"))


def few_values(generator, shape, symbols):
    return generator.integers(0, 3, shape)


def arg(function, axis, keep, last):
    def compute(array):
        array = wide(array)
        if last:
            flipped = function(np.flip(array, axis), axis=axis, keepdims=keep)
            return array.shape[axis] - 1 - flipped
        return function(array, axis=axis, keepdims=keep)

    return compute


for dtype in ["f32", "f16", "bf16", "i32", "i64", "ui8"]:
    for op, function in [("arg_max", np.argmax), ("arg_min", np.argmin)]:
        for axis, keep, last, shape in [
            (1, True, False, "B, 1, 4"),
            (1, False, True, "B, 4"),
            (0, False, False, "S, 4"),
            (2, True, True, "B, S, 1"),
        ]:
            case(
                f"{op}_{dtype}_{axis}_{last}",
                op,
                [T("B, S, 4", dtype, few_values)],
                T(shape, "i64"),
                arg(function, axis, keep, last),
                attrs=f"axis = {axis}, keep_dims = {str(keep).lower()}, select_last = {str(last).lower()}",
                sizes=[s for s in SIZES if (s["B"] or axis != 0) and (s["S"] or axis != 1)],
            )
for op, function in [("arg_max", np.argmax), ("arg_min", np.argmin)]:
    case(
        f"{op}_specials",
        op,
        [T("N", "f32", with_specials)],
        T("", "i64"),
        lambda a, function=function: function(a),
        attrs="axis = 0, keep_dims = false, select_last = false",
        sizes=grid(N=[1, 4, 31]),
    )
    case(
        f"{op}_infinite",
        op,
        [T("N", "f32", lambda g, s, _, op=op: np.full(s, -np.inf if op == "arg_max" else np.inf))],
        T("", "i64"),
        lambda a: np.int64(0),
        attrs="axis = 0, keep_dims = false, select_last = false",
        sizes=grid(N=[1, 4]),
    )


def softmax(array, axis):
    x = array.astype(np.float64)
    e = np.exp(x - np.max(x, axis=axis, keepdims=True, initial=-np.inf))
    return (e / np.sum(e, axis=axis, keepdims=True)).astype(array.dtype)


def layer_norm(x, scale, bias=None, first=2):
    axes = tuple(range(first, x.ndim))
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        mean = np.mean(wide, axis=axes, keepdims=True)
        variance = np.var(wide, axis=axes, keepdims=True)
        y = (wide - mean) / np.sqrt(variance + 1e-5) * scale.astype(np.float64)
    return (y if bias is None else y + bias.astype(np.float64)).astype(x.dtype)


for dtype in FLOATS:
    for axis in range(3):
        case(f"softmax_{dtype}_{axis}", "softmax", [T("B, 4, S", dtype)], T("B, 4, S", dtype),
             lambda a, axis=axis: softmax(a, axis), attrs=f"axis = {axis}", sizes=SIZES, ulps=8)  # fmt: skip
    case(f"layer_norm_{dtype}", "layer_norm", [T("B, S, 24", dtype), T("24", dtype), T("24", dtype)],
         T("B, S, 24", dtype), layer_norm, attrs="axis = 2, epsilon = 1.0e-5", sizes=SIZES, ulps=32)  # fmt: skip
case("softmax_large", "softmax", [T("B, S", "f32", lambda g, s, _: g.standard_normal(s) * 1e4)], T("B, S"),
     lambda a: softmax(a, 1), attrs="axis = 1", sizes=SIZES, ulps=8)  # fmt: skip
case("layer_norm_axes", "layer_norm", [T("B, S, 6"), T("S, 1")], T("B, S, 6"),
     lambda x, s: layer_norm(x, s, first=1), attrs="axis = 1, epsilon = 1.0e-5", sizes=SIZES, ulps=32)  # fmt: skip
case("layer_norm_open", "layer_norm", [T("B, D"), T("E"), T("D")], T("B, D"),
     lambda x, s, b: layer_norm(x, s, b, first=1), attrs="axis = 1, epsilon = 1.0e-5",
     sizes=[{"B": 3, "D": 5, "E": 1}, {"B": 2, "D": 5, "E": 5}, {"B": 2, "D": 1, "E": 1}], ulps=32)  # fmt: skip


def cumsum(array, axis, exclusive, reverse):
    x = array.astype(np.float64) if array.dtype.kind not in "iu" else array
    x = np.flip(x, axis) if reverse else x
    total = np.cumsum(x, axis=axis, dtype=x.dtype)
    total = total - x if exclusive else total
    return (np.flip(total, axis) if reverse else total).astype(array.dtype)


for dtype in ["f32", "f16", "i32", "i64"]:
    for axis, exclusive, reverse in [(1, False, False), (1, True, True), (0, True, False), (2, False, True)]:
        case(
            f"cumsum_{dtype}_{axis}_{exclusive}_{reverse}",
            "cumsum",
            [T("B, S, 3", dtype)],
            T("B, S, 3", dtype),
            lambda a, axis=axis, exclusive=exclusive, reverse=reverse: cumsum(a, axis, exclusive, reverse),
            attrs=f"axis = {axis}, exclusive = {str(exclusive).lower()}, reverse = {str(reverse).lower()}",
            sizes=SIZES,
            ulps=64,
        )

library, test_op = CASES.tests()
