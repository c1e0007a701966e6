"""Rows of measurements as a table, a page and a plot; the figures that they are held to.

.venv/bin/python benchmarks/kernels/report.py results.json --page docs/Performance.md --plot docs/roofline.svg
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Peers that are shown but not raced: one that knows every size, and Dyn itself.
NO_RIVALS = ("libxsmm", "dyn-f32", "dyn-znver2")
#: Of the machine's limit: who is above it was measured wrong.
IMPOSSIBLE = 1.02


def identify(row: dict) -> tuple:
    return tuple(row[key] for key in ("family", "name", "mode", "threads", "size"))


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return f"{fields.get('model name', 'unknown')} (family {fields.get('cpu family')}, model {fields.get('model')})"


# ----------------------------------------------------------------------------------------------------------------------
# Figures
# ----------------------------------------------------------------------------------------------------------------------


def mean(values) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


@dataclass
class Figure:
    """What the rows that `match` have to reach: together, by their geometric mean, and each."""

    what: str
    match: Callable[[dict], bool]
    value: Callable[[dict], float]
    together: float
    each: float = 0.0


def best(row: dict) -> float:
    return row["best_ratio"]


def product(mode: str, threads: int, low: int = 1, high: int = 1 << 30):
    return lambda r: (
        r["family"] == "gemm" and r["mode"] == mode and r["threads"] == threads and low <= r["size"] <= high
    )


def of(family: str, mode: str, name: str = "", **fields):
    return lambda r: (
        r["family"] == family
        and r["mode"] == mode
        and r["name"].startswith(name)
        and all(r[key] == fields[key] for key in fields)
    )


def of_limit(row: dict) -> float:
    return row["of_limit"]


def of_stores(row: dict) -> float:
    return row["of_stores"]


ATTENTION = {16: 0.60, 32: 0.72, 64: 0.76, 128: 0.80, 512: 0.80, 2048: 0.78}
FIGURES = [
    Figure("products, cold, of the limit", product("cold", 1), of_limit, 0.93, 0.90),
    Figure("products, cold, of the limit, 2 threads", product("cold", 2), of_limit, 0.89, 0.84),
    *(
        Figure(f"products, cold, {name} rows, best peer{where}", product("cold", threads, low, high), best, ratio)
        for threads, where in ((1, ""), (2, ", 2 threads"))
        for name, low, high, ratio in (
            ("1 to 4", 1, 4, 1.0),
            ("8 to 32", 8, 32, 1.3),
            ("47 and more", 47, 1 << 30, 1.08),
        )
    ),
    Figure("products, hot, best peer", product("hot", 1), best, 1.0, 1.0),
    Figure("products, libxsmm for that shape", product("cold", 1), lambda r: r["ratio"]["libxsmm"], 0.97),
    Figure("awkward shapes, best peer", of("awkward", "hot", threads=1), best, 1.2, 1.0),
    *(
        Figure(
            f"attention, {size} rows, of the limit",
            of("attention", "hot", threads=1, name="plain", size=size),
            of_limit,
            x,
        )
        for size, x in ATTENTION.items()
    ),
    Figure("attention, best peer", of("attention", "hot", threads=1), best, 2.3, 1.0),
    Figure("rows, cold, of the stream", of("rows", "cold", threads=1), of_limit, 0.85),
    Figure("rows, cold, of a copy with the same stores", of("rows", "cold", threads=1), of_stores, 0.85),
    Figure("rows, hot, ONNX Runtime", of("rows", "hot", threads=1), lambda r: r["ratio"]["onnxruntime"], 1.5),
    *(
        Figure(
            f"{weights} weights, {rows} rows, our own f32",
            lambda r, weights=weights, sizes=sizes: (
                r["family"] == "quantized" and r["name"].endswith(weights) and r["size"] in sizes
            ),
            lambda r: r["ratio"]["dyn-f32"],
            ratio,
        )
        for weights, ratios in (("int8", (2.5, 1.4, 0.95)), ("bf16", (1.7, 1.4, 0.95)))
        for (rows, sizes), ratio in zip((("1 to 4", (1, 2, 4)), ("8", (8,)), ("16 and more", (16, 32))), ratios)
    ),
]


def evaluate(figure: Figure, rows: list[dict]) -> tuple[float, float, bool] | None:
    """Geometric mean, smallest, whether they do; nothing without rows. A row without a value counts as 0."""
    values = []
    for row in filter(figure.match, rows):
        try:
            values.append(figure.value(row))
        except KeyError:
            values.append(0.0)
    if not values:
        return None
    total = mean(values) if min(values) > 0 else 0.0
    return total, min(values), total >= figure.together and min(values) >= figure.each


def judge(rows: list[dict], check: bool) -> int:
    """Prints the figures; 1 if one cannot be true, or is missed and `check`ed."""
    failed = False
    for row in rows:
        if row.get("of_limit", 0) > IMPOSSIBLE:
            print(f"not possible: {' '.join(map(str, identify(row)))} is at {row['of_limit']:.0%} of the limit")
            failed = True
    print()
    for figure in FIGURES:
        if (result := evaluate(figure, rows)) is None:
            continue
        total, smallest, reached = result
        each = f" (each {figure.each:g})" if figure.each else ""
        state = "reached" if reached else "missed"
        print(f"{state:8} {figure.what}: {total:.2f}, smallest {smallest:.2f}; wanted {figure.together:g}{each}")
        failed |= check and not reached
    return int(failed)


# ----------------------------------------------------------------------------------------------------------------------
# Tables
# ----------------------------------------------------------------------------------------------------------------------


def speed(row: dict) -> str:
    if row["flops"]:
        return f"{row['flops'] / row['seconds']['dyn'] / 1e9:.1f} GF/s"
    return f"{row['bytes'] / row['seconds']['dyn'] / 1e9:.1f} GB/s"


def cells(row: dict, names: list[str]) -> list[str]:
    if "seconds" not in row:
        return ["not there yet", *[""] * (5 + len(names))]
    limit = f"{row['of_limit']:.0%}" + ("~" if row["drifted"] else "") if "of_limit" in row else ""
    stores = f"{row['of_stores']:.0%}" if "of_stores" in row else ""
    ratios = [f"{row['ratio'][name]:.2f}" if name in row["ratio"] else "" for name in names]
    best = [row["best"], f"{row['best_ratio']:.2f}"] if "best" in row else ["", ""]
    return [f"{1e6 * row['seconds']['dyn']:.1f}", speed(row), limit, stores, *ratios, *best]


def titles(names: list[str]) -> list[str]:
    return ["us", "speed", "of limit", "of stores", *names, "best", "ratio"]


def header(case, names: list[str]) -> str:
    text = f"\n{case.family} {case.name}, {case.mode}\n{'rows':>6}"
    return text + "".join(f"{title:>{max(13, len(title) + 2)}}" for title in titles(names))


def line(row: dict, names: list[str]) -> str:
    text = f"{row['size']:6}"
    for title, cell in zip(titles(names), cells(row, names)):
        text += f"{cell:>{max(13, len(title) + 2)}}"
    return text + "".join(f"\n       {name}: {problem}" for name, problem in row["problems"].items())


def tables(rows: list[dict]) -> str:
    """Markdown, a table a family and number of threads."""
    parts = []
    for family, threads in dict.fromkeys((row["family"], row["threads"]) for row in rows):
        mine = [row for row in rows if (row["family"], row["threads"]) == (family, threads)]
        names = list(dict.fromkeys(name for row in mine for name in row.get("ratio", {})))
        parts.append(f"\n### {family}, {threads} thread{'s' if threads > 1 else ''}\n")
        lines = [["kernel", "", "rows", *titles(names)]]
        lines += [[row["name"], row["mode"], str(row["size"]), *cells(row, names)] for row in mine]
        if not any("of_stores" in row for row in mine):
            column = lines[0].index("of stores")
            lines = [[*line[:column], *line[column + 1 :]] for line in lines]
        lines.insert(1, ["---"] * len(lines[0]))
        parts += [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join(parts) + "\n"


def figures(rows: list[dict]) -> str:
    parts = ["| figure | wanted | is, smallest | |", "|---|---|---|---|"]
    for figure in FIGURES:
        if (result := evaluate(figure, rows)) is None:
            continue
        total, smallest, reached = result
        wanted = f"{figure.together:g}" + (f", each {figure.each:g}" if figure.each else "")
        parts.append(
            f"| {figure.what} | {wanted} | {total:.2f}, {smallest:.2f} | {'reached' if reached else 'missed'} |"
        )
    return "\n".join(parts) + "\n"


def write_page(path: Path, results: dict) -> None:
    """Replaces what stands between the markers of the page."""
    begin, end = "<!-- measured -->\n", "<!-- /measured -->\n"
    before, _, rest = path.read_text().partition(begin)
    _, _, after = rest.partition(end)
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    text = f"\n{results['cpu']}. {versions}.\n\n{figures(results['rows'])}{tables(results['rows'])}\n"
    path.write_text(before + begin + text + end + after)


def write_plot(path: Path, rows: list[dict]) -> None:
    """Products with cold weights: operations per byte of weights against operations per second."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "dyn"  # the same picture is the same file
    import matplotlib.pyplot as plt

    threads = sorted({row["threads"] for row in rows})
    figure, axes = plt.subplots(1, len(threads), figsize=(6 * len(threads), 4.5), squeeze=False)
    for axis, count in zip(axes[0], threads):
        mine = [row for row in rows if product("cold", count)(row) and "limit" in row and row["threads"] == count]
        for pick, style, label in (
            (lambda r: r["limit"], {"color": "0.6", "marker": "_", "s": 120}, "limit of the machine in that run"),
            (lambda r: r["seconds"]["dyn"], {"color": "C0", "marker": "o", "s": 16}, "Dyn"),
            (lambda r: r["seconds"][r["best"]], {"color": "C1", "marker": "x", "s": 20}, "best peer"),
        ):
            points = [(row["flops"] / row["bytes"], row["flops"] / pick(row) / 1e9) for row in mine]
            axis.scatter(*zip(*points), label=label, **style)
        axis.set(xscale="log", yscale="log", title=f"{count} thread{'s' if count > 1 else ''}")
        axis.set_xlabel("operations per byte of weights (half the rows)")
        axis.set_ylabel("GFLOP/s")
        axis.legend()
        axis.grid(alpha=0.3, which="both")
    figure.suptitle("f32 products with bias, weights from memory")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text())
    if arguments.page:
        write_page(arguments.page, results)
    if arguments.plot:
        write_plot(arguments.plot, results["rows"])
    return judge(results["rows"], check=True)


if __name__ == "__main__":
    sys.exit(main())
