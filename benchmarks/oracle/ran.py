"""A command that was run as a user runs it, what its document says, and what can be computed from that."""

from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock

import msgspec
import torch

import gdcli
from gdcli.cli.main import run as run_words
from gdcli.errors import GdcliError
from gdcli.lang.problems import PROBLEMS
from oracle.function import Function, Point

_MOST = 20_000  # so many steps a run is continued
_COSTLY = {"lbfgs": 20, "newton": 10, "manual-exact": 20, "manual-backtracking": 5}  # evaluations in a step, about
MILLIONTH = 1e-6
_TOLERANCES = ("tol_grad", "tol_loss", "tol_x")


@dataclass(frozen=True)
class Case:
    """The words after ``gdcli minimize``, and the smallest value of what is to become small.

    ``lowest`` is None where it is not known, and -inf where there is none. A problem of the catalogue has its own.
    """

    words: tuple[str, ...]
    lowest: float | None = None

    @property
    def command(self) -> str:
        """The command, ready to be pasted."""
        return shlex.join(["gdcli", "minimize", *self.words])


@dataclass(frozen=True)
class Document:
    """What a command printed with ``--json``, and its exit code."""

    code: int
    body: dict[str, Any]


def document(words: tuple[str, ...]) -> Document:
    """Run ``gdcli minimize`` in this process."""
    out, err = io.BytesIO(), io.StringIO()
    quiet = mock.patch.dict(os.environ, {"COLUMNS": "80", "NO_COLOR": "1"})
    with (
        quiet,
        contextlib.redirect_stdout(io.TextIOWrapper(out, encoding="utf-8", write_through=True)) as text,
        contextlib.redirect_stderr(err),
    ):
        code = run_words(["minimize", *words, "--json"])
        text.flush()
    return Document(code, msgspec.json.decode(out.getvalue()))


@dataclass(frozen=True)
class State:
    """A state of a run: what is to become small, the point, and the norm of the gradient that the rule goes against."""

    iteration: int
    loss: float
    x: Point
    gradient: Point
    lr: float

    @property
    def slope(self) -> float:
        """The norm of the gradient."""
        return float(self.gradient.norm())

    @property
    def is_finite(self) -> bool:
        """Whether loss, point and gradient are finite."""
        return math.isfinite(self.loss) and bool(self.x.isfinite().all()) and bool(self.gradient.isfinite().all())


class Ran:
    """A run that has ended; "loss" is what is to become small, minus the loss of the document under ``--maximize``."""

    def __init__(self, case: Case, found: Document) -> None:
        self.case = case
        self.body = found.body
        self.settings: dict[str, Any] = found.body["settings"]
        self.findings: list[dict[str, Any]] = found.body["diagnosis"]
        self.warnings: list[dict[str, str]] = found.body["warnings"]
        self.status: str = found.body["status"]
        self.f = Function(self.settings, {n: found.body["result"]["values"][n] for n in self.settings["wrt"]})
        steps = [*found.body["iterations"], found.body["result"]]
        self.states = [self._state(step) for step in {step["iteration"]: step for step in steps}.values()]
        self.eps = float(torch.finfo(getattr(torch, self.settings["dtype"])).eps)

    def _state(self, step: Mapping[str, Any]) -> State:
        x = self.f.joined(step["values"])
        # Null is nan in a run that diverged, and otherwise a variable to which no gradient comes.
        lost = self.status == "diverged"
        grads = {n: _zeros(step["values"][n]) if g is None and not lost else g for n, g in step["grads"].items()}
        decay = 0.0 if self.settings["optimizer"] == "adamw" else self.settings["weight_decay"] or 0.0
        loss = math.nan if step["loss"] is None else self.f.sign * step["loss"]
        lr = step["lr"] if isinstance(step["lr"], float) else max(step["lr"].values())
        return State(step["iteration"], loss, x, self.f.sign * self.f.joined(grads) + decay * x, lr)

    @property
    def most(self) -> int:
        """So many steps a run with this rule is continued, at most."""
        return _MOST // _COSTLY.get(self.settings["optimizer"], 1)

    @property
    def first(self) -> State:
        """The start."""
        return self.states[0]

    @property
    def last(self) -> State:
        """The end."""
        return self.states[-1]

    @functools.cached_property
    def last_finite(self) -> State:
        """The last state with finite numbers; the start where there is none."""
        return next((state for state in reversed(self.states) if state.is_finite), self.first)

    @property
    def failed(self) -> bool:
        """Whether it diverged."""
        return self.status == "diverged" or not self.last.is_finite

    @property
    def second_half(self) -> list[State]:
        """The finite states of the second half."""
        return [state for state in self.states if state.is_finite and 2 * state.iteration >= self.last.iteration]

    @functools.cached_property
    def lowest(self) -> float | None:
        """The smallest value that what is to become small can take; None where it is not known."""
        problem = PROBLEMS.get(self.settings["expression"])
        if problem is None:
            return self.case.lowest
        minima = problem.instantiate(self.settings["dim"]).minima
        return None if self.settings["maximize"] or not minima else min(minimum.loss for minimum in minima)

    @property
    def is_above(self) -> bool | None:
        """Whether it ended clearly above the lowest value; None where that is not known."""
        if self.lowest is None:
            return None
        if self.failed:
            return True
        if self.lowest == -math.inf:
            return True
        return self.last.loss - self.lowest > 1e-3 * abs(self.first.loss - self.lowest) + 1e-6 * (1 + abs(self.lowest))

    def goal(self, finding: Mapping[str, Any]) -> float:
        """The norm of the gradient that a finding speaks of."""
        if ratio := finding["evidence"].get("goal"):
            return float(ratio) * self.first.slope
        absolute, relative = (*(self.settings["tol_grad"] or [0.0]), 0.0)[:2]
        return float(absolute + relative * self.first.slope) or MILLIONTH * self.first.slope

    @functools.cached_property
    def rounding(self) -> float:
        """The size of a gradient that is all rounding, where the run ended."""
        x = self.last_finite.x
        found = self.f.eigen(x)
        size = 0.0 if found is None else float(found[0].abs().max())
        return self.eps * size * float(x.norm())

    # Other runs

    def again(self, steps: int, **changes: Any) -> Iterator[State]:
        """The states of the same run with so many steps, without tolerances, and with other settings.

        It ends early where the settings are refused.
        """
        settings = {**self.settings, **dict.fromkeys(_TOLERANCES), "diagnose": False, "steps": steps, **changes}
        expression, values = settings.pop("expression"), settings.pop("values")
        try:
            for step in gdcli.minimize(expression, values, settings=settings):
                yield self._state(msgspec.to_builtins(step))
        except (GdcliError, RuntimeError):
            return

    def outcome(self, steps: int, **changes: Any) -> State | None:
        """The last of these states; None where it is not finite, or where the run diverged before the last step."""
        last = None
        for last in self.again(steps, **changes):  # noqa: B007 -- the last one is wanted
            pass
        if last is None or not last.is_finite:
            return None
        return last if last.iteration == steps or last.loss <= self.first.loss else None


def _zeros(nested: Any) -> Any:
    return [_zeros(item) for item in nested] if isinstance(nested, list) else 0.0
