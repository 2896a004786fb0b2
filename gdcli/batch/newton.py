"""Newton's method for many runs: the Hessian of each is made as a single run makes it, and so is the solution."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from gdcli.batch.binding import Binding, Call, Memory
from gdcli.batch.blocks import Known, most_of
from gdcli.batch.limits import Rates
from gdcli.batch.recording import Level, NotRecordedError, Slot
from gdcli.batch.replay import ReplayTile, tile_size
from gdcli.batch.step import Step, StepSettings, Update, places_of, record_evaluation, recorded_run
from gdcli.batch.stopping import Stopping
from gdcli.explain.hessian import gradient_of, product, symmetric
from gdcli.tensors import Problem


class Newton:
    """The engine: its tiles evaluate as those of ``replay`` do, and step by the Hessian, recorded from a single run."""

    name = "replay"
    threads = False  # PyTorch has its own

    def __init__(self, problem: Problem, settings: StepSettings) -> None:
        """Record the evaluation and the Hessian.

        Raises:
            NotRecordedError: for an operation that cannot be made for many runs; the message names it.
        """
        self.settings = settings
        x, rows = places_of(problem)
        evaluation, loss, gradients = record_evaluation(problem, x, rows)
        none = Update([], x, {}, [])
        gradient = Slot(x.shape, x.dtype, Level.STATE)
        self.step = Step(x, rows, loss, gradients, gradient, evaluation, first=none, update=none)
        picked = torch.eye(x.size, dtype=x.dtype).unbind()

        def hessian(loss: torch.Tensor, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
            values = gradient_of(loss, leaves)
            return [symmetric(torch.stack([product(each, values, leaves) for each in picked]))]

        try:
            self.hessian, (self.matrix,) = recorded_run(problem, x, rows, hessian)
        except RuntimeError as error:
            raise NotRecordedError(f"a derivative that PyTorch does not have ({error})") from error
        self.tile = tile_size([*evaluation, *self.hessian])

    def most(self, i: int, stopping: Stopping) -> int:
        """How many iterations it makes at most in one go from iteration ``i`` on."""
        return most_of(i, stopping, self.step, 8, 8)

    def tile_of(self, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> NewtonTile:
        """Runs at ``x``."""
        return NewtonTile(self, x, parameters)


class NewtonTile(ReplayTile):
    """Runs that step by ``x -= lr * damping * solve(H, g)``; those with a singular Hessian are ``stuck``."""

    def __init__(self, engine: Newton, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> None:
        super().__init__(engine.step, x, parameters, Memory(x.shape[1]))
        self.engine = engine
        self.matrix = torch.empty((x.shape[0], x.shape[0], x.shape[1]), dtype=x.dtype)
        self._hessian: list[Call] = []
        self._was_stuck = torch.zeros(x.shape[1], dtype=torch.bool)

    def update(self, t: int, rates: torch.Tensor | None = None) -> None:  # noqa: ARG002 -- each step is the same
        """Make an update; ``rates`` are the learning rates of this step, where they change."""
        if not self._hessian:
            wanted = {self.engine.matrix: [self.matrix]}
            self._hessian = Binding(self.engine.hessian, self._places, wanted, self._memory).calls()
        for function, arguments, keywords in self._hessian:
            function(*arguments, **keywords)
        dtype = self.x.dtype
        wide = torch.promote_types(dtype, torch.float32)  # LAPACK has no half precision
        matrices = self.matrix.movedim(-1, 0).to(wide).contiguous()
        solution, singular = torch.linalg.solve_ex(matrices, self.gradient.T.to(wide).contiguous())
        self.stuck = singular != 0
        self._was_stuck |= self.stuck
        direction = solution.T.to(dtype).masked_fill(self.stuck, 0)
        scale = (self._number("lr") if rates is None else rates) * self._number("damping")
        self.x -= (scale.to(wide) * direction.to(wide)).to(dtype)  # a number meets a tensor of 16 bits as a float32
        settings = self.engine.settings
        if settings.low is not None and settings.high is not None:
            torch.clamp(self.x, settings.low.unsqueeze(-1), settings.high.unsqueeze(-1), out=self.x)

    def like(self, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> NewtonTile:
        """Other runs of the same engine."""
        return NewtonTile(self.engine, x, parameters)

    def _number(self, name: str) -> torch.Tensor:
        """A parameter, float64: shape (runs,) or (elements, runs) where runs differ, or ()."""
        given = self.parameters.get(name, self.engine.settings.parameters[name])
        return torch.as_tensor(given, dtype=torch.float64)

    def advance(self, t: int, steps: int, known: Known, stopping: Stopping, rates: Rates) -> torch.Tensor:
        """Evaluate and update, ``steps`` times, from update ``t`` on; says which runs may have ended, shape (runs,)."""
        self._was_stuck.zero_()
        return super().advance(t, steps, known, stopping, rates) | self._was_stuck
