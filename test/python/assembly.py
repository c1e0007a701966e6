"""Reads the assembly that dyn-compile writes: innermost loops, their multiply-adds, what llvm-mca says of them."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools import run_tool

MCA = Path("/usr/lib/llvm-22/bin/llvm-mca")
TRIPLES = {"skylake-avx512": "x86_64", "znver2": "x86_64", "neoverse-n1": "aarch64"}
MULTIPLY_ADD = re.compile(r"^\s*(vfn?m(add|sub)\d+p[sd]|fml[as])\b")


@dataclass(frozen=True)
class Loop:
    target: str
    lines: tuple[str, ...]

    @property
    def multiply_adds(self) -> int:
        return sum(bool(MULTIPLY_ADD.match(line)) for line in self.lines)

    def per_cycle(self) -> float:
        """Multiply-adds of vectors that begin in a cycle, with all loads in the first cache."""
        command = [
            MCA,
            f"-mtriple={TRIPLES[self.target]}",
            f"-mcpu={self.target}",
            "-iterations=200",
            "-all-views=false",
        ]
        done = subprocess.run(
            [*command, "-summary-view"], input="\n".join(self.lines), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        cycles = int(re.search(r"Total Cycles:\s+(\d+)", done.stdout)[1])
        return 200 * self.multiply_adds / cycles


def compile_to_assembly(model: Path, target: str) -> str:
    done = run_tool("dyn-compile", model, "--emit=asm", f"--target={target}", "-o", "-")
    assert done.returncode == 0, done.stderr
    return done.stdout


def find_loops(text: str, target: str) -> list[Loop]:
    """Blocks that jump back to their own label."""
    loops, label, block = [], None, []
    for raw in text.splitlines():
        line = raw.split("##")[0].split(" # ")[0].split("//")[0].rstrip()
        if match := re.match(r"^(\.?\w+):", line):
            label, block = match[1], []
        elif label and line and not line.lstrip().startswith("."):
            block.append(line)
            if re.match(rf"^\s*(j\w+|b(\.\w+)?|cbnz\s+\w+,|tbnz.*)\s*{re.escape(label)}$", line):
                loops.append(Loop(target, tuple(block)))
            elif re.match(r"^\s*(jmp|b|ret|br)\b", line):
                label = None
    return loops
