"""Wall time, memory and reads from disk of Dyn's tools on large weights, beside upstream's, in one run.

    .venv/bin/python benchmarks/resources/run.py --build build-release [--work DIR] [--markdown FILE] [--plot FILE]

Prints every figure that docs/Resources.md promises, with what was measured. Makes the models first, some 5 GB in a
temporary folder, or in --work, where they are kept. What is compared takes turns, round by round and each first in
every other one, so that a machine whose speed drifts slows all alike; a ratio is the median over rounds. A round before
these, which is not counted, brings what is read into the page cache. Upstream's tools are those of LLVM 22.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MB = 1e6
ROWS = ("read_and_print", "parse", "copy_by_reference", "copy_inside", "convert", "huge", "many", "share", "save_again")


@dataclass
class Usage:
    """What a process took: seconds, and bytes at its peak or read from disk."""

    seconds: float
    resident: int
    anonymous: int
    read: int
    output: str


def run(*command, cwd: Path | None = None) -> Usage:
    """Runs a command to its end. This process is small, and does not import NumPy, since the kernel counts its memory
    as a child's until that has replaced it."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    anonymous, stop = [0], threading.Event()

    def sample():
        path = f"/proc/{process.pid}/status"
        while not stop.wait(0.002):
            try:
                with open(path) as status:
                    for line in status:
                        if line.startswith("RssAnon:"):
                            anonymous.append(1024 * int(line.split()[1]))
            except OSError:
                return

    sampler = threading.Thread(target=sample)
    sampler.start()
    drain = threading.Thread(target=lambda: outputs.append(process.stderr.read()))
    outputs: list[str] = []
    drain.start()
    output = process.stdout.read()
    drain.join()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    stop.set()
    sampler.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\nended with {process.returncode}: {outputs[0][-2000:]}")
    return Usage(seconds, 1024 * usage.ru_maxrss, max(anonymous), 512 * usage.ru_inblock, output)


def evict(path: Path) -> None:
    """Takes a file out of the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@dataclass
class Comparison:
    """Ours beside another tool: seconds of each, how many times faster ours is, and the most memory that ours took."""

    mine: float
    other: float
    ratio: float
    resident: int
    anonymous: int

    def describe(self, name: str) -> str:
        return f"{1e3 * self.mine:.0f} ms, {name} {1e3 * self.other:.0f} ms"


@dataclass
class Row:
    work: str
    figure: str
    measured: str
    passed: bool
    ratio: float | None = None
    """Of upstream's time to ours, or of what is allowed."""


class Benchmark:
    def __init__(self, build: Path, work: Path, library: Path, rounds: int):
        self.dyn_opt = build / "bin/dyn-opt"
        self.dyn_translate = build / "bin/dyn-translate"
        self.mlir_opt = Path("/usr/lib/llvm-22/bin/mlir-opt")
        self.library, self.work, self.rounds = library, work, rounds
        self.rows: list[Row] = []
        self.times: list[tuple[str, float, float]] = []
        """What the plot shows: work, seconds of ours, seconds of upstream's."""

    def add(self, work: str, figure: str, measured: str, passed: bool, ratio: float | None = None) -> None:
        self.rows.append(Row(work, figure, measured, passed, ratio))
        print(f"{'ok  ' if passed else 'MISS'} {work}: {measured} ({figure})", flush=True)

    def path(self, name: str) -> Path:
        return self.work / name

    def take_turns(self, *commands, rounds: int | None = None) -> list[list[Usage]]:
        """Uses of each command, in turn; outputs are deleted in between, as are what writes left to be flushed."""
        usages = [[] for _ in commands]
        for i in range(1 + (rounds or self.rounds)):
            turns = list(zip(commands, usages, strict=True))
            for command, turn in turns if i % 2 else reversed(turns):
                for output in self.work.glob("out.*"):
                    output.unlink()
                os.sync()
                usage = run(*command, cwd=self.work)
                if i != 0:
                    turn.append(usage)
        return usages

    def compare(self, work: str, ours: list, theirs: list, rounds: int | None = None) -> Comparison:
        """Two commands that do the same."""
        mine, other = self.take_turns(ours, theirs, rounds=rounds)
        seconds = [statistics.median(usage.seconds for usage in usages) for usages in (mine, other)]
        self.times.append((work, *seconds))
        return Comparison(
            *seconds,
            statistics.median(b.seconds / a.seconds for a, b in zip(mine, other, strict=True)),
            max(usage.resident for usage in mine),
            max(usage.anonymous for usage in mine),
        )

    # Each method is one row of the table, or two that one measurement gives.

    def read_and_print(self) -> None:
        arguments = ["upstream.mlirbc", "--canonicalize", "--mlir-elide-resource-strings-if-larger=0", "-o", "out.mlir"]
        both = self.compare("read, canonicalize, print", [self.dyn_opt, *arguments], [self.mlir_opt, *arguments])
        work = "1.2 GiB inside the bytecode: dyn-opt reads, canonicalizes, prints without data"
        self.add(
            work,
            "12 times faster than mlir-opt, at most 120 MB resident",
            f"{both.describe('mlir-opt')}: {both.ratio:.1f} times; {both.resident / MB:.0f} MB",
            both.ratio >= 12 and both.resident <= 120 * MB,
            both.ratio,
        )
        usages = []
        for _ in range(3):
            evict(self.path("upstream.mlirbc"))
            usages.append(run(self.dyn_opt, *arguments, cwd=self.work))
        read = max(usage.read for usage in usages)
        self.add("the same, file not in the page cache", "at most 4 MB read", f"{read / MB:.2f} MB", read <= 4 * MB)

    def parse(self) -> None:
        for name, what in (("upstream.mlirbc", "upstream's dialects"), ("inside.mlirbc", "dyn")):
            ms = json.loads(run(self.library, "parse", self.path(name)).output)["ms"]
            self.add(f"the same through the library, parsing alone ({what})", "under 10 ms", f"{ms:.1f} ms", ms < 10)
        ms = json.loads(run(self.library, "parse", self.path("reference.mlir")).output)["ms"]
        size = self.path("reference.mlir").stat().st_size
        measured = f"{ms:.1f} ms, {size / MB:.2f} MB"
        self.add("text with the weights by reference", "under 10 ms, under 1 MB", measured, ms < 10 and size < MB)

    def copy_by_reference(self) -> None:
        command = [self.dyn_opt, "reference.mlirbc", "--emit-bytecode", "-o", "out.mlirbc"]
        (usages,) = self.take_turns(command, rounds=7)
        ms = 1e3 * statistics.median(usage.seconds for usage in usages)
        size = self.path("out.mlirbc").stat().st_size
        measured = f"{ms:.0f} ms, {size / MB:.2f} MB"
        work = "bytecode to bytecode, weights by reference"
        self.add(work, "under 100 ms, output under 1 MB", measured, ms < 100 and size < MB)

    def copy_inside(self) -> None:
        command = [self.dyn_opt, "inside.mlirbc", "--emit-bytecode", "-o", "out.mlirbc"]
        copy = ["cp", "--reflink=never", "inside.mlirbc", "out.copy"]
        both = self.compare("bytecode to bytecode, beside cp", command, copy)
        work = "bytecode to bytecode, weights inside"
        self.add(
            work,
            "within 1.15 times cp, 100 MB anonymous",
            f"{both.describe('cp')}: {1 / both.ratio:.2f} times; {both.anonymous / MB:.0f} MB",
            1 / both.ratio <= 1.15 and both.anonymous <= 100 * MB,
            1 / both.ratio,
        )
        text = [self.mlir_opt, "upstream.mlirbc", "-o", "out.mlir"]
        both = self.compare("save, beside upstream's text", command, text, rounds=1)
        measured = f"{both.describe('mlir-opt, text')}: {both.ratio:.1f} times"
        self.add(work, "5 times faster than upstream's text", measured, both.ratio >= 5, both.ratio)

    def convert(self) -> None:
        output = run(self.library, "convert", self.path("reference.mlir"), self.path("out.safetensors")).output
        result = json.loads(output)
        grown = result["after"] - result["before"]
        self.add(
            "conversion of all 1.2 GiB to bf16, then erasing every weight",
            "at most 100 MB anonymous; resident memory back at the level before",
            f"{result['ms']:.0f} ms, {result['anonymous'] / MB:.0f} MB; {grown / MB:+.1f} MB",
            result["anonymous"] <= 100 * MB and grown <= 4 * MB,
        )

    def huge(self) -> None:
        steps = {
            "ONNX import": [self.dyn_translate, "--import-onnx", "huge.onnx", "-o", "huge.mlirbc"],
            "graph pipeline, save": [
                self.dyn_opt,
                "huge.mlirbc",
                "--dyn-graph-pipeline",
                "--emit-bytecode",
                "-o",
                "out.mlirbc",
            ],
            "dump": [self.dyn_translate, "--dump-resources", "huge.mlirbc", "-o", "out.txt"],
        }
        for step, command in steps.items():
            (usages,) = self.take_turns(command, rounds=3)
            seconds = statistics.median(usage.seconds for usage in usages)
            resident = max(usage.resident for usage in usages)
            measured = f"{seconds:.2f} s, {resident / MB:.0f} MB"
            work = f"100 GB, 1,000 tensors, 10,000 ops: {step}"
            self.add(work, "under 2 s and 200 MB", measured, seconds < 2 and resident < 200 * MB)

    def many(self) -> None:
        command = [self.dyn_translate, "--dump-resources", "many.safetensors", "-o", "out.txt"]
        (usages,) = self.take_turns(command)
        seconds = statistics.median(usage.seconds for usage in usages)
        self.add("100,000 weights in one file: open, dump index", "under 0.5 s", f"{seconds:.2f} s", seconds < 0.5)

    def share(self) -> None:
        size = self.path("large.safetensors").stat().st_size
        for model in ("reference.mlir", "inside.mlirbc"):
            for what, processes, threads in (("threads", 1, 10), ("processes", 10, 1)):
                running = [
                    subprocess.Popen(
                        [self.library, "read", self.path(model), str(threads)],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                    )
                    for _ in range(processes)
                ]
                sums = {process.stdout.readline() for process in running}
                assert len(sums) == 1, f"readers disagree: {sums}"
                memory = sum(read_pss(process.pid) for process in running)
                for process in running:
                    process.communicate("\n")
                # Beside the weights there are ten contexts, and in processes ten heaps.
                self.add(
                    f"ten {what} reading the same model, {model}",
                    "one copy in memory",
                    f"{memory / size:.2f} times the weights",
                    memory < 1.5 * size,
                    memory / size,
                )

    def save_again(self) -> None:
        arguments = ["upstream.mlirbc", "--canonicalize", "--emit-bytecode", "-o", "out.mlirbc"]
        both = self.compare("open, canonicalize, save", [self.dyn_opt, *arguments], [self.mlir_opt, *arguments])
        measured = f"{both.describe('mlir-opt')}: {both.ratio:.1f} times"
        work = "open, canonicalize, save with the weights inside, the same file"
        self.add(work, "3 times faster than mlir-opt", measured, both.ratio >= 3, both.ratio)
        output = run(self.library, "rounds", self.path("inside.mlirbc"), self.path("out.mlirbc"), 10).output
        result = json.loads(output)
        grown = result["last"] - result["first"]
        measured = f"{grown / MB:+.1f} MB from the second to the tenth"
        self.add("ten rounds of that in one process", "memory where it was", measured, grown <= 4 * MB)


def read_pss(pid: int) -> int:
    """Bytes of memory of a process, pages that several map divided among them."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(1024 * int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


def write_markdown(rows: list[Row], path: Path) -> None:
    lines = ["| work | figure | measured | |", "|---|---|---|---|"]
    lines += [f"| {row.work} | {row.figure} | {row.measured} | {'ok' if row.passed else 'missed'} |" for row in rows]
    path.write_text("\n".join(lines) + "\n")


def write_plot(times: list[tuple[str, float, float]], path: Path) -> None:
    """Bars of seconds, ours above the other's."""
    width, left, bar = 900, 260, 18
    longest = max(max(mine, other) for _, mine, other in times)
    parts = []
    for i, (work, mine, other) in enumerate(times):
        top = 20 + i * 56
        parts.append(f'<text x="{left - 10}" y="{top + 22}" text-anchor="end">{work}</text>')
        for j, (seconds, color, name) in enumerate(((mine, "#2b6cb0", "dyn"), (other, "#a0aec0", "other"))):
            length = max(1, (width - left - 130) * seconds / longest)
            y = top + j * (bar + 2)
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar}" fill="{color}"/>')
            parts.append(f'<text x="{left + length + 6:.1f}" y="{y + 13}">{name} {1e3 * seconds:.0f} ms</text>')
    height = 30 + 56 * len(times)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def build_library(build: Path, folder: Path) -> Path:
    settings = [f"-DDyn_DIR={build / 'cmake'}", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_COMPILER=clang++-22"]
    settings += ["-DCMAKE_C_COMPILER=clang-22", "-DMLIR_DIR=/usr/lib/llvm-22/lib/cmake/mlir"]
    subprocess.run(["cmake", "-S", HERE, "-B", folder, "-G", "Ninja", *settings], check=True, stdout=sys.stderr)
    subprocess.run(["cmake", "--build", folder], check=True, stdout=sys.stderr)
    return folder / "library"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build-release", help="where Dyn was built")
    parser.add_argument("--work", type=Path, help="a folder for models, kept; a temporary one otherwise")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows to measure, by the names of Benchmark's methods, with commas")
    parser.add_argument("--small", action="store_true", help="small models, to try this program")
    parser.add_argument("--prepare", action="store_true", help="make the models in --work and measure nothing")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    parser.add_argument("--plot", type=Path, help="write the plot there, as SVG")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dyn-resources-") as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        work.mkdir(exist_ok=True, parents=True)
        library = build_library(arguments.build.resolve(), work / "build")
        small = ["--small"] if arguments.small else []
        # In a process of its own: see `run`.
        subprocess.run([sys.executable, HERE / "models.py", work, library, *small], check=True)
        benchmark = Benchmark(arguments.build.resolve(), work, library, arguments.rounds)
        if not (work / "reference.mlirbc").exists():
            run(benchmark.dyn_opt, "reference.mlir", "--emit-bytecode", "-o", "reference.mlirbc", cwd=work)
        if arguments.prepare:
            return 0
        for name in arguments.only.split(",") if arguments.only else ROWS:
            getattr(benchmark, name)()
        for output in work.glob("out.*"):
            output.unlink()
    if arguments.markdown:
        write_markdown(benchmark.rows, arguments.markdown)
    if arguments.plot and benchmark.times:
        write_plot(benchmark.times, arguments.plot)
    missed = sum(not row.passed for row in benchmark.rows)
    print(f"{len(benchmark.rows) - missed} figures reached, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
