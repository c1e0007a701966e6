"""Inner loops of products on every target keep the multipliers busy, as llvm-mca sees them."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from assembly import compile_to_assembly, find_loops

TARGETS = ("skylake-avx512", "znver2", "neoverse-n1")
#: Of 2 multiply-adds in a cycle, in blocks of as many rows as the register tile has.
WANTED = 1.85


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """x[M, 768] * w[768, 768] + bias."""
    path = tmp_path_factory.mktemp("assembly") / "product.onnx"
    rng = np.random.default_rng(0)
    constants = [
        numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)
        for name, shape in (("w", (768, 768)), ("b", (768,)))
    ]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Add", ["p", "b"], ["y"])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["M", 768]) for name in "xy")
    graph = helper.make_graph(nodes, "product", [x], [y], constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


@pytest.fixture(scope="module", params=TARGETS)
def loops(request, product):
    found = list(find_loops(compile_to_assembly(product, request.param), request.param))
    found = [loop for loop in found if loop.multiply_adds >= 4]
    assert found, "there are no loops with multiply-adds"
    return found


def test_largest_tile_keeps_both_multipliers_busy(loops):
    largest = max(loops, key=lambda loop: loop.multiply_adds)
    assert largest.per_cycle() >= WANTED, f"{largest.per_cycle():.2f}\n" + "\n".join(largest.lines)
