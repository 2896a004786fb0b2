"""The loss of a run as a function of one vector, in float64: its slope, its curvature, its kinks, where it falls to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import torch

from gdcli.lang.constructors import Environment
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse
from gdcli.lang.problems import PROBLEMS
from gdcli.lang.values import bind
from gdcli.tensors import variables

Point = torch.Tensor
"""All unknowns of a run, joined in the order of its variables: shape (n,), float64."""
FAR = 1e6
"""A loss that has fallen by so many times 1 + its size has fallen without bound."""


class Function:
    """The loss that is to become small: with the sign of ``--maximize``, and without weight decay."""

    def __init__(self, settings: Mapping[str, Any], start: Mapping[str, Any]) -> None:
        """``start`` holds the values of the unknowns in iteration 0, which may have been drawn."""
        name = settings["expression"]
        problem = PROBLEMS.get(name)
        text = problem.instantiate(settings["dim"]).expression if problem is not None else name
        self.expression = parse(text)
        self.sign = -1.0 if settings["maximize"] else 1.0
        drawn = Environment(getattr(torch, settings["dtype"]), "cpu", settings["seed"])
        given = variables(bind([self.expression], settings["values"]), drawn, [])
        self.constants = {n: x.double() if x.is_floating_point() else x for n, x in given.items() if n not in start}
        self.shapes = {n: tuple(x.shape) for n, x in given.items() if n in start}
        self.names = [n for n in given if n in start]
        self.tensors = {**given, **self.constants}
        self._call = build(self.expression, Environment(torch.float64, "cpu", settings["seed"]))

    def joined(self, values: Mapping[str, Any]) -> Point:
        """The unknowns of a record as one vector."""
        return torch.cat([torch.tensor(_numbers(values[n]), dtype=torch.float64) for n in self.names])

    def __call__(self, x: Point) -> torch.Tensor:
        """The loss, with its graph."""
        parts = torch.split(x, [math.prod(self.shapes[n]) for n in self.names])
        unknowns = {n: part.reshape(self.shapes[n]) for n, part in zip(self.names, parts, strict=True)}
        return self.sign * self._call(*({**self.constants, **unknowns}[n] for n in self.tensors))

    def value(self, x: Point) -> float:
        """The loss as a number; inf where it is not finite."""
        with torch.no_grad():
            found = float(self(x))
        return found if math.isfinite(found) else math.inf

    def part(self, text: str, x: Point, dtype: torch.dtype) -> torch.Tensor:
        """The result of a part of the expression, in a dtype."""
        expression = parse(text)
        parts = torch.split(x.to(dtype), [math.prod(self.shapes[n]) for n in self.names])
        unknowns = {n: part.reshape(self.shapes[n]) for n, part in zip(self.names, parts, strict=True)}
        known = {n: c.to(dtype) if c.is_floating_point() else c for n, c in self.constants.items()}
        call = build(expression, Environment(dtype, "cpu", 0))
        return torch.as_tensor(call(*({**known, **unknowns}[n] for n in expression.variables)))

    def gradient(self, x: Point) -> Point:
        """The gradient, zeros where no path leads to it."""
        x = x.clone().requires_grad_()
        value = self(x)
        if not value.requires_grad:
            return torch.zeros_like(x)
        return torch.autograd.grad(value, x, allow_unused=True, materialize_grads=True)[0]

    def hessian(self, x: Point) -> torch.Tensor:
        """The second derivatives, shape (n, n), by autograd through its own gradient."""
        x = x.clone().requires_grad_()
        value = self(x)
        if not value.requires_grad:
            return torch.zeros(len(x), len(x), dtype=torch.float64)
        slope = torch.autograd.grad(value, x, create_graph=True, allow_unused=True, materialize_grads=True)[0]
        if not slope.requires_grad:
            return torch.zeros(len(x), len(x), dtype=torch.float64)
        rows = [
            torch.autograd.grad(part, x, retain_graph=True, materialize_grads=True, allow_unused=True)[0]
            for part in slope
        ]
        matrix = torch.stack(rows)
        return (matrix + matrix.T) / 2

    def eigen(self, x: Point) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Eigenvalues in ascending order and eigenvectors as columns; None where they are not finite."""
        matrix = self.hessian(x)
        if not bool(matrix.isfinite().all()):
            return None
        values, vectors = torch.linalg.eigh(matrix)
        return values, vectors

    def jumps(self, a: Point, b: Point) -> bool:
        """Whether the gradient jumps somewhere between two points: halving the way does not make its change smaller."""
        low, high = a, b
        at_low, at_high = self.gradient(low), self.gradient(high)
        first = float((at_high - at_low).norm())
        if not first > 0 or not math.isfinite(first):
            return False
        for _ in range(30):
            middle = (low + high) / 2
            there = self.gradient(middle)
            if not bool(there.isfinite().all()):
                return True
            if float((there - at_low).norm()) > float((at_high - there).norm()):
                high, at_high = middle, there
            else:
                low, at_low = middle, there
        return float((at_high - at_low).norm()) > 1e-2 * first

    def is_kinked(self, x: Point, reach: float) -> bool:
        """Whether a kink is within reach of a point, along the axes, the diagonals or the gradient."""
        n = len(x)
        ways = [*torch.eye(n, dtype=torch.float64), torch.ones(n, dtype=torch.float64)]
        slope = self.gradient(x)
        if bool(slope.isfinite().all()) and float(slope.norm()) > 0:
            ways.append(slope / slope.norm())
        return any(self.jumps(x - reach * way, x + reach * way) for way in ways)

    def falls_for_ever(self, x: Point, way: Point) -> bool:
        """Whether the loss falls without bound on the ray from a point, and falls all the way."""
        length = float(way.norm())
        if not length > 0 or not math.isfinite(length):
            return False
        last = first = self.value(x)
        size = 1 + float(x.norm())
        for power in range(9):
            there = self.value(x + way / length * size * 10.0**power)
            if not there < last:
                return power > 2 and last < first - FAR * (1 + abs(first))
            last = there
        return last < first - FAR * (1 + abs(first))

    def has_ever_lower(self, x: Point, way: Point) -> bool:
        """Whether the loss takes ever lower values, without bound, on the ray from a point."""
        length = float(way.norm())
        if not length > 0 or not math.isfinite(length):
            return False
        first, size = self.value(x), 1 + float(x.norm())
        bounds = [
            min(self.value(x + way / length * size * 10.0**power * (1 + 9 * k / 200)) for k in range(200))
            for power in range(1, 9)
        ]
        return all(b < a for a, b in itertools.pairwise(bounds)) and bounds[-1] < first - FAR * (1 + abs(first))

    def settled(self, x: Point) -> Point | None:
        """The critical point next to a point, by Newton's method; None where it leads away, or to none."""
        start, y = x, x.clone()
        for _ in range(60):
            slope = self.gradient(y)
            found = self.eigen(y)
            if found is None or not bool(slope.isfinite().all()):
                return None
            values, vectors = found
            usable = values.abs() > 1e-12 * values.abs().max()
            parts = torch.where(usable, vectors.T @ slope / torch.where(usable, values, 1.0), 0.0)
            step = vectors @ parts
            y = y - step
            if float(step.norm()) <= 1e-14 * (1 + float(y.norm())):
                break
        if not bool(y.isfinite().all()) or not self._falls(start, y):
            return None
        scale = float(values.abs().max()) * (1 + float(y.norm()))
        return y if float(self.gradient(y).norm()) <= 1e-9 * scale else None

    def _falls(self, a: Point, b: Point) -> bool:
        """Whether two points are near, or the loss falls on all of the way from one to the other."""
        if float((b - a).norm()) <= 0.1 * (1 + float(a.norm())):
            return True
        values = [self.value(a + k / 10 * (b - a)) for k in range(11)]
        return all(late <= early for early, late in itertools.pairwise(values))


def _numbers(nested: Any) -> list[float]:
    """The numbers of a nested list; null is nan."""
    if isinstance(nested, list):
        return [number for item in nested for number in _numbers(item)]
    return [math.nan if nested is None else float(nested)]
