"""What gdcli costs beside the plain script that a user would write: ``python benchmarks/run.py [NAME...]``.

Each benchmark measures two processes, gdcli and the script, in turn and in alternating order, after one run of each
that does not count, and compares the medians. The table is Markdown. The exit code is 1 when something is over budget.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
GDCLI = str(Path(sys.executable).with_name("gdcli"))  # the one that is installed beside this Python
MEGABYTE = 2**20


@dataclass(frozen=True)
class Process:
    """A command, and the exit code that says that it did what is to be measured."""

    command: list[str]
    exit_code: int = 0

    def check(self, exit_code: int) -> None:
        """Stop when it ended otherwise."""
        if exit_code != self.exit_code:
            raise SystemExit(f"{self.command} ended with {exit_code}, not {self.exit_code}")


def wall_seconds(process: Process) -> float:
    """The time of the whole process, interpreter and imports included."""
    started = time.perf_counter()
    done = subprocess.run(
        process.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    seconds = time.perf_counter() - started
    process.check(done.returncode)
    return seconds


def printed_seconds(process: Process) -> float:
    """The time that the process measured itself and printed: that of its loop."""
    done = subprocess.run(
        process.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    process.check(done.returncode)
    return float(done.stdout)


def peak_megabytes(process: Process) -> float:
    """The largest resident size of the process (``ru_maxrss``: kilobytes on Linux, bytes on macOS)."""
    devnull = subprocess.DEVNULL
    with subprocess.Popen(process.command, stdin=devnull, stdout=devnull, stderr=devnull) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    process.check(child.returncode)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MEGABYTE


@dataclass(frozen=True)
class Benchmark:
    """Two processes and what the first may cost: so many times the second, or so much more when ``unit`` is given."""

    name: str
    gdcli: Process
    plain: Process
    budget: float
    measure: Callable[[Process], float] = wall_seconds
    unit: str = ""
    most_runs: int = 1_000

    def run(self, runs: int) -> tuple[float, float]:
        """The medians of gdcli and of the script."""
        sides = [self.gdcli, self.plain]
        found: dict[int, list[float]] = {0: [], 1: []}
        runs = min(runs, self.most_runs)
        if runs > 1:  # fill the caches of files
            for process in sides:
                self.measure(process)
        for turn in range(runs):
            for side in (0, 1) if turn % 2 == 0 else (1, 0):
                found[side].append(self.measure(sides[side]))
        return statistics.median(found[0]), statistics.median(found[1])

    def compare(self, gdcli: float, plain: float) -> float:
        """The ratio of two medians, or their difference."""
        return gdcli - plain if self.unit else gdcli / plain

    def show(self, compared: float) -> str:
        """A ratio or a difference, as text."""
        return f"{compared:+.3g} {self.unit}" if self.unit else f"{compared:.2f}x"

    def amount(self, measured: float) -> str:
        """A median, as text."""
        return f"{measured:.1f} MB" if self.measure is peak_megabytes else f"{measured:.3f} s"


def gdcli(*words: str, exit_code: int = 0) -> Process:
    """The tool."""
    return Process([GDCLI, *words], exit_code)


def python(*words: str) -> Process:
    """A script, or ``-c`` and a line."""
    return Process([sys.executable, *words])


def script(name: str, *words: str) -> Process:
    """A script of this folder."""
    return python(str(HERE / name), *words)


def _step(optimizer: str) -> Process:
    return script("loop.py", optimizer, _LONG)


def _matrix(name: str, steps: str, size: str, *more: str, budget: float) -> Benchmark:
    ours = script("loop.py", "manual", steps, size, *more)
    return Benchmark(name, ours, script("plain/loop_matrix.py", steps, size), budget, printed_seconds)


_LONG = "100000"
_TYPER = python("-c", "import typer")
_GRAD = ["grad", "log(x**2 + y**2)", "--x", "15", "--y", "24", "--wrt", "x"]
_MINIMIZE = ["minimize", "--steps", "100", "--json"]

BENCHMARKS = [
    # Answers that need no torch.
    Benchmark("help", gdcli("--help"), _TYPER, 2.0),
    Benchmark("version", gdcli("--version"), _TYPER, 2.0),
    Benchmark("expression-error", gdcli("grad", "sinn(x)", "--x", "1", exit_code=2), _TYPER, 2.0),
    Benchmark("option-error", gdcli("minimize", "--stpes", "3", exit_code=2), _TYPER, 2.0),
    # One answer: import torch, compute, print.
    Benchmark("grad", gdcli(*_GRAD), script("plain/grad.py"), 1.0),
    Benchmark("minimize-manual", gdcli(*_MINIMIZE), script("plain/minimize_manual.py"), 1.0),
    Benchmark("minimize-sgd", gdcli(*_MINIMIZE, "--optimizer", "sgd"), script("plain/minimize_sgd.py"), 1.0),
    # A recorded step of the loop, without the start of the process.
    Benchmark("step-manual", _step("manual"), script("plain/loop_manual.py", _LONG), 1.0, printed_seconds),
    Benchmark("step-sgd", _step("sgd"), script("plain/loop_sgd.py", _LONG), 1.0, printed_seconds),
    Benchmark(
        "step-program",
        script("loop.py", "manual", "20000", "program"),
        script("plain/loop_manual.py", "20000", "program"),
        1.02,
        printed_seconds,
    ),
    # The same of a matrix, whose states are kept as clones.
    _matrix("step-64x64", "2000", "64", budget=1.1),
    _matrix("diagnosis-64x64", "2000", "64", "diagnose", budget=1.5),
    _matrix("step-200x200", "300", "200", budget=1.1),
    _matrix("diagnosis-200x200", "300", "200", "diagnose", budget=1.5),
    # Long runs.
    Benchmark(
        "jsonl-memory",
        gdcli("minimize", "--steps", "1000000", "--jsonl"),
        python("-c", "import torch"),
        30.0,
        peak_megabytes,
        unit="MB",
        most_runs=1,
    ),
    Benchmark("long-table", gdcli("minimize", "--steps", _LONG), script("plain/loop_manual.py", _LONG), 1.0, unit="s"),
    # A table of the first and the last rows does not make numbers of those between.
    Benchmark(
        "matrix-table",
        gdcli("minimize", "sum((W - 0.5)**2)", "--W", "rand(64, 64)", "--lr", "0.001", "--steps", "5000"),
        script("plain/loop_matrix.py", "5000", "64"),
        1.0,
        unit="s",
    ),
]


def main() -> int:
    """Run what is asked for and print the table."""
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(description="Compare gdcli with plain scripts.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(names)} (default: all)")
    parser.add_argument("--runs", type=int, default=7, help="runs of each process (default: 7)")
    parser.add_argument("--list", action="store_true", help="print the names, and run nothing")
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what pip installs has its bytecode
    if asked.runs < 1:
        parser.error("--runs takes a number of at least 1")
    if unknown := [name for name in asked.names if name not in names]:
        parser.error(f"there is no benchmark '{unknown[0]}'; there are {', '.join(names)}")
    if asked.list:
        print("\n".join(names))
        return 0
    chosen = [benchmark for benchmark in BENCHMARKS if benchmark.name in (asked.names or names)]
    print("| benchmark         |    gdcli |   script |    ratio |   budget |      |")
    print("|-------------------|---------:|---------:|---------:|---------:|------|")
    within = [_report(benchmark, asked.runs) for benchmark in chosen]
    return 0 if all(within) else 1


def _report(benchmark: Benchmark, runs: int) -> bool:
    """Run one, print its line, and return whether it is within its budget."""
    ours, theirs = benchmark.run(runs)
    compared = benchmark.compare(ours, theirs)
    within = compared <= benchmark.budget
    cells = [
        benchmark.amount(ours),
        benchmark.amount(theirs),
        benchmark.show(compared),
        benchmark.show(benchmark.budget),
    ]
    line = " | ".join(f"{cell:>8}" for cell in cells)
    print(f"| {benchmark.name:<17} | {line} | {'ok' if within else 'over':<4} |", flush=True)
    return within


if __name__ == "__main__":
    sys.exit(main())
