"""Examples in the documentation of the operations parse and verify."""

import re
import subprocess

import pytest

import tools

PAGE = (tools.ROOT / "docs" / "Ops.md").read_text()
SECTIONS = re.split(r"\n(?=### `dyn\.)", PAGE)[1:]
EXAMPLES = {
    re.match(r"### `([\w.]+)`", section).group(1): re.findall(r"```mlir\n(.*?)```", section, re.DOTALL)
    for section in SECTIONS
}
# Whole modules of their own, or examples that name what stands elsewhere in a module.
MODULE_LEVEL = {"dyn.weight", "dyn.get_weight"}


def wrap(example: str) -> str:
    """A function around the example whose arguments are the values that it uses and does not define."""
    types: dict[str, str] = {}
    defined = set(re.findall(r"^\s*(%\w+) =", example, re.MULTILINE))
    for operands, signature in re.findall(r"dyn\.\w+ ((?:%\w+(?:, )?)+)[^:%]*(?:\{[^}]*\})?\s*:\s*([^%]*)", example):
        names = operands.split(", ")
        kinds = re.findall(r"!dyn\.tensor<\[[^\]]*\], \w+>|tensor<[^>]*>", signature)
        types.update((name, kind) for name, kind in zip(names, kinds, strict=False) if name not in defined)
    arguments = ", ".join(f"{name}: {kind}" for name, kind in types.items())
    return f"func.func @example({arguments}) {{\n{example}\nreturn\n}}\n"


@pytest.mark.parametrize("op", sorted(set(EXAMPLES) - MODULE_LEVEL))
def test_example(op):
    assert EXAMPLES[op], f"{op} has no example"
    for example in EXAMPLES[op]:
        run = subprocess.run([tools.tool("dyn-opt"), "-"], input=wrap(example), text=True, capture_output=True)
        assert run.returncode == 0, wrap(example) + run.stderr
