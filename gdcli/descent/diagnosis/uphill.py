"""Steps that lead uphill by themselves: Newton's method where the curvature is negative."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gdcli.contract.diagnosis import Finding
from gdcli.contract.short import short
from gdcli.descent.diagnosis.remedies import best_that_works, other_starts
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.words import direction_in_words, parts_of
from gdcli.descent.loop import State
from gdcli.rules.catalogue import RULES, linear_by_hand


def uphill(run: Run) -> Finding | None:
    """A step of a second-order rule that went along the gradient, where an eigenvalue is negative, to a worse loss."""
    if not RULES[run.settings.optimizer].second_order:
        return None
    for before, after in _climbs(run):
        local = run.glance(before)
        if local is None or local.smallest >= -local.zero:
            continue
        vector = local.direction(0)
        worse, wanted = ("decreased", "maximum") if run.settings.maximize else ("increased", "minimum")
        message = (
            "Newton's step goes towards a point where the gradient is 0, which can be a minimum, a maximum or a saddle "
            f"point: at iteration {before.iteration} the curvature is {short(run.sign * local.smallest, 4)} "
            f"{direction_in_words(vector, run.labels)}, so the step moved away from a {wanted}, "
            f"and the loss {worse} from {short(before.loss, 6)} to {short(after.loss, 6)}"
        )
        evidence = {
            "iteration": before.iteration,
            "eigenvalue": run.sign * local.smallest,
            "direction": parts_of(vector, run.labels),
            "before": before.loss,
            "after": after.loss,
        }
        return Finding("uphill", message, best_that_works(run, _ways_down(run, vector)), evidence)
    return None


def _climbs(run: Run) -> Iterator[tuple[State, State]]:
    """Pairs of successive states from the first to the second of which the loss got worse, along the gradient."""
    for before, after in run.pairs:
        move = [b - a for a, b in zip(run.point(before), run.point(after), strict=True)]
        along = sum(g * m for g, m in zip(run.gradient(before), move, strict=True))
        if along > 0 and run.loss(after) > run.loss(before):
            yield before, after


def _ways_down(run: Run, vector: list[float]) -> Iterator[dict[str, Any]]:
    """Shorter steps, a rule that goes against the gradient, and other starts."""
    yield {"opt": {**run.settings.opt, "damping": 0.5}}
    yield {"optimizer": linear_by_hand("plain"), "lr": 0.01}
    yield from other_starts(run, vector, (0.1, 1.0))
