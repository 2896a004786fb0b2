"""What a picture costs: the same command with and without it: ``python benchmarks/pictures.py [NAME...] [--runs N]``.

As in run.py, whole processes in turn, and the difference of the medians. The exit code is 1 when something is over
budget.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import run

BUDGET = 0.3  # seconds that --plot may add
PNG_BUDGET = 1.5
GIF_BUDGET = 6.0  # of the usual 100 frames; nobody has promised how long that takes

PLANE = ["minimize", "rosenbrock", "--lr", "1e-3", "--steps", "1000", "--no-diagnose"]
RUNS = {
    "curve": ["minimize", "--no-diagnose"],
    "contour": PLANE,
    "principal-plane": ["minimize", "rosenbrock", "--dim", "5", "--lr", "1e-4", "--steps", "1000", "--no-diagnose"],
    "matrix": ["fit-linear", "--no-diagnose"],
    "many-steps": ["minimize", "--steps", "100000", "--no-diagnose"],
}


def _file(ending: str) -> str:
    """A file in a folder for temporary ones."""
    return str(Path(tempfile.gettempdir()) / f"gdcli-benchmark.{ending}")


def _benchmarks() -> list[run.Benchmark]:
    found = [
        run.Benchmark(name, run.gdcli(*words, "--plot"), run.gdcli(*words), BUDGET, unit="s")
        for name, words in RUNS.items()
    ]
    # A race keeps no paths: those of the first start are made again.
    race = run.Benchmark("race", run.gdcli("compare", "--plot"), run.gdcli("compare"), 0.6, unit="s")
    saved = [
        run.Benchmark(f"png-{name}", run.gdcli(*words, "--save", _file("png")), run.gdcli(*words), PNG_BUDGET, unit="s")
        for name, words in RUNS.items()
    ]
    surface = run.gdcli(*PLANE, "--surface", "--save", _file("png"))
    saved.append(run.Benchmark("png-surface", surface, run.gdcli(*PLANE), PNG_BUDGET, unit="s"))
    film = run.gdcli(*PLANE, "--save", _file("gif"))
    saved.append(run.Benchmark("gif", film, run.gdcli(*PLANE), GIF_BUDGET, unit="s"))
    alone = run.Benchmark("function-alone", run.gdcli("plot"), run.gdcli("grad"), BUDGET, unit="s")
    million = ["minimize", "--steps", "1000000", "--no-diagnose"]
    memory = run.Benchmark(
        "memory",
        run.gdcli(*million, "--plot"),
        run.gdcli(*million),
        30.0,
        run.peak_megabytes,
        unit="MB",
        most_runs=1,
    )
    return [*found, race, alone, memory, *saved]


if __name__ == "__main__":
    run.BENCHMARKS[:] = _benchmarks()
    sys.exit(run.main())
