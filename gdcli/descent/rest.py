"""Whether a descent rests at a minimum, and since when: its gradient is exactly 0 there, so nothing moves any more."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from gdcli.contract.envelope import Notice, listed
from gdcli.descent.curvature import hessian_at
from gdcli.descent.diagnosis.local import MAX_WORK, at
from gdcli.descent.diagnosis.trace import Trace
from gdcli.descent.snapshot import norm
from gdcli.errors import GdcliError
from gdcli.tensors import Problem

_MOST = 32  # unknowns up to which the loss is evaluated on both sides along each of them
_ZERO = 1e-9  # an eigenvalue counts as positive from this part of the largest on
_ASIDE = 1e-4  # how far to go to the sides, relative to 1 + |x|
_AS_CURVED = (0.5, 2.0)  # a rise of the loss, relative to that by the curvature, where there is no kink


def at_rest(problem: Problem, trace: Trace, *, maximize: bool) -> Notice | None:
    """Since when a descent has been at a minimum, or with ``maximize`` a maximum; None when it is not known to be."""
    final, still = trace.last, trace.still
    grads = final.grads.values()
    if still == 0 or None in grads or norm(final.grads) != 0 or problem.is_random:
        return None
    twin = at(problem, final, torch.float64)
    if not _is_minimum(twin, -1.0 if maximize else 1.0):
        return None
    since = final.iteration - still
    kind = "maximum" if maximize else "minimum"
    curved, s = "negative" if maximize else "positive", "s" * (len(problem.wrt) == 1)
    message = (
        f"at a {kind} since iteration {since}: the gradient is exactly 0 there and the curvature is {curved}, "
        f"so {listed(problem.wrt)} no longer change{s}"
    )
    return Notice("at-rest", message)


def _is_minimum(problem: Problem, sign: float) -> bool:
    """Whether every eigenvalue of the Hessian is positive, and the loss itself rises as it says."""
    n = problem.unknowns
    elements = sum(x.numel() for x in problem.tensors.values())
    if n > _MOST or elements * 3 * n > MAX_WORK:
        return False
    try:
        matrix = sign * hessian_at(problem).double().cpu()
        values = torch.linalg.eigvalsh(matrix)
        return bool(values[0] > _ZERO * values.abs().max()) and _rises(problem, sign, matrix.diagonal().tolist())
    except (GdcliError, RuntimeError, ArithmeticError):
        return False


def _rises(problem: Problem, sign: float, curvatures: Sequence[float]) -> bool:
    """Whether the loss rises on both sides along each unknown as by its curvature."""
    low, high = _AS_CURVED
    elements = [(x.view(-1), i) for x in problem.leaves.values() for i in range(x.numel())]
    with torch.no_grad():
        here = sign * float(problem.value())
        aside = _ASIDE * (1.0 + math.hypot(*(float(x.norm()) for x in problem.leaves.values())))
        for (flat, i), curvature in zip(elements, curvatures, strict=True):
            value = flat[i].item()
            for step in (-aside, aside):
                flat[i] = value + step
                rise = sign * float(problem.value()) - here
                if not low <= rise / (curvature * step**2 / 2) <= high:
                    return False
            flat[i] = value
    return True
