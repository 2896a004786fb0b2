"""A run that comes back to the same state again and again."""

from __future__ import annotations

import math
from typing import Any

from gdcli.contract.diagnosis import Finding
from gdcli.descent.diagnosis.remedies import best_that_works, falling_rate, with_rate
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.words import point_in_words

_SPACINGS = 100  # a cycle within so many spacings of the dtype is rounding
_SMALLER = (0.5, 0.3, 0.1, 0.03, 0.01)


def cycling(run: Run) -> Finding | None:
    """A state that came again, of a rule whose next step depends on the state alone."""
    if run.trace.cycle is None or run.failed or not run.is_memoryless:
        return None
    state, period = run.trace.cycle
    apart = math.dist(run.point(run.trace.previous), run.point(run.final))
    if period == 1 or apart <= _SPACINGS * run.eps * run.scale(run.final):
        return None
    losses = sorted([run.trace.previous.loss, run.final.loss])
    if period == 2 and len(run.labels) <= 2:
        ends = " and ".join(point_in_words(run.point(each), run.labels) for each in (run.trace.previous, run.final))
        message = f"cycling: since iteration {state.iteration} or before the run alternates between {ends}"
    else:
        message = f"cycling: since iteration {state.iteration} or before the same {period} states come again and again"
    evidence: dict[str, Any] = {"since": state.iteration, "period": period, "losses": losses, "lr": run.lr}
    candidates = [*(with_rate(run, run.lr * factor) for factor in _SMALLER), *falling_rate(run)]
    return Finding("cycling", message, best_that_works(run, candidates), evidence)
