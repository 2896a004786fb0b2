"""Where a number that is not finite arose: the first operation, forward or backward, of the evaluation that had it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from gdcli.contract.descent import StopReason
from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.contract.short import short
from gdcli.descent.diagnosis.local import at
from gdcli.descent.diagnosis.remedies import best_that_works, other_starts, remedy, tried
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.too_large import calmer
from gdcli.descent.diagnosis.words import point_in_words
from gdcli.descent.snapshot import Snapshot, is_finite, joined
from gdcli.explain.intermediates import Intermediates, is_tracked
from gdcli.explain.names import called, told
from gdcli.lang.nodes import Binary, Call, Expression, Node, Unary, children
from gdcli.tensors import Problem

_HALVINGS = 50
_MARGIN = 0.01  # of the way from the edge to the last good point: where a bound is put
_FEW = 4  # variables whose numbers fit into a sentence


def not_finite(run: Run) -> Finding | None:
    """The operation in which a run first became nan or inf."""
    if run.reason is not StopReason.NON_FINITE or run.problem.is_random:
        return None
    step = run.final
    evidence: dict[str, Any] = {"iteration": step.iteration}
    lost = [name for name, value in step.values.items() if not is_finite(value)]
    if lost and step.iteration == 0:
        message = f"{lost[0]} is {_word(step.values[lost[0]])} at the start"
        evidence |= {"during": "start", "variable": lost[0], "operation": "start"}
        return Finding("not-finite", message, None, evidence)
    if lost:
        message = f"{lost[0]} became {_word(step.values[lost[0]])} in the update of iteration {step.iteration - 1}"
        evidence |= {"during": "update", "variable": lost[0], "operation": "update"}
    else:
        found = _origin(at(run.problem, step, run.dtype))
        if found is None:
            return None
        facts, subject = found
        evidence |= facts
        where = f"at iteration {step.iteration}" if step.iteration else "at the start"
        message = f"{subject} became {facts['value']} {where}{_of(facts)}"
        if step.iteration and len(run.labels) <= _FEW:
            message += f"; the last point before was {point_in_words(run.point(run.trace.previous), run.labels)}"
        if math.isfinite(step.loss) and step.loss == run.best.loss:
            message += f"; the loss there, {short(step.loss, 6)}, is the best of the run"
    cure = (calmer(run) or _bounded(run)) if step.iteration else _other_start(run)
    return Finding("not-finite", message, cure, evidence)


def _bounded(run: Run) -> Remedy | None:
    """A bound that keeps the only variable, a number, where the loss and its gradient are finite."""
    good, bad = run.point(run.trace.previous), run.point(run.final)
    if len(good) != 1 or run.settings.bound or not math.isfinite(bad[0]):
        return None
    inside, outside = good[0], bad[0]
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        numbers = (run.surface([middle]), *run.surface.gradient([middle]))
        inside, outside = (middle, outside) if all(map(math.isfinite, numbers)) else (inside, middle)
    limit = float(short(inside + _MARGIN * (good[0] - inside), 3))
    low, high = (limit, None) if good[0] > bad[0] else (None, limit)
    return best_that_works(run, [{"bound": {run.problem.wrt[0]: (low, high)}}])


def _of(found: dict[str, Any]) -> str:
    """The operands, where they are numbers."""
    operands = [f"{text} = {short(value, 6)}" for text, value in found["operands"].items() if value is not None]
    return f", where {' and '.join(operands)}" if operands else ""


def _word(x: Snapshot) -> str:
    """The first nan or inf in a snapshot, as a word."""
    numbers = joined([x])
    return str(numbers[~numbers.isfinite()][0].item())


def evaluated(problem: Problem) -> tuple[Intermediates, torch.Tensor]:
    """One evaluation of a problem with all that came out on the way, and its value."""
    kept = Intermediates(problem.objective.expression, problem.environment, problem.tensors)
    return kept, kept.objective(*problem.tensors.values())


def _origin(problem: Problem) -> tuple[dict[str, Any], str] | None:
    """The first node with a result that is not finite; else the first in the backward pass, from the end.

    The facts about it, and what was lost as the beginning of a sentence.
    """
    kept, value = evaluated(problem)
    expression = problem.objective.expression
    for node in kept.nodes():
        if not _finite(kept[node]):
            return _described(node, kept[node], "forward", expression, kept), told(expression, node)
    if not is_tracked(value):
        return None
    value.backward()  # type: ignore[no-untyped-call]
    for node in reversed(kept.nodes()):
        for child in children(node):
            gradient = kept.gradient(child)
            if gradient is not None and not _finite(gradient):
                facts = _described(node, gradient, "backward", expression, kept)
                return facts, f"the derivative of {called(expression, node)}"
    return None


def _described(
    node: Node, result: torch.Tensor, which: str, expression: Expression, kept: Intermediates
) -> dict[str, Any]:
    bad = result.detach().reshape(-1)
    bad = bad[~bad.isfinite()]
    operands: dict[str, float | None] = {}
    for child in children(node):
        below = kept.get(child)
        if isinstance(below, torch.Tensor):
            operands[expression.text(child)] = float(below.detach()) if below.numel() == 1 else None
    facts = {
        "during": which,
        "operation": _operation(node),
        "text": expression.text(node),
        "span": list(node.span),
        "value": str(float(bad[0])),
        "count": len(bad),
        "operands": operands,
    }
    return facts | ({"line": expression.line(node)} if expression.is_program else {})


def _operation(node: Node) -> str:
    match node:
        case Call():
            return node.function.name
        case Binary() | Unary():
            return node.operator
        case _:
            return type(node).__name__.lower()


def _finite(result: Any) -> bool:
    return not isinstance(result, torch.Tensor) or not result.is_floating_point() or bool(result.isfinite().all())


def _other_start(run: Run) -> Remedy | None:
    """A wider dtype, or another start, with which the first steps are finite."""
    found = (trial for trial in tried(run, _starts(run)) if trial.outcome.status != "diverged")
    return next((remedy(run, trial) for trial in found), None)


def _starts(run: Run) -> Iterator[dict[str, Any]]:
    if run.settings.dtype != "float64":
        yield {"dtype": "float64"}
    yield from other_starts(run, [1.0] * len(run.labels), (0.01, 0.1, 1.0, 3.0))
