"""What is wrong with the problem rather than with the run: units that differ much, shapes that broadcast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from gdcli.contract.diagnosis import Finding
from gdcli.contract.short import short
from gdcli.descent.diagnosis.local import at
from gdcli.descent.diagnosis.origin import evaluated
from gdcli.descent.diagnosis.remedies import best_that_works
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.speed import curvature_rates, own_rates
from gdcli.descent.diagnosis.words import direction_in_words, parts_of
from gdcli.explain.names import told
from gdcli.lang.blame import all_pairs, told_of_pairs
from gdcli.lang.nodes import children


def badly_scaled(run: Run) -> Finding | None:
    """Variables whose curvatures are many orders of magnitude apart, in a run that has not arrived."""
    if run.failed or run.is_minimum or (run.has_arrived and run.is_at_bottom):
        return None
    cure = best_that_works(run, own_rates(run))
    if cure is None:
        return _nearly_flat(run)
    rates = curvature_rates(run)
    steep, flat = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    ratio = rates[flat] / rates[steep]
    where = "" if run.is_quadratic else "at the start "
    message = (
        f"{where}the loss is {short(ratio, 2)} times as curved along {steep} as along {flat}, so one learning rate "
        f"does not suit both: scale {steep} (write {steep}/{short(ratio**0.5, 3)} for it), or give each its own rate"
    )
    return Finding("badly-scaled", message, cure, {"steep": steep, "flat": flat, "ratio": ratio, "rates": rates})


def _nearly_flat(run: Run) -> Finding | None:
    """A quadratic so ill-conditioned that its gradient is small where the loss could still fall clearly."""
    local, loss = run.end, run.newton_loss
    if not run.has_arrived or not run.is_quadratic or local is None or loss is None:
        return None
    if local.smallest <= local.zero or not loss < run.loss(run.final):
        return None
    ratio, lowest = local.largest / local.smallest, run.sign * loss
    where = direction_in_words(local.direction(0), run.labels)
    verb, extreme = ("rise", "maximum") if run.settings.maximize else ("fall", "minimum")
    message = (
        f"ill-conditioned: the gradient is small, but the loss can still {verb} from {short(run.final.loss, 4)} to "
        f"{short(lowest, 4)}, its {extreme}: it is nearly flat {where} (condition number {short(ratio, 4)})"
    )
    cure = best_that_works(run, _newtons(run))
    evidence = {
        "ratio": ratio,
        "direction": parts_of(local.direction(0), run.labels),
        "lowest": lowest,
        "loss": run.final.loss,
    }
    return Finding("badly-scaled", message, cure, evidence)


def _newtons(run: Run) -> Iterator[dict[str, Any]]:
    """Rules that measure the curvature, in the dtype of the run and in float64."""
    for dtype in dict.fromkeys((run.settings.dtype, "float64")):
        for name in ("newton", "lbfgs"):
            yield {"dtype": dtype, "optimizer": name, "lr": 1.0}


def broadcast(run: Run) -> Finding | None:
    """A difference of a column, shape (N, 1), and a vector, shape (N,), which is a matrix of all pairs."""
    kept, _ = evaluated(at(run.problem, run.first, torch.float64))
    expression = run.problem.objective.expression
    shapes = {id(node): tuple(part.shape) for node in kept.nodes() if isinstance(part := kept[node], torch.Tensor)}
    found = all_pairs(expression, lambda node: shapes.get(id(node)))
    if found is None:
        return None
    node, n = found
    sides = [list(shapes[id(child)]) for child in children(node)]
    text = expression.text(node)
    evidence: dict[str, Any] = {"text": text, "span": list(node.span), "shapes": sorted(sides, key=len)}
    if expression.is_program:
        evidence["line"] = expression.line(node)
    return Finding("broadcast", told_of_pairs(told(expression, node), n), None, evidence)
