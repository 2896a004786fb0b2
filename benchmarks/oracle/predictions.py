"""Predicted steps, and what a step multiplies the distance and the loss with: the run is continued, and counted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from oracle.ran import Ran, State
from oracle.statement import Statement

_NEAR = 0.1
_ABOUT = 0.2  # of 1 - factor
_PRINTED = 6e-5  # the rounding of a factor with four digits
_NUMBER = r"(1 - [\d.e+-]*\d|[\d.e+-]*\d)"
_DISTANCE = re.compile(rf"multiplies the distance[a-z ,]* by {_NUMBER}")
_GRADIENT = re.compile(rf"multiplies the gradient norm by {_NUMBER}")
_LOSS = re.compile(rf"the loss[a-z ,]* by {_NUMBER}")


def predictions(finding: dict[str, Any], ran: Ran) -> Iterator[Statement]:
    """The statements of a finding about how fast the run is."""
    evidence = finding["evidence"]
    if evidence.get("steps_to_goal") is not None:
        yield from _steps(finding, ran, int(evidence["steps_to_goal"]))
    elif evidence.get("more_than") is not None:
        bound = int(evidence["more_than"])
        reached, seen = first_below(ran, ran.goal(finding), min(bound, ran.most))
        # Where nothing moves any more before, it never arrives; whether the command should have seen that is not known.
        holds = False if reached is not None else True if seen >= min(bound, ran.most) else None
        why = f"more than {bound:,}; it took {reached}, seen up to {seen:,}"
        yield Statement(finding["code"], "more than so many steps", holds, why)
    yield from _factors(finding, ran)


def _steps(finding: dict[str, Any], ran: Ran, predicted: int) -> Iterator[Statement]:
    """Whether the gradient is that small after so many steps: in the dtype of the run, else in float64."""
    code, goal, most = finding["code"], ran.goal(finding), min(max(3 * predicted, 20), ran.most)
    if predicted > ran.most:  # it cannot be confirmed, only refuted
        most = ran.most // 4
    reached, seen = first_below(ran, goal, most)
    if ran.settings["dtype"] != "float64":
        known = reached is not None or seen < most or 2 * predicted <= ran.most
        there = None if not known else reached is not None
        yield Statement(code, "the gradient gets there in this dtype", there, f"{predicted:,} steps; seen {seen:,}")
        if reached is None:
            reached, seen = first_below(ran, goal, most, dtype="float64")
    if reached is None and seen >= most and predicted > most / 2:  # it may still be true
        yield Statement(code, "predicted steps within 10%", None, f"{predicted:,}: too many to count")
        return
    why = f"predicted {predicted:,}, took {f'{reached:,}' if reached is not None else f'more than {seen:,}'}"
    slack = max(_NEAR * (reached or 0), 1)
    yield Statement(code, "predicted steps within 10%", reached is not None and abs(predicted - reached) <= slack, why)
    twice = reached is not None and predicted <= 2 * reached + 2 and reached <= 2 * predicted + 2
    yield Statement(code, "predicted steps within 2x", twice, why)


def first_below(ran: Ran, goal: float, most: int, **changes: Any) -> tuple[int | None, int]:
    """The iteration in which the norm of the gradient is first at most the goal, and how many steps were made.

    It ends where nothing moves any more.
    """
    before: State | None = None
    for state in ran.again(most, **changes):
        if state.slope <= goal * (1 + 1e-6):
            return state.iteration, state.iteration
        if not state.is_finite or (before is not None and _rests(ran, before, state)):
            return None, state.iteration
        before = state
    return None, before.iteration if before is not None else 0


def _rests(ran: Ran, before: State, after: State) -> bool:
    """Whether a rule that remembers nothing did not move."""
    plain = not ran.settings["momentum"] and ran.settings["optimizer"] in ("manual", "sgd")
    return plain and ran.settings["schedule"] == "none" and bool((before.x == after.x).all()) and after.lr == before.lr


def _factors(finding: dict[str, Any], ran: Ran) -> Iterator[Statement]:
    """Whether gradient, distance and loss shrink by the factors that are told; the last two, above a limit."""
    message = finding["message"]
    said, of_loss, of_gradient = _DISTANCE.search(message), _LOSS.search(message), _GRADIENT.search(message)
    code, evidence = finding["code"], finding["evidence"]
    last = ran.last.iteration
    since, until = int(evidence.get("measured_since", last // 2)), int(evidence.get("measured_until", last))
    by_iteration = {state.iteration: state for state in ran.states}
    if since not in by_iteration or until not in by_iteration or since == until:
        return
    a, b = by_iteration[since], by_iteration[until]
    if of_gradient is not None:
        pair = a.slope, b.slope
        yield _compared(code, "the gradient by a factor", _number(of_gradient[1]), pair, 0.0, until - since)
    if said is None and of_loss is None:
        return
    limit = _limit(ran)
    if limit is None:
        if said is not None:
            yield Statement(code, "the distance by a factor", False, "there is no limit to be distant from")
        return
    if said is not None:
        pair = float((a.x - limit).norm()), float((b.x - limit).norm())
        noise = ran.eps * (1 + float(limit.norm()))
        yield _compared(code, "the distance by a factor", _number(said[1]), pair, noise, until - since)
    if of_loss is not None:
        lowest = ran.f.value(limit)
        noise = ran.eps * (abs(lowest) + 1e-12)
        yield _compared(
            code, "the loss by a factor", _number(of_loss[1]), (a.loss - lowest, b.loss - lowest), noise, until - since
        )


def _compared(code: str, kind: str, said: float, pair: tuple[float, float], noise: float, steps: int) -> Statement:
    if min(pair) <= 100 * noise:
        return Statement(code, kind, None, "lost in rounding")
    true = (pair[1] / pair[0]) ** (1 / steps)
    holds = abs(said - true) <= _ABOUT * abs(1 - true) + _PRINTED * true
    return Statement(code, kind, holds, f"told {said:.6g}, is {true:.6g}")


def _limit(ran: Ran) -> Any:
    """Where the run goes: the critical point near the end of a longer run in float64; None where it goes to none."""
    end = ran.last_finite
    steps = min(max(4 * ran.last.iteration, 400), ran.most)
    later = ran.outcome(steps, dtype="float64")
    if later is None or later.slope > max(0.9 * end.slope, 1e-9 * ran.first.slope):
        later = end
    if ran.settings["weight_decay"]:
        return later.x if later.slope < 1e-3 * end.slope else None
    return ran.f.settled(later.x)


def _number(text: str) -> float:
    whole, _, less = text.partition(" - ")
    return float(whole) - float(less) if less and math.isfinite(float(less)) else float(text)
