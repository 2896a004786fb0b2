"""Can a gradient be trusted? Autograd against differences in float64, and against the derivative of the formula.

The gradient under test is the one that the run computed, in its dtype. Differences and formula see the same function:
its plain numbers are rounded to that dtype first, so that what is 1.1 in float32 is the same number everywhere.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from msgspec.structs import replace

from gdcli.errors import GdcliError
from gdcli.explain.curvature import labels
from gdcli.explain.differences import Slopes, slopes
from gdcli.explain.verdicts import Evidence, row
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import (
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    ListOf,
    Node,
    Number,
    Unary,
    postorder,
)
from gdcli.lang.objective import Objective, build
from gdcli.results import CheckRow, GradientCheck
from gdcli.tensors import Problem

MAX_UNKNOWNS = 1_000
_BESIDE = 2.0**-26  # of |x|, or of 1 at zero: a little beside x
_NEAREST = 64  # roundings of the dtype within which a kink counts as met


def check_gradient(problem: Problem) -> GradientCheck:
    """Check the gradients of a problem after its backward pass, element by element.

    Raises:
        GdcliError: for an expression that draws random numbers, or more than 1,000 unknowns.
    """
    _refuse(problem)
    tensors = {name: tensor.detach().double() for name, tensor in problem.tensors.items()}
    expression = problem.objective.expression
    dtype = problem.environment.dtype
    function = _Function(rounded(expression, dtype), tensors, problem.wrt)
    formulas = _formulas(rounded(expression, dtype, uncut=True), tensors, problem.wrt)
    cut = any(isinstance(node, Call) and node.function.name == "detach" for node in postorder(expression.root))
    rows = []
    for name in problem.wrt:
        gradient = problem.tensors[name].grad
        for i, label in enumerate(labels(name, tensors[name].shape)):
            evidence = Evidence(
                label=label,
                dtype=str(dtype).removeprefix("torch."),
                eps=torch.finfo(dtype).eps,
                x=tensors[name].reshape(-1)[i].item(),
                value=function.value,
                autograd=None if gradient is None else float(gradient.reshape(-1)[i]),
                wide=function.gradients[name].reshape(-1)[i].item(),
                slopes=function.slopes(name, i, torch.finfo(dtype).eps),
                formula=formulas[name],
                cut=cut,
                nearby=functools.partial(function.nearby, name, i),
            )
            rows.append(row(evidence))
    return _summary(rows)


def _refuse(problem: Problem) -> None:
    if problem.is_random:
        message = "a gradient cannot be checked where each evaluation draws new random numbers"
        raise GdcliError("check", message, 'draw them once, as the value of a variable: --r "rand(3)"')
    unknowns = sum(problem.tensors[name].numel() for name in problem.wrt)
    if unknowns > MAX_UNKNOWNS:
        message = f"a check of {unknowns:,} unknowns takes too long: {MAX_UNKNOWNS:,} are allowed"
        raise GdcliError("limit", message, "choose fewer variables with --wrt")


class _Function:
    """The expression in float64: its value, autograd's gradient, and its slopes by differences."""

    def __init__(self, expression: Expression, tensors: Mapping[str, torch.Tensor], wrt: Sequence[str]) -> None:
        self.tensors = {name: tensor.clone() for name, tensor in tensors.items()}
        device = next(iter(tensors.values())).device
        self.objective: Objective = build(expression, Environment(torch.float64, device), self.tensors)
        leaves = [self.tensors[name] for name in wrt]
        self.value = self.objective(*self.tensors.values()).item()
        self.gradients = dict(zip(wrt, self._differentiated(leaves), strict=True))

    def _differentiated(self, leaves: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        for leaf in leaves:
            leaf.requires_grad_()
        value = self.objective(*self.tensors.values())
        found: Sequence[torch.Tensor] = [torch.zeros_like(leaf) for leaf in leaves]
        if value.requires_grad:
            found = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        for leaf in leaves:
            leaf.requires_grad_(False)
        return found

    def slopes(self, name: str, i: int, eps: float) -> Slopes:
        """The slopes by element ``i`` of a variable; kinks within a few roundings ``eps`` of it count as met."""
        elements = self.tensors[name].view(-1)
        x = elements[i].item()

        def along(t: float) -> float:
            elements[i] = t
            try:
                return float(self.objective(*self.tensors.values()).item())
            except GdcliError:  # PyTorch refuses some values, such as a matrix without a Cholesky decomposition
                return math.nan
            finally:
                elements[i] = x

        return slopes(along, x, nearest=_NEAREST * eps * abs(x))


    def nearby(self, name: str, i: int) -> list[float]:
        """Autograd's slope by an element a little to its left and to its right."""
        elements = self.tensors[name].view(-1)
        x = elements[i].item()
        found = []
        for step in (-_BESIDE, _BESIDE):
            elements[i] = x + step * (abs(x) or 1.0)
            found.append(float(self._differentiated([self.tensors[name]])[0].view(-1)[i]))
        elements[i] = x
        return found


def _formulas(
    expression: Expression, tensors: Mapping[str, torch.Tensor], wrt: Sequence[str]
) -> dict[str, tuple[bool, float | None]]:
    """Whether each derivative has a formula, and its value to more digits than float64 has."""
    from gdcli.explain.symbolic import exact, partials, precise_value

    found = partials(expression, tensors, wrt, exact)
    return {partial.variable: (partial.expr is not None, precise_value(partial, tensors)) for partial in found}


def rounded(expression: Expression, dtype: torch.dtype, *, uncut: bool = False) -> Expression:
    """The expression with its plain numbers rounded to a dtype; ``uncut`` without ``detach``."""
    new: dict[int, Any] = {}

    def renewed(value: Any) -> Any:
        return tuple(map(renewed, value)) if isinstance(value, tuple) else new.get(id(value), value)

    for node in postorder(expression.root):
        new[id(node)] = _renewed(node, renewed, dtype, uncut=uncut)
    return replace(expression, root=new[id(expression.root)])


def _renewed(node: Node, renewed: Callable[[Any], Any], dtype: torch.dtype, *, uncut: bool) -> Node:
    match node:
        case Number(value=float(value)):
            number = torch.tensor(value, dtype=dtype).item()
            return replace(node, value=number if math.isfinite(number) else value)
        case ListOf(items=items):
            return replace(node, items=renewed(items))
        case Unary(operand=operand):
            return replace(node, operand=renewed(operand))
        case Binary(left=left, right=right):
            return replace(node, left=renewed(left), right=renewed(right))
        case Index(value=value) | Attribute(value=value):
            return replace(node, value=renewed(value))
        case Call(function=function, arguments=arguments):
            new = tuple(replace(argument, value=renewed(argument.value)) for argument in arguments)
            return new[0].value if uncut and function.name == "detach" else replace(node, arguments=new)
        case _:
            return node


def _summary(rows: list[CheckRow]) -> GradientCheck:
    counts = Counter(row.verdict for row in rows)
    total = len(rows)
    parts = []
    if agreeing := counts["agree"]:
        digits = [row.agreeing_digits for row in rows if row.verdict == "agree" and row.agreeing_digits is not None]
        parts.append(f"{agreeing} of {total} agree" + (f", to {min(digits)} digits or more" if digits else ""))
    words = {"kink": "at a kink", "disagree": "disagree", "undefined": "undefined", "unconfirmed": "unconfirmed"}
    parts += [f"{counts[verdict]} of {total} {word}" for verdict, word in words.items() if counts[verdict]]
    unclear = counts["undefined"] + counts["unconfirmed"]
    verdict: Literal["agree", "disagree", "unclear"] = "unclear" if unclear else "agree"
    return GradientCheck(rows=rows, verdict="disagree" if counts["disagree"] else verdict, message="; ".join(parts))
