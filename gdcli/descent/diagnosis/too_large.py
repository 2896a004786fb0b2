"""A learning rate, or a momentum, that is too large."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gdcli.contract.descent import StopReason
from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.contract.short import short
from gdcli.descent.diagnosis.local import LocalCurvature
from gdcli.descent.diagnosis.remedies import best_that_works, falling_rate, first_that_works, smaller_rates
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.speed import measure
from gdcli.descent.diagnosis.words import direction_in_words, factor_in_words, parts_of

_RESTLESS = 0.999  # factor of the gradient from which on it does not shrink
_FIRST = 4  # so many rates are all tried, for the best of them
_TOUCHES = 1 - 1e-6  # at the bound itself, within rounding, nothing shrinks either


def learning_rate_too_large(run: Run) -> Finding | None:
    """The rate against the bound of its rule, where a run went badly; for other rules, what a smaller rate does."""
    if run.final.iteration == 0 or not (run.went_badly or _bounces(run)) or run.is_minimum:
        return None
    if run.rule is None or not run.is_linear:
        return _by_trial(run)
    if run.rule.momentum >= 1:
        return _momentum_too_large(run)
    found = next((local for local in _places(run) if run.lr >= _TOUCHES * run.rule.bound(local.largest)), None)
    if found is None:
        return _by_trial(run)
    cure = calmer(run)
    if cure is None and not run.is_quadratic:
        return None
    bound = run.rule.bound(found.largest)
    vector = found.direction(-1)
    where = "" if run.is_quadratic else f" at iteration {found.iteration}" if found.iteration else " at the start"
    local = "" if run.is_quadratic else "locally "
    relation = ">" if run.lr * _TOUCHES > bound else "="
    message = (
        f"lr {short(run.lr, 4)} {relation} {run.rule.bound_text} = {short(bound, 4)} "
        f"({local}L = {short(found.largest, 4)}{where}, {direction_in_words(vector, run.labels)}), "
        f"so {_effect(run, run.rule.factor(run.lr, found.largest))}"
    )
    smallest = min(found.counting(run.gradient(run.first)), default=found.smallest)
    evidence = {
        "lr": run.lr,
        "bound": bound,
        "formula": run.rule.bound_text,
        "momentum": run.rule.momentum,
        "largest": found.largest,
        "smallest": smallest,
        "direction": parts_of(vector, run.labels),
        "iteration": found.iteration,
        "local": not run.is_quadratic,
        "factor": run.rule.factor(run.lr, found.largest),
        "best_lr": run.rule.best_rate(smallest, found.largest) if smallest > 0 and found.is_convex else None,
    }
    return Finding("learning-rate-too-large", message, cure, evidence)


def _effect(run: Run, factor: float) -> str:
    """What the rate does to an error in the most curved direction: for a quadratic, in each step."""
    if run.is_quadratic:
        return f"each step multiplies the error there by {factor_in_words(factor)}"
    verb = "grow" if factor * _TOUCHES > 1 else "do not shrink"
    return f"errors in this direction {verb} where the curvature is this large"


def _momentum_too_large(run: Run) -> Finding:
    """Momentum without damping: the product of the two roots of its recurrence is the momentum."""
    momentum = run.rule.momentum if run.rule is not None else 0.0
    message = f"momentum {short(momentum, 4)} >= 1: errors never shrink, whatever the learning rate"
    changes = ({"momentum": 0.9} | rate for rate in ({}, *smaller_rates(run, [])))
    return Finding("momentum-too-large", message, first_that_works(run, changes), {"momentum": momentum, "bound": 1.0})


def _bounces(run: Run) -> bool:
    """Whether it comes no nearer to rest, in a place that is too curved for the rate."""
    if run.rule is None or run.has_arrived:
        return False
    measured = measure(run)
    if measured is None or measured.gradient <= _RESTLESS:
        return False
    return any(run.lr >= _TOUCHES * run.rule.bound(local.largest) for local in _places(run) if local.iteration)


def calmer(run: Run) -> Remedy | None:
    """A smaller rate with which the run does better, of those that theory knows and ever smaller ones."""
    known = list(_known_rates(run))
    if run.went_badly:
        return best_that_works(run, [*smaller_rates(run, known)][:_FIRST]) or first_that_works(
            run, [*smaller_rates(run, known)][_FIRST:]
        )
    return best_that_works(run, [*smaller_rates(run, known), *falling_rate(run)])


def _places(run: Run) -> Iterator[LocalCurvature]:
    """Where to look for a curvature that is too large: the start, the end (the best state of a run that diverged).

    And the last state but one: the other side of an oscillation, and the last that may have had finite numbers.
    """
    for local in (run.start, run.end):
        if local is not None:
            yield local
    if not run.is_quadratic and run.trace.previous.iteration not in (0, run.best.iteration):
        local = run.glance(run.trace.previous)
        if local is not None:
            yield local


def _known_rates(run: Run) -> Iterator[float]:
    """The best fixed rate of a quadratic, 2 / (mu + L); half the bound for others, 1 / L."""
    if run.rule is None or run.rule.momentum >= 1:
        return
    places = [local for local in (run.start, run.end) if local is not None and local.largest > 0]
    if not places:
        return
    largest = max(local.largest for local in places)
    values = places[0].counting(run.gradient(run.first))
    if run.is_quadratic and values and values[0] > 0:
        yield run.rule.best_rate(values[0], values[-1])
    yield run.rule.bound(largest) / 2


def _by_trial(run: Run) -> Finding | None:
    """A smaller rate that works where this one did not, whatever the rule."""
    if run.reason is not StopReason.GROWN and not math.isinf(run.loss(run.final)):
        return None
    found = calmer(run)
    if found is None:
        return None
    message = f"lr {short(run.lr, 4)} makes the steps grow; a smaller one does not"
    return Finding("learning-rate-too-large", message, found, {"lr": run.lr, "bound": None})
