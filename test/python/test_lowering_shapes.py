"""dyn ops that move elements, lowered, against NumPy, with sizes from symbols and from the run."""

import math

import numpy as np

from lowering_cases import SIZES, C, Cases, T, dims, evaluate, grid, vector

CASES = Cases()
case = CASES.add

for name, source, shape, result in [
    ("split", "B, S, 12", dims("B", "S", 3, 4), "B, S, 3, 4"),
    ("merge", "B, S, 3, 4", dims("B", "S", 12), "B, S, 12"),
    ("regroup", "B, S, 3, 4", dims("B", "3 * S", 4), "B, 3 * S, 4"),
    ("flatten", "B, S", dims("B * S"), "B * S"),
    ("unflatten", "B, S * 6", dims("B * S", 6), "B * S, 6"),
    ("swap", "B, S", dims("S", "B"), "S, B"),
    ("unit_in", "B, S", dims(1, "B", 1, 1, "S", 1), "1, B, 1, 1, S, 1"),
    ("unit_out", "1, B, 1, S, 1, 1", dims("B", "S"), "B, S"),
    ("open", "B, S, 12", dims("B", -1, 4), "B, 3 * S, 4"),
    ("empty", "B, 0, S", dims(0, "S"), "0, S"),
]:
    case(f"reshape_{name}", "reshape", [T(source), shape], T(result), lambda a: a, sizes=SIZES)
case("reshape_scalar_in", "reshape", [T(""), dims(1, 1)], T("1, 1"), lambda a: a)
case("reshape_scalar_out", "reshape", [T("1, 1"), C("dense<> : tensor<0xi64>", "0")], T(""), lambda a: a)
case("reshape_run", "reshape", [T("B, S"), vector("S", "B")], T("?S, ?B"), lambda a, s: a, sizes=SIZES)
case("reshape_run_open", "reshape", [T("B, S, 4"), vector(2, -1)], T("?2, ?B * S * 2"), lambda a, s: a, sizes=SIZES)
case("reshape_run_zero", "reshape", [T("B, S"), vector(0, 5)], T("?0, ?5"), lambda a, s: a,
     sizes=grid(B=[0], S=[3]))  # fmt: skip
for permutation in [(0, 1, 2), (0, 2, 1), (2, 0, 1), (2, 1, 0)]:
    shape = ["B", "S", "5"]
    case(f"transpose_{''.join(map(str, permutation))}", "transpose", [T("B, S, 5")],
         T(", ".join(shape[p] for p in permutation)), lambda a, p=permutation: a.transpose(p),
         attrs=f"permutation = array<i64: {', '.join(map(str, permutation))}>", sizes=SIZES)  # fmt: skip
case("transpose_rank0", "transpose", [T("")], T(""), lambda a: a, attrs="permutation = array<i64>")

case("broadcast_to", "broadcast_to", [T("B, 1, S"), dims("B", 4, "S")], T("B, 4, S"),
     lambda a: np.broadcast_to(a, (a.shape[0], 4, a.shape[2])), sizes=SIZES)  # fmt: skip
case("broadcast_to_rank", "broadcast_to", [T("S"), dims(3, 2, 1)], T("3, 2, S"),
     lambda a: np.broadcast_to(a, (3, 2, a.shape[0])), sizes=grid(S=[0, 1, 7]))  # fmt: skip
case("broadcast_to_run", "broadcast_to", [T("B, S"), vector("M", "N")], T("?max(B, M) if B * M else 0, ?max(S, N)"),
     lambda a, s: a * np.ones(s, np.float32), sizes=grid(B=[1, 3], M=[1], S=[1, 4], N=[4])
     + grid(B=[1, 0], M=[0], S=[4], N=[1]))  # fmt: skip

for dtype in ["f32", "i64", "i1", "bf16"]:
    case(f"concat_{dtype}", "concat", [T("B, S, 3", dtype), T("B, 2, 3", dtype), T("B, 2 * S, 3", dtype)],
         T("B, 3 * S + 2, 3", dtype), lambda *a: np.concatenate(a, 1), attrs="axis = 1", sizes=SIZES)  # fmt: skip
case("concat_checked", "concat", [T("B, N"), T("A, N")], T("B, 2 * N"), lambda *a: np.concatenate(a, 1),
     attrs="axis = 1", sizes=[{"A": b, "B": b, "N": n} for b in (0, 1, 3) for n in (0, 1, 5)])  # fmt: skip
case("concat_one", "concat", [T("B, S")], T("B, S"), lambda a: a, attrs="axis = 0", sizes=SIZES)

LONG = grid(N=[0, 1, 2, 5, 13])
for name, starts, ends, steps, result in [
    ("head", 0, 3, 1, "min(3, N)"),
    ("tail", -3, 2**63 - 1, 1, "?min(3, N)"),
    ("drop", 2, 2**31 - 1, 1, "?max(N - 2, 0)"),
    ("middle", 1, -1, 1, "?max(N - 2, 0)"),
    ("even", 0, 2**63 - 1, 2, "?(N + 1) // 2"),
    ("thirds", 1, -1, 3, "?len(range(*slice(1, -1, 3).indices(N)))"),
    ("reverse", -1, -(2**63), -1, "N"),
    ("down", -2, 0, -2, "?len(range(*slice(-2, 0, -2).indices(N)))"),
    ("nothing", 4, 1, 1, "?0"),
]:
    cut = slice(starts, ends, steps)
    constants = [C(f"dense<[{v}]> : tensor<1xi64>", "1") for v in (starts, ends, steps)]
    case(f"slice_{name}", "slice", [T("3, N"), *constants], T(f"3, {result}"),
         lambda a, cut=cut: a[:, cut], attrs="axes = array<i64: 1>", sizes=LONG)  # fmt: skip
RUN_SLICES = [
    {"N": n, "A": a, "E": e, "P": p}
    for n in (0, 1, 2, 13)
    for a, e, p in [(0, 5, 1), (-4, 99, 1), (1, -1, 3), (-1, -99, -1), (99, -3, -2), (5, 2, 1), (2, 5, 2**62)]
]
case("slice_run", "slice", [T("N, 3"), vector("A"), vector("E"), vector("P")],
     T("?len(range(*slice(A, E, P).indices(N))), 3"),
     lambda a, s, e, p: a[s[0]:e[0]:p[0]], attrs="axes = array<i64: 0>", sizes=RUN_SLICES)  # fmt: skip
case("slice_run_bounds", "slice", [T("N, 3"), vector("A"), vector("E"), C("dense<[-2]> : tensor<1xi64>", "1")],
     T("?len(range(*slice(A, E, -2).indices(N))), 3"),
     lambda a, s, e: a[s[0]:e[0]:-2], attrs="axes = array<i64: 0>", sizes=RUN_SLICES)  # fmt: skip
case("slice_run_up", "slice", [T("N, 3"), vector("A"), vector("E"), C("dense<[2]> : tensor<1xi64>", "1")],
     T("?len(range(*slice(A, E, 2).indices(N))), 3"),
     lambda a, s, e: a[s[0]:e[0]:2], attrs="axes = array<i64: 0>", sizes=RUN_SLICES)  # fmt: skip


def pad(array, amounts, value):
    """NumPy's pad for positive amounts, slices for negative ones."""
    rank = array.ndim
    result = np.full([n + amounts[i] + amounts[rank + i] for i, n in enumerate(array.shape)], value, array.dtype)
    source, target = [], []
    for i, n in enumerate(array.shape):
        first, last = max(0, -amounts[i]), min(n, n + amounts[rank + i])
        source.append(slice(first, max(first, last)))
        target.append(slice(first + amounts[i], max(first, last) + amounts[i]) if last > first else slice(0, 0))
    if all(s.stop > s.start for s in source):
        result[tuple(target)] = array[tuple(source)]
    return result


for name, amounts in [
    ("grow", (0, 1, 2, 0)),
    ("mixed", (1, -1, 0, 3)),
    ("cut", (0, -1, -1, -1)),
    ("none", (0, 0, 0, 0)),
]:
    case(f"pad_{name}", "pad",
         [T("B + 2, S + 2"), C(f"dense<[{', '.join(map(str, amounts))}]> : tensor<4xi64>", "4"), T("")],
         T(f"B + 2 + {amounts[0]} + {amounts[2]}, S + 2 + {amounts[1]} + {amounts[3]}".replace("+ -", "- ")),
         lambda a, v, amounts=amounts: pad(a, amounts, v), sizes=SIZES)  # fmt: skip
case("pad_run", "pad", [T("N, 2"), vector("A", 0, "E", 1), T("")], T("?N + A + E, ?3"),
     lambda a, p, v: pad(a, p, v),
     sizes=[{"N": n, "A": a, "E": e} for n, a, e in
            [(0, 0, 0), (0, 2, 1), (5, 1, 2), (5, -2, 1), (5, 1, -2), (3, -5, 4), (3, 4, -5)]])  # fmt: skip

case("tile", "tile", [T("B, S"), dims(3, 1)], T("3 * B, S"), lambda a: np.tile(a, (3, 1)), sizes=SIZES)
case("tile_both", "tile", [T("B, S"), dims(2, 3)], T("2 * B, 3 * S"), lambda a: np.tile(a, (2, 3)), sizes=SIZES)
case("tile_run", "tile", [T("B, S"), vector("M", "N")], T("?B * M, ?S * N"), lambda a, r: np.tile(a, r),
     sizes=grid(B=[0, 1, 3], S=[2], M=[0, 1, 2], N=[3]))  # fmt: skip


def indices_below(size):
    def make(generator, shape, symbols):
        limit = evaluate(size, symbols)
        return generator.integers(-limit, limit, shape) if limit else np.zeros(shape)

    return make


for dtype in ["f32", "bf16", "i64", "i1", "ui8"]:
    case(f"gather_{dtype}", "gather", [T("10, 3", dtype), T("B, S", "i64", indices_below("10"))], T("B, S, 3", dtype),
         lambda a, i: a[i], attrs="axis = 0", sizes=SIZES)  # fmt: skip
case("gather_inner", "gather", [T("B, S, 2"), T("N", "i32", indices_below("S"))], T("B, N, 2"),
     lambda a, i: np.take(a, i, 1), attrs="axis = 1",
     sizes=grid(B=[0, 1, 3], S=[1, 7], N=[0, 1, 5]) + grid(B=[2], S=[0], N=[0]))  # fmt: skip
case("gather_scalar", "gather", [T("B, S, 2"), T("", "i64", indices_below("S"))], T("B, 2"),
     lambda a, i: np.take(a, i, 1), attrs="axis = 1", sizes=grid(B=[0, 1, 3], S=[1, 7]))  # fmt: skip
for index in (0, -1):
    case(f"gather_pick_{-index}", "gather", [T("B, S, 2"), C(f"dense<{index}> : tensor<i64>", "")], T("B, 2"),
         lambda a, i=index: a[:, i], attrs="axis = 1", sizes=grid(B=[0, 1, 3], S=[1, 7]))  # fmt: skip
case("gather_pick_kept", "gather", [T("B, 5"), C("dense<[-2]> : tensor<1xi64>", "1")], T("B, 1"),
     lambda a: a[:, 3:4], attrs="axis = 1", sizes=grid(B=[0, 1, 3]))  # fmt: skip
case("gather_constant", "gather", [T("B, 5"), C("dense<[[-2, 0], [4, 4]]> : tensor<2x2xi64>", "2, 2")], T("B, 2, 2"),
     lambda a: a[:, [[-2, 0], [4, 4]]], attrs="axis = 1", sizes=grid(B=[0, 1, 3]))  # fmt: skip
case("gather_elements", "gather_elements", [T("B, S, 2"), T("A, N, 2", "i64", indices_below("S"))], T("A, N, 2"),
     lambda a, i: np.take_along_axis(a[: i.shape[0]], i, 1), attrs="axis = 1",
     sizes=[{"B": 3, "S": 5, "A": 2, "N": 7}, {"B": 1, "S": 1, "A": 1, "N": 1}, {"B": 0, "S": 2, "A": 0, "N": 3}],
     )  # fmt: skip


def gather_nd(array, indices, batch):
    if batch == 0:
        return array[tuple(np.moveaxis(indices, -1, 0))]
    return np.stack([gather_nd(a, i, batch - 1) for a, i in zip(array, indices)]) if len(array) else np.zeros(
        (0, *indices.shape[1:-1], *array.shape[batch + indices.shape[-1]:]), array.dtype)  # fmt: skip


def pairs(first, second):
    def make(generator, shape, symbols):
        limits = [evaluate(size, symbols) for size in (first, second)]
        return np.stack([generator.integers(-n, n, shape[:-1]) for n in limits], -1)

    return make


case("gather_nd", "gather_nd", [T("B, S, 3"), T("N, 2", "i64", pairs("B", "S"))], T("N, 3"),
     lambda a, i: gather_nd(a, i, 0), attrs="batch_dims = 0", sizes=grid(B=[1, 3], S=[1, 7], N=[0, 1, 5]))  # fmt: skip
case("gather_nd_rows", "gather_nd", [T("B, S, 3"), T("N, 4, 1", "i64", indices_below("B"))], T("N, 4, S, 3"),
     lambda a, i: gather_nd(a, i, 0), attrs="batch_dims = 0", sizes=grid(B=[1, 3], S=[0, 7], N=[0, 1, 5]))  # fmt: skip
case("gather_nd_batch", "gather_nd", [T("B, S, 3"), T("B, N, 1", "i64", indices_below("S"))], T("B, N, 3"),
     lambda a, i: gather_nd(a, i, 1), attrs="batch_dims = 1",
     sizes=grid(B=[0, 1, 3], S=[1, 7], N=[0, 1, 5]))  # fmt: skip

for dtype, steps in [("i64", [1, 3, -2]), ("i32", [1, -1]), ("f32", [0.5, -0.25, 1.0]), ("f64", [0.1])]:
    for index, step in enumerate(steps):
        case(f"iota_{dtype}_{index}", "iota",
             [T("", dtype, lambda g, s, y: y["A"]), T("", dtype, lambda g, s, y: y["E"]),
              T("", dtype, lambda g, s, y, step=step: step)],
             T(f"?max(0, -(-(E - A) // {step}))", dtype),
             lambda a, e, p: (a + np.arange(max(0, math.ceil((float(e) - float(a)) / float(p)))).astype(a.dtype) * p)
             .astype(a.dtype),
             sizes=[{"A": a, "E": e} for a, e in [(0, 0), (0, 7), (3, -4), (-2, 9), (5, 6)]])  # fmt: skip
case("iota_constant", "iota", [dims(0, scalar=True), dims(7, scalar=True), dims(2, scalar=True)], T("4", "i64"),
     lambda: np.arange(0, 7, 2))  # fmt: skip

for dtype in ["f32", "i64", "i1"]:
    for upper in (False, True):
        function = np.triu if upper else np.tril
        case(f"trilu_{dtype}_{upper}", "trilu", [T("B, S, 5", dtype), T("", "i64", lambda g, s, y: y["K"])],
             T("B, S, 5", dtype), lambda a, k, f=function: f(a, int(k)), attrs=f"upper = {str(upper).lower()}",
             sizes=grid(B=[0, 1, 2], S=[0, 1, 7], K=[-3, 0, 2, 9]))  # fmt: skip
case("shape_of", "shape_of", [T("B, S, 5")], T("2", "i64"), lambda a: np.array(a.shape[1:]),
     attrs="start = 1, end = 3", sizes=SIZES)  # fmt: skip

library, test_op = CASES.tests()
