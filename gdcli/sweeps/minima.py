"""The minima that the cells of a sweep reach: those of the catalogue, or clusters of end points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from gdcli.contract.sweep import PointKind
from gdcli.errors import GdcliError
from gdcli.explain.hessian import gradient_of, hessian, symmetric
from gdcli.sweeps.ends import in_pieces
from gdcli.tensors import Problem

_MOST = 64  # minima that are told apart
_MOST_ELEMENTS = 100  # of a point that Newton's method refines
_TURNS = 8  # of Newton's method, which begins near the minimum
_ZERO = 1e-9  # relative: an eigenvalue up to it decides nothing


@dataclass(slots=True)
class Minima:
    """``points`` has shape (minima, elements), float64; ``of_cell`` has the number of the minimum of each cell, or -1.

    ``distance`` is the Euclidean distance of each end point from the nearest minimum, float32; None without any.
    """

    points: torch.Tensor
    of_cell: torch.Tensor
    known: bool
    distance: torch.Tensor | None
    kinds: list[PointKind]


def nearest(x: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The number of the nearest of some points, and the distance from it, of each column of ``x``."""
    best = torch.full((x.shape[1],), torch.inf)
    number = torch.zeros(x.shape[1], dtype=torch.int16)
    for piece in in_pieces(x.shape[1]):
        for i, point in enumerate(points):
            distance = distance_from(point, x[:, piece])
            nearer = distance < best[piece]
            number[piece][nearer] = i
            best[piece][nearer] = distance[nearer]
    return number, best


def distance_from(point: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The distance of each column of ``x`` from a point, computed in float64, float32."""
    return (x.double() - point.unsqueeze(1)).square_().sum(0).sqrt_().float()


def _reached(
    x: torch.Tensor, ended: torch.Tensor, points: torch.Tensor, tolerance: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The number of the point within ``tolerance`` of which each cell ended, or -1, and the distance of the nearest."""
    number, distance = nearest(x, points)
    sizes = points.norm(dim=1).clamp(min=1.0)
    there = ended & (distance <= tolerance * sizes[number.long()])
    return number.masked_fill_(~there, -1), distance


def known_minima(x: torch.Tensor, ended: torch.Tensor, points: Sequence[Sequence[float]], tolerance: float) -> Minima:
    """The minima of the catalogue: a cell that has not diverged has reached the one within ``tolerance`` of its end."""
    found = torch.tensor(points, dtype=torch.float64)
    number, distance = _reached(x, ended, found, tolerance)
    return Minima(found, number, known=True, distance=distance, kinds=["minimum"] * len(found))


def refined(minima: Minima, problem_at: Callable[[torch.Tensor], Problem], tolerance: float) -> Minima:
    """The points of clusters as Newton's method gives them in float64, and what the Hessian there says of each.

    A point that Newton's method takes farther than ``tolerance`` stays as it was.
    """
    for i, point in enumerate(minima.points):
        if len(point) > _MOST_ELEMENTS:
            continue
        found, eigenvalues = _newton(point, problem_at)
        if float((found - point).norm()) <= tolerance * max(1.0, float(point.norm())):
            minima.points[i] = found
        size = float(eigenvalues.abs().max())
        least, most = float(eigenvalues.min()), float(eigenvalues.max())
        if least > _ZERO * size:
            minima.kinds[i] = "minimum"
        elif most < -_ZERO * size:
            minima.kinds[i] = "maximum"
        elif least < -_ZERO * size and most > _ZERO * size:
            minima.kinds[i] = "saddle"
    return minima


def with_others(minima: Minima, x: torch.Tensor, ended: torch.Tensor, tolerance: float) -> Minima:
    """Clusters with the cells that ended within ``tolerance`` of one too, without having converged."""
    if not len(minima.points):
        return minima
    number, minima.distance = _reached(x, ended, minima.points, tolerance)
    minima.of_cell = torch.where(minima.of_cell < 0, number, minima.of_cell)
    return minima


def _newton(point: torch.Tensor, problem_at: Callable[[torch.Tensor], Problem]) -> tuple[torch.Tensor, torch.Tensor]:
    """A stationary point near a point, and the eigenvalues of the Hessian there (NaN where there is none)."""
    none = torch.full_like(point, torch.nan)
    eigenvalues = none
    for _ in range(_TURNS):
        problem = problem_at(point)
        try:
            tensors = list(problem.leaves.values())
            gradient = gradient_of(problem.value(), tensors)
            matrix = symmetric(hessian(gradient, tensors))
        except (RuntimeError, GdcliError):
            return point, none
        if not bool(matrix.isfinite().all()):
            return point, none
        eigenvalues = torch.linalg.eigvalsh(matrix)
        step, singular = torch.linalg.solve_ex(matrix, gradient.detach())
        if bool(singular) or not bool(step.isfinite().all()):
            break
        point = point - step
        if float(step.norm()) <= _ZERO * max(1.0, float(point.norm())):
            break
    return point, eigenvalues


def clustered(x: torch.Tensor, converged: torch.Tensor, loss: torch.Tensor, tolerance: float) -> Minima:
    """Clusters of the end points of cells that converged.

    The lowest end point that is in no cluster yet begins one, which takes all within ``tolerance`` of it, relative to
    its size where that is more than 1.
    """
    number = torch.full((x.shape[1],), -1, dtype=torch.int16)
    left = converged & loss.isfinite()
    points: list[list[float]] = []
    while len(points) < _MOST and bool(left.any()):
        point = x[:, torch.where(left, loss, torch.inf).argmin()].double()
        if not math.isfinite(float(point.sum())):
            break
        for piece in in_pieces(x.shape[1]):
            near = left[piece] & (distance_from(point, x[:, piece]) <= tolerance * max(1.0, float(point.norm())))
            number[piece][near] = len(points)
            left[piece] &= ~near
        points.append(point.tolist())
    found = torch.tensor(points, dtype=torch.float64).reshape(len(points), x.shape[0])
    return Minima(found, number, known=False, distance=None, kinds=["point"] * len(points))
