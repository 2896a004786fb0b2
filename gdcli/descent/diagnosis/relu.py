"""A ReLU in an expression that is 0 for every input: no gradient comes through it any more."""

from __future__ import annotations

from typing import Any

import torch

from gdcli.contract.diagnosis import Finding
from gdcli.descent.diagnosis.local import at
from gdcli.descent.diagnosis.origin import evaluated
from gdcli.descent.diagnosis.remedies import first_that_works, smaller_rates
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.surface import moved
from gdcli.descent.snapshot import joined
from gdcli.explain.intermediates import is_tracked
from gdcli.explain.names import told
from gdcli.lang.nodes import Call, Node, children

_BEYOND = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)  # how far beyond its edge a ReLU is looked at, relative to 1 + |x|


def dead_relu(run: Run) -> Finding | None:
    """A ReLU that holds all of its outputs at 0, in a run whose gradient is exactly 0."""
    if run.failed or run.slope(run.final) != 0 or run.problem.is_random:
        return None
    kept, _ = evaluated(at(run.problem, run.final, run.dtype))
    dead = next((node for node in kept.nodes() if _is_dead(node, kept[node])), None)
    if dead is None:
        return None
    since = run.final.iteration - run.trace.still if run.rule is not None and run.rule.kind == "plain" else None
    expression = run.problem.objective.expression
    text, below = expression.text(dead), expression.text(children(dead)[0])
    when = "is dead"
    if since is not None:
        when = f"died in the update of iteration {since - 1}" if since else "is dead from the start"
    dies = f"{told(expression, dead)} {when}"
    message = f"{dies}: {below} is not positive, so relu returns 0 and its gradient is exactly 0"
    if run.is_minimum or not _better_alive(run, dead):
        return None
    cure = first_that_works(run, smaller_rates(run, [])) if run.slope(run.first) > 0 else None
    evidence: dict[str, Any] = {"text": text, "span": list(dead.span), "since": since, "loss": run.final.loss}
    if expression.is_program:
        evidence["line"] = expression.line(dead)
    return Finding("dead-relu", message, cure, evidence)


def _better_alive(run: Run, dead: Node) -> bool:
    """Whether the loss is lower at a point where the input of the ReLU is positive: else it is at its minimum."""
    here = at(run.problem, run.final, torch.float64)
    kept, _ = evaluated(here)
    below = kept[children(dead)[0]]
    if not is_tracked(below):
        return False
    leaves = list(here.leaves.values())
    found = torch.autograd.grad(below.max(), leaves, allow_unused=True, materialize_grads=True)
    direction = joined(found)
    size = float(direction.norm())
    if size == 0:
        return False
    point, base = run.point(run.final), run.surface(run.point(run.final))
    needed = -float(below.detach().max()) / size  # to the edge, where it is linear
    unit = (direction / size).tolist()
    reaches = [needed + by * run.scale(run.final) for by in _BEYOND]
    return any(run.surface(moved(point, unit, reach)) < base for reach in reaches)


def _is_dead(node: Node, result: Any) -> bool:
    is_relu = isinstance(node, Call) and node.function.name == "relu"
    return is_relu and is_tracked(result) and not bool(result.detach().any())
