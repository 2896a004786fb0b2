"""A place where the gradient jumps: a fixed learning rate comes to no rest there."""

from __future__ import annotations

from typing import Any

from gdcli.contract.diagnosis import Finding
from gdcli.descent.diagnosis.remedies import best_that_works, falling_rate, with_rate
from gdcli.descent.diagnosis.run import Run, parts_of, point_in_words
from gdcli.explain.kinks import kink_between

_FEW = 3  # variables whose numbers fit into a sentence
_ROUNDING = 1e-12  # a coordinate so small is 0
_LAST = 6  # of the last known pairs of states


def kink(run: Run) -> Finding | None:
    """A gradient that jumps between the last states of a run that has not arrived, and turns it back."""
    if run.failed or run.has_arrived or run.problem.is_random or run.final.iteration < 3 or run.is_minimum:
        return None
    found, segment = None, (run.final, run.final)
    for before, after in run.pairs[-_LAST:]:
        one, other = run.gradient(before), run.gradient(after)
        if sum(a * b for a, b in zip(one, other, strict=True)) >= 0:
            continue
        found, segment = kink_between(run.surface.slopes, before.point, after.point), (before, after)
        if found is None:
            return None
    if found is None:
        return None
    start, end = (state.point for state in segment)
    point = (start + found.at * (end - start)).tolist()
    i = int(found.jump.abs().argmax())
    label, old, new = run.labels[i], run.sign * float(found.before[i]), run.sign * float(found.after[i])
    where = point_in_words([0.0 if abs(x) < _ROUNDING else x for x in point], run.labels)
    message = (
        f"the gradient jumps at a kink{' at ' + where if len(point) <= _FEW else ''}: that of {label} from {old:.4g} "
        f"to {new:.4g}; a fixed learning rate steps back and forth over it and comes to no rest"
    )
    evidence: dict[str, Any] = {
        "point": dict(zip(run.labels[:20], point[:20], strict=True)),
        "variable": label,
        "before": old,
        "after": new,
        "lr": run.lr,
        "jump": parts_of(found.jump.tolist(), run.labels),
    }
    candidates = [*falling_rate(run), *(with_rate(run, run.lr * factor) for factor in (0.1, 0.01))]
    return Finding("kink", message, best_that_works(run, candidates), evidence)
