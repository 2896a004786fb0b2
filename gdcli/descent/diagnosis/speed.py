"""How fast a run converges: predicted from the curvature, measured on its gradients, and what would be faster."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gdcli.contract.descent import StopReason
from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.contract.short import short
from gdcli.descent.diagnosis.local import LocalCurvature
from gdcli.descent.diagnosis.places import is_near
from gdcli.descent.diagnosis.remedies import best_that_works, falling_rate, in_steps, rounded, with_rate
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.theory import PLAIN, LinearRule, best_heavy_ball, safe_nesterov
from gdcli.descent.diagnosis.words import direction_in_words, factor_in_words, parts_of
from gdcli.rules.catalogue import RULES, linear_by_hand
from gdcli.rules.parameters import rates_change

_ROUNDING = 1000  # a gradient of so many roundings is good for a measurement
_AGREES = 0.03  # relative difference of 1 - factor up to which measured and predicted count as the same
_WORTH = 2  # so many times fewer steps make a remedy
_FEW = 10  # steps from which on a run can be slow
_HALF = 0.5
_LONGER = 1.5  # so many times its steps a slow run needs
_CLEARLY = 0.05  # of what the run has gained: so much more a remedy of unknown theory must gain
_ALMOST = 1e-4  # absolute difference up to which they do
_PART = 1e-6  # of a gradient: a smaller part does not count
_ENOUGH = 40  # steps from which on a power law can be seen
_LEAST_POWER = 0.2
_SAME_POWER = 0.1  # relative difference of two powers up to which they are one
_NOTHING = 1e-6  # of the first loss: a limit that is 0
_DYING = 0.5  # so much smaller a step per gradient has become
_ILL_SCALED = 1e3  # so much may the curvatures of two variables differ before each gets a rate of its own
_VERY_ILL = 1e4  # a condition number
_HARDLY = 0.1  # momentum up to which it changes hardly anything
_ILL = 10  # the condition number from which on momentum is worth it


class Measured(Struct, frozen=True):
    """The factor per step of the gradient norm between two iterations."""

    since: int
    until: int
    gradient: float


def measure(run: Run) -> Measured | None:
    """The factor over the second half of the part of a run that stands above rounding; None when there is none."""
    noise = _ROUNDING * run.rounding
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
    return Measured(first[1].iteration, last[1].iteration, gradient)


def _loss_factor(run: Run, measured: Measured, limit: float | None) -> float | None:
    """The factor per step of the loss above its limit; None where it is not above it by more than rounding."""
    if limit is None:
        return None
    above = [run.loss(run.at_or_after(i)) - limit for i in (measured.since, measured.until)]
    if min(above) <= _ROUNDING * run.eps * abs(limit):
        return None
    return float((above[1] / above[0]) ** (1 / (measured.until - measured.since)))


def speed(run: Run) -> Finding | None:
    """How fast a linear rule converges on a loss that is convex at its end; "slow" when it has not arrived.

    What the curvature predicts is said where it is what was measured, or where the loss is quadratic; the number of
    steps is that of the run itself, made up to its goal.
    """
    local, rule = run.end, run.rule
    varies = rates_change(run.settings)
    if rule is None or local is None or run.went_badly or not run.is_linear or varies or run.goal is None:
        return None
    if run.is_quadratic and run.flat_gradient is not None:  # the loss falls for ever
        return None
    measured = measure(run)
    values = counting(run, local)
    if measured is None or not values:
        return None
    predicted, eigenvalue = rule.worst(run.lr, values)
    agrees = abs(measured.gradient - predicted) <= _AGREES * (1 - predicted) + _ALMOST
    if predicted >= 1 or not (agrees or run.is_quadratic):
        return None
    # Far from the minimum a quadratic model does not give its loss; with a decay the run tends to another point.
    limit = run.newton_loss if not run.decay and (run.is_quadratic or is_near(run, local)) else None
    arrived = _is_done(run) or (run.arrives is not None and run.arrives <= run.final.iteration)
    cure = _in_steps(_faster(run, values, arrived=arrived))
    evidence = _evidence(run, rule, local, values) | {
        "predicted_factor": predicted,
        "predicted_loss_factor": predicted**2,
        "eigenvalue": eigenvalue,
        "measured_factor": measured.gradient,
        "measured_loss_factor": _loss_factor(run, measured, limit),
        "limit": limit,
        "measured_since": measured.since,
        "measured_until": measured.until,
        **steps_to_goal(run),
    }
    sentence = _sentence(run, local, values, evidence, agrees=agrees)
    if arrived:
        return Finding("rate", sentence, cure, evidence)
    return Finding("slow", f"slow: {sentence}", cure, evidence)


def _is_done(run: Run) -> bool:
    """Whether its gradient is as small as it should become, or its loss as small as was asked for."""
    return run.has_arrived or run.reason is StopReason.REACHED


def _in_steps(cure: Remedy | None) -> Remedy | None:
    """A remedy whose effect is the number of steps to the goal, where the sentence has just named it."""
    return cure if cure is None or cure.arrives is None else replace(cure, effect=in_steps(cure.arrives))


def steps_to_goal(run: Run) -> dict[str, Any]:
    """The evidence of how many steps the goal takes: a number that was counted, or one that is not enough."""
    goal, longer = run.goal, run.longer
    if goal is None or longer is None:
        more = None if goal is None or run.has_arrived or run.problem.is_random else run.final.iteration
        return {"goal": None if goal is None else goal.ratio, "steps_to_goal": None, "more_than": more}
    more = max(longer.steps, 0 if run.has_arrived else run.final.iteration)
    bounded = longer.arrives is None and not longer.ends_still and longer.outcome.status != "diverged"
    return {"goal": goal.ratio, "steps_to_goal": longer.arrives, "more_than": more if bounded else None}


def steps_in_words(run: Run, evidence: dict[str, Any]) -> str:
    """How many steps the goal takes; nothing where that is not known."""
    words = run.goal.words if run.goal is not None else ""
    if evidence["steps_to_goal"] is not None:
        return f"reaching {words} takes {in_steps(evidence['steps_to_goal'])}"
    if evidence["more_than"] is not None:
        return f"reaching {words} takes more than {evidence['more_than']:,} steps"
    return ""


def crawling(run: Run) -> Finding | None:
    """A run that has not arrived and needs more steps, or whose gradient hardly shrinks, or by a power law."""
    measured = None if run.went_badly or run.final.iteration < _FEW or _is_done(run) else measure(run)
    if measured is None or run.lr == 0 or run.is_minimum:
        return None
    steps = measured.until - measured.since
    if steps < _FEW / 2:
        return None
    left, law = measured.gradient**steps, _law(run)
    longer = run.arrives is None or run.arrives > _LONGER * run.final.iteration
    if left <= _HALF and law is None and not longer:
        return None
    evidence = {
        "lr": run.lr,
        "gradient_norm": run.slope(run.final),
        "measured_factor": measured.gradient,
        "measured_since": measured.since,
        "measured_until": measured.until,
        "power": law,
        **steps_to_goal(run),
    }
    if law is None and not run.comes_nearer:
        return _restless(run, left, evidence)
    cure = _in_steps(best_that_works(run, _larger(run), by=_CLEARLY))
    message = f"slow: after the last {steps:,} steps the gradient norm is {short(left, 3)} times its value before them"
    if law is not None:
        message += f"; the loss falls about like 1/k**{short(law, 2)}, more slowly than by a constant factor"
    dying = _dying_rate(run)
    if dying is not None:
        evidence["effective_lr"] = list(dying)
        before, now = (short(number, 2) for number in dying)
        message += f"; adagrad's accumulated squares have reduced a step per gradient from {before} to {now}"
    words = steps_in_words(run, evidence)
    if cure is None and law is None and not words:
        return None
    return Finding("slow", f"{message}; {words}" if words else message, cure, evidence)


def _restless(run: Run, left: float, evidence: dict[str, Any]) -> Finding | None:
    """A run that more steps bring no nearer to a minimum, as far as they were made."""
    if run.longer is None or run.longer.outcome.status == "diverged":
        return None
    rates = (with_rate(run, run.lr * times) for times in (10, 0.3, 0.1, 0.01))
    cure = _in_steps(best_that_works(run, [*rates, *falling_rate(run)]))
    message = (
        f"not settling: after {run.longer.steps:,} steps the loss is not clearly lower, and the gradient norm is not "
        "half of what it is now; why is not known"
    )
    return Finding(
        "unexplained", message, cure, evidence | {"left": left, "loss_later": run.longer.outcome.result.loss}
    )


def _dying_rate(run: Run) -> tuple[float, float] | None:
    """What Adagrad's first and last steps were, per gradient; None where they have not become much smaller."""
    if run.settings.optimizer != "adagrad" or len(run.pairs) < 2:
        return None
    ratios = [math.dist(run.point(a), run.point(b)) / run.slope(a) for a, b in (run.pairs[0], run.pairs[-1])]
    return (ratios[0], ratios[1]) if ratios[1] < _DYING * ratios[0] else None


def _law(run: Run) -> float | None:
    """The power p of a loss that falls towards 0 like 1 / k**p; None where it does not.

    The slope of log(loss) over log(k) must be the same in the second quarter of the run as in its second half.
    """
    last = run.final.iteration
    states = [run.at_or_after(k) for k in (last // 4, last // 2, last)]
    if last < _ENOUGH or any(run.loss(each) <= 0 or each.iteration == 0 for each in states):
        return None
    if len({each.iteration for each in states}) < len(states):
        return None
    powers = [
        -math.log(run.loss(b) / run.loss(a)) / math.log(b.iteration / a.iteration)
        for a, b in itertools.pairwise(states)
    ]
    return powers[1] if powers[1] > _LEAST_POWER and abs(powers[0] - powers[1]) <= _SAME_POWER * powers[1] else None


def _larger(run: Run) -> Iterator[dict[str, Any]]:
    """Changes that may help: larger rates; for a linear rule the one of its curvature, with momentum and without."""
    yield from (with_rate(run, run.lr * times) for times in (10, 100, 1000))
    largest = max((local.largest for local in (run.start, run.end) if local is not None), default=0.0)
    if run.is_linear and run.rule is not None and largest > 0:
        yield with_rate(run, run.rule.bound(largest) / 2)
        yield _momentum(run, 0.9, nesterov=True) | with_rate(run, 1 / largest)


def counting(run: Run, local: LocalCurvature) -> list[float]:
    """The eigenvalues that decide how fast a run reaches its goal: those along which its gradient has a part.

    None where it is not convex, or the smallest is not known. A part of the first gradient of a quadratic that is
    smaller than the goal does not count; nor does a direction in which the gradient at the end has no part.
    """
    if not local.is_convex:
        return []
    if not local.spectrum.exact:  # the lower end may be lower still
        return local.spectrum.values if local.smallest > 1e-9 * local.largest else []
    if run.is_quadratic:
        return local.counting(run.gradient(run.first), run.goal.ratio if run.goal is not None else 0.0)
    found = local.counting(local.gradient.tolist(), _PART)
    return found if found and found[0] > 0 else []


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


def _sentence(run: Run, local: LocalCurvature, values: list[float], evidence: dict[str, Any], *, agrees: bool) -> str:
    """What a step does to the gradient and the loss, whether that was predicted, and how many steps it takes."""
    loss = evidence["measured_loss_factor"]
    multiplies = "each step multiplies" if agrees else "a step multiplied"
    text = f"{multiplies} the gradient norm by {factor_in_words(evidence['measured_factor'])}"
    if loss is not None:
        is_zero = abs(evidence["limit"]) <= _NOTHING * abs(run.loss(run.first))
        above = "" if is_zero else f" above its limit, {short(run.sign * evidence['limit'], 4)},"
        text += f" and the loss{above} by {factor_in_words(loss)}"
    if agrees:
        text += ", as predicted"
    else:
        since, until = evidence["measured_since"], evidence["measured_until"]
        in_the_end = factor_in_words(evidence["predicted_factor"])
        text += f" on average (iterations {since} to {until}); in the long run, the gradient norm by {in_the_end}"
    where = direction_in_words(local.direction(_index(local, evidence["eigenvalue"])), run.labels)
    if values[-1] > values[0] * 1.001:
        at_least = "" if local.spectrum.errors[0] < 0.01 * values[0] else "at least "
        about = f"condition number {at_least}{short(evidence['condition_number'], 4)}, slowest {where}"
    else:
        about = f"curvature {short(values[0], 4)}" + (f" {where}" if len(values) == 1 else "")
    about += "" if run.is_quadratic else "; local estimate"
    about += f", with the weight decay {short(run.decay, 3)}" if run.decay else ""
    steps = steps_in_words(run, evidence)
    rests = "; it comes to rest where the decay balances the gradient of the loss, which is not 0 there" * bool(
        run.decay
    )
    return f"{text} ({about})" + (f"; {steps}" if steps else "") + rests


def _faster(run: Run, values: list[float], *, arrived: bool) -> Remedy | None:
    """What does better, of what theory recommends: for a quadratic, else for every convex loss."""
    candidates = [best_on_quadratic(run, values)] if run.is_quadratic else [] if arrived else list(nearby(run, values))
    if not arrived:
        candidates += own_rates(run)
    return best_that_works(run, candidates)


def own_rates(run: Run) -> Iterator[dict[str, Any]]:
    """A learning rate of its own for each variable, by its curvature at the start, where these differ much.

    Or somewhat, on a loss whose condition number is large. Together they may be too large: half of each is tried too.
    """
    rates = curvature_rates(run)
    if not rates or run.start is None:
        return
    ratio = max(rates.values()) / min(rates.values())
    if ratio > _ILL_SCALED or (ratio > _ILL and run.start.largest > _VERY_ILL * abs(run.start.smallest)):
        yield {"lrs": rates}
        yield {"lrs": {name: rounded(rate / 2) for name, rate in rates.items()}}


def curvature_rates(run: Run) -> dict[str, float]:
    """1 / L for each variable alone; nothing where a variable has no positive curvature at the start."""
    return {name: rounded(1 / curvature) for name, curvature in run.curvatures_alone.items()}


def best_on_quadratic(run: Run, values: list[float]) -> dict[str, Any]:
    """The changes to the best fixed rate without momentum, or with it where that is twice as fast."""
    low, high = values[0], values[-1]
    ball = best_heavy_ball(low, high)
    lr = PLAIN.best_rate(low, high)
    alone = PLAIN.worst(lr, (low, high))[0]
    if high / low < _ILL or ball.factor**_WORTH > alone:
        return _momentum(run, 0.0) | with_rate(run, lr)
    return _momentum(run, ball.momentum) | with_rate(run, ball.lr)


def nearby(run: Run, values: list[float]) -> Iterator[dict[str, Any]]:
    """What holds for every convex loss with such curvatures: Nesterov's momentum, and 1 / L alone."""
    largest = max(local.largest for local in (run.start, run.end) if local is not None)
    tuned = safe_nesterov(values[0], max(largest, values[-1]))
    if tuned.momentum > _HARDLY:
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
