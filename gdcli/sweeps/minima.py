"""The minima that the cells of a sweep reach: those of the catalogue, or clusters of end points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from gdcli.contract.sweep import PointKind
from gdcli.errors import GdcliError
from gdcli.explain.hessian import gradient_of, hessian, symmetric
from gdcli.sweeps.ends import Cells, in_pieces
from gdcli.tensors import Problem

_MOST = 64  # minima that are told apart
_MOST_ELEMENTS = 100  # of a point that Newton's method refines
_TURNS = 8  # of Newton's method, which begins near the minimum
_ZERO = 1e-9  # relative: an eigenvalue up to it decides nothing


@dataclass(slots=True)
class Minima:
    """``points`` has shape (minima, elements), float64.

    ``centres`` are the end points that began the clusters, in the same order; None for minima of the catalogue.
    """

    points: torch.Tensor
    kinds: list[PointKind]
    tolerance: float
    centres: torch.Tensor | None = None

    @property
    def known(self) -> bool:
        """Whether they are those of the catalogue."""
        return self.centres is None

    def reached(self, cells: Cells) -> torch.Tensor:
        """The number of the minimum that each cell reached, int16, or -1.

        A cell that converged is in the first cluster whose centre is within the tolerance of its end. Any other one
        that ended has reached the nearest point, if that is within the tolerance.
        """
        number = torch.full((len(cells),), -1, dtype=torch.int16)
        if not len(self.points):
            return number
        if self.centres is not None:
            left = cells.converged & cells.loss.isfinite()
            for i, centre in enumerate(self.centres):
                there = left & _is_near(cells.x, centre, self.tolerance)
                number[there] = i
                left &= ~there
        rest = (cells.ended & (number < 0)).nonzero().squeeze(1)
        near, distance = nearest(cells.x[:, rest], self.points)
        sizes = self.points.norm(dim=1).clamp(min=1.0)
        near[distance > self.tolerance * sizes[near.long()]] = -1
        number[rest] = near
        return number

    def distances(self, cells: Cells) -> torch.Tensor:
        """The Euclidean distance of each end point from the nearest minimum, float32; NaN without any."""
        if not len(self.points):
            return torch.full((len(cells),), torch.nan)
        return nearest(cells.x, self.points)[1]

    def in_order(self, order: Sequence[int]) -> None:
        """Put them into another order."""
        chosen = torch.tensor(order, dtype=torch.int64)
        self.points, self.kinds = self.points[chosen], [self.kinds[i] for i in order]
        self.centres = None if self.centres is None else self.centres[chosen]


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


def _is_near(x: torch.Tensor, point: torch.Tensor, tolerance: float) -> torch.Tensor:
    return distance_from(point, x) <= tolerance * max(1.0, float(point.norm()))


def known_minima(points: Sequence[Sequence[float]], tolerance: float) -> Minima:
    """The minima of the catalogue."""
    return Minima(torch.tensor(points, dtype=torch.float64), ["minimum"] * len(points), tolerance)


def refined(minima: Minima, problem_at: Callable[[torch.Tensor], Problem], penalty: float = 0.0) -> Minima:
    """The points of clusters as Newton's method gives them in float64, and what the Hessian there says of each.

    The function is the loss plus ``penalty / 2`` times the squared norm of the point, as weight decay has it.
    A point that Newton's method takes farther than the tolerance stays as it was.
    """
    for i, point in enumerate(minima.points):
        if len(point) > _MOST_ELEMENTS:
            continue
        found, eigenvalues = _newton(point, problem_at, penalty)
        if float((found - point).norm()) <= minima.tolerance * max(1.0, float(point.norm())):
            minima.points[i] = found
        else:  # what the Hessian says of a point farther away is not true of this one
            continue
        size = float(eigenvalues.abs().max())
        least, most = float(eigenvalues.min()), float(eigenvalues.max())
        if least > _ZERO * size:
            minima.kinds[i] = "minimum"
        elif most < -_ZERO * size:
            minima.kinds[i] = "maximum"
        elif least < -_ZERO * size and most > _ZERO * size:
            minima.kinds[i] = "saddle"
    return minima


def _newton(
    point: torch.Tensor, problem_at: Callable[[torch.Tensor], Problem], penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """A stationary point near a point, and the eigenvalues of the Hessian there (NaN where there is none)."""
    none = torch.full_like(point, torch.nan)
    eigenvalues = none
    for _ in range(_TURNS):
        problem = problem_at(point)
        try:
            tensors = list(problem.leaves.values())
            gradient = gradient_of(problem.value(), tensors)
            matrix = symmetric(hessian(gradient, tensors)) + penalty * torch.eye(len(point), dtype=point.dtype)
            gradient = gradient.detach() + penalty * point
        except (RuntimeError, GdcliError):
            return point, none
        if not bool(matrix.isfinite().all()):
            return point, none
        eigenvalues = torch.linalg.eigvalsh(matrix)
        step, singular = torch.linalg.solve_ex(matrix, gradient)
        if bool(singular) or not bool(step.isfinite().all()):
            break
        point = point - step
        if float(step.norm()) <= _ZERO * max(1.0, float(point.norm())):
            break
    return point, eigenvalues


def clustered(cells: Cells, tolerance: float, *, maximize: bool = False) -> Minima:
    """Clusters of the end points of cells that converged.

    The lowest end point that is in no cluster yet, with ``maximize`` the highest one, begins one, which takes all
    within ``tolerance`` of it, relative to its size where that is more than 1.
    """
    left = cells.converged & cells.loss.isfinite()
    points: list[torch.Tensor] = []
    while len(points) < _MOST and bool(left.any()):
        point = cells.x[:, _lowest(cells.loss, left, -1 if maximize else 1)].double()
        if not math.isfinite(float(point.sum())):
            break
        for first, piece in cells.pieces():
            left[first : first + len(piece)] &= ~_is_near(piece.x, point, tolerance)
        points.append(point)
    found = torch.stack(points) if points else torch.zeros(0, len(cells.x), dtype=torch.float64)
    return Minima(found.clone(), ["point"] * len(points), tolerance, centres=found)


def _lowest(loss: torch.Tensor, among: torch.Tensor, sign: int) -> int:
    """The first cell of the lowest ``sign * loss`` among some cells, of which there is one at least."""
    found: list[tuple[float, int]] = []
    for piece in in_pieces(len(loss)):
        losses = torch.where(among[piece], sign * loss[piece], torch.inf)
        place = int(losses.argmin())
        found.append((float(losses[place]), piece.start + place))
    _, lowest = min(found)
    return lowest
