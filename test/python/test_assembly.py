"""The inner loops of products with packed weights, as assembly, for each CPU: whole register tiles, no spills."""

import re

import pytest

from tools import run_tool

MODEL = """
dyn.weight @w0 : !dyn.tensor<[768, 3072], f32> = #dyn.external<"w.bin", 0, 9437184>
dyn.weight @w1 : !dyn.tensor<[3072, 768], f32> = #dyn.external<"w.bin", 0, 9437184>
func.func @model(%x: !dyn.tensor<[M, 768], f32> {dyn.name = "x"}) -> (!dyn.tensor<[M, 768], f32> {dyn.name = "y"}) {
  %w0 = dyn.get_weight @w0 : !dyn.tensor<[768, 3072], f32>
  %w1 = dyn.get_weight @w1 : !dyn.tensor<[3072, 768], f32>
  %p = dyn.matmul %x, %w0 : (!dyn.tensor<[M, 768], f32>, !dyn.tensor<[768, 3072], f32>) -> !dyn.tensor<[M, 3072], f32>
  %y = dyn.matmul %p, %w1 : (!dyn.tensor<[M, 3072], f32>, !dyn.tensor<[3072, 768], f32>) -> !dyn.tensor<[M, 768], f32>
  return %y : !dyn.tensor<[M, 768], f32>
}
"""
# By CPU: multiply-adds, a vector on the stack, the multiply-adds of a turn of the loop of a register tile.
CPUS = {
    "skylake-avx512": (r"\tvfn?madd\d+ps\t", r"[xyz]mm\d+.*\(%rsp|\(%rsp.*[xyz]mm\d+", 14 * 2),
    "znver2": (r"\tvfn?madd\d+ps\t", r"[xyz]mm\d+.*\(%rsp|\(%rsp.*[xyz]mm\d+", 2 * 6 * 2),
    "neoverse-n1": (r"\tfmla\t", r"\t(ld|st)[a-z]+\t[qv]\d+.*\[sp", 4 * 5 * 4),
}


def innermost_loops(assembly: str):
    """Blocks that end with a jump to their own label."""
    for label, body in re.findall(r"^(\.LBB\w+):.*\n((?:(?!\.LBB).*\n)*)", assembly, re.MULTILINE):
        if re.search(rf"\t(j\w+|b\.\w+|cbn?z)\t.*{re.escape(label)}$", body, re.MULTILINE):
            yield body


@pytest.mark.parametrize("cpu", CPUS)
def test_inner_loops_keep_to_registers(tmp_path, cpu):
    multiply, stack, tile = CPUS[cpu]
    (tmp_path / "model.mlir").write_text(MODEL)
    done = run_tool("dyn-compile", tmp_path / "model.mlir", "--emit=asm", f"--target={cpu}", "-o", "-")
    assert done.returncode == 0, done.stderr
    loops = [body for body in innermost_loops(done.stdout) if re.search(multiply, body)]
    assert tile in {len(re.findall(multiply, body)) for body in loops}
    for body in loops:
        assert not re.search(stack, body), body
        assert "prefetch" in body or "prfm" in body
