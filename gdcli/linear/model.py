"""The notebook's layer: ``activation(W @ x)`` fitted to a target by the sum of squared errors."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from msgspec.structs import replace

from gdcli.defaults import complete_fit_linear, loss_expression
from gdcli.descent.loop import Descent
from gdcli.results import FitLinearResult, Notice, Step, StopReason
from gdcli.settings import FitLinearSettings
from gdcli.tensors import Problem, prepare, resolve_device


def fit_linear(settings: FitLinearSettings) -> LinearDescent:
    """The descent that fits W, ready to be iterated.

    Raises:
        GdcliError: for a value or an option that does not fit.
    """
    settings = complete_fit_linear(settings)
    settings = replace(settings, device=resolve_device(settings.device))
    return LinearDescent(settings, lambda: prepare(loss_expression(settings.activation), settings, ["W"]))


class LinearDescent(Descent):
    """A descent that watches for outputs whose ReLU has died: their gradient is exactly 0 and stays so."""

    command = "fit-linear"
    settings: FitLinearSettings

    def __iter__(self) -> Iterator[Step]:
        zero_since: list[int | None] | None = None
        for step in super().__iter__():
            rows = step.grads["W"]
            if isinstance(rows, list) and isinstance(rows[0], list):
                zero_since = zero_since or [None] * len(rows)
                for i, row in enumerate(rows):
                    is_zero = not any(row)
                    if not is_zero:
                        zero_since[i] = None
                    elif zero_since[i] is None:
                        zero_since[i] = step.iteration
            self._zero_since = zero_since or []
            yield step

    def record(self, iterations: list[Step]) -> FitLinearResult:
        """The whole record, once the descent has ended."""
        outcome = self.outcome
        return FitLinearResult(
            settings=self.settings,
            status=outcome.status,
            message=outcome.message,
            iterations=iterations,
            result=outcome.result,
            best=outcome.best,
            tensors=outcome.tensors,
            warnings=outcome.warnings,
        )

    def result(self) -> FitLinearResult:
        """Run to the end and return the whole record."""
        return self.record(list(self))

    def notices(self, reason: StopReason, final: Step) -> list[Notice]:
        """Those of every descent, and the dead outputs."""
        notices = super().notices(reason, final)
        dead = self._dead_outputs() if self.settings.activation == "relu" else []
        if not dead:
            return notices
        started = [self._zero_since[i] or 0 for i in dead]
        return [_death(dead, len(self._zero_since), started, final), self._remedy(max(started)), *notices]

    def _dead_outputs(self) -> list[int]:
        """The outputs that relu holds at 0 for every input, though the target is not 0 there."""
        tensors = self.problem.tensors
        with torch.no_grad():
            z = tensors["W"].matmul(tensors["x"])
            target = tensors["target"].expand_as(z)
        return [
            i
            for i, since in enumerate(self._zero_since)
            if since is not None and bool((z[i] <= 0).all()) and bool((target[i] != 0).any())
        ]

    def _remedy(self, since: int) -> Notice:
        other = "an activation with a gradient below 0 (--activation leaky_relu)"
        if since == 0:
            return Notice("dead-relu-remedy", f"to avoid it: another start, or {other}")
        x = self.problem.tensors["x"]
        # For one input x, an update moves an output by 2 lr |x|^2 times its error: up to this rate it cannot overshoot.
        safe = 1 / (2 * float((x * x).sum()))
        rate = math.floor(safe * 10 ** (2 - math.floor(math.log10(safe)))) / 10 ** (2 - math.floor(math.log10(safe)))
        smaller = f"a learning rate of at most 1 / (2 |x|^2) (--lr {rate:g})" if x.dim() == 1 else "a smaller --lr"
        return Notice("dead-relu-remedy", f"to avoid it: {smaller}, or {other}")


def _death(dead: list[int], outputs: int, started: list[int], final: Step) -> Notice:
    layer = "the ReLU layer" if len(dead) == outputs else f"{len(dead)} of {outputs} ReLU outputs ({_listed(dead)})"
    whole = f", so the loss stays at {final.loss!r}" if len(dead) == outputs else ""
    updates = sorted({since - 1 for since in started})
    if updates[0] < 0:
        when = "dead from the start"
        return Notice("dead-relu", f"{layer} is {when}: W @ x is not positive there, so relu gives 0 and a gradient of 0{whole}")
    when = f"in the update{'s' * (len(updates) > 1)} of iteration{'s' * (len(updates) > 1)} {_listed(updates)}"
    return Notice(
        "dead-relu",
        f"{layer} died {when}: since then W @ x is not positive there, relu gives 0 and its gradient is exactly 0{whole}",
    )


def _listed(numbers: list[int]) -> str:
    return " and ".join(filter(None, [", ".join(map(str, numbers[:-1])), str(numbers[-1])]))
