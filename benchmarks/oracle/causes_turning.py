"""Causes that lie in how a run goes back and forth: zig-zag, oscillation, cycles, kinks."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from typing import Any

from oracle.causes_rate import CAUSE, NUMBERS, Judged, has_arrived
from oracle.ran import Ran, State

_TURNS = -0.3
_RISES = 0.1
_LONGEST = 64


def _pairs(ran: Ran) -> list[tuple[State, State]]:
    """Successive states of the second half between which it moved by more than rounding."""
    found = []
    for a, b in itertools.pairwise(ran.second_half):
        if float((b.x - a.x).norm()) > 20 * ran.eps * float(b.x.norm()):
            found.append((a, b))
    return found


def _cosine(ran: Ran) -> float | None:
    """The median cosine of successive gradients where it moved; None where it did not."""
    products = [(float(a.gradient @ b.gradient), a.slope * b.slope) for a, b in _pairs(ran)]
    cosines = [product / sizes for product, sizes in products if sizes > 0]
    return statistics.median(cosines) if cosines else None


def zig_zag(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """Successive gradients turn, the loss falls all the same, and the curvatures differ: a valley."""
    cosine = _cosine(ran)
    values = None if ran.failed else ran.f.eigen(ran.last.x)
    half = ran.second_half
    falls = len(half) > 1 and half[-1].loss < half[0].loss
    valley = len(ran.last.x) > 1 and values is not None and float(values[0].abs().max()) > 3 * abs(float(values[0][0]))
    holds = cosine is not None and cosine <= _TURNS and falls and valley and not has_arrived(finding, ran)
    yield CAUSE, holds, f"cosine {cosine}, falls {falls}, valley {valley}, arrived {has_arrived(finding, ran)}"


def oscillating(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """Gradients turn, or the loss rises by more than rounding now and then, and it does not come to rest."""
    cosine, pairs = _cosine(ran), _pairs(ran)
    rises = [b for a, b in pairs if b.loss - a.loss > 50 * ran.eps * max(abs(a.loss), abs(b.loss))]
    share = max(len(rises) / max(len(ran.second_half) - 1, 1), _rises(ran))
    turns = (cosine is not None and cosine <= _TURNS) or share >= _RISES
    settles = _settles(ran)
    arrived = has_arrived(finding, ran)
    why = f"cosine {cosine}, rises in {share:.0%}, settles {settles}, arrived {arrived}"
    yield CAUSE, turns and (_overshoots(ran) or not (settles or arrived)), why


def _overshoots(ran: Ran) -> bool:
    """Whether the steps of plain gradient descent are longer than to the lowest point, from the start to the end."""
    if ran.settings["momentum"] or ran.settings["optimizer"] not in ("manual", "sgd"):
        return False
    found = [ran.f.eigen(state.x) for state in (ran.first, ran.last)]
    return all(
        each is not None and state.lr * float(each[0][-1]) > 1
        for each, state in zip(found, (ran.first, ran.last), strict=True)
    )


def _rises(ran: Ran) -> float:
    """The share of all steps after which the loss is larger by more than rounding."""
    pairs = [(a.loss, b.loss) for a, b in itertools.pairwise(ran.states) if a.is_finite and b.is_finite]
    return sum(b - a > 50 * ran.eps * max(abs(a), abs(b)) for a, b in pairs) / max(len(pairs), 1)


def _settles(ran: Ran) -> bool:
    """Whether the gradient becomes a hundred times smaller over the second half."""
    half = ran.second_half
    quarter = max(len(half) // 4, 1)
    before, after = max(s.slope for s in half[:quarter]), max(s.slope for s in half[-quarter:])
    return len(half) > 8 and after < 1e-2 * before


def cycling(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """The same states come again, with a period of at least two steps, and they are apart."""
    steps = ran.last.iteration + 3 * _LONGEST
    states = [state for state in ran.again(steps) if state.iteration >= ran.last.iteration]
    period = _period(ran, states)
    yield CAUSE, period is not None, f"period {period}"
    if isinstance(told := finding["evidence"].get("period"), int):
        yield NUMBERS, period is not None and told % period == 0, f"told {told}, is {period}"


def _period(ran: Ran, states: list[State]) -> int | None:
    points = [state.x for state in states]
    for period in range(2, min(_LONGEST, len(points) // 2)):
        apart = max(float((a - b).norm()) for a, b in itertools.pairwise(points))
        near = 1e-6 * apart + 8 * ran.eps * float(points[-1].norm())
        again = all(float((a - b).norm()) <= near for a, b in zip(points, points[period:], strict=False))
        if again and apart > 100 * ran.eps * float(points[-1].norm()):
            return period
    return None


def kink(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:  # noqa: ARG001
    """The gradient jumps between two of the last states, or next to the last."""
    end = ran.last_finite
    pairs = list(itertools.pairwise(ran.second_half))[-20:]
    crossed = any(ran.f.jumps(a.x, b.x) for a, b in pairs)
    reach = max([float((b.x - a.x).norm()) for a, b in pairs[-3:]], default=0.0) or 1e-6 * (1 + float(end.x.norm()))
    yield CAUSE, crossed or ran.f.is_kinked(end.x, 1.5 * reach), "the gradient does not jump"
