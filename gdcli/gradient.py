"""The value of an expression and its gradient, as autograd computes them."""

from __future__ import annotations

import math

import torch
from msgspec.structs import replace

from gdcli.defaults import complete_grad
from gdcli.results import GradResult, Notice
from gdcli.settings import GradSettings
from gdcli.tensors import check_scalar, is_finite, plain, prepare, resolve_device


def grad(settings: GradSettings) -> GradResult:
    """Evaluate and differentiate.

    Raises:
        GdcliError: for an expression, value or ``wrt`` that does not fit; a result that is not one number.
    """
    settings = complete_grad(settings)
    settings = replace(settings, device=resolve_device(settings.device))
    problem = prepare(settings.expression, settings, settings.wrt)
    tensors = problem.tensors
    value = problem.value()
    check_scalar(value, problem.objective.expression)
    problem.backward(value)
    return GradResult(
        settings=settings,
        message=f"the gradient with respect to {', '.join(settings.wrt)}",
        value=plain(value),
        grad_fn=grad_fn_name(value),
        values={name: plain(tensor) for name, tensor in tensors.items()},
        grads={name: plain(tensor.grad) for name, tensor in tensors.items()},
        warnings=_notices(tensors, settings, value.item()),
    )


def grad_fn_name(tensor: torch.Tensor) -> str | None:
    """The name that PyTorch prints, such as ``LogBackward0``; None for a leaf."""
    return None if tensor.grad_fn is None else type(tensor.grad_fn).__name__


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
