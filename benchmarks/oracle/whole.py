"""What is said, or not said, of a run as a whole: silence, parts that failed, warnings beside the findings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from oracle.ran import MILLIONTH, Ran
from oracle.statement import Statement

SILENT = frozenset(["no-curvature", "incomplete"])
"""Codes that explain nothing."""
_CONTENT = frozenset(["rate", "float-floor", "oscillating", "zig-zag"])  # say nothing of another, lower place
_NO_SMALLER_RATE = frozenset(["unbounded", "no-minimum"])


def whole(ran: Ran) -> Iterator[Statement]:
    """The statements about a run as a whole."""
    codes = {finding["code"] for finding in ran.findings}
    failed = "; ".join(f["evidence"].get("error", "") for f in ran.findings if f["code"] == "incomplete")
    yield Statement("(run)", "no part of the diagnosis failed", "incomplete" not in codes, failed)
    if ran.is_above:
        told = ran.lowest if ran.lowest is not None else 0.0
        why = f"{ran.status}, loss {ran.last.loss:.6g}, lowest {told:.6g}"
        yield Statement("(run)", "ended above the minimum, and is not silent", bool(codes - SILENT), why)
        if not ran.failed and ran.last.slope <= max(MILLIONTH * ran.first.slope, 100 * ran.rounding):
            yield Statement("(run)", "at rest above the minimum, and says why", bool(codes - SILENT - _CONTENT), why)
    for warning in ran.warnings:
        yield from _warning(warning["code"], warning["message"], ran, codes)


def _warning(code: str, message: str, ran: Ran, codes: set[str]) -> Iterator[Statement]:
    name = f"warning: {code}"
    if "smaller learning rate" in message:
        larger = [r["options"] for r in _remedies(ran) if _raises_the_rate(r, ran)]
        against = sorted(codes & _NO_SMALLER_RATE) + larger
        why = f"{message}; beside it: {', '.join(against)}"
        yield Statement(name, "does not contradict the findings", not against, why)
    if "grew without bound" in message:
        states = [state for state in ran.states if state.is_finite]
        moves = [float((b.x - a.x).norm()) for a, b in itertools.pairwise(states)]
        grown = len(moves) > 1 and moves[-1] > 10 * min(moves)
        end = ran.last.x if bool(ran.last.x.isfinite().all()) else ran.last_finite.x
        holds = grown or float(end.norm()) > 5 * (1 + float(ran.first.x.norm()))
        yield Statement(name, "the steps grew", holds, f"{message}; last steps {moves[-3:]}")
    if "0 at the start" in message:
        yield Statement(name, "the gradient is 0 at the start", ran.first.slope == 0, message)


def _remedies(ran: Ran) -> list[dict[str, object]]:
    return [f["remedy"] for f in ran.findings if f["remedy"] is not None]


def _raises_the_rate(remedy: dict[str, object], ran: Ran) -> bool:
    settings = remedy["settings"]
    same_rule = isinstance(settings, dict) and "optimizer" not in settings and "momentum" not in settings
    rate = settings.get("lr") if isinstance(settings, dict) else None
    return same_rule and isinstance(rate, float) and rate > ran.first.lr
