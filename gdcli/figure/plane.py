"""The plane of a contour panel: that of two unknowns, or of the two principal directions of a path."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from gdcli.figure.model import Arrow
from gdcli.figure.surface import evaluate_many, gradients
from gdcli.figure.window import grid
from gdcli.tensors import Problem

_ARROWS = 15  # along each side


class Plane:
    """A plane in the space of the unknowns (flattened and joined): ``origin + a * axes[0] + b * axes[1]``.

    ``origin`` has shape (n,), ``axes`` (2, n), orthonormal, both float64.
    """

    def __init__(
        self,
        origin: torch.Tensor,
        axes: torch.Tensor,
        labels: tuple[str, str],
        *,
        shows_points: bool,
        note: str = "",
    ) -> None:
        self.origin = origin
        self.axes = axes
        self.labels = labels
        self.shows_points = shows_points
        self.note = note

    def project(self, points: torch.Tensor) -> torch.Tensor:
        """The coordinates in the plane, shape (k, 2), of points of shape (k, n)."""
        return (points - self.origin) @ self.axes.T

    def values(self, problem: Problem, xs: Sequence[float], ys: Sequence[float]) -> list[list[float]]:
        """The objective over a grid of the plane: a row for each of ``ys``."""
        found = evaluate_many(problem, self._columns(problem, xs, ys))
        return [found[i * len(xs) : (i + 1) * len(xs)] for i in range(len(ys))]

    def arrows(self, problem: Problem, x: tuple[float, float], y: tuple[float, float]) -> list[Arrow]:
        """The gradient, as far as it lies in the plane, on a coarse grid; the arrows have the length of a cell."""
        xs, ys = (grid(low, high, _ARROWS + 2)[1:-1] for low, high in (x, y))
        found = gradients(problem, self._columns(problem, xs, ys))
        flat = torch.cat([torch.tensor(found[n]).double().reshape(len(xs) * len(ys), -1) for n in problem.wrt], dim=1)
        cell_x, cell_y = xs[1] - xs[0], ys[1] - ys[0]
        arrows = []
        for k, (gx, gy) in enumerate((flat @ self.axes.T).tolist()):
            size = math.hypot(gx, gy)
            if math.isfinite(size):
                longest = math.hypot(gx / cell_x, gy / cell_y) or 1.0
                i, j = divmod(k, len(xs))
                arrows.append(Arrow(xs[j], ys[i], 0.8 * gx / longest, 0.8 * gy / longest, size))
        return arrows

    def _columns(self, problem: Problem, xs: Sequence[float], ys: Sequence[float]) -> dict[str, torch.Tensor]:
        """The variables at each point of a grid, row by row."""
        a = torch.tensor(xs, dtype=torch.float64).repeat(len(ys))
        b = torch.tensor(ys, dtype=torch.float64).repeat_interleave(len(xs))
        points = self.origin + torch.stack([a, b], dim=1) @ self.axes
        sizes = [problem.tensors[name].numel() for name in problem.wrt]
        return dict(zip(problem.wrt, points.split(sizes, dim=1), strict=True))  # type: ignore[no-untyped-call]


def coordinate_plane(problem: Problem) -> Plane:
    """The plane of a problem of two unknowns: two numbers, or a vector of two."""
    if len(problem.wrt) == 2:
        labels = (problem.wrt[0], problem.wrt[1])
    else:
        name = problem.wrt[0]
        labels = (f"{name}[0]", f"{name}[1]")
    zero, identity = torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    return Plane(zero, identity, labels, shows_points=True)


def principal_plane(paths: Sequence[torch.Tensor]) -> Plane:
    """The plane through the end of the first path in which the paths move most (principal component analysis).

    Li, Xu, Taylor, Studer and Goldstein (2018), Visualizing the loss landscape of neural nets, section 7.
    """
    states = torch.cat([path[torch.isfinite(path).all(dim=1)] for path in paths])
    finite_end = paths[0][torch.isfinite(paths[0]).all(dim=1)]
    origin = finite_end[-1] if len(finite_end) else torch.zeros(paths[0].shape[1], dtype=torch.float64)
    moves = states - origin
    _, sizes, directions = torch.linalg.svd(moves, full_matrices=False)
    axes = directions[:2]
    if len(axes) < 2:
        axes = torch.cat([axes, torch.eye(len(origin), dtype=torch.float64)])[:2]
    total = float((sizes**2).sum()) or 1.0
    share = 100 * float((sizes[:2] ** 2).sum()) / total
    unknowns = len(origin)
    note = (
        f"the plane is that of the two principal directions of the path among {unknowns} unknowns, through its end; "
        f"it holds {share:.0f}% of the movement"
    )
    return Plane(origin, axes, ("direction 1", "direction 2"), shows_points=False, note=note)
