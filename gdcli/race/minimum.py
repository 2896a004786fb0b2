"""Whether a point where the gradient is small is a minimum, as far as the loss beside it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from msgspec.structs import replace

from gdcli.complete.problem import expression_of
from gdcli.contract.compare import CompareSettings
from gdcli.errors import GdcliError
from gdcli.landscape.surface import evaluate_many, gradients
from gdcli.tensors import Problem, prepare

_NEAREST, _FARTHEST = -5.0, 2.0  # powers of 10 of the distances, relative to the size of the point
_DISTANCES = 15
_MOST_AXES = 16  # unknowns up to which the loss is looked at along each of them
_MOST_CURVATURE = 64  # unknowns up to which the direction of the smallest curvature is found
_RANDOM = 16  # directions where there are more unknowns, fewer where these are very many
_AT_A_TIME = 4_000_000  # numbers of the points at which the loss is taken together
_DIFFERENCE = 1e-5  # of a central difference of gradients, relative to the size of the point
_ROUNDING = 1e-12  # of a loss in float64, relative to its size or to 1

Bounds = Mapping[str, tuple[float | None, float | None]]


@dataclass(frozen=True, slots=True)
class Fall:
    """A lower place beside a point, by variable, with the loss at both."""

    here: float
    there: float
    values: dict[str, torch.Tensor]


class Surroundings:
    """Looks at the loss beside points, in float64.

    From a point with a gradient of norm g, a convex function falls by at most g * h within a distance h. Where the loss
    falls by more than that, and by more than ``slope * h``, without having been larger on the way, the point is not a
    minimum: a maximum, a saddle point, an inflection point, or a plateau.
    """

    def __init__(self, settings: CompareSettings, problem: Problem, slope: float) -> None:
        """``problem`` has the variables that do not move, and the shapes of the others."""
        self.slope = slope
        self.bound: Bounds = settings.bound
        self._shapes = {name: problem.tensors[name].shape for name in problem.wrt}
        self._problem = _in_float64(settings, problem)

    @property
    def are_known(self) -> bool:
        """Whether the loss beside a point can be looked at: not where it draws random numbers."""
        return self._problem is not None

    def falls(self, points: torch.Tensor) -> list[Fall | None]:
        """For each of k points, shape (k, n), a place where the loss has fallen; None where there is none."""
        if self._problem is None or not len(points):
            return [None] * len(points)
        unknowns = points.shape[1]
        together = max(1, _AT_A_TIME // (2 * _DISTANCES * (_MOST_AXES + 1) * unknowns))
        return [fall for part in torch.split(points.double(), together) for fall in self._falls(part)]

    def _falls(self, points: torch.Tensor) -> list[Fall | None]:
        size = points.abs().amax(1).clamp(min=1.0)
        slopes, directions = self._directions(points, size)
        distances = size[:, None] * torch.logspace(_NEAREST, _FARTHEST, _DISTANCES, dtype=torch.float64)
        # (points, directions, distances, unknowns)
        probes = points[:, None, None] + distances[:, None, :, None] * directions[:, :, None]
        here = self._losses(points)
        there = self._losses(probes.reshape(-1, points.shape[1])).reshape(probes.shape[:3])
        noise = (_ROUNDING * here.abs().clamp(min=1.0))[:, None, None]
        low = there <= here[:, None, None] + noise
        not_higher_before = low.cumprod(2).bool()
        expected = slopes.clamp(min=self.slope)[:, None, None] * distances[:, None]
        fallen = not_higher_before & (there < here[:, None, None] - expected - noise)
        return [self._first(fallen[i], probes[i], here[i], there[i]) for i in range(len(points))]

    def _first(
        self, fallen: torch.Tensor, probes: torch.Tensor, here: torch.Tensor, there: torch.Tensor
    ) -> Fall | None:
        """The nearest place where the loss has fallen, along the direction where it is lowest there."""
        distances = fallen.any(0).nonzero()
        if not len(distances):
            return None
        nearest = int(distances[0])
        losses = torch.where(fallen[:, nearest], there[:, nearest], torch.inf)
        along = int(losses.argmin())
        return Fall(here.item(), losses[along].item(), self._by_variable(probes[along, nearest]))

    def _directions(self, points: torch.Tensor, size: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The norm of each gradient, (k,), and unit directions with both signs, (k, directions, n)."""
        count, unknowns = points.shape
        found = []
        if unknowns <= _MOST_AXES:
            found.append(torch.eye(unknowns, dtype=torch.float64).expand(count, -1, -1))
        if unknowns <= _MOST_CURVATURE:
            step = (_DIFFERENCE * size)[:, None, None] * torch.eye(unknowns, dtype=torch.float64)
            ends = torch.cat([points[:, None], points[:, None] + step, points[:, None] - step], dim=1)
            grads = self._gradients(ends.reshape(-1, unknowns)).reshape(ends.shape)
            own, ahead, behind = torch.split(grads, [1, unknowns, unknowns], dim=1)
            curvature = (ahead - behind) / (2 * _DIFFERENCE * size)[:, None, None]
            curvature = torch.nan_to_num(curvature + curvature.mT, posinf=0.0, neginf=0.0)
            found.append(torch.linalg.eigh(curvature).eigenvectors[:, :, :1].mT)
        else:
            own = self._gradients(points)[:, None]
            number = max(1, min(_RANDOM, _AT_A_TIME // (2 * _DISTANCES * unknowns)))
            drawn = torch.randn(number, unknowns, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
            found.append((drawn / drawn.norm(dim=1, keepdim=True)).expand(count, -1, -1))
        directions = torch.cat(found, dim=1)
        return own.squeeze(1).norm(dim=1).nan_to_num(), torch.cat([directions, -directions], dim=1)

    def _losses(self, points: torch.Tensor) -> torch.Tensor:
        """The loss at each point; infinite out of bounds, and where it is not finite."""
        columns = self._columns(points)
        losses = torch.tensor(evaluate_many(self._known, columns), dtype=torch.float64)
        for name, (low, high) in self.bound.items():
            column = columns[name].reshape(len(points), -1)
            for outside in ([column < low] if low is not None else []) + ([column > high] if high is not None else []):
                losses = torch.where(outside.any(1), torch.inf, losses)
        return torch.where(losses.isfinite(), losses, torch.inf)

    def _gradients(self, points: torch.Tensor) -> torch.Tensor:
        found = gradients(self._known, self._columns(points))
        rows = [torch.tensor(each, dtype=torch.float64).reshape(len(points), -1) for each in found.values()]
        return torch.cat(rows, dim=1)

    def _columns(self, points: torch.Tensor) -> dict[str, torch.Tensor]:
        parts = torch.split(points, [shape.numel() for shape in self._shapes.values()], dim=1)
        return {name: part.reshape(-1, *shape) for (name, shape), part in zip(self._shapes.items(), parts, strict=True)}

    def _by_variable(self, point: torch.Tensor) -> dict[str, torch.Tensor]:
        return {name: column[0] for name, column in self._columns(point[None]).items()}

    @property
    def _known(self) -> Problem:
        if self._problem is None:
            raise RuntimeError("the problem has no form in float64")
        return self._problem


def _in_float64(settings: CompareSettings, problem: Problem) -> Problem | None:
    """The problem in float64; None where it draws random numbers, or has no such form."""
    if problem.is_random:
        return None
    try:
        wide = prepare(expression_of(settings), replace(settings, dtype="float64"), list(problem.wrt))
    except GdcliError:
        return None
    fixed = {name: x.double() for name, x in problem.tensors.items() if name not in problem.wrt}
    tensors = {name: fixed.get(name, x) for name, x in wide.tensors.items()}
    return Problem(wide.objective, wide.environment, tensors, wide.wrt)


class Arrivals:
    """Says of runs whose gradient is small whether they have arrived: at a minimum, no higher than their start.

    A run that stays where its gradient is small is looked at in the first, second, fourth, ... of these states: it may
    be passing a saddle point.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._first: dict[int, float] = {}
        self._stayed: dict[int, int] = {}

    def begin(self, losses: Sequence[float]) -> None:
        """Take the loss of each run at its start."""
        self._first = dict(enumerate(losses))

    def look(self, runs: Sequence[int], losses: Sequence[float], points: torch.Tensor) -> list[int]:
        """Those of ``runs`` that have arrived: all runs whose gradient is small, at ``points`` of shape (k, n)."""
        if not self.surroundings.are_known:
            return list(runs)
        self._stayed = {run: self._stayed.get(run, 0) + 1 for run in runs}
        due = [
            i
            for i, run in enumerate(runs)
            if self._stayed[run] & (self._stayed[run] - 1) == 0 and losses[i] <= self._first[run]
        ]
        if not due:
            return []
        falls = self.surroundings.falls(points[due])
        return [runs[i] for i, fall in zip(due, falls, strict=True) if fall is None]
