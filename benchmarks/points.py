"""What the points of a file cost beyond the start: ``python benchmarks/points.py [NAME...] [--runs N]``.

100,000 scalar points as CSV and as JSON lines may take 2 seconds more than one point, and a million of them 20 MB more
than 100,000. A short script that does the same for one expression is measured beside it. As in run.py, whole processes
in turn, and the difference of the medians. The exit code is 1 when something is over budget.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import run

EXPRESSION = "log(x**2 + y**2)"
POINTS = 100_000


def _benchmarks(folder: Path) -> list[run.Benchmark]:
    one = run.gdcli("grad", EXPRESSION, "--x", "1", "--y", "2")
    table, lines, many = _files(folder)
    of_table = run.gdcli("grad", EXPRESSION, "--points", table)
    of_lines = run.gdcli("grad", EXPRESSION, "--points", lines)
    of_many = run.gdcli("grad", EXPRESSION, "--points", many, "--json")
    return [
        run.Benchmark("points-csv", of_table, one, 2.0, unit="s"),
        run.Benchmark("points-jsonl", of_lines, one, 2.0, unit="s"),
        run.Benchmark("points-script", of_table, run.script("plain/points.py", table), 2.0, unit="s"),
        run.Benchmark("points-memory", of_many, of_table, 20.0, run.peak_megabytes, unit="MB", most_runs=1),
    ]


def _files(folder: Path) -> list[str]:
    """The same points as CSV, as JSON lines, and ten times over."""
    draw = random.Random(0)
    points = [(draw.uniform(-3, 3), draw.uniform(-3, 3)) for _ in range(POINTS)]
    rows = "".join(f"{x},{y}\n" for x, y in points)
    texts = {
        "points.csv": f"x,y\n{rows}",
        "points.jsonl": "".join(f'{{"x": {x}, "y": {y}}}\n' for x, y in points),
        "many.csv": f"x,y\n{rows * 10}",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [str(folder / name) for name in texts]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        run.BENCHMARKS[:] = _benchmarks(Path(name))
        code = run.main()
    sys.exit(code)
