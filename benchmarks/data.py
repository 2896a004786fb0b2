"""``gdcli fit-linear`` on files beside pandas, scikit-learn and plain torch: ``python benchmarks/data.py [what]``.

``whole`` measures whole processes on a table of 1,000,000 x 10, up to a loss within 1% of the exact one: CSV with and
without pyarrow, and Parquet, beside pandas with scikit-learn's SGDRegressor. ``steps`` measures an epoch of minibatches
of 8,192 rows in memory and a step on all rows, beside loops of PyTorch by hand. ``memory`` measures the peak memory
above that of ``import torch``: Parquet of 10,000,000 x 10 with ``--in-memory no``, the CSV, and the time by rows.

What is compared takes turns, in processes of their own; the numbers are medians. pandas and scikit-learn are needed by
this benchmark alone, in the environment of ``--other``: ``pip install pandas scikit-learn pyarrow``. The tables are
written to ``--folder`` once. The exit code is 1 when something is over budget.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

COLUMNS = 10
CSV_WITH_DATA, CSV_WITHOUT, PARQUET = 1.0, 2.0, 1.0
"""At most so many times the time of pandas with SGDRegressor on the same file."""
BESIDE_BY_HAND = 1.05  # an epoch of minibatches, and a step on all rows
STREAMED_MB, CSV_MB = 500, 150  # above import torch
LINEAR = 1.5  # the time of ten times the rows, beside ten times the time
NEAR = 1.01  # of the exact loss
BATCH = 8_192

_SKLEARN = """
import sys
import pandas
from sklearn.linear_model import SGDRegressor
from sklearn.preprocessing import StandardScaler
path = sys.argv[1]
table = pandas.read_parquet(path) if path.endswith("parquet") else pandas.read_csv(path)
X = StandardScaler().fit_transform(table.drop(columns="y"))
y = table["y"].to_numpy()
fitted = SGDRegressor(random_state=0).fit(X, y)
print(((fitted.predict(X) - y) ** 2).mean())
"""
_WITHOUT_PYARROW = "import sys; sys.modules['pyarrow'] = None; from gdcli.__main__ import main; main()"


# The tables


def table(folder: Path, rows: int, kind: str) -> Path:
    """A table with nine features and ``y``, which is linear in them with noise; written where it is not there yet."""
    path = folder / f"{rows}.{kind}"
    if path.exists():
        return path
    import pyarrow as pa
    import torch
    from pyarrow import csv, parquet

    generator = torch.Generator().manual_seed(0)
    weights = torch.arange(1, COLUMNS, dtype=torch.float64)
    names = [*(f"x{place}" for place in range(1, COLUMNS)), "y"]
    schema = pa.schema([(name, pa.float64()) for name in names])
    part = path.with_suffix(f".{kind}.part")
    with (parquet.ParquetWriter if kind == "parquet" else csv.CSVWriter)(part, schema) as file:
        for start in range(0, rows, 1_000_000):
            count = min(1_000_000, rows - start)
            X = torch.randn(count, COLUMNS - 1, generator=generator, dtype=torch.float64)  # noqa: N806
            y = X @ weights + torch.randn(count, generator=generator, dtype=torch.float64)
            columns = [*X.T.contiguous(), y]
            file.write_table(pa.table([pa.array(c.tolist()) for c in columns], schema=schema))
    part.rename(path)
    return path


# Processes


def measured(words: Sequence[str]) -> tuple[float, float, str]:
    """The seconds of a process, its peak memory in MB, and what it prints."""
    own = f"""
import resource, subprocess, sys, time
started = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True)
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / {2**20 if sys.platform == "darwin" else 2**10}
print(seconds, peak)
sys.stdout.flush()
sys.stdout.buffer.write(done.stdout)
"""
    text = subprocess.run([sys.executable, "-c", own, *words], stdout=subprocess.PIPE, check=True).stdout.decode()
    first, _, rest = text.partition("\n")
    seconds, peak = map(float, first.split())
    return seconds, peak, rest


def in_turns(commands: dict[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """The median of what each command measures; they take turns, every other time in the other order."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs):
        for name in list(commands)[:: 1 if turn % 2 == 0 else -1]:
            found[name].append(commands[name]())
    return {name: statistics.median(each) for name, each in found.items()}


def fit_words(path: Path, *more: str) -> list[str]:
    """The words of gdcli that fit a table."""
    return ["fit-linear", str(path), "--target", "y", "--json", *more]


# What is measured


def whole(folder: Path, runs: int, other: str) -> list[str]:
    """Print the seconds of whole processes; what is over budget, in words."""
    files = {kind: table(folder, 1_000_000, kind) for kind in ("csv", "parquet")}
    gdcli, without = [sys.executable, "-m", "gdcli"], [sys.executable, "-c", _WITHOUT_PYARROW]
    commands = {
        "scikit-learn, CSV": [other, "-c", _SKLEARN, str(files["csv"])],
        "gdcli, CSV": [*gdcli, *fit_words(files["csv"], "--epochs", "3")],
        "gdcli, CSV, without pyarrow": [*without, *fit_words(files["csv"], "--epochs", "3")],
        "scikit-learn, Parquet": [other, "-c", _SKLEARN, str(files["parquet"])],
        "gdcli, Parquet": [*gdcli, *fit_words(files["parquet"], "--epochs", "3")],
    }
    losses: dict[str, float] = {}
    exact = 0.0

    def process(name: str) -> float:
        nonlocal exact
        seconds, _, text = measured(commands[name])
        if name.startswith("gdcli"):
            record = json.loads(text)
            losses[name], exact = record["quality"]["loss"], record["exact_quality"]["loss"]
        else:
            losses[name] = float(text)
        return seconds

    found = in_turns({name: (lambda name=name: process(name)) for name in commands}, runs)
    print(f"1,000,000 x {COLUMNS}, whole processes, medians of {runs}\n\n| | seconds | loss / exact |\n|---|---|---|")
    for name, seconds in found.items():
        print(f"| {name} | {seconds:.2f} | {losses[name] / exact:.4f} |", flush=True)
    missed = [f"{name}: the loss is {losses[name] / exact:.3f} of the exact one" for name in losses
              if losses[name] > NEAR * exact]  # fmt: skip
    budgets = [("gdcli, CSV", "scikit-learn, CSV", CSV_WITH_DATA),
               ("gdcli, CSV, without pyarrow", "scikit-learn, CSV", CSV_WITHOUT),
               ("gdcli, Parquet", "scikit-learn, Parquet", PARQUET)]  # fmt: skip
    return missed + over(found, budgets)


def over(found: dict[str, float], budgets: Sequence[tuple[str, str, float]]) -> list[str]:
    """What takes more than its share of the time of something else."""
    missed = []
    for name, beside, most in budgets:
        ratio = found[name] / found[beside]
        if ratio > most:
            missed.append(f"{name} takes {ratio:.2f}x the time of {beside}, not {most}x")
    return missed


def steps(folder: Path, runs: int) -> list[str]:
    """Print the seconds of an epoch and of a step; what is over budget, in words."""
    path = table(folder, 1_000_000, "parquet")
    names = ["epoch, gdcli", "epoch, by hand", "step, gdcli", "step, by hand"]

    def one(name: str) -> float:
        words = [sys.executable, __file__, "--one", name, str(path)]
        return float(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)

    found = in_turns({name: (lambda name=name: one(name)) for name in names}, runs)
    print(f"\n1,000,000 x {COLUMNS} in memory, seconds, medians of {runs}\n\n| | seconds |\n|---|---|")
    for name, seconds in found.items():
        print(f"| {name} | {seconds:.4f} |", flush=True)
    return over(found, [(names[0], names[1], BESIDE_BY_HAND), (names[2], names[3], BESIDE_BY_HAND)])


def one_of(name: str, path: str) -> float:
    """The seconds of an epoch of minibatches, or of a step on all rows, in this process."""
    what, _, who = name.partition(", ")
    count = 10 if what == "epoch" else 50
    run = _by_gdcli if who == "gdcli" else _by_hand
    return run(path, BATCH if what == "epoch" else None, count)


def _by_gdcli(path: str, batch: int | None, count: int) -> float:
    """The seconds between the first state and the last, by the number of epochs."""
    import gdcli

    fit = gdcli.fit_linear(data=path, target="y", batch_size=batch, epochs=count, lr=0.01, diagnose=False)
    states = iter(fit)
    next(states)
    started = time.perf_counter()
    for _ in states:
        pass
    return (time.perf_counter() - started) / count


def _by_hand(path: str, batch: int | None, count: int) -> float:
    import torch
    from pyarrow import parquet

    columns = parquet.read_table(path)
    whole = torch.stack([torch.from_dlpack(columns[name].combine_chunks()) for name in columns.column_names])
    features = (whole[:-1].T - whole[:-1].mean(1)) / whole[:-1].std(1, correction=0)
    X, y = features.float().contiguous(), whole[-1].float().contiguous()  # noqa: N806
    w, b = torch.zeros(X.shape[1], requires_grad=True), torch.zeros((), requires_grad=True)
    generator = torch.Generator().manual_seed(0)

    def step(X: torch.Tensor, y: torch.Tensor) -> float:  # noqa: N803
        loss = torch.mean((X @ w + b - y) ** 2)
        loss.backward()
        with torch.no_grad():
            for x in (w, b):
                x.sub_(0.01 * x.grad)
                x.grad.zero_()
        return loss.item()

    started = time.perf_counter()
    for _ in range(count):
        if batch is None:
            step(X, y)
        else:
            order = torch.randperm(len(y), generator=generator)
            losses = [step(X[rows], y[rows]) * len(rows) for rows in order.split(batch)]
            sum(losses)
    return (time.perf_counter() - started) / count


def memory(folder: Path) -> list[str]:
    """Print peak memory and time by rows; what is over budget, in words."""
    base = measured([sys.executable, "-c", "import torch"])[1]
    gdcli = [sys.executable, "-m", "gdcli"]
    print("\n| | seconds | MB above import torch |\n|---|---|---|")
    missed: list[str] = []
    seconds: dict[int, float] = {}
    for rows in (10**5, 10**6, 10**7):
        path = table(folder, rows, "parquet")
        seconds[rows], peak, _ = measured([*gdcli, *fit_words(path, "--epochs", "3", "--in-memory", "no")])
        print(f"| Parquet, {rows:,} rows, not in memory | {seconds[rows]:.2f} | {peak - base:.0f} |", flush=True)
        if peak - base > STREAMED_MB:
            missed.append(f"Parquet of {rows:,} rows takes {peak - base:.0f} MB, not {STREAMED_MB}")
    start = seconds[10**5]  # mostly that of a process
    if seconds[10**7] - start > LINEAR * 10 * max(seconds[10**6] - start, 0.0) * 99 / 90:
        missed.append(f"10,000,000 rows take {seconds[10**7]:.1f} s, 1,000,000 rows {seconds[10**6]:.1f} s")
    for name, words in {"CSV": gdcli, "CSV, without pyarrow": [sys.executable, "-c", _WITHOUT_PYARROW]}.items():
        path = table(folder, 10**6, "csv")
        taken, peak, _ = measured([*words, *fit_words(path, "--epochs", "3", "--in-memory", "no")])
        print(f"| {name}, 1,000,000 rows, not in memory | {taken:.2f} | {peak - base:.0f} |", flush=True)
        if peak - base > CSV_MB:
            missed.append(f"{name} of 1,000,000 rows takes {peak - base:.0f} MB, not {CSV_MB}")
    return missed


def main() -> None:
    """Measure what the words ask for."""
    if sys.argv[1:2] == ["--one"]:
        print(one_of(*sys.argv[2:]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="whole, steps, memory; all of them without")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("build/data"), help="where the tables are")
    parser.add_argument("--other", default=sys.executable, help="the Python that has pandas and scikit-learn")
    given = parser.parse_args()
    what = given.what or ["whole", "steps", "memory"]
    given.folder.mkdir(parents=True, exist_ok=True)
    measures: dict[str, Callable[[], list[str]]] = {
        "whole": lambda: whole(given.folder, given.runs, given.other),
        "steps": lambda: steps(given.folder, given.runs),
        "memory": lambda: memory(given.folder),
    }
    if not set(what) <= set(measures):
        parser.error("what is measured is whole, steps or memory")
    if missed := [words for name in what for words in measures[name]()]:
        raise SystemExit("over budget:\n" + "\n".join(missed))


if __name__ == "__main__":
    main()
