"""Convolutions and windows of any rank, stride and dilation, lowered, against NumPy in f64."""

import itertools

import numpy as np

from lowering_cases import FLOATS, Cases, T, grid

CASES = Cases()


def convolve(x, w, strides, dilations, groups):
    spatial = range(2, x.ndim)
    sizes = [(x.shape[i] - (w.shape[i] - 1) * dilations[i - 2] - 1) // strides[i - 2] + 1 for i in spatial]
    wide = x.astype(np.float64).reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    filters = w.astype(np.float64).reshape(groups, w.shape[0] // groups, *w.shape[1:])
    result = np.zeros((x.shape[0], groups, w.shape[0] // groups, *sizes))
    for tap in itertools.product(*(range(w.shape[i]) for i in spatial)):
        steps = zip(tap, dilations, strides, sizes)
        view = wide[(..., *(slice(t * d, t * d + s * (n - 1) + 1, s) for t, d, s, n in steps))]
        result += np.einsum("ngc...,gfc->ngf...", view, filters[(..., *tap)])
    return result.reshape(x.shape[0], w.shape[0], *sizes).astype(x.dtype)


def conv(name, x, w, strides, dilations=None, groups=1, dtype="f32", sizes=({},)):
    dilations = dilations or [1] * len(strides)
    places = [
        f"?({size} - ({taps} - 1) * {d} - 1) // {s} + 1" for size, taps, s, d in zip(x[2:], w[2:], strides, dilations)
    ]
    CASES.add(
        f"conv_{name}",
        "conv",
        [T(", ".join(map(str, x)), dtype), T(", ".join(map(str, w)), dtype)],
        T(", ".join(map(str, [x[0], w[0], *places])), dtype),
        lambda x, w: convolve(x, w, strides, dilations, groups),
        attrs=f"strides = array<i64: {', '.join(map(str, strides))}>, "
        f"dilations = array<i64: {', '.join(map(str, dilations))}>, groups = {groups}",
        sizes=list(sizes),
        ulps=64,
    )


LINES = grid(B=[0, 1, 2], S=[7, 8, 17, 33, 70])
PLANES = grid(B=[1, 2], H=[5, 7], W=[5, 16, 17, 37])
for dtype in FLOATS:
    conv(f"line_{dtype}", ["B", 3, "S"], [5, 3, 3], [1], dtype=dtype, sizes=LINES)
conv("line_strided", ["B", 3, "S"], [5, 3, 3], [2], sizes=LINES)
conv("line_strided_more", ["B", 3, "S"], [17, 3, 2], [3], [2], sizes=LINES)
conv("line_dilated", ["B", 3, "S"], [33, 3, 3], [1], [3], sizes=LINES)
conv("line_symbols", ["B", "C", "S"], ["F", "C", "K"], [2], [2],
     sizes=grid(B=[1], C=[1, 3], S=[7, 33], F=[0, 1, 15], K=[1, 4]))  # fmt: skip
conv("plane", ["B", 3, "H", "W"], [15, 3, 3, 3], [1, 1], sizes=PLANES)
conv("plane_uneven", ["B", 2, "H", "W"], [3, 2, 5, 1], [1, 1], sizes=PLANES)
conv("plane_strided", ["B", 3, "H", "W"], [4, 3, 3, 3], [2, 2], sizes=PLANES)
conv("plane_strided_rows", ["B", 3, "H", "W"], [4, 3, 3, 3], [2, 1], [1, 2], sizes=PLANES)
conv("plane_point", ["B", 3, "H", "W"], [17, 3, 1, 1], [1, 1], sizes=PLANES)
conv("plane_point_strided", ["B", 3, "H", "W"], [17, 3, 1, 1], [2, 3], sizes=PLANES)
conv("plane_groups", ["B", 6, "H", "W"], [9, 2, 3, 3], [1, 1], groups=3, sizes=PLANES)
conv("plane_groups_point", ["B", 6, "H", "W"], [9, 2, 1, 1], [1, 1], groups=3, sizes=PLANES)
conv("plane_groups_strided", ["B", 6, "H", "W"], [4, 3, 2, 2], [2, 2], groups=2, sizes=PLANES)
for dtype in FLOATS:
    conv(f"depthwise_{dtype}", ["B", 5, "H", "W"], [5, 1, 3, 3], [1, 1], groups=5, dtype=dtype, sizes=PLANES)
conv("depthwise_strided", ["B", 5, "H", "W"], [5, 1, 3, 3], [2, 2], groups=5, sizes=PLANES)
conv("depthwise_more", ["B", 5, "H", "W"], [10, 1, 3, 3], [1, 1], [2, 2], groups=5, sizes=PLANES)
conv("space", ["B", 2, 4, "H", "W"], [3, 2, 2, 3, 3], [1, 2, 1], sizes=PLANES)
conv("space_point", ["B", 2, 4, "H", "W"], [3, 2, 1, 1, 1], [2, 2, 2], sizes=PLANES)


def window(name, op, x, taps, strides, dilations, dtype="f32", sizes=PLANES):
    def reference(x):
        extents = [(t - 1) * d + 1 for t, d in zip(taps, dilations)]
        axes = tuple(range(x.ndim - len(taps), x.ndim))
        views = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), extents, axes)
        steps = [slice(None)] * (x.ndim - len(taps)) + [slice(None, None, s) for s in strides]
        views = views[(*steps, *(slice(None, None, d) for d in dilations))]
        return getattr(views, op)(tuple(range(x.ndim, x.ndim + len(taps)))).astype(x.dtype)

    leading = len(x) - len(taps)
    windows = zip(x[leading:], taps, strides, dilations)
    places = [f"?({size} - ({t} - 1) * {d} - 1) // {s} + 1" for size, t, s, d in windows]
    lists = {"taps": taps, "strides": strides, "dilations": dilations}
    CASES.add(
        f"window_{op}_{name}_{dtype}",
        f"window_{op}",
        [T(", ".join(map(str, x)), dtype)],
        T(", ".join(map(str, [*x[:leading], *places])), dtype),
        reference,
        attrs=", ".join(f"{key} = array<i64: {', '.join(map(str, value))}>" for key, value in lists.items()),
        sizes=list(sizes),
        ulps=16,
    )


for op in ("max", "sum"):
    for dtype in (*FLOATS, "i32"):
        window("plane", op, ["B", 3, "H", "W"], [3, 3], [1, 1], [1, 1], dtype=dtype)
        window("plane_strided", op, ["B", 3, "H", "W"], [3, 3], [2, 2], [1, 1], dtype=dtype)
    window("of_all_dimensions", op, ["H", "W"], [2, 4], [3, 4], [2, 1])
    window("line_strided", op, ["B", "S"], [5], [3], [1], sizes=LINES)
    window("line_strided_more", op, ["B", "S"], [2], [5], [3], sizes=LINES)
window("bytes", "max", ["B", 3, "H", "W"], [3, 2], [2, 2], [1, 1], dtype="ui8")

library, test_op = CASES.tests()
