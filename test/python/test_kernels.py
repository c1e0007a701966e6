"""Each family of kernels, at sizes around every tile boundary, against NumPy in f64."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from kernels import EmulatedKernels, Kernels, guarded, panels
from tools import run_tool

# Over panels of 16 columns: sizes that the code knows, as weights have, and sizes that it does not.
PANELS = [(45, 67), (32, 64), (7, 1), (17, 5), (70, 33), (16, 1537)]


def product_of_panels(name: str, lhs: str, rhs: str, out: str) -> str:
    return f"""
func.func @{name}(%a: memref<{lhs}>, %b: memref<{rhs}>, %c: memref<{out}>) attributes {{llvm.emit_c_interface}} {{
  linalg.generic {{indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                                    affine_map<(m, n, k) -> ((n floordiv 16) mod 2, n floordiv 32, k, n mod 16)>,
                                    affine_map<(m, n, k) -> (m, n)>],
                   iterator_types = ["parallel", "parallel", "reduction"]}}
      ins(%a, %b : memref<{lhs}>, memref<{rhs}>) outs(%c : memref<{out}>) {{
  ^bb0(%x: f32, %y: f32, %sum: f32):
    %0 = arith.mulf %x, %y : f32
    %1 = arith.addf %sum, %0 : f32
    linalg.yield %1 : f32
  }}
  return
}}
"""


SOURCE = product_of_panels("panels", "?x?xf32", "2x?x?x16xf32", "?x?xf32")
for n, k in PANELS:
    SOURCE += product_of_panels(f"panels_{n}_{k}", f"?x{k}xf32", f"2x{-(-n // 32)}x{k}x16xf32", f"?x{n}xf32")
SOURCE += """
#all = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#column = affine_map<(d0, d1) -> (d1)>
func.func @matmul(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>)
    attributes {llvm.emit_c_interface} {
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}
func.func @matmul_transposed(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>)
    attributes {llvm.emit_c_interface} {
  linalg.matmul
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                       affine_map<(m, n, k) -> (m, n)>]
      ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}
func.func @matmul_columns(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>)
    attributes {llvm.emit_c_interface} {
  linalg.matmul
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                       affine_map<(m, n, k) -> (m, n)>]
      {dyn.lowering = {transpose = 67}}
      ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}
func.func @matmul_columns_f64(%a: memref<?x?xf64>, %b: memref<?x?xf64>, %c: memref<?x?xf64>)
    attributes {llvm.emit_c_interface} {
  linalg.matmul
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                       affine_map<(m, n, k) -> (m, n)>]
      {dyn.lowering = {transpose = 67}}
      ins(%a, %b : memref<?x?xf64>, memref<?x?xf64>) outs(%c : memref<?x?xf64>)
  return
}
func.func @matmul_i8(%a: memref<?x?xi8>, %b: memref<?x?xi8>, %c: memref<?x?xi32>)
    attributes {llvm.emit_c_interface} {
  linalg.matmul ins(%a, %b : memref<?x?xi8>, memref<?x?xi8>) outs(%c : memref<?x?xi32>)
  return
}
func.func @matmul_f64(%a: memref<?x?xf64>, %b: memref<?x?xf64>, %c: memref<?x?xf64>)
    attributes {llvm.emit_c_interface} {
  linalg.matmul ins(%a, %b : memref<?x?xf64>, memref<?x?xf64>) outs(%c : memref<?x?xf64>)
  return
}
func.func @add_bias(%a: memref<?x?xf32>, %b: memref<?xf32>, %c: memref<?x?xf32>)
    attributes {llvm.emit_c_interface} {
  linalg.generic {indexing_maps = [#all, #column, #all], iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : memref<?x?xf32>, memref<?xf32>) outs(%c : memref<?x?xf32>) {
  ^bb0(%x: f32, %y: f32, %old: f32):
    %0 = arith.addf %x, %y : f32
    linalg.yield %0 : f32
  }
  return
}
func.func @add_bias_streamed(%a: memref<?x?xf32>, %b: memref<?xf32>, %c: memref<?x?xf32>)
    attributes {llvm.emit_c_interface} {
  linalg.generic {indexing_maps = [#all, #column, #all], iterator_types = ["parallel", "parallel"],
                  dyn.lowering = {stream = 1024}}
      ins(%a, %b : memref<?x?xf32>, memref<?xf32>) outs(%c : memref<?x?xf32>) {
  ^bb0(%x: f32, %y: f32, %old: f32):
    %0 = arith.addf %x, %y : f32
    linalg.yield %0 : f32
  }
  return
}
func.func @sum_rows(%a: memref<?x?xf32>, %b: memref<?xf32>) attributes {llvm.emit_c_interface} {
  linalg.reduce {arith.addf} ins(%a : memref<?x?xf32>) outs(%b : memref<?xf32>) dimensions = [1]
  return
}
func.func @sum_columns(%a: memref<?x?xf32>, %b: memref<?xf32>) attributes {llvm.emit_c_interface} {
  linalg.reduce {arith.addf} ins(%a : memref<?x?xf32>) outs(%b : memref<?xf32>) dimensions = [0]
  return
}
func.func @transpose(%a: memref<?x?xf32>, %b: memref<?x?xf32>) attributes {llvm.emit_c_interface} {
  linalg.transpose ins(%a : memref<?x?xf32>) outs(%b : memref<?x?xf32>) permutation = [1, 0]
  return
}
func.func @gather(%table: memref<?x?xf32>, %ids: memref<?xi64>, %out: memref<?x?xf32>)
    attributes {llvm.emit_c_interface} {
  linalg.generic {indexing_maps = [#row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%ids : memref<?xi64>) outs(%out : memref<?x?xf32>) {
  ^bb0(%id: i64, %old: f32):
    %i = arith.index_cast %id : i64 to index
    %j = linalg.index 1 : index
    %0 = memref.load %table[%i, %j] : memref<?x?xf32>
    linalg.yield %0 : f32
  }
  return
}
func.func @positive(%a: memref<?xi64>, %b: memref<?xi1>, %c: memref<?xf32>) attributes {llvm.emit_c_interface} {
  %zero = arith.constant 0 : i64
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : memref<?xi64>) outs(%b : memref<?xi1>) {
  ^bb0(%x: i64, %old: i1):
    %0 = arith.cmpi sgt, %x, %zero : i64
    linalg.yield %0 : i1
  }
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%b : memref<?xi1>) outs(%c : memref<?xf32>) {
  ^bb0(%x: i1, %old: f32):
    %0 = arith.uitofp %x : i1 to f32
    linalg.yield %0 : f32
  }
  return
}
func.func @divide(%a: memref<?xi32>, %b: memref<?xi32>, %c: memref<?xi32>) attributes {llvm.emit_c_interface} {
  linalg.div ins(%a, %b : memref<?xi32>, memref<?xi32>) outs(%c : memref<?xi32>)
  return
}
func.func @convolution(%x: memref<?x?x?x?xf32>, %f: memref<3x3x?x?xf32>, %y: memref<?x?x?x?xf32>)
    attributes {llvm.emit_c_interface} {
  linalg.conv_2d_nhwc_hwcf {strides = dense<[2, 1]> : tensor<2xi64>, dilations = dense<[1, 2]> : tensor<2xi64>}
      ins(%x, %f : memref<?x?x?x?xf32>, memref<3x3x?x?xf32>) outs(%y : memref<?x?x?x?xf32>)
  return
}
"""
SIZES = [0, 1, 2, 5, 7, 13, 14, 15, 16, 17, 29, 31, 32, 33, 63, 70]
# Columns around those of wide blocks, which few rows have.
WIDE = [63, 64, 65, 127, 128, 129, 190, 261]


@pytest.fixture(scope="module", params=["znver2", "skylake-avx512", "neoverse-n1"])
def run(request, tmp_path_factory):
    if request.param == "neoverse-n1":
        if not EmulatedKernels.are_possible():
            pytest.skip("there is no qemu-aarch64 or no aarch64-linux-gnu-gcc")
        return EmulatedKernels(SOURCE, tmp_path_factory.mktemp(request.param), request.param)
    flags = Path("/proc/cpuinfo").read_text().split()
    needed = {"znver2": "avx2", "skylake-avx512": "avx512vl"}[request.param]
    if needed not in flags:
        pytest.skip(f"this machine has no {needed}")
    return Kernels(SOURCE, tmp_path_factory.mktemp(request.param), request.param)


def random(shape, seed=0, dtype=np.float32, side="end"):
    array = guarded(shape, dtype, side)
    generator = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.integer):
        array[...] = generator.integers(-100, 100, shape)
    else:
        array[...] = generator.standard_normal(shape)
    return array


@pytest.mark.parametrize("k", [0, 1, 5, 17, 64, 70])
def test_matmul(run, k):
    for m, n in [*itertools.product(SIZES, SIZES), *itertools.product(range(9), WIDE)]:
        a, b, start = random((m, k)), random((k, n), 1), random((m, n), 2)
        expected = start + a.astype(np.float64) @ b
        transposed = guarded((n, k))
        transposed[...] = b.T
        # Sums of up to 67 elements have a form of their own in the last one.
        for name, rhs in (("matmul", b), ("matmul_transposed", transposed), ("matmul_columns", transposed)):
            c = guarded((m, n))
            c[...] = start
            run(name, a, rhs, c)
            np.testing.assert_allclose(c, expected, rtol=1e-5, atol=2e-5, err_msg=f"{name} {m}x{n}x{k}")


def test_what_is_beyond_a_short_sum_does_not_matter(run):
    """Blocks of steps that end behind the sum multiply zeros, not what lies there, nor infinities in it."""
    for k in [3, 8, 9, 20]:
        a, b, c = random((5, k)), random((33, k), 1), guarded((5, 33))
        a[2], b[7, -1] = np.inf, -np.inf
        c[...] = 0
        run("matmul_columns", a, b, c)
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(c, a.astype(np.float64) @ b.T, rtol=1e-5, atol=2e-5)


def check_panels(run, name, m, n, k, side):
    a, b, c = random((m, k), 0, side=side), random((k, n), 1), random((m, n), 2, side=side)
    packed = guarded((2, -(-n // 32), k, 16), side=side)
    packed[...] = panels(b)
    expected = c + a.astype(np.float64) @ b
    run(name, a, packed, c)
    np.testing.assert_allclose(c, expected, rtol=1e-5, atol=1e-6 * (k + 20), err_msg=f"{name} {m}x{n}x{k}")


@pytest.mark.parametrize("side", ["start", "end"])
def test_matmul_of_panels(run, side):
    for m, n, k in itertools.product(SIZES, SIZES, [0, 1, 5, 17, 70]):
        check_panels(run, "panels", m, n, k, side)
    for m, (n, k) in itertools.product([*SIZES, 113], PANELS):
        check_panels(run, f"panels_{n}_{k}", m, n, k, side)
    for m, n, k in [(57, 33, 1535), (15, 32, 1537), (29, 48, 3073)]:
        check_panels(run, "panels", m, n, k, side)


@pytest.mark.parametrize(("name", "operand", "result"), [("i8", np.int8, np.int32), ("f64", np.float64, np.float64)])
def test_matmul_of_other_types(run, name, operand, result):
    for m, n, k in [(0, 3, 4), (1, 1, 1), (3, 5, 7), (14, 33, 70), (29, 17, 64)]:
        a, b, c = random((m, k), 0, operand), random((k, n), 1, operand), random((m, n), 2, result)
        expected = c + a.astype(np.float64) @ b.astype(np.float64)
        start = c.copy()
        run(f"matmul_{name}", a, b, c)
        np.testing.assert_allclose(c, expected, rtol=1e-12, atol=1e-12)
        if name == "f64":
            run("matmul_columns_f64", a, np.ascontiguousarray(b.T), start)
            np.testing.assert_allclose(start, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n", "of_panels"), [(45, "panels_45_67"), (190, "panels")])
def test_rows_have_the_same_bits_whatever_their_number(run, n, of_panels):
    k = 67
    a, b = random((70, k)), random((k, n), 1)
    bt = np.ascontiguousarray(b.T)
    whole = np.zeros((70, n), np.float32)
    run("matmul", a, b, whole)
    whole_transposed, whole_columns = np.zeros((70, n), np.float32), np.zeros((70, n), np.float32)
    run("matmul_transposed", a, bt, whole_transposed)
    run("matmul_columns", a, bt, whole_columns)
    packed = np.ascontiguousarray(panels(b))
    whole_panels = np.zeros((70, n), np.float32)
    run(of_panels, a, packed, whole_panels)
    for first, count in itertools.product([0, 1, 13, 40], [1, 2, 5, 14, 15, 30]):
        part = np.zeros((count, n), np.float32)
        run("matmul", np.ascontiguousarray(a[first : first + count]), b, part)
        np.testing.assert_array_equal(part, whole[first : first + count])
        part[...] = 0
        run("matmul_transposed", np.ascontiguousarray(a[first : first + count]), bt, part)
        np.testing.assert_array_equal(part, whole_transposed[first : first + count])
        part[...] = 0
        run("matmul_columns", np.ascontiguousarray(a[first : first + count]), bt, part)
        np.testing.assert_array_equal(part, whole_columns[first : first + count])
        part[...] = 0
        run(of_panels, np.ascontiguousarray(a[first : first + count]), packed, part)
        np.testing.assert_array_equal(part, whole_panels[first : first + count])


def test_appended_zeros_change_no_bit_of_a_sum(run):
    for n in SIZES:
        a = random((3, n))
        sums, padded = np.zeros(3, np.float32), np.zeros(3, np.float32)
        run("sum_rows", a, sums)
        run("sum_rows", np.pad(a, ((0, 0), (0, 77))), padded)
        np.testing.assert_array_equal(sums, padded)


def test_elementwise_reductions_and_copies(run):
    for m, n in itertools.product(SIZES, SIZES):
        a, bias, c = random((m, n)), random((n,), 1), random((m, n), 2)
        run("add_bias", a, bias, c)
        np.testing.assert_array_equal(c, a + bias)
        rows, columns, turned = guarded((m,)), guarded((n,)), guarded((n, m))
        run("sum_rows", a, rows)
        np.testing.assert_allclose(rows, a.sum(1, dtype=np.float64), atol=1e-5)
        run("sum_columns", a, columns)
        np.testing.assert_allclose(columns, a.sum(0, dtype=np.float64), atol=1e-5)
        run("transpose", a, turned)
        np.testing.assert_array_equal(turned, a.T)
        table, ids, out = random((50, n)), guarded((m,), np.int64), guarded((m, n))
        ids[...] = np.random.default_rng(m).integers(0, 50, m)
        run("gather", table, ids, out)
        np.testing.assert_array_equal(out, table[ids])


def test_results_past_the_caches(run):
    """Above and below the limit, in rows of whole vectors and others, aligned and not."""
    for m, n in itertools.product([0, 1, 5, 16], [1, 16, 17, 48, 64, 255, 256, 272, 1021]):
        a, bias = random((m, n)), random((n,), 1)
        for aligned in (True, False):
            start = 64 if aligned else 16
            memory = guarded((m * n * 4 + start,), np.uint8, "start")
            c = memory[start:].view(np.float32).reshape(m, n)
            run("add_bias_streamed", a, bias, c)
            np.testing.assert_array_equal(c, a + bias)


@pytest.mark.parametrize("cpu", ["znver2", "skylake-avx512", "neoverse-n1"])
def test_panels_are_read_as_panels(tmp_path, cpu):
    """What the tests of panels call streams them: that path alone prefetches weights."""
    (tmp_path / "kernels.mlir").write_text(SOURCE)
    done = run_tool("dyn-opt", tmp_path / "kernels.mlir", f"--dyn-vectorize=target={cpu}")
    assert done.returncode == 0, done.stderr
    functions = {body.split("(", 1)[0]: body for body in done.stdout.split("func.func @")[1:]}
    for name in ["panels", *(f"panels_{n}_{k}" for n, k in PANELS)]:
        assert "memref.prefetch %arg1" in functions[name], name
    assert "memref.prefetch" not in functions["matmul"]


def test_integers_and_booleans(run):
    for n in SIZES:
        numbers, flags, ones = random((n,), 0, np.int64), guarded((n,), np.bool_), guarded((n,))
        run("positive", numbers, flags, ones)
        np.testing.assert_array_equal(flags, numbers > 0)
        np.testing.assert_array_equal(ones, numbers > 0)
        a, b, c = random((n,), 0, np.int32), random((n,), 1, np.int32), guarded((n,), np.int32)
        b[b == 0] = 3
        run("divide", a, b, c)
        np.testing.assert_array_equal(c, np.trunc(a / b))


def test_convolution(run):
    for channels, filters in [(1, 1), (3, 5), (4, 33)]:
        x, f = random((2, 9, 11, channels)), random((3, 3, channels, filters), 1)
        y = guarded((2, 4, 7, filters))
        run("convolution", x, f, y)
        expected = np.zeros(y.shape)
        for i, j, p, q in itertools.product(range(4), range(7), range(3), range(3)):
            expected[:, i, j] += x[:, 2 * i + p, j + 2 * q].astype(np.float64) @ f[p, q]
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)
