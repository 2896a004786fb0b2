"""The notebook's layer: ``activation(W @ x)`` fitted to a target by the sum of squared errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gdcli.complete.fit_linear import complete_fit_linear, loss_expression
from gdcli.contract.descent import FitLinearResult, FitLinearSettings
from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.contract.envelope import listed
from gdcli.descent.kind import Kind
from gdcli.descent.loop import State
from gdcli.descent.run import Descent
from gdcli.tensors import Problem, on_device, prepare

if TYPE_CHECKING:
    from gdcli.descent.diagnosis.diagnose import Finder
    from gdcli.descent.diagnosis.run import Run


def fit_linear(settings: FitLinearSettings) -> Descent[FitLinearResult]:
    """The descent that fits W, ready to be iterated.

    Raises:
        GdcliError: for a value or an option that does not fit.
    """
    settings = on_device(complete_fit_linear(settings))
    return Descent(settings, Fitting(settings.activation))


class Fitting(Kind[FitLinearResult]):
    """What ``fit-linear`` knows: which outputs have died, for their gradient is exactly 0 and stays so."""

    command = "fit-linear"
    record = FitLinearResult

    def __init__(self, activation: str) -> None:
        self.activation = activation
        self._zero_since: dict[int, int] = {}

    def prepare(self, settings: FitLinearSettings) -> Problem:
        """The loss of the layer, with W at the start."""
        return prepare(loss_expression(settings.activation), settings, ["W"])

    def again(self, settings: FitLinearSettings) -> Descent[FitLinearResult]:
        """The same descent with other settings."""
        return fit_linear(settings)

    def begin(self, problem: Problem) -> None:
        """No output is known to have died."""
        self.problem = problem
        self._zero_since = {}

    def watch(self, state: State) -> None:
        """Note since which iteration the gradient of each output is zero."""
        gradient = state.grads["W"]
        if self.activation != "relu" or not isinstance(gradient, torch.Tensor):
            return
        moving = (gradient.reshape(-1, gradient.shape[-1]) != 0).any(1).tolist()
        for i, moves in enumerate(moving):
            if moves:
                self._zero_since.pop(i, None)
            else:
                self._zero_since.setdefault(i, state.iteration)

    def is_stuck(self, state: State) -> bool:  # noqa: ARG002 -- it was watched
        """Whether outputs are dead: their gradient of zero is no minimum."""
        return self.activation == "relu" and bool(self._dead_outputs())

    def finders(self) -> list[Finder]:
        """Outputs may die."""
        return [self.dead_relu]

    def dead_relu(self, run: Run) -> Finding | None:
        """The outputs that are dead at the end, since when, and what would keep them alive."""
        dead = self._dead_outputs() if self.activation == "relu" else []
        if not dead:
            return None
        started = [self._zero_since[i] for i in dead]
        weights = self.problem.tensors["W"]
        outputs = len(weights) if weights.dim() > 1 else 1
        evidence = {"outputs": dead, "of": outputs, "since": started, "loss": run.final.loss}
        return Finding("dead-relu", _death(dead, outputs, started, run.final), self._remedy(run), evidence)

    def _dead_outputs(self) -> list[int]:
        """The outputs that relu holds at 0 for every input, though the target is not 0 there."""
        tensors = self.problem.tensors
        with torch.no_grad():
            z = tensors["W"].reshape(-1, tensors["W"].shape[-1]).matmul(tensors["x"])
            target = tensors["target"].expand_as(z)
        return [i for i in sorted(self._zero_since) if bool((z[i] <= 0).all()) and bool((target[i] != 0).any())]

    def _remedy(self, run: Run) -> Remedy | None:
        """A rate with which it does not die, or an activation that cannot."""
        from gdcli.descent.diagnosis.remedies import first_that_works, other_starts, smaller_rates, with_rate

        x, weights = self.problem.tensors["x"], self.problem.tensors["W"]
        outputs = len(weights) if weights.dim() > 1 else 1
        # For one input x, an update moves an output by 2 lr |x|^2 times its error: up to this rate it cannot overshoot.
        safe = 1 / (2 * float((x * x).sum()))
        leaky = {"activation": "leaky_relu", **(with_rate(run, safe) if safe < run.lr else {})}
        died = max(self._zero_since[i] for i in self._dead_outputs()) > 0
        candidates = [*smaller_rates(run, [safe])] if died else []
        alive = other_starts(run, (x.sum(-1) if x.dim() > 1 else x).tolist() * outputs, (0.3, 1.0, 3.0))
        return first_that_works(run, [*candidates, leaky, *alive])


def _death(dead: list[int], outputs: int, started: list[int], final: State) -> str:
    whole = len(dead) == outputs
    layer = "the ReLU layer" if whole else f"{len(dead)} of {outputs} ReLU outputs ({listed(dead)})"
    updates = sorted({since - 1 for since in started})
    if updates[0] < 0:
        what = (
            f"{layer} is dead from the start: W @ x is not positive there, "
            "so relu returns 0 and its gradient is exactly 0"
        )
    else:
        s = "s" * (len(updates) > 1)
        what = (
            f"{layer} died in the update{s} of iteration{s} {listed(updates)}: "
            "since then W @ x is not positive there, so relu returns 0 and its gradient is exactly 0"
        )
    return f"{what}; the loss stays at {final.loss:.6g}" if whole else what
