"""A run that something other than its loss holds where it is: a rate of 0, a bound, an optimizer's own tolerance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdcli.contract.diagnosis import Finding
from gdcli.contract.short import exactly, short
from gdcli.descent.diagnosis.remedies import best_that_works
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.snapshot import joined
from gdcli.rules.catalogue import is_own

_RATES = (0.01, 0.1, 1.0)
_VANISHED = 2e-3  # of the first rate
_FLAT = 1e-3  # of the gradient: the part that may remain inside the bounds, at a minimum within them


def held(run: Run) -> Finding | None:
    """What holds a run that does not move any more though its gradient is not 0."""
    if run.failed or run.slope(run.final) == 0 or run.final.iteration == 0:
        return None
    looks: tuple[Callable[[Run], Finding | None], ...] = (_rate, _bound, _own_tolerance, _no_step)
    return next((found for look in looks if (found := look(run)) is not None), None)


def _rate(run: Run) -> Finding | None:
    """A learning rate of 0: from the start, of some variables, or by a schedule."""
    rates = run.rates(run.final)
    stopped = [name for name, rate in rates.items() if rate == 0]
    evidence: dict[str, Any] = {"by": "rate", "variables": stopped, "gradient_norm": run.slope(run.final)}
    if stopped and not any(run.rates(run.first)[name] for name in stopped):
        names = " and ".join(stopped) if len(stopped) < len(rates) else ""
        message = f"the learning rate{' of ' + names if names else ''} is 0, so {names or 'nothing'} does not move"
        message = message.replace("nothing does not move", "nothing moves")
        cure = None if names else best_that_works(run, ({"lr": rate} for rate in _RATES))
        return Finding("held", message, cure, evidence | {"since": 0})
    return _scheduled(run, evidence)


def _scheduled(run: Run, evidence: dict[str, Any]) -> Finding | None:
    """A schedule that has made the rate so small that the run does better without it, or made it 0."""
    first, last = (max(run.rates(each).values()) for each in (run.first, run.final))
    if run.settings.schedule == "none" or run.has_arrived or not last <= _VANISHED * first:
        return None
    cure = best_that_works(run, [{"schedule": "none", "sched": {}}])
    if cure is None and last > 0:
        return None
    small = _VANISHED * first
    since = next((b.iteration for _, b in run.trace.pairs if max(run.rates(b).values()) <= small), run.final.iteration)
    message = (
        f"the schedule {run.settings.schedule} has reduced the learning rate from {short(first, 3)} to "
        f"{short(last, 3)}, while the gradient norm is still {short(run.slope(run.final), 3)}"
    )
    return Finding("held", message, cure, evidence | {"variables": list(run.problem.wrt), "since": since, "lr": last})


def _bound(run: Run) -> Finding | None:
    """Variables at their bounds, against which the gradient pushes them, while the rest has come to a minimum."""
    if not run.settings.bound or run.final.acts is None:
        return None
    held_at: dict[str, float] = {}
    rest = 0.0
    point, gradient = iter(run.point(run.final)), iter(run.gradient(run.final))
    for name in run.problem.wrt:
        low, high = run.settings.bound.get(name, (None, None))
        for _ in range(joined([run.final.values[name]]).numel()):
            x, g = next(point), next(gradient)
            if (low is not None and x == _rounded(run, low) and g > 0) or (
                high is not None and x == _rounded(run, high) and g < 0
            ):
                held_at[name] = x
            else:
                rest = max(rest, abs(g))
    if not held_at or rest > _FLAT * run.slope(run.final):
        return None
    where = " and ".join(f"{name} at its bound {short(x, 6)}" for name, x in held_at.items())
    message = f"held: {where}, beyond which the loss would be better; within the bounds this is a minimum"
    if run.settings.maximize:
        message = message.replace("a minimum", "a maximum")
    evidence = {"by": "bound", "variables": list(held_at), "at": held_at, "gradient_norm": run.slope(run.final)}
    return Finding("held", message, None, evidence | {"rest": rest})


def _rounded(run: Run, x: float) -> float:
    import torch

    return float(torch.tensor(x, dtype=run.dtype))


def _own_tolerance(run: Run) -> Finding | None:
    """L-BFGS, whose own tolerances end its steps."""
    opt = run.settings.opt
    if run.settings.optimizer != "lbfgs" or not run.is_still or "tolerance_grad" not in opt:
        return None
    largest = max(map(abs, run.gradient(run.final)))
    tolerance = float(opt["tolerance_grad"])  # type: ignore[arg-type]
    if largest > tolerance:
        name, tolerance = "tolerance_change", float(opt["tolerance_change"])  # type: ignore[arg-type]
        what = f"its steps change less than its own {name}, {exactly(tolerance)}"
    else:
        name, what = "tolerance_grad", f"the largest part of the gradient, {short(largest, 3)}, is within its own "
        what += f"tolerance_grad, {exactly(tolerance)}"
    since = run.final.iteration - run.trace.still
    message = f"lbfgs has made no step since iteration {since}: {what}"
    evidence = {"by": name, "tolerance": tolerance, "largest": largest, "since": since}
    ways = () if run.has_arrived else ({"opt": {**opt, name: 0.0}}, {"dtype": "float64"})
    return Finding("held", message, best_that_works(run, ways), evidence)


def _no_step(run: Run) -> Finding | None:
    """Somebody's own class, whose steps have changed nothing since the start; in float64 they change nothing either."""
    count = run.final.iteration - run.first.iteration
    if not is_own(run.settings.optimizer) or run.settings.bound or run.trace.still != count or run.pairs:
        return None
    if run.settings.dtype != "float64" and best_that_works(run, [{"dtype": "float64"}]) is not None:
        return None
    message = f"the step of {run.settings.optimizer} changed nothing"
    message += f" in any of the {count} iterations" if count > 1 else ""
    evidence = {"by": "step", "variables": list(run.problem.wrt), "gradient_norm": run.slope(run.final), "since": 0}
    return Finding("held", message, None, evidence)
