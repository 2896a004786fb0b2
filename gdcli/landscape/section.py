"""The part of the space of the unknowns that a picture shows: a line, or a plane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from gdcli.contract.figure import Arrow, Window
from gdcli.landscape.surface import Columns, evaluate_many, gradients
from gdcli.landscape.window import grid
from gdcli.tensors import Problem, labels_of

_ARROWS = 15  # along each side
_FEW = 16  # unknowns
_STRAIGHT = 1e-13  # of the squares; a path with less than that across its direction is straight
_NUMBERS = 2_000_000  # that the principal directions are computed from, at most


@dataclass(frozen=True, slots=True)
class Section:
    """The points ``origin + t[0] * axes[0] + ...`` in the space of the unknowns, flattened and joined.

    ``origin`` has shape (n,), ``axes`` (1, n) for a line or (2, n) for a plane; orthonormal, float64. ``exact`` says
    that the points of a path lie in it, and are not just projected onto it; ``about`` says what it is if they do not.
    """

    origin: torch.Tensor
    axes: torch.Tensor
    labels: tuple[str, ...]
    exact: bool = True
    about: str = ""

    def project(self, points: torch.Tensor) -> torch.Tensor:
        """The coordinates in the section, shape (k, 1 or 2), of points of shape (k, n)."""
        moved = points - self.origin
        if moved.shape[1] > _FEW:
            return moved @ self.axes.T
        return (moved.unsqueeze(1) * self.axes).sum(dim=2)  # without waking the threads of a matrix product

    def along(self, problem: Problem, xs: Sequence[float]) -> list[float]:
        """The objective at points of the line."""
        return evaluate_many(problem, self.columns(problem, torch.tensor(xs, dtype=torch.float64).unsqueeze(1)))

    def slopes(self, problem: Problem, xs: Sequence[float]) -> list[float]:
        """The derivative at points of the line, along it."""
        points = torch.tensor(xs, dtype=torch.float64).unsqueeze(1)
        slopes: list[float] = self._gradients(problem, points)[:, 0].tolist()
        return slopes

    def over(self, problem: Problem, xs: Sequence[float], ys: Sequence[float]) -> list[list[float]]:
        """The objective over a grid of the plane: a row for each of ``ys``."""
        found = evaluate_many(problem, self.columns(problem, _mesh(xs, ys)))
        return [found[i * len(xs) : (i + 1) * len(xs)] for i in range(len(ys))]

    def arrows(self, problem: Problem, x: Window, y: Window) -> list[Arrow]:
        """The gradient, as far as it lies in the plane, on a coarse grid; the arrows have the length of a cell.

        There is none where the function has no value, though PyTorch has a gradient even there.
        """
        xs, ys = (grid(low, high, _ARROWS + 2)[1:-1] for low, high in (x, y))
        cell_x, cell_y = xs[1] - xs[0], ys[1] - ys[0]
        mesh = _mesh(xs, ys)
        values = evaluate_many(problem, self.columns(problem, mesh))
        arrows = []
        for k, (gx, gy) in enumerate(self._gradients(problem, mesh).tolist()):
            size = math.hypot(gx, gy)
            if math.isfinite(size) and math.isfinite(values[k]):
                longest = math.hypot(gx / cell_x, gy / cell_y) or 1.0
                i, j = divmod(k, len(xs))
                arrows.append(Arrow(xs[j], ys[i], 0.8 * gx / longest, 0.8 * gy / longest, size))
        return arrows

    def columns(self, problem: Problem, coordinates: torch.Tensor) -> Columns:
        """The variables at points that are given by their coordinates in the section, shape (k, 1 or 2)."""
        if self.axes.shape[1] > _FEW:
            points = self.origin + coordinates @ self.axes
        else:
            points = self.origin + (coordinates.unsqueeze(2) * self.axes).sum(dim=1)
        sizes = [leaf.numel() for leaf in problem.leaves.values()]
        return dict(zip(problem.wrt, points.split(sizes, dim=1), strict=True))  # type: ignore[no-untyped-call]

    def _gradients(self, problem: Problem, coordinates: torch.Tensor) -> torch.Tensor:
        """The gradient in the section at points of it, shape (k, 1 or 2)."""
        found = gradients(problem, self.columns(problem, coordinates))
        parts = [torch.tensor(found[name], dtype=torch.float64).reshape(len(coordinates), -1) for name in problem.wrt]
        return torch.cat(parts, dim=1) @ self.axes.T


def _mesh(xs: Sequence[float], ys: Sequence[float]) -> torch.Tensor:
    """The points of a grid, row by row, shape (len(ys) * len(xs), 2)."""
    a = torch.tensor(xs, dtype=torch.float64).repeat(len(ys))
    b = torch.tensor(ys, dtype=torch.float64).repeat_interleave(len(xs))
    return torch.stack([a, b], dim=1)


def in_order(problem: Problem, which: Sequence[int]) -> list[int]:
    """Unknowns in the order of the axes: by the names of their variables, so that x is across and y is up."""
    names = [name for name, leaf in problem.leaves.items() for _ in range(leaf.numel())]
    return sorted(which, key=lambda unknown: (names[unknown], unknown))


def along_unknowns(problem: Problem, which: Sequence[int], origin: torch.Tensor | None = None) -> Section:
    """The line or plane along some of the unknowns; the others stay as they are in ``origin`` (0 if it is None)."""
    labels = [label.replace(",", ", ") for label in labels_of(problem.leaves)]  # W[0, 1]
    if origin is None:
        origin = torch.zeros(len(labels), dtype=torch.float64)
    axes = torch.zeros(len(which), len(labels), dtype=torch.float64)
    for row, unknown in enumerate(which):
        axes[row, unknown] = 1.0
    base = origin.clone()
    base[list(which)] = 0.0
    return Section(base, axes, tuple(labels[unknown] for unknown in which))


def principal_plane(paths: Sequence[torch.Tensor]) -> Section:
    """The plane through the end of the first path in which the paths move most (principal component analysis).

    ``paths`` have shape (k, n) each, n at least 2. Each direction points away from the start of the first path.
    Li, Xu, Taylor, Studer and Goldstein (2018), Visualizing the loss landscape of neural nets, section 7.
    """
    known = [path[torch.isfinite(path).all(dim=1)] for path in paths]
    unknowns = paths[0].shape[1]
    origin = known[0][-1] if len(known[0]) else torch.zeros(unknowns, dtype=torch.float64)
    most = max(8, _NUMBERS // unknowns)
    moves = torch.cat([_some(path, most // len(known)) for path in known]) - origin
    scale = float(moves.abs().max()) if moves.numel() else 0.0
    if scale == 0.0:
        axes, shares = _completed(torch.empty(0, unknowns, dtype=torch.float64)), [0.0, 0.0]
    else:
        directions, squares = _principal_directions(moves / scale)
        axes = _completed(directions[:2][squares[:2] > _STRAIGHT * squares[0]])
        shares = [100 * float(square / squares.sum()) for square in [*squares[:2], 0.0][:2]]
        start = ((known[0][0] - origin) * axes).sum(dim=1)
        axes = torch.where(start > 0, -1.0, 1.0).unsqueeze(1) * axes
    shown = [f"{share:.3g}" if share >= 0.01 else "0" for share in shares]
    labels = tuple(f"direction {i + 1} ({share}%)" for i, share in enumerate(shown))
    about = (
        f"with {unknowns} unknowns, the figure shows the plane through the end of the path along its two principal "
        f"directions, which account for {sum(shares):.3g}% of the movement; the path is projected onto this plane"
    )
    if scale == 0.0:
        about = f"with {unknowns} unknowns, the figure shows the plane of the first two, as the path does not move"
    return Section(origin, axes, labels, exact=False, about=about)


def _principal_directions(moves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The directions in which points lie as rows, the farthest first, and the sum of squares along each."""
    if moves.shape[1] > _FEW:
        _, sizes, directions = torch.linalg.svd(moves, full_matrices=False)
        return directions, sizes**2
    # The same without waking the threads of a matrix product, which takes a tenth of a second.
    squares, directions = torch.linalg.eigh((moves.unsqueeze(2) * moves.unsqueeze(1)).sum(dim=0))
    return directions.T.flip(0), squares.flip(0).clamp(min=0)


def _some(rows: torch.Tensor, most: int) -> torch.Tensor:
    """At most so many of the rows, evenly apart, the first and the last among them."""
    if len(rows) <= most:
        return rows
    return rows[torch.linspace(0, len(rows) - 1, most).round().long()]


def _completed(axes: torch.Tensor) -> torch.Tensor:
    """Two orthonormal rows: those of ``axes``, and as many more along the unknowns as it takes."""
    rows = list(axes)
    for unknown in range(axes.shape[1]):
        if len(rows) == 2:
            break
        candidate = torch.zeros(axes.shape[1], dtype=torch.float64)
        candidate[unknown] = 1.0
        for row in rows:
            candidate -= (candidate @ row) * row
        length = float(candidate.norm())
        if length > 0.5:
            rows.append(candidate / length)
    return torch.stack(rows)
