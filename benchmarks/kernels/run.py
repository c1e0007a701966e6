"""Kernels beside what a user would call instead, in one run, with the machine's limit measured around each round.

    PYTHONPATH=python .venv/bin/python benchmarks/kernels/run.py gemm --filter 768x3072 --sizes 1,8,64

A round is: the limit, then Dyn and a peer in turn until all peers have had theirs, then the limit again; if it moved by
more than 5% the round does not count and is repeated. Ratios and percentages are medians over rounds of what was
measured in the same round. `ratio` is a peer's time over Dyn's: above 1 Dyn is faster.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import statistics
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1] / "python"))

import peers  # noqa: E402
import report  # noqa: E402
from case import Case  # noqa: E402
from cases import FAMILIES  # noqa: E402

DRIFT = 0.05
#: Seconds between turns on several threads: idle pools spin for a while before they give their cores to others.
SETTLE = 0.2
#: For peers on several threads: idle ones spin for a fraction of a millisecond only, in their own units,
#: which is more than there is between calls of a turn; and those of OpenMP do not end up on one core.
ENVIRONMENT = {"GOMP_SPINCOUNT": "20000", "OPENBLAS_THREAD_TIMEOUT": "20", "OMP_PROC_BIND": "true"}
#: Rounds that may be repeated, for each that counts.
REPEATS = 2


def serve(pipe, name: str, threads: int, cpus: list[int]) -> None:
    """The body of a peer's process."""
    os.sched_setaffinity(0, cpus)
    try:
        peer = peers.PEERS[name](threads)
        pipe.send((peer.version, None))
    except Exception as error:  # A peer that is not there is a column less, not a failed run.
        pipe.send((None, f"{type(error).__name__}: {error}"))
        return
    calls, turn = [], 0
    while (request := pipe.recv()) is not None:
        try:
            if isinstance(request, tuple):
                case, size = request
                calls = []
                calls, outputs = peer.bind(case, size)
                for call in reversed(calls):  # plans, page faults; the first one last, whose outputs are looked at
                    call()
                pipe.send({key: np.array(array) for key, array in list(outputs.items())[:1]})
            else:
                calls[turn % len(calls)]()
                times, end = [], time.perf_counter() + request
                while not times or time.perf_counter() < end:
                    turn += 1
                    call = calls[turn % len(calls)]
                    start = time.perf_counter()
                    call()
                    times.append(time.perf_counter() - start)
                pipe.send(statistics.median(times))
        except peers.NotThereError:
            pipe.send(None)
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}")


class Worker:
    def __init__(self, name: str, threads: int, cpus: list[int]):
        context = multiprocessing.get_context("spawn")
        self.name = name
        self.settle = SETTLE if threads > 1 else 0
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, name, threads, cpus), daemon=True)
        self.process.start()
        other.close()
        self.version, self.problem = self.pipe.recv()

    def ask(self, request):
        """The answer; a sentence if there is none."""
        time.sleep(self.settle)
        try:
            self.pipe.send(request)
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return f"its process ended with {self.process.exitcode}"


def bind(workers: list[Worker], case: Case, size: int) -> tuple[list[Worker], dict]:
    """The workers that have the kernel and compute it right; what the others said."""
    ready, problems, expected = [], {}, None
    for worker in workers:
        outputs = worker.ask((case, size))
        if isinstance(outputs, dict):
            expected = expected or case.reference(case.inputs(size, 0))
            (name, got), *_ = outputs.items()
            difference = float(np.abs(got - expected[name]).max()) if got.size else 0.0
            scale = float(np.abs(expected[name]).max()) if got.size else 1.0
            if difference <= case.tolerance * max(1, scale):
                ready.append(worker)
                continue
            outputs = f"wrong by {difference:.1e}"
        if outputs is not None:
            problems[worker.name] = outputs
    return ready, problems


def measure_round(machine, workers: list[Worker], case: Case, size: int, seconds: float) -> dict:
    """Seconds for one kernel of Dyn before each peer, of the peer and of the machine; how much the machine drifted."""
    before = machine.measure()
    dyn, *others = workers
    times = {"dyn": {}, "peers": {}}
    for worker in others:
        times["dyn"][worker.name] = dyn.ask(seconds) / case.layers
        times["peers"][worker.name] = worker.ask(seconds) / case.layers
    if not others:
        times["dyn"]["dyn"] = dyn.ask(seconds) / case.layers
    after = machine.measure()
    limits = [case.limit(size, rates) for rates in (before, after)]
    times["limit"] = min(limits) if limits[0] else None
    stores = [case.limit_of_stores(size, rates) for rates in (before, after)]
    times["stores"] = min(stores) if stores[0] else None
    times["drift"] = abs(limits[0] / limits[1] - 1) if limits[0] else 0.0
    return times


def measure(machine, workers: list[Worker], case: Case, size: int, options) -> dict:
    row = {"family": case.family, "name": case.name, "mode": case.mode, "size": size, "threads": options.threads}
    ready, row["problems"] = bind(workers, case, size)
    if not ready or ready[0].name != "dyn":
        return row
    rounds, repeated = [], 0
    while len(rounds) < options.rounds:
        times = measure_round(machine, ready, case, size, options.seconds)
        if times["drift"] > DRIFT and repeated < REPEATS * options.rounds:
            repeated += 1
        else:
            rounds.append(times)

    def median(pick) -> float:
        return statistics.median(map(pick, rounds))

    names = list(rounds[0]["peers"])
    row["seconds"] = {name: median(lambda r, name=name: r["peers"][name]) for name in names}
    row["seconds"]["dyn"] = median(lambda r: statistics.median(r["dyn"].values()))
    row["ratio"] = {name: median(lambda r, name=name: r["peers"][name] / r["dyn"][name]) for name in names}
    row["flops"], row["bytes"] = case.flops(size), case.bytes(size)
    row["drifted"] = max(r["drift"] for r in rounds) > DRIFT
    if rounds[0]["limit"]:
        row["limit"] = median(lambda r: r["limit"])
        row["of_limit"] = median(lambda r: r["limit"] / statistics.median(r["dyn"].values()))
    if rounds[0]["stores"]:
        row["of_stores"] = median(lambda r: r["stores"] / statistics.median(r["dyn"].values()))
    # A peer that is faster than the machine did not do its work.
    impossible = [name for name in names if row.get("limit", 0) > report.IMPOSSIBLE * row["seconds"][name]]
    for name in impossible:
        row["problems"][name] = f"not counted: {row['limit'] / row['seconds'][name]:.0%} of the limit"
    rivals = [name for name in names if name not in (*report.NO_RIVALS, *impossible)]
    if rivals:
        row["best"] = min(rivals, key=lambda name: row["ratio"][name])
        row["best_ratio"] = row["ratio"][row["best"]]
    return row


def merge(path: Path, versions: dict[str, str], row: dict) -> None:
    """Adds a row to those of earlier runs; the same row again replaces the old one."""
    old = json.loads(path.read_text()) if path.exists() else {"versions": {}, "rows": []}
    rows = {report.identify(row): row for row in [*old["rows"], row]}
    results = {"versions": old["versions"] | versions, "cpu": report.cpu_name(), "rows": list(rows.values())}
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(results, indent=1))
    beside.replace(path)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", nargs="*", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--filter", default="", help="regular expression that a kernel's name contains")
    parser.add_argument("--mode", choices=("cold", "hot"))
    parser.add_argument("--sizes", help="rows (M, S), e.g. 1,8,64; the family's by default")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", help="names with commas between; those of the family by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.02, help="of one turn")
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / "build-release", help="Dyn's build folder")
    parser.add_argument("--json", type=Path, help="file that the rows are added to")
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure is missed")
    return parser.parse_args()


def select_cases(options) -> list[tuple[Case, list[int]]]:
    if unknown := set(options.family) - set(FAMILIES):
        sys.exit(f"unknown family '{unknown.pop()}', expects one of {', '.join(FAMILIES)}")
    asked = [int(size) for size in options.sizes.split(",")] if options.sizes else None
    return [
        (case, asked or list(case.sizes))
        for family in options.family or FAMILIES
        for case in FAMILIES[family]()
        if re.search(options.filter, case.name) and options.mode in (None, case.mode)
    ]


def main() -> int:
    options = parse_arguments()
    os.environ["DYN_BUILD_DIR"] = str(options.build.resolve())
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if "avx512f" in Path("/proc/cpuinfo").read_text():
        # Debian's OpenBLAS takes an AVX-512 machine that is younger than itself for one with AVX2.
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
    cpus = sorted(os.sched_getaffinity(0))[: options.threads]
    selected = select_cases(options)
    peers.build_native()
    machine = peers.Machine(options.threads, cpus)
    workers: dict[str, Worker] = {}
    rows = []
    for case, sizes in selected:
        names = options.peers.split(",") if options.peers else peers.ASKED[case.family]
        for name in ("dyn", *names):
            if name not in workers:
                workers[name] = Worker(name, options.threads, cpus)
                version, problem = workers[name].version, workers[name].problem
                print(f"{name} {version}" if version else f"{name} is left out: {problem}", file=sys.stderr)
        there = [workers[name] for name in ("dyn", *names) if workers[name].version]
        print(report.header(case, [worker.name for worker in there[1:]]))
        for size in sizes:
            rows.append(measure(machine, there, case, size, options))
            print(report.line(rows[-1], [worker.name for worker in there[1:]]), flush=True)
            if options.json:
                merge(options.json, {worker.name: worker.version for worker in there}, rows[-1])
    for worker in workers.values():
        worker.process.kill()
    return report.judge(rows, options.check)


if __name__ == "__main__":
    sys.exit(main())
