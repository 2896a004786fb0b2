"""What a page costs: ``python benchmarks/page.py [NAME...] [--runs N]``.

The time to make it is that of the same command with and without it, as in pictures.py. The pages of 10,000 iterations
and of a large matrix are then measured themselves: their size, and how long headless Chromium takes until the controls
work, and until everything is drawn. The exit code is 1 when something is over budget.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import run

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser import CHROMIUM, Browser

BUDGET = 1.5  # seconds that --save run.html may add
MOST_BYTES = 8_000_000
OPEN_SECONDS = 2.0  # until the controls work
RUNS = {
    "line": ["minimize", "--no-diagnose"],
    "plane": ["minimize", "rosenbrock", "--lr", "1e-3", "--steps", "1000", "--no-diagnose"],
    "ten-thousand": ["minimize", "rosenbrock", "--lr", "1e-3", "--steps", "10000", "--no-diagnose"],
    "principal-plane": ["minimize", "rosenbrock", "--dim", "5", "--lr", "1e-4", "--steps", "1000", "--no-diagnose"],
    "matrix": ["fit-linear", "--no-diagnose"],
    "large-matrix": ["fit-linear", "--W", "rand(100,100)*0.01", "--x", "rand(100)", "--target", "rand(100)",
                     "--lr", "1e-3", "--steps", "300", "--no-diagnose"],
    "race": ["compare"],
    "function-alone": ["plot"],
}  # fmt: skip


def _benchmarks(file: Path) -> list[run.Benchmark]:
    return [
        run.Benchmark(name, run.gdcli(*words, "--save", str(file)), run.gdcli(*words), BUDGET, unit="s")
        for name, words in RUNS.items()
    ]


def _opened(file: Path, runs: int) -> tuple[float, float]:
    """The medians of the seconds until the controls work, and until everything is drawn, as the page has noted them."""
    found: dict[str, list[float]] = {"flat": [], "all": []}
    with Browser() as browser:
        for _ in range(runs + 1):  # the first one, in which the browser itself starts, does not count
            browser.open(file)
            browser.wait("performance.getEntriesByName('all').length")
            for name, seconds in found.items():
                seconds.append(browser.js(f"performance.getEntriesByName('{name}')[0].startTime") / 1000)
    flat, everything = (statistics.median(seconds[1:]) for seconds in found.values())
    return flat, everything


def _pages(folder: Path, runs: int) -> bool:
    """Print what the largest pages are like; whether all are within their budgets."""
    print("\n| page | bytes | budget | controls work | all is drawn | budget |\n|---|---|---|---|---|---|")
    fine = True
    for name in ("ten-thousand", "large-matrix"):
        file = folder / f"{name}.html"
        subprocess.run([run.GDCLI, *RUNS[name], "--quiet", "--save", str(file)], stdout=subprocess.DEVNULL, check=True)
        size = file.stat().st_size
        opened = _opened(file, runs) if CHROMIUM is not None else (0.0, 0.0)
        fine &= size <= MOST_BYTES and opened[0] <= OPEN_SECONDS
        shown = " | ".join(f"{seconds:.2f} s" if seconds else "no chromium" for seconds in opened)
        print(f"| {name} | {size:,} | {MOST_BYTES:,} | {shown} | {OPEN_SECONDS:g} s |", flush=True)
    return fine


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run.BENCHMARKS[:] = _benchmarks(folder / "run.html")
        code = run.main()
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("--runs", type=int, default=5)
        known, _ = parser.parse_known_args()
        fine = _pages(folder, known.runs)
    sys.exit(code or not fine)
