"""How fast a run converges: predicted from the curvature, measured on its gradients, and what would be faster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gdcli.descent.diagnosis.local import LocalCurvature
from gdcli.descent.diagnosis.remedies import base_rate, best_that_works, remedy, rounded, with_rate
from gdcli.descent.diagnosis.run import Run, direction_in_words, parts_of
from gdcli.descent.diagnosis.theory import (
    MILLIONTH,
    PLAIN,
    LinearRule,
    best_heavy_ball,
    safe_nesterov,
    steps_to,
)
from gdcli.results import Finding, Remedy, Step

_ROUNDING = 1000  # a gradient of so many roundings is good for a measurement
_AGREES = 0.02  # relative difference of 1 - factor up to which measured and predicted count as the same
_WORTH = 2  # so many times fewer steps make a remedy
_MOST = 0.1  # of the gradient at the start
_ILL = 10  # the condition number from which on momentum is worth it


@dataclass(frozen=True, slots=True)
class Measured:
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


def _factor_of_decrease(run: Run, pairs: list[tuple[Step, Step]], since: int) -> float | None:
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


def has_arrived(run: Run) -> bool:
    """Whether the gradient is a millionth of what it was, or all rounding."""
    return run.slope(run.final) <= max(MILLIONTH * run.slope(run.first), 50 * rounding(run))


def speed(run: Run) -> Finding | None:
    """How fast a linear rule converges on a loss that is convex at its end; "slow" when it has not arrived."""
    local, rule = run.end, run.rule
    if rule is None or local is None or run.went_badly or not run.is_linear or run.settings.schedule != "none":
        return None
    measured = measure(run)
    values = counting(run, local)
    if measured is None or not values:
        return None
    predicted, eigenvalue = rule.worst(run.lr, values)
    needed = steps_to(MILLIONTH, max(predicted, 0.0))
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
        "steps_to_a_millionth": needed,
    }
    sentence = _sentence(run, local, values, evidence)
    return (
        Finding("rate", sentence, cure, evidence) if arrived else Finding("slow", f"slow: {sentence}", cure, evidence)
    )


def crawling(run: Run) -> Finding | None:
    """A run of any rule that has kept most of its gradient, and goes farther with larger steps."""
    steps, first, last = run.final.iteration, run.slope(run.first), run.slope(run.final)
    if run.went_badly or steps < 10 or first == 0 or last <= _MOST * first or run.lr == 0:
        return None
    cure = best_that_works(run, [with_rate(run, run.lr * times) for times in (10, 100, 1000)])
    if cure is None:
        return None
    evidence = {"lr": run.lr, "first_gradient_norm": first, "gradient_norm": last, "steps": steps}
    message = f"slow: after {steps:,} steps the gradient is still {last / first:.3g} of what it was"
    return Finding("slow", message, cure, evidence)


def counting(run: Run, local: LocalCurvature) -> list[float]:
    """The eigenvalues that decide how fast a run is; none where it is not convex, or the smallest is not known."""
    if not local.is_convex:
        return []
    if not local.spectrum.exact and local.smallest <= local.zero:
        return []
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
    text += ", as predicted" if agrees else f", in the end by {predicted:.4g} a step"
    where = direction_in_words(local.direction(_index(local, evidence["eigenvalue"])), run.labels)
    if values[-1] > values[0] * 1.001:
        about = f"condition number {evidence['condition_number']:.4g}, slowest {where}"
    else:
        about = f"curvature {values[0]:.4g}" + (f" {where}" if len(values) == 1 else "")
    about += "" if run.is_quadratic else "; local"
    return f"{text} ({about}); a millionth of the gradient takes {evidence['steps_to_a_millionth']:,} steps"


def _faster(run: Run, values: list[float], needed: int, *, arrived: bool) -> Remedy | None:
    """What takes at most half of the steps: by theory on a quadratic, by trial elsewhere."""
    if not run.is_quadratic:
        return None if arrived else best_that_works(run, nearby(run, values))
    found = best_on_quadratic(run, values)
    steps = steps_to(MILLIONTH, found[0])
    return None if steps is None or steps * _WORTH > needed else remedy(run, effect(steps), found[1])


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
    if settings.optimizer != "sgd":
        if not momentum and settings.optimizer == "manual":
            return {}
        if not momentum:
            return {"optimizer": "manual"}
        return {"optimizer": "manual-nesterov" if nesterov else "manual-momentum", "momentum": momentum}
    changes: dict[str, Any] = {}
    if momentum != settings.momentum:
        changes["momentum"] = momentum
    if bool(settings.nesterov) != (nesterov and bool(momentum)):
        changes["nesterov"] = not settings.nesterov
    return changes | ({"dampening": 0.0} if settings.dampening else {})


def effect(steps: int | None) -> str:
    """What a remedy with so many predicted steps does."""
    return f"{steps:,} step{'s' * (steps != 1)} to a millionth" if steps is not None else "by its curvature"
