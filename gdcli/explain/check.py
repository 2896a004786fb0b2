"""Can a gradient be trusted? Autograd against differences in float64, and against the derivative of the formula.

The gradient under test is the one that the run computed, in its dtype. Differences and formula see the same function
in more digits (reference.py).
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from msgspec import UNSET

from gdcli.contract.envelope import listed
from gdcli.contract.grad import CheckRow, GradientCheck, LostValue
from gdcli.errors import GdcliError
from gdcli.explain.cost import SECOND, cost_of
from gdcli.explain.differences import Sides, Slopes, slopes
from gdcli.explain.intermediates import gradient_terms
from gdcli.explain.reference import is_cut, precision, reference
from gdcli.explain.verdicts import Evidence, row
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import Expression
from gdcli.lang.objective import Objective, build
from gdcli.tensors import Problem, labels

if TYPE_CHECKING:
    from gdcli.explain.lost import Truth
    from gdcli.explain.work import Work

MAX_UNKNOWNS = 1_000
_MOST_WORK = 3 * SECOND // 2  # of the differences of all elements together
_EVALUATING = 400_000  # calls of SymPy's functions, for the values of all formulas together
_DIGITS = 500_000  # and for what is computed in many digits
_BESIDE = 2.0**-26  # of |x|, or of 1 at zero: a little beside x
_NEAREST = 64  # roundings of the dtype within which a kink counts as met


def check_gradient(problem: Problem, *, share: int = 1) -> GradientCheck:
    """Check the gradients of a problem after its backward pass, element by element.

    The work is limited, and what was left out is said; ``share`` is how many checks there are to do in that limit.

    Raises:
        GdcliError: for an expression that draws random numbers, or more than 1,000 unknowns.
    """
    refuse(problem)
    tensors = {name: as_float64(tensor) for name, tensor in problem.tensors.items()}
    expression, dtype = problem.objective.expression, problem.environment.dtype
    coarsest = precision(expression, dtype)
    with torch.no_grad():
        value = problem.value().item()
    function = _Function(reference(expression, dtype), tensors, problem.wrt)
    formulas = _Formulas(reference(expression, dtype, uncut=True), tensors, problem.wrt, share)
    cut = is_cut(expression)
    cost = cost_of(problem).work
    loss = _Loss(problem, tensors, (value, function.value), share)
    rows = []
    for name in problem.wrt:
        gradient = problem.tensors[name].grad
        for i, label in enumerate(labels(name, tensors[name].shape)):
            if function.evaluations * cost * share > _MOST_WORK:
                break
            evidence = Evidence(
                label=label,
                dtype=str(coarsest).removeprefix("torch."),
                eps=torch.finfo(coarsest).eps,
                largest=torch.finfo(dtype).max,
                x=function.element(name, i),
                value=value if not math.isfinite(value) else function.value,
                autograd=None if gradient is None else float(gradient.reshape(-1)[i]),
                wide=function.gradients[name].view(-1)[i].item(),
                terms=function.terms[name].view(-1)[i].item(),
                slopes=function.slopes(name, i, torch.finfo(coarsest).eps),
                formula=formulas.values[name],
                cut=cut,
                nearby=functools.partial(function.nearby, name, i),
                blurred=loss.is_in_float64,
                lost=loss.where,
                beyond=loss.beyond,
                advice=loss.advice,
                exact=functools.partial(loss.sides, name, i),
            )
            rows.append(row(evidence))
    return _summary(rows, problem.unknowns, loss.value, [*formulas.left_out(), *loss.left_out()])


def check_at(problem: Problem, values: Mapping[str, torch.Tensor | float], *, share: int = 1) -> GradientCheck:
    """Move the variables of a problem to ``values``, differentiate, and check.

    Raises:
        GdcliError: as ``check_gradient``.
    """
    with torch.no_grad():
        for name, value in values.items():
            problem.tensors[name].copy_(torch.as_tensor(value, dtype=problem.tensors[name].dtype))
    result = problem.value()
    if result.requires_grad:
        problem.backward(result)
    return check_gradient(problem, share=share)


def as_float64(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers in float64, without history; whole numbers and truth values stay what they are."""
    return tensor.detach().double() if tensor.is_floating_point() else tensor.detach()


def refuse(problem: Problem) -> None:
    """Raise GdcliError for a problem that cannot be checked: one that draws random numbers, or is too large."""
    if problem.is_random:
        message = "the gradient cannot be checked if each evaluation draws new random numbers"
        raise GdcliError("check", message, 'draw them once, as the value of a variable: --r "rand(3)"')
    if problem.unknowns > MAX_UNKNOWNS:
        message = f"a check of {problem.unknowns:,} unknowns takes too long; at most {MAX_UNKNOWNS:,} are allowed"
        raise GdcliError("limit", message, "choose fewer variables with --wrt")


class _Function:
    """The expression in float64: its value, autograd's gradient, and its slopes by differences.

    ``terms`` are the sizes of what a gradient adds up from: one term for each use of the variable in the expression.
    """

    def __init__(self, expression: Expression, tensors: Mapping[str, torch.Tensor], wrt: Sequence[str]) -> None:
        self.tensors = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
        environment = Environment(torch.float64, next(iter(tensors.values())).device)
        self.objective = build(expression, environment, self.tensors)
        self.value = self.objective(*self.tensors.values()).item()
        self.gradients = dict(zip(wrt, self._differentiated(self.objective, wrt), strict=True))
        self.terms = gradient_terms(expression, environment, self.tensors, wrt)
        self.evaluations = 0

    def _differentiated(self, objective: Objective, wrt: Sequence[str]) -> Sequence[torch.Tensor]:
        leaves = [self.tensors[name].requires_grad_() for name in wrt]
        value = objective(*self.tensors.values())
        found: Sequence[torch.Tensor] = [torch.zeros_like(leaf) for leaf in leaves]
        if value.requires_grad:
            found = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        for leaf in leaves:
            leaf.requires_grad_(False)
        return [gradient.contiguous() for gradient in found]

    def element(self, name: str, i: int) -> float:
        """An element of a variable."""
        return float(self.tensors[name].view(-1)[i].item())

    def slopes(self, name: str, i: int, eps: float) -> Slopes:
        """The slopes by element ``i`` of a variable; kinks within a few roundings ``eps`` of it count as met."""
        elements = self.tensors[name].view(-1)
        x = elements[i].item()

        def along(t: float) -> float:
            elements[i] = t
            self.evaluations += 1
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
            found.append(float(self._differentiated(self.objective, [name])[0].view(-1)[i]))
        elements[i] = x
        return found


class _Loss:
    """What the dtype loses, found out where something is asked."""

    def __init__(
        self, problem: Problem, tensors: Mapping[str, torch.Tensor], values: tuple[float, float], share: int
    ) -> None:
        """``values`` are those in the dtype and in float64."""
        self.problem = problem
        self.tensors = tensors
        self.computed, self.in_float64 = values
        self.share = share
        self.work: Work | None = None

    @functools.cached_property
    def truth(self) -> Truth:
        """The problem in many digits."""
        from gdcli.explain.lost import Truth  # imports SymPy
        from gdcli.explain.work import Work

        self.work = Work(_DIGITS // self.share)
        return Truth(self.problem, self.tensors, self.work)

    def left_out(self) -> list[str]:
        """What was not computed because it would take too long."""
        ended = self.work is not None and self.work.ended
        return ["the computation in many digits was ended: it has reached its limit of work"] if ended else []

    @functools.cached_property
    def value(self) -> LostValue | None:
        """What is lost in the value; None where nothing is."""
        from gdcli.explain.lost import is_right, lost_value
        from gdcli.explain.rewrites import rewrites

        dtype = self.problem.environment.dtype
        in_float64 = math.isfinite(self.in_float64) and is_right(self.computed, self.in_float64, dtype)
        if in_float64 and not rewrites(self.problem.objective.expression):
            return None
        return lost_value(self.truth, self.computed)

    @functools.cached_property
    def is_in_float64(self) -> bool:
        """Whether float64 loses the value too."""
        from gdcli.explain.lost import is_right

        true = None if self.value is None else self.truth.value
        return true is not None and not is_right(self.in_float64, true.number, torch.float64)

    def where(self) -> str:
        """Where the value is lost; empty where it is not, or cannot be known."""
        from gdcli.explain.lost import whole_text

        if self.value is None:
            return ""
        cause, true = self.truth.cause, self.truth.value
        if cause is not None and cause.part != whole_text(self.problem.objective.expression):
            return cause.short
        return f"the value is {true.text if true else 'another'}, not {self.computed:.6g}"

    def beyond(self) -> str:
        """A part that is beyond the range of the dtype, or below it; empty where there is none."""
        cause = self.truth.cause
        return cause.short if cause is not None and "the range of" in cause.short else ""

    def advice(self) -> str:
        """A form that keeps the gradient, where the value is right and the gradient is not."""
        from gdcli.explain.lost import advice

        if self.value is not None or (kept := self.truth.kept) is None or kept.gradients is None:
            return ""
        return advice(kept, str(self.problem.environment.dtype).removeprefix("torch."))

    def sides(self, name: str, i: int, nearest: float) -> Sides:
        """The slopes of both sides by an element, in many digits."""
        return self.truth.sides(name, i, nearest)


class _Formulas:
    """The ``values`` of the derivatives' formulas, from more digits than float64 has; nan where one says nothing."""

    def __init__(
        self, expression: Expression, tensors: Mapping[str, torch.Tensor], wrt: Sequence[str], share: int
    ) -> None:
        from gdcli.explain.symbolic import DIFFERENTIATING, TOO_LONG, exact, partials, precise_value
        from gdcli.explain.work import Work

        self.values: dict[str, float | None] = {}
        self.too_long: list[str] = []
        work = Work(_EVALUATING // share)
        for partial in partials(expression, tensors, wrt, exact, calls=DIFFERENTIATING // share):
            value = precise_value(partial, tensors, work)
            self.values[partial.variable] = value
            if partial.obstacle == TOO_LONG or (value is None and partial.expr is not None and work.ended):
                self.too_long.append(partial.variable)

    def left_out(self) -> list[str]:
        """What was not computed because it would take too long."""
        from gdcli.explain.symbolic import TOO_LONG

        return [f"no formula by {listed(self.too_long)}: {TOO_LONG}"] if self.too_long else []


def _summary(rows: list[CheckRow], unknowns: int, lost: LostValue | None, left_out: Sequence[str]) -> GradientCheck:
    counts = Counter(row.verdict for row in rows)
    total = len(rows)
    unchecked = unknowns - total
    parts = []
    if agreeing := counts["agree"]:
        digits = [row.agreeing_digits for row in rows if row.verdict == "agree" and row.agreeing_digits is not None]
        parts.append(f"{agreeing} of {total} agree" + (f", to at least {min(digits)} digits" if digits else ""))
    others: Sequence[Literal["kink", "disagree", "undefined", "unconfirmed"]]
    others = ("kink", "disagree", "undefined", "unconfirmed")
    parts += [f"{counts[v]} of {total} {'at a kink' if v == 'kink' else v}" for v in others if counts[v]]
    if unchecked:
        parts.append(f"{unchecked} of {unknowns} not checked: the check has reached its limit of work")
    parts += left_out
    unclear = counts["undefined"] + counts["unconfirmed"] + unchecked
    verdict: Literal["agree", "disagree", "unclear"] = "unclear" if unclear else "agree"
    return GradientCheck(
        rows=rows,
        verdict="disagree" if counts["disagree"] else verdict,
        message="; ".join(parts),
        lost=UNSET if lost is None else lost,
    )
