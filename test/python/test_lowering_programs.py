"""Lowered functions of several ops, and what run-time checks say."""

import dataclasses

import numpy as np
import pytest

import lowered
from lowering_cases import TYPES, assert_close


@dataclasses.dataclass
class Failure:
    """A function that must fail with `message` for `arrays`. `body` computes %r of type `result`."""

    name: str
    arguments: str
    body: str
    result: str
    arrays: list
    message: str

    def text(self):
        return f"""
        func.func @{self.name}({self.arguments}) -> {self.result} {{
          {self.body}
          return %r : {self.result}
        }}"""


def ints(*values):
    return np.array(values, np.int64)


def zeros(*shape):
    return np.zeros(shape, np.float32)


F32, I64 = "!dyn.tensor<[{}], f32>", "!dyn.tensor<[{}], i64>"
FAILURES = [
    Failure(
        "fail_broadcast",
        f"%a: {F32.format('B, S')}, %b: {F32.format('N')}",
        f"%r = dyn.add %a, %b : ({F32.format('B, S')}, {F32.format('N')}) -> {F32.format('B, broadcast(N, S)')}"
        ' loc("layer/add")',
        F32.format("B, broadcast(N, S)"),
        [zeros(2, 3), zeros(4)],
        "node 'layer/add': sizes 3 and 4 do not broadcast, they are neither equal nor 1",
    ),
    Failure(
        "fail_broadcast_number",
        f"%a: {F32.format('B, 5')}, %b: {F32.format('N')}",
        f"%r = dyn.add %a, %b : ({F32.format('B, 5')}, {F32.format('N')}) -> {F32.format('B, 5')}",
        F32.format("B, 5"),
        [zeros(2, 5), zeros(0)],
        "dyn.add: sizes 5 and 0 do not broadcast, they are neither equal nor 1",
    ),
    Failure(
        "fail_contraction",
        f"%a: {F32.format('M, K')}, %b: {F32.format('J, N')}",
        f"%r = dyn.matmul %a, %b : ({F32.format('M, K')}, {F32.format('J, N')}) -> {F32.format('M, N')}",
        F32.format("M, N"),
        [zeros(2, 3), zeros(4, 5)],
        "dyn.matmul: contracts 3 with 4",
    ),
    Failure(
        "fail_reshape",
        f"%a: {F32.format('A, 6')}, %b: {F32.format('B')}",
        "%s = dyn.constant #dyn.dims<[B, 4]> as !dyn.tensor<[2], i64>\n"
        f"%r = dyn.reshape %a, %s : ({F32.format('A, 6')}, {I64.format('2')}) -> {F32.format('B, 4')}",
        F32.format("B, 4"),
        [zeros(2, 6), zeros(2)],
        "dyn.reshape: reshapes 12 elements to 8",
    ),
    Failure(
        "fail_reshape_open",
        f"%a: {F32.format('A')}",
        "%s = dyn.constant dense<[-1, 4]> : tensor<2xi64> as !dyn.tensor<[2], i64>\n"
        f"%r = dyn.reshape %a, %s : ({F32.format('A')}, {I64.format('2')}) -> {F32.format('A floordiv 4, 4')}",
        F32.format("A floordiv 4, 4"),
        [zeros(7)],
        "dyn.reshape: reshapes 7 elements to 4",
    ),
    Failure(
        "fail_concat",
        f"%a: {F32.format('A, 2')}, %b: {F32.format('B, 3')}",
        f"%r = dyn.concat %a, %b {{axis = 1}} : ({F32.format('A, 2')}, {F32.format('B, 3')}) -> {F32.format('A, 5')}",
        F32.format("A, 5"),
        [zeros(2, 2), zeros(3, 3)],
        "dyn.concat: joins size 2 with 3 along dimension 0",
    ),
    Failure(
        "fail_slice",
        f"%a: {F32.format('N')}, %s: {I64.format('1')}",
        f"%r = dyn.slice %a, %s, %s, %s {{axes = array<i64: 0>}} : "
        f"({F32.format('N')}, {I64.format('1')}, {I64.format('1')}, {I64.format('1')}) -> {F32.format('?')}",
        F32.format("?"),
        [zeros(3), ints(0)],
        "dyn.slice: expects steps other than 0",
    ),
    Failure(
        "fail_pad",
        f"%a: {F32.format('N')}, %v: {F32.format('')}, %p: {I64.format('2')}",
        f"%r = dyn.pad %a, %p, %v : ({F32.format('N')}, {I64.format('2')}, {F32.format('')}) -> {F32.format('?')}",
        F32.format("?"),
        [zeros(3), zeros(), ints(-2, -2)],
        "dyn.pad: pads dimension 0 to size -1, which is less than 0",
    ),
    Failure(
        "fail_refine",
        f"%a: {F32.format('?')}, %b: {F32.format('N')}",
        f"%c = dyn.refine %a : {F32.format('?')} to {F32.format('N')}\n"
        f"%r = dyn.add %c, %b : ({F32.format('N')}, {F32.format('N')}) -> {F32.format('N')}",
        F32.format("N"),
        [zeros(3), zeros(4)],
        "dyn.refine: dimension 0 is 3, expects N = 4",
    ),
    Failure(
        "fail_stated_size",
        f"%a: {F32.format('?')}, %b: {F32.format('N')}",
        f"%r = dyn.neg %a : ({F32.format('?')}) -> {F32.format('N')}",
        F32.format("N"),
        [zeros(3), zeros(4)],
        "dyn.neg: dimension 0 of the result is 3, expects N = 4",
    ),
    Failure(
        "fail_from_builtin",
        f"%a: tensor<?xf32>, %b: {F32.format('N')}",
        f"%c = dyn.from_builtin %a : tensor<?xf32> to {F32.format('N')}\n"
        f"%r = dyn.add %c, %b : ({F32.format('N')}, {F32.format('N')}) -> {F32.format('N')}",
        F32.format("N"),
        [zeros(3), zeros(4)],
        "dyn.from_builtin: dimension 0 is 3, expects N = 4",
    ),
    *[
        Failure(
            f"fail_gather_{name}",
            f"%a: {F32.format(size)}, %i: {I64.format('N')}",
            f"%r = dyn.gather %a, %i {{axis = 0}} : ({F32.format(size)}, {I64.format('N')}) -> {F32.format('N')}",
            F32.format("N"),
            [zeros(shape), ints(*indices)],
            f"dyn.gather: index {bad} is out of range for an axis of size {shape}",
        )
        for name, size, shape, indices, bad in [
            ("above", "5", 5, (0, 5, 2), 5),
            ("below", "5", 5, (0, -6, 2), -6),
            ("far", "5", 5, (2**62,), 2**62),
            ("dynamic", "S", 7, (0, 6, 7), 7),
            ("nothing", "S", 0, (0,), 0),
        ]
    ],
    Failure(
        "fail_pick",
        f"%a: {F32.format('N, 2')}",
        "%i = dyn.constant dense<-3> : tensor<i64> as !dyn.tensor<[], i64>\n"
        f"%r = dyn.gather %a, %i {{axis = 0}} : ({F32.format('N, 2')}, {I64.format('')}) -> {F32.format('2')}",
        F32.format("2"),
        [zeros(2, 2)],
        "dyn.gather: index -3 is out of range for an axis of size 2",
    ),
    Failure(
        "fail_gather_elements",
        f"%a: {F32.format('N, 2')}, %i: {I64.format('M, 3')}",
        f"%r = dyn.gather_elements %a, %i {{axis = 1}} : ({F32.format('N, 2')}, {I64.format('M, 3')}) -> "
        f"{F32.format('M, 3')}",
        F32.format("M, 3"),
        [zeros(1, 2), np.zeros((2, 3), np.int64)],
        "dyn.gather_elements: has 2 indices along dimension 0 of an input of size 1",
    ),
    Failure(
        "fail_gather_nd",
        f"%a: {F32.format('4, 5')}, %i: {I64.format('N, 2')}",
        f"%r = dyn.gather_nd %a, %i {{batch_dims = 0}} : ({F32.format('4, 5')}, {I64.format('N, 2')}) -> "
        f"{F32.format('N')}",
        F32.format("N"),
        [zeros(4, 5), np.array([[0, 0], [3, 5]], np.int64)],
        "dyn.gather_nd: index 5 is out of range for an axis of size 5",
    ),
    *[
        Failure(
            f"fail_{op}",
            f"%a: {I64.format('N')}, %b: {I64.format('N')}",
            f"%r = dyn.{op} %a, %b : ({I64.format('N')}, {I64.format('N')}) -> {I64.format('N')}",
            I64.format("N"),
            [ints(1, 2, 3), ints(1, 0, 2)],
            f"dyn.{op}: division of an integer by 0",
        )
        for op in ("div", "mod", "fmod")
    ],
    Failure(
        "fail_layer_norm",
        f"%a: {F32.format('B, D')}, %s: {F32.format('E')}",
        f"%r = dyn.layer_norm %a, %s {{axis = 1, epsilon = 1.0e-5}} : ({F32.format('B, D')}, {F32.format('E')}) -> "
        f"{F32.format('B, D')}",
        F32.format("B, D"),
        [zeros(2, 1), zeros(3)],
        "dyn.layer_norm: size 3 does not broadcast to 1, it is neither equal nor 1",
    ),
    Failure(
        "fail_iota",
        f"%a: {I64.format('')}, %b: {I64.format('')}, %c: {I64.format('')}",
        f"%r = dyn.iota %a, %b, %c : ({', '.join([I64.format('')] * 3)}) -> {I64.format('?')}",
        I64.format("?"),
        [np.int64(0), np.int64(5), np.int64(0)],
        "dyn.iota: expects a step other than 0",
    ),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    text = "\n".join(item.text() for item in FAILURES)
    return lowered.compile_functions(text + PROGRAMS, tmp_path_factory.mktemp("lowering"))


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_failure(library, failure):
    arrays = [np.asarray(array) for array in failure.arrays]
    rank = failure.result.count(",") - 1 + ("[]" not in failure.result)
    with pytest.raises(lowered.RunError) as error:
        library.call(failure.name, arrays, rank, TYPES[failure.result.split()[-1].strip(">")])
    assert str(error.value) == failure.message


# Sizes that the run finds out, symbols that are solved for or born in the body, sizes computed from sizes.
PROGRAMS = """
func.func @solved(%x: !dyn.tensor<[P, 2 * D], f32>, %y: !dyn.tensor<[P + S], f32>) -> !dyn.tensor<[4], i64> {
  %r = dyn.constant #dyn.dims<[S, D, S floordiv 2, -S floordiv 2]> as !dyn.tensor<[4], i64>
  return %r : !dyn.tensor<[4], i64>
}
func.func @born(%x: !dyn.tensor<[?], f32>, %y: !dyn.tensor<[?], f32>) -> !dyn.tensor<[?], f32> {
  %n = dyn.refine %x : !dyn.tensor<[?], f32> to !dyn.tensor<[N], f32>
  %s = dyn.constant #dyn.dims<[N + 1]> as !dyn.tensor<[1], i64>
  %t = dyn.tile %y, %s : (!dyn.tensor<[?], f32>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[?], f32>
  return %t : !dyn.tensor<[?], f32>
}
func.func @shape_arithmetic(%x: !dyn.tensor<[B, S], f32>, %y: !dyn.tensor<[?, ?], f32>) -> !dyn.tensor<[?, ?, 1], f32> {
  %s = dyn.shape_of %y {start = 0, end = 2} : (!dyn.tensor<[?, ?], f32>) -> !dyn.tensor<[2], i64>
  %zero = dyn.constant dense<0> : tensor<i64> as !dyn.tensor<[], i64>
  %rows = dyn.gather %s, %zero {axis = 0} : (!dyn.tensor<[2], i64>, !dyn.tensor<[], i64>) -> !dyn.tensor<[], i64>
  %one = dyn.constant dense<1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %open = dyn.constant dense<-1> : tensor<1xi64> as !dyn.tensor<[1], i64>
  %vector = dyn.reshape %rows, %one : (!dyn.tensor<[], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[1], i64>
  %shape = dyn.concat %vector, %open, %one {axis = 0}
      : (!dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>, !dyn.tensor<[1], i64>) -> !dyn.tensor<[3], i64>
  %r = dyn.reshape %x, %shape : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[3], i64>) -> !dyn.tensor<[?, ?, ?], f32>
  %e = dyn.refine %r : !dyn.tensor<[?, ?, ?], f32> to !dyn.tensor<[?, ?, 1], f32>
  return %e : !dyn.tensor<[?, ?, 1], f32>
}
func.func @called(%x: !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32> {
  %0 = call @callee(%x) : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32>
  %1 = dyn.add %0, %x : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32>
  return %1 : !dyn.tensor<[B, S], f32>
}
func.func private @callee(%x: !dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32> {
  %0 = dyn.softmax %x {axis = 1 : i64} : (!dyn.tensor<[B, S], f32>) -> !dyn.tensor<[B, S], f32>
  return %0 : !dyn.tensor<[B, S], f32>
}
func.func @branches(%c: !dyn.tensor<[], i1>, %x: !dyn.tensor<[B, S], f32>, %y: !dyn.tensor<[?, S], f32>)
    -> !dyn.tensor<[?, S], f32> {
  %b = dyn.to_builtin %c : !dyn.tensor<[], i1> to tensor<i1>
  %taken = tensor.extract %b[] : tensor<i1>
  %r = scf.if %taken -> !dyn.tensor<[?, S], f32> {
    %0 = dyn.concat %x, %y {axis = 0} : (!dyn.tensor<[B, S], f32>, !dyn.tensor<[?, S], f32>) -> !dyn.tensor<[?, S], f32>
    %1 = dyn.mul %0, %0 : (!dyn.tensor<[?, S], f32>, !dyn.tensor<[?, S], f32>) -> !dyn.tensor<[?, S], f32>
    scf.yield %1 : !dyn.tensor<[?, S], f32>
  } else {
    %s = dyn.constant #dyn.dims<[2 * B, S]> as !dyn.tensor<[2], i64>
    %0 = dyn.broadcast_to %y, %s : (!dyn.tensor<[?, S], f32>, !dyn.tensor<[2], i64>) -> !dyn.tensor<[?, S], f32>
    scf.yield %0 : !dyn.tensor<[?, S], f32>
  }
  %z = dyn.neg %r : (!dyn.tensor<[?, S], f32>) -> !dyn.tensor<[?, S], f32>
  return %z : !dyn.tensor<[?, S], f32>
}
func.func @same_operand(%x: !dyn.tensor<[?, 4], f32>, %i: !dyn.tensor<[?], i64>) -> !dyn.tensor<[?, 4], f32> {
  %y = dyn.gather %x, %i {axis = 0} : (!dyn.tensor<[?, 4], f32>, !dyn.tensor<[?], i64>) -> !dyn.tensor<[?, 4], f32>
  %z = dyn.exp %y : (!dyn.tensor<[?, 4], f32>) -> !dyn.tensor<[?, 4], f32>
  %r = dyn.sub %z, %y : (!dyn.tensor<[?, 4], f32>, !dyn.tensor<[?, 4], f32>) -> !dyn.tensor<[?, 4], f32>
  return %r : !dyn.tensor<[?, 4], f32>
}
"""


@pytest.mark.parametrize(("p", "d", "s"), [(0, 1, 7), (3, 0, 5), (2, 2, 0), (1, 1, 1)])
def test_solved_symbols(library, p, d, s):
    actual = library.call("solved", [zeros(p, 2 * d), zeros(p + s)], 1, TYPES["i64"])
    assert actual.tolist() == [s, d, s // 2, -s // 2]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_symbol_of_the_body(library, n):
    y = np.arange(3, dtype=np.float32)
    assert library.call("born", [zeros(n), y], 1, TYPES["f32"]).tolist() == np.tile(y, n + 1).tolist()


@pytest.mark.parametrize(("b", "s", "rows"), [(2, 3, 3), (1, 1, 1), (4, 0, 2), (6, 1, 2)])
def test_shape_arithmetic(library, b, s, rows):
    x = np.arange(b * s, dtype=np.float32).reshape(b, s)
    actual = library.call("shape_arithmetic", [x, zeros(rows, 9)], 3, TYPES["f32"])
    np.testing.assert_array_equal(actual, x.reshape(rows, b * s // rows, 1))


def test_call(library):
    x = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    e = np.exp(x - x.max(1, keepdims=True))
    assert_close(library.call("called", [x], 2, TYPES["f32"]), e / e.sum(1, keepdims=True) + x, ulps=8)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_equal_run_time_sizes(library, count):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((3, 4)).astype(np.float32)
    indices = generator.integers(0, 3, count)
    actual = library.call("same_operand", [x, indices], 2, TYPES["f32"])
    assert_close(actual, np.exp(x[indices]) - x[indices], ulps=4)


@pytest.mark.parametrize(("b", "s"), [(0, 3), (1, 1), (2, 5)])
def test_branches(library, b, s):
    generator = np.random.default_rng(0)
    x, y = (generator.standard_normal((n, s)).astype(np.float32) for n in (b, 1))
    both = np.concatenate([x, y])
    actual = library.call("branches", [np.asarray(True), x, y], 2, TYPES["f32"])
    assert_close(actual, -(both * both), ulps=0)
    actual = library.call("branches", [np.asarray(False), x, y], 2, TYPES["f32"])
    assert_close(actual, -np.broadcast_to(y, (2 * b, s)), ulps=0)
