"""ONNX's node tests of every supported operator, imported, compiled and run with symbols for sizes.

Where operands list sizes or axes, a test runs twice: with the lists as inputs, and with them as constants.
node_failures.txt holds what does not pass, with the reason; a listed test that passes fails here.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import onnx
import pytest

import onnx_nodes
from tools import ROOT, assert_same, run_model, run_tool

LISTED = Path(__file__).with_name("node_failures.txt")
# Of one operation on numbers of the order of 1; ONNX's own runner allows 1e-3.
ABSOLUTE, RELATIVE = 1e-6, 2e-5
RELATIVE_F16 = 2e-3


@cache
def supported_operators() -> frozenset[str]:
    """Those of docs/Onnx.md, which the importer writes."""
    rows = re.findall(r"^\| ai\.onnx \| (\w+) \|", (ROOT / "docs/Onnx.md").read_text(), re.MULTILINE)
    assert rows, "docs/Onnx.md lists no operator"
    return frozenset(rows)


@cache
def listed_failures() -> dict[str, str]:
    lines = (line.split("#", 1) for line in LISTED.read_text().splitlines())
    return {line[0].strip(): line[1].strip() for line in lines if len(line) == 2 and line[0].strip()}


def variants() -> list[tuple[str, Path, bool]]:
    """Identifier, folder and whether lists are constants, of each test of supported operators."""
    found = []
    for folder in sorted(onnx_nodes.TEST_DATA.iterdir()):
        if not onnx_nodes.operators(folder) <= supported_operators() or not onnx_nodes.takes_tensors_only(folder):
            continue
        name = folder.name.removeprefix("test_")
        found.append((name, folder, False))
        if onnx_nodes.list_operands(onnx.load(folder / "model.onnx")):
            found.append((f"{name}-constant", folder, True))
    return found


def check(folder: Path, constant: bool, scratch: Path) -> str | None:
    """Why the test fails, or None."""
    try:
        test = onnx_nodes.load(folder)
        if constant:
            onnx_nodes.make_constant(test, onnx_nodes.list_operands(test.model))
        onnx_nodes.make_symbolic(test.model)
        path = scratch / f"{folder.name}{'-constant' if constant else ''}.onnx"
        onnx.save(test.model, path)
        outputs = run_model(path, test.inputs)
        assert outputs.keys() == test.outputs.keys(), f"outputs are {sorted(outputs)}, expects {sorted(test.outputs)}"
        for name, expected in test.outputs.items():
            relative = RELATIVE_F16 if expected.dtype.itemsize == 2 else RELATIVE
            assert_same(outputs[name], expected, absolute=ABSOLUTE, relative=relative)
    except Exception as error:  # Whatever it is, it is this one test that fails.
        return f"{type(error).__name__}: {error}"
    return None


@pytest.fixture(scope="module")
def failures(request, tmp_path_factory) -> dict[str, str | None]:
    """Why each selected test fails, or None, all found side by side: most of a test is one process that compiles."""
    scratch = tmp_path_factory.mktemp("nodes")
    selected = {item.callspec.id for item in request.session.items if getattr(item, "originalname", "") == "test_node"}
    chosen = [variant for variant in variants() if variant[0] in selected]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda variant: check(variant[1], variant[2], scratch), chosen)
        return {variant[0]: why for variant, why in zip(chosen, results)}


@pytest.mark.parametrize("name", [variant[0] for variant in variants()])
def test_node(name, failures):
    why, reason = failures[name], listed_failures().get(name)
    if reason is None:
        assert why is None, why
    else:
        assert why is not None, f"passes, but {LISTED.name} lists it: {reason}"


def test_list_names_tests_only():
    assert listed_failures().keys() <= {variant[0] for variant in variants()}


def test_other_operators_are_refused(tmp_path):
    """An operator that docs/Onnx.md does not list is named in an error."""
    folders = {
        min(missing): folder
        for folder in sorted(onnx_nodes.TEST_DATA.iterdir())
        if (missing := onnx_nodes.operators(folder) - supported_operators())
    }
    assert folders
    for operator, folder in folders.items():
        done = run_tool("dyn-compile", folder / "model.onnx", "-o", tmp_path / "out.so")
        assert done.returncode == 1, operator
        assert operator in done.stderr, f"{operator}: {done.stderr}"
        assert not (tmp_path / "out.so").exists(), operator
