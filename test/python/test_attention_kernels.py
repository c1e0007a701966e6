"""Attention as compiled for each CPU, against float64; the Arm one runs in qemu."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from kernels import EmulatedKernels, Kernels, guarded

HEADS, DEPTH, WIDTH = 3, 32, 48
FUNCTION = """
func.func @NAME(%q_buffer: memref<3x?x32xf32>, %k_buffer: memref<3x?x32xf32>, %v_buffer: memref<3x?x48xf32>,
                %mask_buffer: memref<?x?xf32>, %out: memref<3x?x48xf32>) attributes {llvm.emit_c_interface} {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %never = arith.constant 0xFF800000 : f32
  %quarter = arith.constant 0.25 : f32
  %q = bufferization.to_tensor %q_buffer restrict : memref<3x?x32xf32> to tensor<3x?x32xf32>
  %k = bufferization.to_tensor %k_buffer restrict : memref<3x?x32xf32> to tensor<3x?x32xf32>
  %v = bufferization.to_tensor %v_buffer restrict : memref<3x?x48xf32> to tensor<3x?x48xf32>
  %mask = bufferization.to_tensor %mask_buffer restrict : memref<?x?xf32> to tensor<?x?xf32>
  %m = tensor.dim %q, %c1 : tensor<3x?x32xf32>
  %n = tensor.dim %k, %c1 : tensor<3x?x32xf32>
  %all = tensor.empty(%m, %n) : tensor<3x?x?xf32>
  %0 = linalg.fill ins(%zero : f32) outs(%all : tensor<3x?x?xf32>) -> tensor<3x?x?xf32>
  %scores = linalg.generic {
      indexing_maps = [affine_map<(b, i, j, d) -> (b, i, d)>, affine_map<(b, i, j, d) -> (b, j, d)>,
                       affine_map<(b, i, j, d) -> (b, i, j)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%q, %k : tensor<3x?x32xf32>, tensor<3x?x32xf32>) outs(%0 : tensor<3x?x?xf32>) {
  ^bb0(%x: f32, %y: f32, %sum: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<3x?x?xf32>
  %changed = linalg.generic {
      indexing_maps = [affine_map<(b, i, j) -> (b, i, j)>, affine_map<(b, i, j) -> (i, j)>,
                       affine_map<(b, i, j) -> (b, i, j)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%scores, %mask : tensor<3x?x?xf32>, tensor<?x?xf32>) outs(%all : tensor<3x?x?xf32>) {
  ^bb0(%score: f32, %added: f32, %old: f32):
    %scaled = arith.mulf %score, %quarter : f32
    CHANGE
    linalg.yield %changed_score : f32
  } -> tensor<3x?x?xf32>
  %weights = linalg.softmax dimension(2) ins(%changed : tensor<3x?x?xf32>) outs(%all : tensor<3x?x?xf32>)
    -> tensor<3x?x?xf32>
  %empty = tensor.empty(%m) : tensor<3x?x48xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%empty : tensor<3x?x48xf32>) -> tensor<3x?x48xf32>
  %result = linalg.batch_matmul ins(%weights, %v : tensor<3x?x?xf32>, tensor<3x?x48xf32>)
    outs(%1 : tensor<3x?x48xf32>) -> tensor<3x?x48xf32>
  bufferization.materialize_in_destination %result in restrict writable %out
    : (tensor<3x?x48xf32>, memref<3x?x48xf32>) -> ()
  return
}
"""
CHANGES = {
    "plain": "%changed_score = arith.addf %scaled, %zero : f32",
    "masked": "%changed_score = arith.addf %scaled, %added : f32",
    "causal": """%i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %future = arith.cmpi slt, %i, %j : index
    %changed_score = arith.select %future, %never, %scaled : f32""",
    "causal_kept": """%i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %seen = arith.cmpi sge, %i, %j : index
    %changed_score = arith.select %seen, %scaled, %never : f32""",
    "causal_shifted": """%i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %two = arith.constant 2 : i64
    %query = arith.index_cast %i : index to i64
    %key = arith.index_cast %j : index to i64
    %next = arith.addi %query, %two : i64
    %future = arith.cmpi sge, %key, %next : i64
    %changed_score = arith.select %future, %never, %scaled : f32""",
}
#: The last key that a query sees, counted from it.
LAST_KEYS = {"causal": 0, "causal_kept": 0, "causal_shifted": 1}
SOURCE = "".join(FUNCTION.replace("NAME", name).replace("CHANGE", change) for name, change in CHANGES.items())
LENGTHS = [0, 1, 2, 3, 5, 8, 13, 16, 17, 31, 33, 130, 257]
PAIRS = [*zip(LENGTHS, LENGTHS, strict=True), (1, 129), (7, 200), (40, 3), (3, 0), (0, 3)]
# One query: keys of which the last few, or all, are sums of their own.
PAIRS += [(1, 4), (1, 5), (1, 20), (1, 21), (1, 132)]


@pytest.fixture(scope="module", params=["znver2", "skylake-avx512", "neoverse-n1"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "neoverse-n1":
        if not EmulatedKernels.are_possible():
            pytest.skip("there is no qemu-aarch64 or no aarch64-linux-gnu-gcc")
        return EmulatedKernels(SOURCE, folder, request.param)
    needed = {"znver2": "avx2", "skylake-avx512": "avx512vl"}[request.param]
    if needed not in Path("/proc/cpuinfo").read_text().split():
        pytest.skip(f"this machine has no {needed}")
    return Kernels(SOURCE, folder, request.param)


def make(queries: int, keys: int) -> list[np.ndarray]:
    generator = np.random.default_rng(7)
    shapes = ((HEADS, queries, DEPTH), (HEADS, keys, DEPTH), (HEADS, keys, WIDTH), (queries, keys))
    arrays = [guarded(shape) for shape in shapes]
    for array in arrays:
        array[...] = generator.standard_normal(array.shape)
    return arrays


def compute(run, name: str, arrays: list[np.ndarray]) -> np.ndarray:
    out = guarded((HEADS, arrays[0].shape[1], WIDTH))
    out[...] = np.nan
    run(name, *arrays, out)
    return out


def reference(name: str, q, k, v, mask) -> np.ndarray:
    scores = 0.25 * q.astype(np.float64) @ k.transpose(0, 2, 1)
    if name == "masked":
        scores = scores + mask
    if name in LAST_KEYS:
        scores = np.where(np.tri(*mask.shape, k=LAST_KEYS[name], dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=np.finfo(np.float64).min))
    return weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-300) @ v


@pytest.mark.parametrize("name", CHANGES)
def test_values(run, name):
    for queries, keys in PAIRS:
        arrays = make(queries, keys)
        np.testing.assert_allclose(
            compute(run, name, arrays), reference(name, *arrays), rtol=1e-5, atol=3e-6, err_msg=f"{queries}x{keys}"
        )


def test_scores_far_apart(run):
    """Weights from 1 down to denormal numbers; a score of 64 is known to 4e-6."""
    q, k, v, mask = make(19, 70)
    q *= 10
    v += 2
    expected = reference("plain", q, k, v, mask)
    np.testing.assert_allclose(compute(run, "plain", [q, k, v, mask]), expected, rtol=5e-5, atol=0)


@pytest.mark.parametrize("keys", [3, 131, 150])
def test_bits_of_a_row_do_not_depend_on_others(run, keys):
    arrays = make(40, keys)
    whole = compute(run, "masked", arrays)
    q, k, v, mask = arrays
    for start, end in itertools.combinations((0, 1, 2, 5, 16, 33, 40), 2):
        part = [guarded((HEADS, end - start, DEPTH)), k, v, guarded((end - start, keys))]
        part[0][...] = q[:, start:end]
        part[3][...] = mask[start:end]
        np.testing.assert_array_equal(compute(run, "masked", part), whole[:, start:end], err_msg=f"{start} to {end}")


@pytest.mark.parametrize("name", LAST_KEYS)
def test_bits_of_a_causal_row_do_not_depend_on_later_ones(run, name):
    q, k, v, mask = make(150, 150)
    whole = compute(run, name, [q, k, v, mask])
    for count in (1, 2, 5, 15, 16, 17, 24, 32, 33, 48, 127, 129, 149):
        keys = min(count + LAST_KEYS[name], 150)
        part = make(count, keys)
        for array, of in zip(part, (q, k, v), strict=False):
            array[...] = of[:, : array.shape[1]]
        np.testing.assert_array_equal(compute(run, name, part), whole[:, :count], err_msg=f"{count} rows")


def test_bits_do_not_depend_on_masked_keys(run):
    q, k, v, mask = make(18, 100)
    expected = compute(run, "masked", [q, k, v, mask])
    more = [q, *make(1, 140)[1:3], guarded((18, 140))]
    more[1][:, :100], more[2][:, :100] = k, v
    more[3][...] = -np.inf
    more[3][:, :100] = mask
    np.testing.assert_array_equal(compute(run, "masked", more), expected)
