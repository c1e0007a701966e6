"""Seconds to compile each kind of kernel, by phase, for all sizes and all versions of its loops.

.venv/bin/python benchmarks/kernels/compile_time.py [--build build-release] [--rounds 5] [--target native]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from case import Case  # noqa: E402
from cases import FAMILIES  # noqa: E402

#: Phases of `dyn-compile --report` that take longer the more kernels there are.
PHASES = ("tile", "lower", "optimize", "emit")
#: Seconds for a distinct kernel.
WANTED = 0.2


def distinct_cases() -> list[Case]:
    """One of each kind: names differ by sizes, which kernels do not."""
    cases = {}
    for case in (case for family in FAMILIES.values() for case in family()):
        sizes = ("width", "k", "n", "name", "mode", "sizes", "family", "keys", "channels", "filters")
        kind = {key: value for key, value in vars(case).items() if key not in sizes}
        cases.setdefault((type(case), repr(kind)), case)
    return list(cases.values())


def compile_once(compiler: Path, model: Path, target: str) -> tuple[dict[str, float], int]:
    """Seconds by phase, and how many kernels the model has."""
    report = model.with_suffix(".json")
    command = [compiler, model, "-o", model.with_suffix(".so"), f"--target={target}", f"--report={report}"]
    subprocess.run(list(map(str, command)), check=True)
    result = json.loads(report.read_text())
    return result["seconds"], result["kernels"]["distinct"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / "build-release", help="Dyn's build folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--target", default="native")
    parser.add_argument("--check", action="store_true", help=f"exit 1 if a kernel takes more than {WANTED} s")
    options = parser.parse_args()
    print("| kernel | " + " | ".join(PHASES) + " | a distinct kernel |\n|---|" + "---|" * (len(PHASES) + 1))
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for case in distinct_cases():
            model = Path(folder) / "model.onnx"
            case.write(model, 0)
            runs = [
                compile_once(options.build / "bin/dyn-compile", model, options.target) for _ in range(options.rounds)
            ]
            phases = {phase: statistics.median(seconds[phase] for seconds, _ in runs) for phase in PHASES}
            each = sum(phases.values()) / max(1, runs[0][1])
            slowest = max(slowest, each)
            cells = [f"{1e3 * value:.0f} ms" for value in (*phases.values(), each)]
            print(f"| {case.family}, {case.name} | {' | '.join(cells)} |", flush=True)
    print(f"\nslowest {slowest:.3f} s a distinct kernel; wanted {WANTED}")
    return int(options.check and slowest > WANTED)


if __name__ == "__main__":
    sys.exit(main())
