"""A value that a dtype loses on the way: the part of the expression that goes wrong first, and what keeps the value.

``log(1 + exp(100))`` is 100, and float32 makes it inf: exp(100) is beyond its range. softplus(100) is 100. Nothing is
named that was not tried: the other form has to give the right value in the dtype of the run.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import torch
from msgspec import Struct

from gdcli.contract.grad import LostValue
from gdcli.errors import GdcliError
from gdcli.explain.differences import Sides
from gdcli.explain.digits import Digits, ManyDigits
from gdcli.explain.intermediates import Intermediates
from gdcli.explain.names import called
from gdcli.explain.reference import reference
from gdcli.explain.rewrites import Rewrite, all_at_once, rewrites
from gdcli.explain.work import Work
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import Expression, Node, postorder
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse
from gdcli.tensors import Problem, dtype_name

_MOST_WORK = 300  # numbers for the slopes of all elements
_MOST_TRIED = 16  # forms
_ROUNDINGS = 8
_SAME = 1e-6  # relative difference of a directional slope, up to which two gradients are the same

Gradients = dict[str, torch.Tensor]
"""The gradient by each variable."""


class Cause(Struct, frozen=True):
    """The part of an expression where the value is lost, and how: a sentence, and the same without numbers."""

    part: str
    sentence: str
    short: str


class Kept(Struct, frozen=True):
    """A form that keeps the value: what stands for what, and its gradient in float64, None where it is not right."""

    rewrite: Rewrite
    gradients: Gradients | None


class Truth:
    """A problem in many digits, and what its dtype makes of it."""

    def __init__(self, problem: Problem, tensors: Mapping[str, torch.Tensor], work: Work) -> None:
        """``tensors`` are those of the problem, in float64; the digits end when no ``work`` is left."""
        self.problem = problem
        self.tensors = tensors
        self.dtype = problem.environment.dtype
        self._reference = reference(problem.objective.expression, self.dtype)
        self.digits = ManyDigits(self._reference, tensors, work)

    @property
    def value(self) -> Digits | None:
        """The value of the expression, where it can be computed."""
        return self.digits.value

    @property
    def _each_is_known(self) -> bool:
        """Whether the slopes of all elements are computed in many digits, and not only one along a direction."""
        return self.digits.work * self.problem.unknowns <= _MOST_WORK

    def sides(self, name: str, i: int, nearest: float = 0.0) -> Sides:
        """The slopes by an element; that of a form that keeps the value where there are many elements."""
        if self._each_is_known:
            return self._sides(name, i, nearest)
        kept = None if nearest else self.kept
        known = None if kept is None else kept.gradients
        slope = None if known is None else float(known[name].reshape(-1)[i])
        return Sides(slope, slope)

    @functools.cache  # noqa: B019 -- a Truth lives as long as its check
    def _sides(self, name: str, i: int, nearest: float) -> Sides:
        return self.digits.sides(name, i, nearest)

    @functools.cached_property
    def kept(self) -> Kept | None:
        """A form of the expression that has the right value in the dtype, and the right gradient if there is one."""
        if self.value is None or not math.isfinite(self.value.number):
            return None
        expression = self.problem.objective.expression
        found = rewrites(expression)[:_MOST_TRIED]
        only_value: Kept | None = None
        for rewrite in (*found, all_at_once(expression, found)):
            if rewrite is None or not self._has_the_value(rewrite):
                continue
            kept = Kept(rewrite, self._gradients_if_right(rewrite))
            if kept.gradients is not None:
                return kept
            only_value = only_value or kept
        return only_value

    def _has_the_value(self, rewrite: Rewrite) -> bool:
        try:
            form = parse(rewrite.whole, self.problem.tensors)
            value, _ = self._differentiated(form, self.problem.tensors, self.dtype)
        except GdcliError:
            return False
        return self.value is not None and is_right(value, self.value.number, self.dtype)

    def _gradients_if_right(self, rewrite: Rewrite) -> Gradients | None:
        """The gradient of a form in float64, if it is that of the expression and the dtype has it too."""
        form = parse(rewrite.whole, self.problem.tensors)
        _, gradients = self._differentiated(form, self.problem.tensors, self.dtype)
        _, wide = self._differentiated(reference(form, self.dtype), self.tensors, torch.float64)
        if not self._are_slopes(wide):
            return None
        for name, gradient in wide.items():
            error = (gradients[name].double() - gradient).abs()
            if not bool((error <= math.sqrt(torch.finfo(self.dtype).eps) * gradient.abs() + self._unseen).all()):
                return None
        return wide

    @property
    def _unseen(self) -> float:
        """A slope up to which a change of a variable by 1 does not change the value in the dtype."""
        info = torch.finfo(self.dtype)
        value = 0.0 if self.value is None else abs(self.value.number)
        return max(_ROUNDINGS * info.eps * value, info.smallest_normal)

    def _are_slopes(self, gradients: Gradients) -> bool:
        """Whether they are the slopes of the expression, by differences in many digits."""
        if self._each_is_known:
            for name, gradient in gradients.items():
                for i, slope in enumerate(gradient.reshape(-1).tolist()):
                    true = self._sides(name, i, 0.0).slope
                    if true is None or not math.isclose(slope, true, rel_tol=_SAME, abs_tol=self._unseen):
                        return False
            return True
        generator = torch.Generator().manual_seed(0)
        direction = {n: torch.randn(g.numel(), generator=generator, dtype=g.dtype) for n, g in gradients.items()}
        parts = torch.cat([gradients[name].reshape(-1) * part for name, part in direction.items()])
        true = self.digits.along({name: part.tolist() for name, part in direction.items()}).slope
        return true is not None and abs(float(parts.sum()) - true) <= _SAME * float(parts.abs().sum()) + self._unseen

    def _differentiated(
        self, expression: Expression, tensors: Mapping[str, torch.Tensor], dtype: torch.dtype
    ) -> tuple[float, Gradients]:
        """The value of an expression, and its gradient by the variables of the problem."""
        wrt = self.problem.wrt
        leaves = {name: tensors[name].detach().clone() for name in self.problem.tensors}
        for name in wrt:
            leaves[name].requires_grad_()
        if not set(expression.variables) <= set(leaves):  # a name that has no meaning at its new place
            raise GdcliError("unknown-name", "not an expression of the variables", "")
        given = {name: leaves[name] for name in expression.variables}
        environment = Environment(dtype, self.problem.environment.device)
        problem = Problem(build(expression, environment, given), environment, given, wrt)
        value = problem.value()
        if value.numel() != 1 or not value.requires_grad:
            raise GdcliError("result", "not a number with a gradient", "")
        problem.backward(value)
        found = {name: leaves[name].grad for name in wrt}
        gradients = {name: torch.zeros_like(leaves[name]) if g is None else g for name, g in found.items()}
        return float(value.detach()), gradients

    @functools.cached_property
    def is_right_in_float64(self) -> bool:
        """Whether another dtype, float64, has the right value."""
        if self.value is None or self.dtype == torch.float64:
            return False
        try:
            objective = build(self._reference, Environment(torch.float64, self.problem.environment.device))
            computed = float(objective(*self.tensors.values()))
        except GdcliError:
            return False
        return is_right(computed, self.value.number, torch.float64)

    @functools.cached_property
    def cause(self) -> Cause | None:
        """The part where the worst of what goes wrong begins; None where every part that is known is right."""
        expression = self.problem.objective.expression
        kept = Intermediates(expression, self.problem.environment, self.problem.tensors)
        with torch.no_grad():
            kept.objective(*self.problem.tensors.values())
        wrong: list[tuple[Node, Cause, int]] = []
        for node, twin in zip(postorder(expression.root), postorder(self._reference.root), strict=True):
            result = kept.get(node)
            if not isinstance(result, torch.Tensor) or not result.is_floating_point():
                continue
            true = self.digits.elements(twin)
            found = None if true is None else _first_wrong(result, true)
            if found is not None:
                cause = _cause(expression.text(node), called(expression, node), result, *found)
                wrong.append((node, cause, _seriousness(result, *found)))
        worst = max((rank for *_, rank in wrong), default=0)
        for node, cause, rank in wrong:
            if rank == worst:
                inside = {id(part) for part in postorder(node)}
                return next((earlier for part, earlier, _ in wrong if id(part) in inside), cause)
        return None


def whole_text(expression: Expression) -> str:
    """The text of the result."""
    return expression.text(expression.root) if expression.is_program else expression.source


def _first_wrong(result: torch.Tensor, true: list[Digits | None]) -> tuple[float, Digits] | None:
    """The first element of a result that is not the right one, and what it should be."""
    computed = result.detach().reshape(-1).tolist()
    if len(computed) != len(true):
        return None
    half = math.sqrt(torch.finfo(result.dtype).eps)
    for number, right in zip(computed, true, strict=True):
        if right is None or math.isnan(right.number):
            continue
        # Also where one of them is not finite.
        if right.is_below_floats or not abs(number - right.number) <= half * abs(right.number):
            return number, right
    return None


def _seriousness(result: torch.Tensor, computed: float, true: Digits) -> int:
    """2 for a number that is lost to inf or nan, 0 for one so small that the dtype makes it 0, 1 for any other."""
    if not math.isfinite(computed):
        return 2
    return int(abs(true.number) >= torch.finfo(result.dtype).smallest_normal or computed != 0)


def _cause(text: str, called: str, result: torch.Tensor, computed: float, true: Digits) -> Cause:
    info, dtype = torch.finfo(result.dtype), dtype_name(result)
    what = called if result.numel() == 1 else f"an element of {called}"
    if abs(true.number) > info.max:
        short = f"{what} is beyond the range of {dtype}"
        return Cause(text, f"{what} is {true.text}, beyond the range of {dtype}", short)
    if abs(true.number) < info.smallest_normal:
        short = f"{what} is below the range of {dtype}"
        return Cause(text, f"{what} is {true.text}, below the range of {dtype}", short)
    sentence = f"{what} is {true.text}, and {dtype} gives {computed:.6g}"
    return Cause(text, sentence, f"{dtype} gives {computed:.6g} for {what}")


def is_right(computed: float, true: float, dtype: torch.dtype) -> bool:
    """Whether a value is the right one to half of the digits of a dtype."""
    info = torch.finfo(dtype)
    return math.isfinite(computed) and abs(computed - true) <= math.sqrt(info.eps) * abs(true) + info.smallest_normal


def lost_value(truth: Truth, computed: float) -> LostValue | None:
    """What is lost in a value that was ``computed``; None where nothing is, or it is not known."""
    true = truth.value
    if true is None or is_right(computed, true.number, truth.dtype):
        return None
    # Half of the digits may be lost to ordinary cancellation; that is told where there is a way around it.
    gone = not math.isfinite(computed) or (computed == 0 and true.number != 0)
    kept, cause, dtype = truth.kept, truth.cause, str(truth.dtype).removeprefix("torch.")
    if not gone and kept is None:
        return None
    whole = whole_text(truth.problem.objective.expression)
    message = f"the value is {true.text}, not {computed:.6g}"
    if cause is not None and cause.part == whole and abs(true.number) > torch.finfo(truth.dtype).max:
        message = f"the value is {true.text}, beyond the range of {dtype}"
    elif cause is not None and cause.part != whole:
        message += f": {cause.sentence}"
    if kept is not None:
        message += f"; {advice(kept, dtype)}"
    elif truth.is_right_in_float64:
        message += "; --dtype float64 has the right value"
    return LostValue(
        value=true.number if math.isfinite(true.number) else None,
        computed=computed if math.isfinite(computed) else None,
        part="" if cause is None else cause.part,
        instead="" if kept is None else kept.rewrite.whole,
        message=message,
    )


def advice(kept: Kept, dtype: str) -> str:
    """What to write, and that it was tried."""
    part, other = kept.rewrite.part, kept.rewrite.replacement
    what = "right value" if kept.gradients is None else "right value and gradient"
    if kept.rewrite.statement:
        return f"{kept.rewrite.statement} has the {what} in {dtype}"
    return f"{other} in the place of {part} has the {what} in {dtype}"
