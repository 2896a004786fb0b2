"""How fast a run converges: predicted from the curvature, measured on its gradients, and what would be faster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.descent.diagnosis.local import LocalCurvature
from gdcli.descent.diagnosis.remedies import base_rate, best_that_works, confirmed, rounded, with_rate
from gdcli.descent.diagnosis.run import Run, direction_in_words, parts_of
from gdcli.descent.diagnosis.theory import (
    MILLIONTH,
    PLAIN,
    LinearRule,
    best_heavy_ball,
    safe_nesterov,
    steps_to,
)
from gdcli.descent.loop import State
from gdcli.rules.catalogue import RULES, linear_by_hand

_ROUNDING = 1000  # a gradient of so many roundings is good for a measurement
_AGREES = 0.02  # relative difference of 1 - factor up to which measured and predicted count as the same
_WORTH = 2  # so many times fewer steps make a remedy
_FEW = 10  # steps from which on a run can be slow
_HALF = 0.5
_CLEARLY = 0.05  # of what the run has gained: so much more a remedy of unknown theory must gain
_ILL = 10  # the condition number from which on momentum is worth it


class Measured(Struct, frozen=True):
    """The factors per step between two iterations: of the gradient norm, and of the decrease of the loss."""

    since: int
    until: int
    gradient: float
    loss: float | None


def measure(run: Run) -> Measured | None:
    """The factors over the second half of the part of a run that stands above rounding; None when there is none."""
    noise = _ROUNDING * rounding(run)
    pairs = [(a, b) for a, b in run.pairs if run.slope(b) > noise]
    if not pairs:
        return None
    last = pairs[-1]
    first = next(pair for pair in pairs if 2 * pair[1].iteration >= last[1].iteration)
    if first[1] is last[1]:
        first = (first[0], first[0])
    count = last[1].iteration - first[1].iteration
    if count <= 0 or run.slope(first[1]) == 0:
        return None
    gradient = (run.slope(last[1]) / run.slope(first[1])) ** (1 / count)
    return Measured(
        first[1].iteration, last[1].iteration, gradient, _factor_of_decrease(run, pairs, first[1].iteration)
    )


def _factor_of_decrease(run: Run, pairs: list[tuple[State, State]], since: int) -> float | None:
    """What a step multiplies the decrease of the loss with; None where that is lost in rounding or is no decrease."""
    found = []
    for a, b in pairs:
        decrease = run.loss(a) - run.loss(b)
        if b.iteration - a.iteration == 1 and decrease > _ROUNDING * run.eps * abs(run.loss(a)):
            found.append((b.iteration, decrease))
    found = [(iteration, decrease) for iteration, decrease in found if iteration >= since]
    if len(found) < 2:
        return None
    (i, first), (j, last) = found[0], found[-1]
    return float((last / first) ** (1 / (j - i)))


def rounding(run: Run) -> float:
    """The size of a gradient that is all rounding: that of variables which are off by eps."""
    local = run.end
    size = local.spectrum.size if local is not None else 0.0
    point = run.best if run.failed else run.final
    return run.eps * (size * (run.scale(point) - 1.0))


class Goal(Struct, frozen=True):
    """A gradient so many times that of the start, and the words for it."""

    ratio: float
    words: str


def goal_of(run: Run) -> Goal:
    """The tolerance of the gradient, where one is set; else a millionth."""
    first = run.slope(run.first)
    absolute, relative = (*(run.settings.tol_grad or [0.0]), 0.0)[:2]
    limit = absolute + relative * first
    if limit > 0 and first > 0:
        return Goal(limit / first, f"a gradient norm of {limit:.3g}")
    return Goal(MILLIONTH, "a millionth of the initial gradient")


def has_arrived(run: Run) -> bool:
    """Whether the gradient is as small as it should become, or all rounding."""
    return run.slope(run.final) <= max(goal_of(run).ratio * run.slope(run.first), 50 * rounding(run))


def speed(run: Run) -> Finding | None:
    """How fast a linear rule converges on a loss that is convex at its end; "slow" when it has not arrived."""
    local, rule = run.end, run.rule
    varies = run.settings.schedule != "none" or bool(run.settings.lr_factor)
    if rule is None or local is None or run.went_badly or not run.is_linear or varies:
        return None
    measured = measure(run)
    values = counting(run, local)
    if measured is None or not values:
        return None
    predicted, eigenvalue = rule.worst(run.lr, values)
    goal = goal_of(run)
    needed = steps_to(goal.ratio, predicted)
    if needed is None:
        return None
    arrived = has_arrived(run)
    cure = _faster(run, values, needed, arrived=arrived)
    evidence = _evidence(run, rule, local, values) | {
        "predicted_factor": predicted,
        "predicted_loss_factor": predicted**2,
        "eigenvalue": eigenvalue,
        "measured_factor": measured.gradient,
        "measured_loss_factor": measured.loss,
        "measured_since": measured.since,
        "measured_until": measured.until,
        "goal": goal.ratio,
        "steps_to_goal": needed,
    }
    sentence = _sentence(run, local, values, evidence)
    if arrived:
        return Finding("rate", sentence, cure, evidence)
    return Finding("slow", f"slow: {sentence}", cure, evidence)


def crawling(run: Run) -> Finding | None:
    """A run whose gradient shrinks by less than half in its second half, where other settings do better."""
    measured = None if run.went_badly or run.final.iteration < _FEW or has_arrived(run) else measure(run)
    if measured is None or run.lr == 0:
        return None
    steps = measured.until - measured.since
    left = measured.gradient**steps
    if left <= _HALF:
        return None
    cure = best_that_works(run, _larger(run), by=_CLEARLY)
    if cure is None:
        return None
    evidence = {
        "lr": run.lr,
        "gradient_norm": run.slope(run.final),
        "measured_factor": measured.gradient,
        "measured_since": measured.since,
        "measured_until": measured.until,
    }
    message = f"slow: after the last {steps:,} steps the gradient norm is {left:.3g} times its value before them"
    return Finding("slow", message, cure, evidence)


def _larger(run: Run) -> Iterator[dict[str, Any]]:
    """Changes that may help: larger rates; for a linear rule the one of its curvature, with momentum and without."""
    yield from (with_rate(run, run.lr * times) for times in (10, 100, 1000))
    largest = max((local.largest for local in (run.start, run.end) if local is not None), default=0.0)
    if run.is_linear and run.rule is not None and largest > 0:
        yield with_rate(run, run.rule.bound(largest) / 2)
        yield _momentum(run, 0.9, nesterov=True) | with_rate(run, 1 / largest)


def counting(run: Run, local: LocalCurvature) -> list[float]:
    """The eigenvalues that decide how fast a run is; none where it is not convex, or the smallest is not known."""
    if not local.is_convex:
        return []
    if not local.spectrum.exact:  # the lower end may be lower still
        return local.spectrum.values if local.smallest > 1e-9 * local.largest else []
    if run.is_quadratic:
        return local.counting(run.gradient(run.first))
    return [value for value in local.spectrum.values if value > local.zero]


def _evidence(run: Run, rule: LinearRule, local: LocalCurvature, values: list[float]) -> dict[str, Any]:
    low, high = values[0], values[-1]
    ball = best_heavy_ball(low, high)
    best = rule.best_rate(low, high)
    return {
        "lr": run.lr,
        "momentum": rule.momentum,
        "largest": high,
        "smallest": low,
        "condition_number": high / low,
        "exact": local.spectrum.exact,
        "iteration": local.iteration,
        "local": not run.is_quadratic,
        "direction": parts_of(local.direction(_index(local, low)), run.labels),
        "best_lr": best,
        "best_lr_factor": rule.worst(best, (low, high))[0],
        "best_momentum": ball.momentum,
        "best_momentum_lr": ball.lr,
        "best_momentum_factor": ball.factor,
    }


def _index(local: LocalCurvature, value: float) -> int:
    return local.spectrum.values.index(value)


def _sentence(run: Run, local: LocalCurvature, values: list[float], evidence: dict[str, Any]) -> str:
    """What a step does to the distance and the loss, whether that was predicted, and how many steps it takes."""
    measured, predicted = evidence["measured_factor"], evidence["predicted_factor"]
    agrees = abs(measured - predicted) <= _AGREES * (1 - predicted) + 1e-4
    loss = evidence["measured_loss_factor"]
    text = f"each step multiplies the distance by {measured:.4g}"
    text += f" and the loss by {loss:.4g}" if loss is not None else ""
    text += ", as predicted" if agrees else f" (predicted in the long run: {predicted:.4g})"
    where = direction_in_words(local.direction(_index(local, evidence["eigenvalue"])), run.labels)
    if values[-1] > values[0] * 1.001:
        at_least = "" if local.spectrum.errors[0] < 0.01 * values[0] else "at least "
        about = f"condition number {at_least}{evidence['condition_number']:.4g}, slowest {where}"
    else:
        about = f"curvature {values[0]:.4g}" + (f" {where}" if len(values) == 1 else "")
    about += "" if run.is_quadratic else "; local estimate"
    return f"{text} ({about}); reaching {goal_of(run).words} takes {evidence['steps_to_goal']:,} steps"


def _faster(run: Run, values: list[float], needed: int, *, arrived: bool) -> Remedy | None:
    """What takes at most half of the steps: by theory on a quadratic, by trial elsewhere."""
    if run.is_quadratic:
        factor, changes = best_on_quadratic(run, values)
        steps = steps_to(goal_of(run).ratio, factor)
        if steps is None or steps * _WORTH > needed:
            return None
        if found := confirmed(run, effect(run, factor), changes, steps):
            return found
    return None if arrived else best_that_works(run, nearby(run, values))


def best_on_quadratic(run: Run, values: list[float]) -> tuple[float, dict[str, Any]]:
    """The factor and the changes of the best fixed rate without momentum, or with it where that is twice as fast."""
    low, high = values[0], values[-1]
    ball = best_heavy_ball(low, high)
    lr = PLAIN.best_rate(low, high)
    alone = PLAIN.worst(lr, (low, high))[0]
    if high / low < _ILL or ball.factor**_WORTH > alone:
        return _as_rounded(run, LinearRule("plain"), lr, values)
    return _as_rounded(run, LinearRule("heavy ball", rounded(ball.momentum, 4)), ball.lr, values)


def _as_rounded(run: Run, rule: LinearRule, lr: float, values: list[float]) -> tuple[float, dict[str, Any]]:
    """The factor and the changes, with the numbers as they will be typed."""
    rate = with_rate(run, lr)
    typed = lr * rate["lr"] / (lr / run.lr * base_rate(run))
    return rule.worst(typed, values)[0], _momentum(run, rule.momentum) | rate


def nearby(run: Run, values: list[float]) -> Iterator[dict[str, Any]]:
    """What holds for every convex loss with such curvatures: Nesterov's momentum, and 1 / L alone."""
    largest = max(local.largest for local in (run.start, run.end) if local is not None)
    tuned = safe_nesterov(values[0], max(largest, values[-1]))
    yield _momentum(run, tuned.momentum, nesterov=True) | with_rate(run, tuned.lr)
    yield _momentum(run, 0.0) | with_rate(run, tuned.lr)


def _momentum(run: Run, momentum: float, *, nesterov: bool = False) -> dict[str, Any]:
    """The change to this momentum, in a rule of the same make; no change where there is none and none is wanted."""
    settings = run.settings
    momentum = min(rounded(momentum, 4), 0.99)
    if not RULES[settings.optimizer].path:
        name = linear_by_hand("plain" if not momentum else "nesterov" if nesterov else "heavy ball")
        if momentum:
            return {"optimizer": name, "momentum": momentum}
        return {} if name == settings.optimizer else {"optimizer": name}
    changes: dict[str, Any] = {}
    if momentum != settings.momentum:
        changes["momentum"] = momentum
    if bool(settings.nesterov) != (nesterov and bool(momentum)):
        changes["nesterov"] = not settings.nesterov
    return changes | ({"dampening": 0.0} if settings.dampening else {})


def effect(run: Run, factor: float, *, to: str = "") -> str:
    """What a remedy with this predicted factor does."""
    steps = steps_to(goal_of(run).ratio, factor)
    return "from the curvature" if steps is None else f"{steps:,} step{'s' * (steps != 1)}{to}"
