"""The value of an expression and its gradient, as autograd computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from msgspec import UNSET
from msgspec.structs import replace

from gdcli.complete.grad import complete_grad
from gdcli.contract.envelope import Notice, listed
from gdcli.contract.fields import in_record
from gdcli.contract.grad import Derivative, GradResult, GradSettings
from gdcli.errors import GdcliError
from gdcli.explain.names import result_name
from gdcli.explain.tape import Tape
from gdcli.lang.blame import all_pairs, told_of_pairs
from gdcli.lang.constructors import Environment
from gdcli.lang.limits import known_shapes
from gdcli.lang.nodes import Binary, Node, postorder
from gdcli.tensors import (
    Problem,
    check_differentiable,
    check_scalar,
    grad_fn_name,
    is_finite,
    on_device,
    plain,
    prepare,
)


def grad(settings: GradSettings) -> GradResult:
    """Evaluate and differentiate.

    Raises:
        GdcliError: for an expression, value or ``wrt`` that does not fit; a result that is not one number.
    """
    settings = complete_grad(settings)
    if settings.each or settings.points:
        many = "each" if settings.each else "points"
        raise GdcliError("usage", f"grad evaluates one point, but '{many}' asks for many", "call grad_each")
    settings = on_device(settings)
    problem = prepare(settings.expression, settings, settings.wrt)
    tensors = problem.tensors
    tape = Tape(problem) if settings.explain else None
    value = tape.value if tape else _evaluated(problem, settings)
    matrices = _matrices(problem, value, settings)
    if tape is None and value.numel() == 1:
        problem.backward(value)
    return GradResult(
        settings=in_record(settings),
        message=f"the {'gradient' if value.numel() == 1 else 'Jacobian'} with respect to {', '.join(settings.wrt)}",
        value=plain(value),
        grad_fn=grad_fn_name(value),
        values={name: plain(tensor) for name, tensor in tensors.items()},
        grads={name: plain(tensor.grad) for name, tensor in tensors.items()},
        tape=tape.nodes() if tape else UNSET,
        warnings=[*_notices(tensors, settings, value), *_pairs(problem)],
        **matrices,
        **_second_opinions(problem, settings),
    ).made_by(settings)


def _evaluated(problem: Problem, settings: GradSettings) -> torch.Tensor:
    """The value; only with ``jacobian`` alone may it have any shape."""
    value = problem.value()
    alone = settings.jacobian and not (settings.hessian or settings.symbolic or settings.check)
    (check_differentiable if alone else check_scalar)(value, problem.objective.expression, problem.wrt)
    return value


def _matrices(problem: Problem, value: torch.Tensor, settings: GradSettings) -> dict[str, Any]:
    """The matrices computed from the graph, before the backward pass frees it."""
    if not (settings.hessian or settings.jacobian):
        return {}
    from gdcli.explain.curvature import curvature, jacobian

    expression, leaves = problem.objective.expression, problem.leaves
    found: dict[str, Any] = {}
    if settings.hessian:
        found["hessian"] = curvature(value, problem)
    if settings.jacobian:
        found["jacobian"] = jacobian(value, leaves, expression)
    return found


def _second_opinions(problem: Problem, settings: GradSettings) -> dict[str, Any]:
    """The results that do not come from the run: symbolic derivatives and the gradient check."""
    found: dict[str, Any] = {}
    if settings.symbolic:
        found["derivatives"] = _formulas(problem, substitute=settings.substitute)
    if settings.check:
        from gdcli.explain.check import check_gradient

        found["check"] = check_gradient(problem)
    return found


def _formulas(problem: Problem, *, substitute: bool) -> list[Derivative]:
    """The derivatives as formulas: of a program by the chain rule, unless the names are to be substituted."""
    from gdcli.explain.symbolic import derivatives  # imports SymPy

    expression = problem.objective.expression
    if expression.is_program and not substitute:
        from gdcli.explain.chain import chain_rule

        return chain_rule(problem)
    found = derivatives(expression, problem.tensors, problem.wrt, problem.environment)
    result = result_name(expression) or UNSET
    return [replace(derivative, result=result) for derivative in found]


def _notices(tensors: dict[str, torch.Tensor], settings: GradSettings, value: torch.Tensor) -> list[Notice]:
    notices = []
    scalar = value.numel() == 1
    if not is_finite(plain(value)):
        what = f"value is {value.item()}" if scalar else "result is not finite"
        why = f"the expression is not defined there, or {settings.dtype} cannot hold a part of it"
        notices.append(Notice("non-finite", f"the {what}: {why}" + ("" if settings.check else " (--check tells)")))
    if not scalar:
        shape = tuple(value.shape)
        message = f"the result has shape {shape}: backward needs a scalar, so the gradients are None"
        return [*notices, Notice("not-scalar", message)]
    if fixed := [name for name in tensors if name not in settings.wrt]:
        notices.append(Notice("no-grad", _without_gradient(fixed)))
    grads = {name: tensors[name].grad for name in settings.wrt}
    if apart := [name for name, grad in grads.items() if grad is None]:
        notices.append(Notice("no-path", without_path(apart)))
    if wild := [name for name, grad in grads.items() if grad is not None and not is_finite(plain(grad))]:
        are = "gradients with respect to {} are" if len(wild) > 1 else "gradient with respect to {} is"
        notices.append(Notice("non-finite", f"the {are.format(listed(wild))} not finite"))
    return notices


def _pairs(problem: Problem) -> list[Notice]:
    """A column and a vector that broadcast to a matrix, which is rarely meant."""
    expression = problem.objective.expression
    shapes = {name: tuple(tensor.shape) for name, tensor in problem.tensors.items()}
    known = known_shapes(expression.root, shapes)
    found = all_pairs(expression, lambda node: known.get(id(node)))
    sums = [n for n in postorder(expression.root) if isinstance(n, Binary) and n.operator in ("+", "-")]
    if found is None and any(known.get(id(side)) is None for node in sums for side in (node.left, node.right)):
        found = _pairs_evaluated(problem)
    return [] if found is None else [Notice("broadcast", told_of_pairs(expression.text(found[0]), found[1]))]


def _pairs_evaluated(problem: Problem) -> tuple[Node, int] | None:
    """The same, where some shapes are known only from an evaluation."""
    from gdcli.explain.intermediates import Intermediates

    run = problem.environment
    with torch.no_grad():
        kept = Intermediates(
            problem.objective.expression, Environment(run.dtype, run.device, run.seed), problem.tensors
        )
        kept.objective(*problem.tensors.values())
    shapes = {id(node): tuple(result.shape) for node in kept.nodes() if isinstance(result := kept[node], torch.Tensor)}
    return all_pairs(problem.objective.expression, lambda node: shapes.get(id(node)))


def _without_gradient(names: Sequence[str]) -> str:
    """Why variables that are not in ``--wrt`` have no gradient."""
    if len(names) == 1:
        why = "is not in --wrt, so it does not require a gradient and autograd skips it"
    else:
        why = "are not in --wrt, so they do not require gradients and autograd skips them"
    return f"{_are_none(names)}: {listed(names)} {why}"


def without_path(names: Sequence[str]) -> str:
    """Why variables of which the result does not depend differentiably have no gradient."""
    return f"{_are_none(names)}: no differentiable path leads from the result back to {' or '.join(names)}"


def _are_none(names: Sequence[str]) -> str:
    return f"{listed(f'{name}.grad' for name in names)} {'is' if len(names) == 1 else 'are'} None"
