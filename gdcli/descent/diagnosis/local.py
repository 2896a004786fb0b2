"""The curvature at a state of a run, as its rule feels it: in float64, and within limits of work."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import torch
from msgspec import Struct

from gdcli.descent.curvature import MAX_EXACT, hessian_at, product_at
from gdcli.descent.loop import State
from gdcli.explain.cost import Cost, cost_of
from gdcli.explain.hessian import Spectrum, exact_spectrum, lanczos, lanczos_steps
from gdcli.lang.constructors import Environment
from gdcli.lang.objective import build
from gdcli.tensors import Problem

MAX_WORK = 50_000_000
"""Elements that the evaluations for one Hessian may make together."""
_MIN_PRODUCTS = 30
_SAME = 1e-6  # the relative difference up to which two Hessians are the same
_ZERO = 1e-12  # the size up to which a part of a gradient counts as 0, relative to the largest
_ROUNDING = 16 * torch.finfo(torch.float64).eps  # of an eigenvalue of an n x n matrix, relative to n times the largest


class NoCurvatureError(Exception):
    """A curvature that is not there, or would cost more than a diagnosis may."""


class LocalCurvature(Struct, frozen=True):
    """The spectrum of ``sign * Hessian + weight_decay`` at one state.

    Row and column of each variable are scaled by the square root of its share of the largest learning rate, ``scale``,
    so that one learning rate, the largest, tells all. ``gradient`` is that of the same function, in float64 and not
    scaled, and ``mark`` the product of the matrix with a vector that is always the same; both have shape (n,).
    """

    iteration: int
    spectrum: Spectrum
    scale: torch.Tensor
    gradient: torch.Tensor
    mark: torch.Tensor

    @property
    def largest(self) -> float:
        """The largest eigenvalue, L."""
        return self.spectrum.largest

    @property
    def smallest(self) -> float:
        """The smallest eigenvalue."""
        return self.spectrum.smallest

    @property
    def zero(self) -> float:
        """The size up to which an eigenvalue counts as 0."""
        return max(_ROUNDING * len(self.gradient) * self.spectrum.size, *self.spectrum.errors)

    @property
    def is_convex(self) -> bool:
        """Whether no eigenvalue is negative, and one is positive."""
        return self.smallest >= -self.zero and self.largest > self.zero

    @property
    def is_concave(self) -> bool:
        """Whether no eigenvalue is positive, and one is negative."""
        return self.largest <= self.zero and self.smallest < -self.zero

    def counting(self, gradient: Sequence[float], least_part: float = 0.0) -> list[float]:
        """The eigenvalues that matter to a descent on a quadratic that sees this gradient at its start.

        Along an eigenvector of eigenvalue 0, or one on which the gradient has no part, nothing ever moves. A part that
        is at most ``least_part`` of the gradient, and of what the loss can fall by, counts as none.
        """
        values = self.spectrum.values
        if not self.spectrum.exact:
            return [value for value in values if abs(value) > self.zero]
        parts = self.spectrum.vectors.T @ (self.scale * torch.tensor(gradient, dtype=torch.float64))
        least = max(_ZERO, least_part)
        found = [(v, abs(p)) for v, p in zip(values, parts.tolist(), strict=True) if abs(v) > self.zero and p != 0]
        whole = sum(part * part / abs(v) for v, part in found)
        return [v for v, p in found if p > least * float(parts.norm()) or p * p / abs(v) > least * whole]

    def direction(self, index: int) -> list[float]:
        """The direction of an eigenvalue, 0 for the smallest and -1 for the largest.

        A unit vector over all variables, its largest part positive.
        """
        vector = self.spectrum.vectors[:, index] * self.scale
        vector = vector / vector.norm()
        return (vector * torch.sign(vector[vector.abs().argmax()])).tolist()  # type: ignore[no-any-return]

    @property
    def slope(self) -> float:
        """The norm of the gradient."""
        return float(self.gradient.norm())

    @property
    def along_gradient(self) -> float | None:
        """The curvature along the gradient; None where only the ends of the spectrum are known, or it is 0."""
        if not self.spectrum.exact or self.slope == 0:
            return None
        direction = self.gradient / self.slope / self.scale
        return float((self.spectrum.vectors.T @ direction) ** 2 @ torch.tensor(self.spectrum.values).double())

    @property
    def newton_distance(self) -> float:
        """How far the gradient is from 0 by this curvature: the length of Newton's step, where no eigenvalue is 0.

        Where only the ends of the spectrum are known, the steps along the lower end, and along the gradient by the size
        of the spectrum: it is at least the larger of them.
        """
        if self.spectrum.size == 0:
            return 0.0 if self.slope == 0 else math.inf
        if self.spectrum.exact:
            return float(self.newton_step.norm())
        return max(abs(float(self._newton_parts[0])), self.slope / self.spectrum.size)

    @property
    def newton_step(self) -> torch.Tensor:
        """What Newton's step subtracts from the variables, shape (n,); 0 along eigenvectors of eigenvalue 0."""
        return self.scale * (self.spectrum.vectors @ self._newton_parts)

    def flat_part(self, gradient: torch.Tensor) -> torch.Tensor:
        """The part of a gradient, shape (n,), along eigenvectors of eigenvalue 0."""
        flat = torch.tensor(self.spectrum.values, dtype=torch.float64).abs() <= self.zero
        vectors = self.spectrum.vectors[:, flat]
        return vectors @ (vectors.T @ (self.scale * gradient)) / self.scale

    @property
    def _newton_parts(self) -> torch.Tensor:
        values = torch.tensor(self.spectrum.values, dtype=torch.float64)
        parts = self.spectrum.vectors.T @ (self.scale * self.gradient)
        return torch.where(values.abs() > self.zero, parts / values, 0.0)

    def is_that_of(self, other: LocalCurvature) -> bool:
        """Whether it is the same matrix, within rounding."""
        return float((self.mark - other.mark).norm()) <= _SAME * float(self.mark.norm())


class CurvatureAt:
    """Computes the curvature at states of one problem."""

    def __init__(self, problem: Problem, sign: float, decay: float) -> None:
        """Those of ``sign`` times the objective, with a weight decay."""
        self.problem = problem
        self.sign = sign
        self.decay = decay

    def __call__(self, step: State, rates: Mapping[str, float]) -> LocalCurvature:
        """The curvature at a state, as felt with these learning rates.

        Raises:
            NoCurvatureError: beyond the limits, and for a loss that is random.
            ArithmeticError: when second derivatives are not finite.
            GdcliError, RuntimeError: when PyTorch has none.
        """
        if self.problem.is_random:
            raise NoCurvatureError("the expression draws new random numbers at every step")
        n, allowed = self.problem.unknowns, MAX_WORK // self.cost.elements
        if allowed < min(n, _MIN_PRODUCTS):
            raise NoCurvatureError(f"{n:,} unknowns with {self.cost.elements:,} elements per evaluation are too many")
        scale = self._scale(rates)
        twin = at(self.problem, step, torch.float64)
        gradient = self._gradient(twin)
        fixed = torch.randn(n, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        if n <= min(MAX_EXACT, allowed):
            matrix = self.sign * hessian_at(twin).double().cpu() + self.decay * torch.eye(n, dtype=torch.float64)
            matrix = matrix * scale * scale[:, None]
            return LocalCurvature(step.iteration, exact_spectrum(matrix), scale, gradient, matrix @ fixed)
        plain = product_at(twin)

        def product(vector: torch.Tensor) -> torch.Tensor:
            return scale * (self.sign * plain(scale * vector) + self.decay * scale * vector)

        found = lanczos(product, n, min(lanczos_steps(n), allowed))
        return LocalCurvature(step.iteration, found, scale, gradient, product(fixed))

    def _scale(self, rates: Mapping[str, float]) -> torch.Tensor:
        """The square root of each unknown's share of the largest learning rate, shape (n,)."""
        if any(map(math.isnan, rates.values())):  # an own class has none
            rates = dict.fromkeys(rates, 1.0)
        largest = max(rates.values()) or 1.0
        shares = [(leaf.numel(), rates[name] / largest or 1.0) for name, leaf in self.problem.leaves.items()]
        return torch.cat([torch.full((count,), math.sqrt(share), dtype=torch.float64) for count, share in shares])

    def _gradient(self, problem: Problem) -> torch.Tensor:
        """The gradient that the rule goes against."""
        tensors = list(problem.leaves.values())
        found = torch.autograd.grad(problem.value(), tensors, allow_unused=True, materialize_grads=True)
        parts = [self.sign * g + self.decay * x.detach() for g, x in zip(found, tensors, strict=True)]
        return torch.cat([part.reshape(-1) for part in parts]).cpu()

    @functools.cached_property
    def cost(self) -> Cost:
        """What one evaluation costs."""
        return cost_of(self.problem)


def at(problem: Problem, step: State, dtype: torch.dtype) -> Problem:
    """The problem at a state, in a dtype, with new leaves; the one that is given stays as it is."""
    original = problem.environment
    environment = Environment(dtype, original.device, original.seed)
    tensors = {n: t.detach().to(dtype) if t.is_floating_point() else t for n, t in problem.tensors.items()}
    for name in problem.wrt:
        value = torch.as_tensor(step.values[name], dtype=dtype, device=original.device)
        tensors[name] = value.detach().clone().requires_grad_()
    return Problem(build(problem.objective.expression, environment, tensors), environment, tensors, problem.wrt)
