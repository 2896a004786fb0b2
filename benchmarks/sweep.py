"""The engines of ``gdcli sweep`` beside tiled autograd and JAX: ``python benchmarks/sweep.py [engines] [table]``.

``engines`` measures descents on three problems, float32, in processes of their own that take turns: million run-steps
a second of the first call and of later ones. ``table`` measures whole processes of ``gdcli sweep`` with each engine, on
three problems and three numbers of run-steps. What is not installed, and what takes longer than ``--most``, is not
measured and shown as such; nothing is extrapolated. JAX is needed by this benchmark alone: ``pip install jax``.
The exit code is 1 when something is over budget.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TILE_AUTOGRAD, TILE_JAX = 16_384, 8_192
ENGINES = ("autograd", "replay", "fast", "jax")
FASTER = {"scalar": 6.0, "10-D": 3.0, "network": 3.0}
"""How many times as fast as tiled autograd ``replay`` has to be, later calls of both."""
FASTER_THAN_JAX = 1.5  # fast, on the problem scalar
SLOWER_THAN_THE_BEST = 1.3  # at most: auto, whole processes
AT_ONCE = 3  # calls of a process: the first one, and later ones


@dataclass(frozen=True)
class Problem:
    """Descents with the rule manual. ``side`` is how many cells each of the two axes has for ``engines``.

    ``loss`` is the loss of one run by its variables, ``losses`` that of many, which have a last axis of runs.
    """

    name: str
    expression: str
    axes: tuple[str, str]
    lr: float
    side: int
    loss: Callable[..., Any]
    losses: Callable[..., Any]
    shapes: dict[str, tuple[int, ...]]
    data: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        """A value for each variable that no axis gives, as nested lists."""
        drawn = random.Random(0)
        names = {name: shape for name, shape in {**self.shapes, **self.data}.items() if shape}
        return {name: _drawn(shape, drawn) for name, shape in names.items()}


def _drawn(shape: tuple[int, ...], drawn: random.Random) -> Any:
    return [_drawn(shape[1:], drawn) for _ in range(shape[0])] if shape else round(drawn.uniform(-1, 1), 3)


def _rosenbrock(x: Any, y: Any) -> Any:
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _rosenbrock_10(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(0)


def _network(w0: Any, w1: Any, x: Any, y: Any) -> Any:
    import jax.numpy as jnp

    return jnp.mean((w1 @ jnp.tanh(w0 @ x) - y) ** 2)


def _networks(w0: Any, w1: Any, x: Any, y: Any) -> Any:
    import torch

    hidden = torch.tanh(torch.einsum("ijr,jk->ikr", w0, x))
    return ((torch.einsum("ijr,jkr->ikr", w1, hidden) - y.unsqueeze(-1)) ** 2).mean((0, 1))


PROBLEMS = {
    "scalar": Problem(
        "scalar", "(1-x)**2 + 100*(y-x**2)**2", ("x=-2:2", "y=-1:3"), 1e-4, 1024,
        _rosenbrock, _rosenbrock, {"x": (), "y": ()},
    ),
    "10-D": Problem(
        "10-D", "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", ("x[0]=-1:1", "x[1]=-1:1"), 1e-5, 256,
        _rosenbrock_10, _rosenbrock_10, {"x": (10,)},
    ),
    "network": Problem(
        "network", "mean((W1 @ tanh(W0 @ X) - Y)**2)", ("W0[0,0]=-1:1", "W1[0,0]=-1:1"), 1e-2, 128,
        _network, _networks, {"W0": (4, 3), "W1": (1, 4)}, {"X": (3, 5), "Y": (1, 5)},
    ),
}  # fmt: skip


# One engine, in a process of its own


def measured(engine: str, problem: Problem, steps: int, side: int) -> list[float]:
    """The seconds of some calls, the first one with whatever it compiles."""
    call = {"autograd": _autograd, "jax": _jax}.get(engine)
    run = call(problem, steps, side) if call else _sweep(engine, problem, steps, side)
    seconds = []
    for _ in range(AT_ONCE):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return seconds


def _sweep(engine: str, problem: Problem, steps: int, side: int) -> Callable[[], None]:
    from gdcli.complete.sweep import complete_sweep
    from gdcli.contract.sweep import SweepSettings
    from gdcli.sweeps.sweep import Sweep

    settings = complete_sweep(SweepSettings(
        expression=problem.expression, over=[f"{axis}:{side}" for axis in problem.axes], steps=steps, lr=problem.lr,
        values={name: json.dumps(value) for name, value in problem.numbers().items()},
        wrt=list(problem.shapes), tol_grad=[0.0], engine=engine,  # type: ignore[arg-type]
    ))  # fmt: skip

    def run() -> None:
        sweep = Sweep(settings)
        for _ in sweep:
            pass

    return run


def _autograd(problem: Problem, steps: int, side: int) -> Callable[[], None]:
    import torch

    numbers = {name: torch.tensor(value) for name, value in problem.numbers().items()}
    data = [numbers[name] for name in problem.data]
    widest = max(torch.Size(shape).numel() for shape in problem.shapes.values())
    tile = max(512, TILE_AUTOGRAD // widest)

    def run() -> None:
        for start in range(0, side * side, tile):
            runs = min(tile, side * side - start)
            leaves = [2 * torch.rand(*shape, runs) - 1 for shape in problem.shapes.values()]
            for leaf in leaves:
                leaf.requires_grad_()
            for _ in range(steps):
                gradients = torch.autograd.grad(problem.losses(*leaves, *data).sum(), leaves)
                with torch.no_grad():
                    for leaf, gradient in zip(leaves, gradients, strict=True):
                        leaf.sub_(problem.lr * gradient)

    return run


def _jax(problem: Problem, steps: int, side: int) -> Callable[[], None]:
    import jax
    import jax.numpy as jnp

    numbers = {name: jnp.array(value) for name, value in problem.numbers().items()}
    data = [numbers[name] for name in problem.data]
    count = len(problem.shapes)
    each = jax.grad(lambda *leaves: problem.loss(*leaves, *data), argnums=tuple(range(count)))
    gradient = jax.vmap(each, in_axes=-1, out_axes=-1)

    def step(_: Any, leaves: Any) -> Any:
        return tuple(leaf - problem.lr * g for leaf, g in zip(leaves, gradient(*leaves), strict=True))

    tiles = max(1, side * side // TILE_JAX)
    runs = side * side // tiles
    key = jax.random.PRNGKey(0)
    starts = tuple(
        jax.random.uniform(key, (tiles, *shape, runs), minval=-1.0, maxval=1.0) for shape in problem.shapes.values()
    )
    descend = jax.jit(lambda all_: jax.lax.map(lambda leaves: jax.lax.fori_loop(0, steps, step, leaves), all_))

    def run() -> None:
        jax.block_until_ready(descend(starts))

    return run


# The processes


def environment(cores: int) -> dict[str, str]:
    """The environment in which a process uses so many cores."""
    threads = {name: str(cores) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" if cores == 1 else ""
    return {**os.environ, **threads, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


def on(cores: int) -> Callable[[], None]:
    """What a process does first: keep to some cores."""
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    return lambda: os.sched_setaffinity(0, allowed)


def installed(engine: str) -> bool:
    """Whether what an engine needs is installed."""
    needs = {"fast": "numba", "jax": "jax"}.get(engine)
    return needs is None or importlib.util.find_spec(needs) is not None


def engines(cores: int, runs: int, most: float) -> list[str]:
    """Print the table of the engines; what is over budget, in words."""
    missed = []
    print(f"\nOn {cores} core(s), million run-steps a second (first call; later calls), medians of {runs} processes\n")
    print("| problem | " + " | ".join(ENGINES) + " |\n|---" + "|---" * len(ENGINES) + "|")
    for problem in PROBLEMS.values():
        found: dict[str, list[list[float]]] = {engine: [] for engine in ENGINES if installed(engine)}
        for turn in range(runs):
            for engine in list(found)[:: 1 if turn % 2 == 0 else -1]:
                words = [sys.executable, __file__, "--one", engine, problem.name, "100", str(problem.side)]
                try:
                    done = subprocess.run(words, env=environment(cores), preexec_fn=on(cores), timeout=most,
                                          capture_output=True, text=True, check=True)  # fmt: skip
                except subprocess.TimeoutExpired:
                    continue
                found[engine].append(json.loads(done.stdout))
        run_steps = problem.side**2 * 100 / 1e6
        cells, speeds = [], {}
        for engine in ENGINES:
            if not found.get(engine):
                cells.append("not installed" if engine not in found else f"over {most:.0f} s")
                continue
            first = statistics.median(run_steps / each[0] for each in found[engine])
            later = statistics.median(run_steps / min(each[1:]) for each in found[engine])
            cells.append(f"{first:,.0f}; {later:,.0f}")
            speeds[engine] = later
        print(f"| {problem.name} | " + " | ".join(cells) + " |", flush=True)
        wanted = [("replay", FASTER[problem.name], "autograd"), ("fast", FASTER_THAN_JAX, "jax")]
        for engine, times, other in wanted[: 2 if problem.name == "scalar" else 1]:
            if engine in speeds and other in speeds and speeds[engine] < times * speeds[other]:
                ratio = speeds[engine] / speeds[other]
                missed.append(f"{problem.name}: {engine} is {ratio:.2f}x {other}, not {times}x")
    return missed


def table(cores: int, runs: int, most: float, sizes: list[int]) -> list[str]:
    """Print the seconds of whole processes, with each engine; what is over budget, in words."""
    missed = []
    names = [name for name in ("auto", "replay", "fast") if installed(name)]
    print(f"\nOn {cores} core(s), seconds of a whole process, the first call included, medians of {runs}\n")
    head = f"| problem | run-steps | {' | '.join(names)} | auto beside the best |"
    print(head + "\n|---|---" + "|---" * len(names) + "|---|")
    for problem in PROBLEMS.values():
        for run_steps in sizes:
            side, steps = (100, run_steps // 10**4) if run_steps < 10**8 else (1000, run_steps // 10**6)
            found: dict[str, list[float] | None] = {name: [] for name in names}
            for turn in range(runs):
                for name in names[:: 1 if turn % 2 == 0 else -1]:
                    seconds = _whole(problem, name, side, steps, cores, most)
                    kept = found[name]
                    found[name] = None if seconds is None or kept is None else [*kept, seconds]
            medians = {name: statistics.median(each) for name, each in found.items() if each}
            shown = [f"{medians[name]:.2f}" if name in medians else f"over {most:.0f}" for name in names]
            best = min((each for name, each in medians.items() if name != "auto"), default=None)
            ratio = f"{medians['auto'] / best:.2f}x" if best is not None and "auto" in medians else "not measured"
            print(f"| {problem.name} | {run_steps:.0e} | " + " | ".join(shown) + f" | {ratio} |", flush=True)
            if best is not None and "auto" in medians and medians["auto"] > SLOWER_THAN_THE_BEST * best:
                missed.append(f"{problem.name}, {run_steps:.0e} run-steps: auto takes {ratio} the time of the best")
    return missed


def _whole(problem: Problem, engine: str, side: int, steps: int, cores: int, most: float) -> float | None:
    """The seconds of a process, with nothing in numba's cache; None where it takes longer than ``most``."""
    words = [sys.executable, "-m", "gdcli", "sweep", problem.expression]
    for axis in problem.axes:
        words += ["--over", f"{axis}:{side}"]
    for name, value in problem.numbers().items():
        words += [f"--{name}", json.dumps(value)]
    words += ["--wrt", ",".join(problem.shapes), "--lr", str(problem.lr), "--steps", str(steps), "--tol-grad", "0"]
    words += ["--engine", engine, "--json"]
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        try:
            subprocess.run(words, env={**environment(cores), "XDG_CACHE_HOME": cache}, preexec_fn=on(cores),
                           timeout=most, stdout=subprocess.DEVNULL, check=True)  # fmt: skip
        except subprocess.TimeoutExpired:
            return None
        return time.perf_counter() - started


def main() -> None:
    """Measure what the words ask for."""
    if sys.argv[1:2] == ["--one"]:
        engine, problem, steps, side = sys.argv[2:]
        print(json.dumps(measured(engine, PROBLEMS[problem], int(steps), int(side))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="engines, table; both without")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--most", type=float, default=300.0, help="seconds of a process that is given up")
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e6, 1e8, 1e10], help="run-steps of the table")
    given = parser.parse_args()
    what = given.what or ["engines", "table"]
    if not set(what) <= {"engines", "table"}:
        parser.error("what is measured is engines or table")
    missed = []
    for cores in given.cores:
        if "engines" in what:
            missed += engines(cores, given.runs, given.most)
        if "table" in what:
            missed += table(cores, given.runs, given.most, [int(size) for size in given.sizes])
    if missed:
        raise SystemExit("over budget:\n" + "\n".join(missed))


if __name__ == "__main__":
    main()
