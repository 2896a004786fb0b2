"""The value of an expression and its gradient, as autograd computes them."""

from __future__ import annotations

import math

import torch
from msgspec import UNSET
from msgspec.structs import replace

from gdcli.defaults import complete_grad
from gdcli.explain.tape import Tape
from gdcli.results import GradResult, Notice
from gdcli.settings import GradSettings
from gdcli.tensors import Problem, check_scalar, grad_fn_name, is_finite, plain, prepare, resolve_device


def grad(settings: GradSettings) -> GradResult:
    """Evaluate and differentiate.

    Raises:
        GdcliError: for an expression, value or ``wrt`` that does not fit; a result that is not one number.
    """
    settings = complete_grad(settings)
    settings = replace(settings, device=resolve_device(settings.device))
    problem = prepare(settings.expression, settings, settings.wrt)
    tensors = problem.tensors
    tape = Tape(problem) if settings.explain else None
    value = tape.value if tape else _differentiated(problem)
    return GradResult(
        settings=settings,
        message=f"the gradient with respect to {', '.join(settings.wrt)}",
        value=plain(value),
        grad_fn=grad_fn_name(value),
        values={name: plain(tensor) for name, tensor in tensors.items()},
        grads={name: plain(tensor.grad) for name, tensor in tensors.items()},
        tape=tape.nodes() if tape else UNSET,
        warnings=_notices(tensors, settings, value.item()),
    )


def _differentiated(problem: Problem) -> torch.Tensor:
    value = problem.value()
    check_scalar(value, problem.objective.expression)
    problem.backward(value)
    return value


def _notices(tensors: dict[str, torch.Tensor], settings: GradSettings, value: float) -> list[Notice]:
    notices = []
    if not math.isfinite(value):
        notices.append(Notice("non-finite", f"the value is {value}: the expression is not defined there"))
    for name, tensor in tensors.items():
        if name not in settings.wrt:
            message = f"{name}.grad is None: {name} is not in --wrt, so it has no requires_grad and autograd skips it"
            notices.append(Notice("no-grad", message))
        elif tensor.grad is None:
            message = f"{name}.grad is None: no differentiable path leads from the result back to {name}"
            notices.append(Notice("no-path", message))
        elif not is_finite(plain(tensor.grad)):
            notices.append(Notice("non-finite", f"the gradient with respect to {name} is not finite"))
    return notices
