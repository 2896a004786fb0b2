"""What a race with tuning costs: ``python benchmarks/compare.py``.

Four optimizers, 30 learning rates, 20 starts, 500 steps on Rosenbrock's function: 2,400 runs. The whole process of
``gdcli compare`` is measured, its import of torch included. Beside it stands what as many single runs would take: the
loop of ``minimize`` on a sample of the same runs, to the same goal, times the number of runs. The exit code is 1 when
the race takes longer than its budget.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import gdcli
from gdcli.complete.compare import OPTIMIZERS, RATE_RANGE
from gdcli.race.tuning import grid

GDCLI = str(Path(sys.executable).with_name("gdcli"))
BUDGET_SECONDS = 20.0
RATES, STARTS, STEPS, TOL = 30, 20, 500, 1e-4


def race_seconds(optimizers: str) -> tuple[float, float]:
    """Wall and CPU seconds of the process."""
    words = ["compare", "rosenbrock", "--optimizer", optimizers, "--tune", "--json", "--tol", str(TOL)]
    words += ["--rates", str(RATES), "--starts", str(STARTS), "--steps", str(STEPS)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run([GDCLI, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def single_seconds(optimizer: str, sample: int) -> float:
    """CPU seconds that all runs of an optimizer would take one by one, from a sample of them."""
    draw = random.Random(0)
    rates = grid(*RATE_RANGE, RATES)
    started = time.process_time()
    for _ in range(sample):
        point = {name: draw.uniform(-2.048, 2.048) for name in ("x", "y")}
        lr = draw.choice(rates)
        descent = gdcli.minimize("(1 - x)**2 + 100*(y - x**2)**2", point, optimizer=optimizer, lr=lr, steps=STEPS + 1)
        for step in descent:
            if step.loss is None or step.loss <= TOL or descent.evaluations > STEPS:
                break
    return (time.process_time() - started) / sample * RATES * STARTS


def main() -> int:
    """Measure, print the table, and compare with the budget."""
    parser = argparse.ArgumentParser(description="Measure gdcli compare.")
    parser.add_argument("--sample", type=int, default=30, help="single runs of each optimizer (default: 30)")
    asked = parser.parse_args()
    print("| optimizer       | as one batch (CPU) | one by one (CPU, estimated) |")
    print("|-----------------|-------------------:|----------------------------:|")
    for name in OPTIMIZERS:
        _, batch = race_seconds(name)
        print(f"| {name:<15} | {batch:>16.1f} s | {single_seconds(name, asked.sample):>25.0f} s |", flush=True)
    wall, cpu = race_seconds(",".join(OPTIMIZERS))
    within = wall <= BUDGET_SECONDS
    verdict = "ok" if within else "over"
    print(f"\nall four: {wall:.1f} s ({cpu:.1f} s of CPU) of {BUDGET_SECONDS:.0f} s: {verdict}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
