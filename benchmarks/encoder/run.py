"""Milliseconds of an encoder over shapes, Dyn beside the engines people use, in one run.

    PYTHONPATH=python .venv/bin/python benchmarks/encoder/run.py --size base --threads 1

One process a peer; they take turns round by round, so that a machine whose speed drifts slows all alike. The ratio is
the median over rounds of the best peer's time over Dyn's of the same round: above 1 Dyn is faster.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from peers import PEERS

HERE = Path(__file__).parent
SHAPES = "1x8 1x11 1x16 1x23 1x32 1x64 1x128 1x512 32x32"


def make_inputs(batch: int, length: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(batch * 1000 + length)
    mask = np.ones((batch, length), np.int64)
    mask[batch // 2 :, max(1, length - length // 4) :] = 0
    return {
        "input_ids": rng.integers(0, 1000, (batch, length)),
        "attention_mask": mask,
        "token_type_ids": np.zeros((batch, length), np.int64),
    }


def serve(pipe, name: str, model: Path, threads: int, artifact: Path) -> None:
    """The body of a peer's process: loads, then answers (inputs, repetitions) with (milliseconds, first output)."""
    try:
        start = time.perf_counter()
        peer = PEERS[name](model, threads, artifact)
        pipe.send((peer.version, time.perf_counter() - start))
    except Exception as error:  # A peer that is not there is a column less, not a failed run.
        pipe.send((None, f"{type(error).__name__}: {error}"))
        return
    while (request := pipe.recv()) is not None:
        inputs, repetitions = request
        times, outputs = [], None
        for _ in range(repetitions):
            start = time.perf_counter()
            outputs = peer(inputs)
            times.append(1e3 * (time.perf_counter() - start))
        pipe.send((times, np.array(outputs[0])))


class Worker:
    def __init__(self, name: str, *arguments):
        context = multiprocessing.get_context("spawn")
        self.name = name
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, name, *arguments), daemon=True)
        self.process.start()
        self.version, self.load = self.pipe.recv()

    def run(self, inputs, repetitions: int):
        self.pipe.send((inputs, repetitions))
        return self.pipe.recv()


def measure(workers: list[Worker], shape: tuple[int, int], rounds: int, seconds: float) -> dict:
    inputs = make_inputs(*shape)
    outputs = {worker.name: worker.run(inputs, 1)[1] for worker in workers}
    repetitions = {}
    for worker in workers:  # The second call is warm: it says how many fit in a turn.
        repetitions[worker.name] = max(1, int(seconds * 1e3 / worker.run(inputs, 1)[0][0]))
    turns = {worker.name: [] for worker in workers}
    for _ in range(rounds):
        for worker in workers:
            times, _ = worker.run(inputs, repetitions[worker.name])
            turns[worker.name].append(statistics.median(times))
    row = {"shape": f"{shape[0]}x{shape[1]}"}
    row["ms"] = {name: statistics.median(times) for name, times in turns.items()}
    others = [name for name in turns if name != "dyn"]
    if others and "dyn" in turns:
        row["best"] = min(others, key=lambda name: row["ms"][name])
        row["ratio"] = statistics.median(
            min(turns[name][i] for name in others) / turns["dyn"][i] for i in range(rounds)
        )
        row["difference"] = max(float(np.abs(outputs["dyn"] - outputs[name]).max()) for name in others)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="base", help="base or small")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shapes", default=SHAPES, help="batch x length, e.g. '1x8 4x17'")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of one turn")
    parser.add_argument("--work", type=Path, default=HERE / "work", help="models and artifacts")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()

    arguments.work.mkdir(exist_ok=True)
    model = arguments.work / f"{arguments.size}.onnx"
    if not model.exists():
        print(f"exporting {model}", file=sys.stderr)
        # In a process of its own: PyTorch's threads and memory stay out of the measurement.
        subprocess.run([sys.executable, HERE / "model.py", arguments.size, model], check=True)
    artifact = arguments.work / f"{arguments.size}.so"
    artifact.unlink(missing_ok=True)

    workers = []
    for name in arguments.peers.split(","):
        worker = Worker(name, model, arguments.threads, artifact)
        if worker.version is None:
            print(f"{name} is left out: {worker.load}", file=sys.stderr)
            continue
        print(f"{name} {worker.version}: ready after {worker.load:.2f} s", file=sys.stderr)
        workers.append(worker)

    rows = []
    names = [worker.name for worker in workers]
    if not arguments.json:
        print(f"{arguments.size}, {arguments.threads} thread(s), milliseconds")
        print("shape   " + "".join(f"{name:>13}" for name in names) + "    best peer / dyn   difference")
    for text in arguments.shapes.split():
        batch, length = map(int, text.split("x"))
        row = measure(workers, (batch, length), arguments.rounds, arguments.seconds)
        rows.append(row)
        if not arguments.json:
            line = f"{row['shape']:8}" + "".join(f"{row['ms'][name]:13.2f}" for name in names)
            if "ratio" in row:
                line += f"{row['ratio']:19.2f}{row['difference']:13.1e}"
            print(line, flush=True)
    if arguments.json:
        print(json.dumps({"size": arguments.size, "threads": arguments.threads, "rows": rows}))
    for worker in workers:
        worker.pipe.send(None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
