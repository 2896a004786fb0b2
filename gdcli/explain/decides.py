"""Whether a Hessian says anything about a point: it is compared with differences of the gradient, in float64.

At a kink there is no Hessian, whatever numbers autograd returns; where the second derivatives jump, or the dtype has
lost them, the numbers do not decide what kind of point it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from msgspec import Struct

from gdcli.errors import GdcliError
from gdcli.explain.intermediates import gradient_terms
from gdcli.explain.kinks import Kink, kink_at
from gdcli.explain.reference import reference
from gdcli.lang.constructors import Environment
from gdcli.lang.objective import build
from gdcli.tensors import Problem, labels_of

_MOST_AXES = 32  # unknowns up to which every axis is looked along
_RANDOM = 6  # directions, beyond that
_NEAREST = 64  # roundings of a variable within which a kink counts as met
_NEAREST_ZERO = 2.0**-40  # the same at 0
_STEPS = (2.0**-13, 2.0**-17)  # of a variable, or of 1 at zero
_HALF = 0.5
_FAR = 2.0**-4  # of a variable, or of 1 at zero: where a gradient is looked at to compare a jump with
_NOTICEABLE = 1e-6  # of the gradient there
_SAME = 0.01  # relative difference of second derivatives that are the same
_LEAST_EPS = 2.0**-40  # a reach of fewer floats cannot be divided
_ULPS = 2.0**-50  # of the point: changes by which a gradient varies by its rounding
_DTYPE_ROUNDINGS = 16  # of the gradient over a variable, which second derivatives may be off by
_ROUNDINGS = 4  # times that variation


class WideGradient:
    """The gradient of a problem as a function of one vector, in float64: shape (n,) to shape (n,)."""

    def __init__(self, problem: Problem) -> None:
        """The point is where the problem's tensors are."""
        self.tensors = {n: t.detach().double() if t.is_floating_point() else t for n, t in problem.tensors.items()}
        self.wrt = problem.wrt
        self.point = torch.cat([self.tensors[name].reshape(-1) for name in problem.wrt]).cpu()
        expression = reference(problem.objective.expression, problem.environment.dtype)
        environment = Environment(torch.float64, problem.environment.device)
        self._objective = build(expression, environment, self.tensors)

    @property
    def is_defined(self) -> bool:
        """Whether the function has a value at the point."""
        return bool(self._objective(*self.tensors.values()).isfinite().all())

    def __call__(self, point: torch.Tensor) -> torch.Tensor:
        """The gradient; nan where PyTorch refuses the point."""
        sizes = [self.tensors[name].numel() for name in self.wrt]
        parts = dict(zip(self.wrt, torch.split(point, sizes), strict=True))
        given = {n: parts[n].reshape(t.shape).to(t.device) if n in parts else t for n, t in self.tensors.items()}
        leaves = [given[name].detach().clone().requires_grad_() for name in self.wrt]
        given |= dict(zip(self.wrt, leaves, strict=True))
        try:
            value = self._objective(*given.values())
            if not value.requires_grad:
                return torch.zeros_like(point)
            found = torch.autograd.grad(value.sum(), leaves, allow_unused=True, materialize_grads=True)
        except (GdcliError, RuntimeError):
            return torch.full_like(point, math.nan)
        if not bool(value.isfinite().all()):  # log has a derivative where it has no value
            return torch.full_like(point, math.nan)
        return torch.cat([gradient.reshape(-1) for gradient in found]).cpu()


def kink_here(problem: Problem) -> str:
    """What says that the gradient jumps where the tensors of a problem are; empty where it does not.

    An expression that draws random numbers cannot be looked at twice: empty too.
    """
    if problem.is_random:
        return ""
    gradient = WideGradient(problem)
    if not gradient.is_defined:
        return ""
    point, names = gradient.point, labels_of(problem.leaves)
    eps = max(torch.finfo(problem.environment.dtype).eps, _LEAST_EPS)
    reach = torch.where(point == 0, _NEAREST_ZERO, _NEAREST * eps * point.abs())
    for name, direction in _directions(names, point):
        found = kink_at(gradient, point, reach * direction)
        if found is not None and _is_noticeable(found, gradient, direction):
            return _told(name, direction, found, len(names))
    return ""


def _is_noticeable(kink: Kink, gradient: WideGradient, direction: torch.Tensor) -> bool:
    """Whether a jump is more than rounding, beside the gradient at some distance."""
    reach = _FAR * torch.where(gradient.point == 0, 1.0, gradient.point.abs()) * direction
    around = [gradient(gradient.point + sign * reach).nan_to_num(0, 0, 0).abs().max() for sign in (-1, 1)]
    return float(kink.jump.abs().max()) > _NOTICEABLE * float(max(around))


class Disagreement(Struct, frozen=True):
    """What differences of the gradient say against a Hessian; ``of_gradient``: against the gradient itself too."""

    reason: str
    of_gradient: bool = False


def disagreement(problem: Problem, matrix: torch.Tensor) -> Disagreement | None:
    """What differences of the gradient say against the Hessian ``matrix``, shape (n, n); None for nothing."""
    if problem.is_random:
        return None
    gradient = WideGradient(problem)
    here, noise, eps = gradient(gradient.point), _noise(gradient), torch.finfo(problem.environment.dtype).eps
    for name, direction in _directions(labels_of(problem.leaves), gradient.point):
        found = [_quotients(gradient, direction, step) for step in _STEPS]
        if any(each is None for each in found):
            return Disagreement(f"the gradient is not defined on both sides along {name}")
        wide, narrow = (each for each in found if each is not None)
        largest = max(float(matrix.abs().max()), wide.size, narrow.size)
        in_dtype = _DTYPE_ROUNDINGS * eps * float(here.abs().max()) * _STEPS[-1]
        allowed = _SAME * largest + (noise + in_dtype) / narrow.length

        def stays(wide: float, narrow: float, allowed: float = allowed) -> bool:
            return narrow > allowed and narrow > _HALF * wide

        if stays(wide.off(here) / wide.length, narrow.off(here) / narrow.length):
            if narrow.off(here) > _HALF * wide.off(here):
                reason = f"autograd's gradient here is not that of the points beside it along {name}"
                return Disagreement(reason, of_gradient=True)
            return Disagreement(f"the second derivatives are not the same on both sides along {name}")
        if stays(*(float((matrix @ each.unit - each.both).abs().max()) for each in (wide, narrow))):
            return Disagreement(f"autograd's second derivatives are not those of its gradient along {name}")
    return None


def _noise(gradient: WideGradient) -> float:
    """How much the gradient varies with the last bits of the point."""
    generator = torch.Generator().manual_seed(0)
    here, largest = gradient(gradient.point), 0.0
    for _ in range(_ROUNDINGS):
        shift = torch.randn(len(gradient.point), generator=generator, dtype=torch.float64)
        there = gradient(gradient.point * (1 + _ULPS * shift))
        largest = max(largest, float((there - here).abs().max()))
    return _ROUNDINGS * largest if math.isfinite(largest) else 0.0


def _directions(names: Sequence[str], point: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """The directions to look along, with their names: the axes of few unknowns, else some at random."""
    if len(names) <= _MOST_AXES:
        yield from zip(names, torch.eye(len(names), dtype=torch.float64), strict=True)
    else:
        generator = torch.Generator().manual_seed(0)
        for _ in range(_RANDOM):
            yield "a random direction", torch.randn(len(point), generator=generator, dtype=torch.float64)


UNDECIDED = "so the Hessian does not decide what kind of point this is"


def _told(name: str, direction: torch.Tensor, kink: Kink, unknowns: int) -> str:
    left, right = (float(side @ direction) for side in (kink.before, kink.after))
    if kink.is_cusp:
        return f"a cusp: the slope along {name} grows without bound towards this point, {UNDECIDED}"
    message = f"a kink: the slope along {name} is {left:.6g} on the left and {right:.6g} on the right, {UNDECIDED}"
    if unknowns == 1 and left * right < 0:
        does = "increases" if left < 0 else "decreases"
        message += f"; by these slopes the function {does} on both sides"
    return message


class _Quotients(Struct, frozen=True):
    """The gradients at two points to both sides of another, along ``unit``, at a distance of ``length``."""

    unit: torch.Tensor
    length: float
    left: torch.Tensor
    right: torch.Tensor

    @property
    def both(self) -> torch.Tensor:
        """The derivative of the gradient along the unit vector, by both sides."""
        return (self.right - self.left) / (2 * self.length)

    @property
    def size(self) -> float:
        """Its largest element."""
        return float(self.both.abs().max())

    def off(self, here: torch.Tensor) -> float:
        """How far the gradient in between is from the middle of both."""
        return float((self.left + self.right - 2 * here).abs().max())


def _quotients(gradient: WideGradient, direction: torch.Tensor, step: float) -> _Quotients | None:
    """The gradients at a distance relative to the variables; None where one is not defined."""
    reach = step * torch.where(gradient.point == 0, 1.0, gradient.point.abs()) * direction
    left, right = gradient(gradient.point - reach), gradient(gradient.point + reach)
    if not bool(left.isfinite().all() and right.isfinite().all()):
        return None
    length = float(reach.norm())
    return _Quotients(reach / length, length, left, right)


def resolution(problem: Problem, matrix: torch.Tensor, eps: float) -> torch.Tensor:
    """What a rounding ``eps`` is worth in each element of the gradient, shape (n,); ``matrix`` is the Hessian.

    A change of the variables by a rounding changes the gradient by ``|matrix| |x| eps``, and each of the terms that an
    element adds up from is off by about eps.
    """
    terms = gradient_terms(problem.objective.expression, problem.environment, problem.tensors, problem.wrt)
    added = torch.cat([terms[name].double().reshape(-1) for name in problem.wrt]).cpu()
    point = torch.cat([leaf.detach().double().reshape(-1) for leaf in problem.leaves.values()]).cpu()
    return eps * (matrix.abs() @ point.abs() + added)
