"""The records of every command: the JSON contract. No torch, no rich.

A tensor is a nested list of numbers; a number that is not finite becomes null in JSON. Fields are only ever added:
``SCHEMA`` grows when one changes its meaning or goes.
"""

from __future__ import annotations

import enum
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from gdcli.settings import FitLinearSettings, GradSettings, MinimizeSettings, OpsSettings
from gdcli.version import __version__

SCHEMA = 1

Nested = float | int | bool | list[Any] | None
"""A tensor as Python has it: a number, a list of numbers, a list of lists."""


class StopReason(enum.Enum):
    """Why a descent stopped; the value is the sentence that people read."""

    MAX_STEPS = "stopped after {steps} steps"
    NON_FINITE = "diverged: {what} became {value} at iteration {iteration}"
    NO_GRADIENT = "stopped at iteration {iteration}: {name}.grad is None, so there is nothing to step with"
    INTERRUPTED = "interrupted at iteration {iteration}"

    @property
    def status(self) -> DescentStatus:
        """The word for it in a record."""
        return _STATUS[self]


DescentStatus = Literal["max_steps", "diverged", "no_gradient", "interrupted"]
_STATUS: dict[StopReason, DescentStatus] = {
    StopReason.MAX_STEPS: "max_steps",
    StopReason.NON_FINITE: "diverged",
    StopReason.NO_GRADIENT: "no_gradient",
    StopReason.INTERRUPTED: "interrupted",
}


class Notice(Struct, frozen=True):
    """Something that a reader should know about a run: ``code`` for scripts, ``message`` for people."""

    code: str
    message: str


class Problem(Struct, frozen=True):
    """What is wrong with one expression; ``span`` counts characters."""

    code: str
    message: str
    hint: str
    span: tuple[int, int] | None


class Step(Struct, frozen=True, gc=False):
    """The state at which loss and gradient were evaluated, before the update of this iteration."""

    iteration: int
    loss: float | None
    values: dict[str, Nested]
    grads: dict[str, Nested]


class Best(Struct, frozen=True):
    """The point with the smallest loss of the run."""

    iteration: int
    loss: float | None
    values: dict[str, Nested]


class TensorState(Struct, frozen=True):
    """What autograd knows of a variable after the run."""

    is_leaf: bool
    requires_grad: bool
    grad_fn: str | None


class OpsRow(Struct, frozen=True, kw_only=True):
    """One expression of ``ops``: its value, dtype and shape, or what is wrong with it."""

    expression: str
    value: Nested | UnsetType = UNSET
    dtype: str | UnsetType = UNSET
    shape: list[int] | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class OpsResult(Struct, frozen=True, kw_only=True):
    """The record of ``ops``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["ops"] = "ops"
    settings: OpsSettings
    status: Literal["ok", "failed"]
    message: str
    rows: list[OpsRow]
    warnings: list[Notice] = []


class GradResult(Struct, frozen=True, kw_only=True):
    """The record of ``grad``. A gradient is null for a variable outside ``settings.wrt``, as autograd's None."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["grad"] = "grad"
    settings: GradSettings
    status: Literal["ok"] = "ok"
    message: str
    value: Nested
    grad_fn: str | None
    values: dict[str, Nested]
    grads: dict[str, Nested]
    warnings: list[Notice] = []


class MinimizeResult(Struct, frozen=True, kw_only=True):
    """The record of ``minimize``. ``result`` is the point after the last update."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["minimize"] = "minimize"
    settings: MinimizeSettings
    status: DescentStatus
    message: str
    iterations: list[Step]
    result: Step
    best: Best
    tensors: dict[str, TensorState]
    warnings: list[Notice] = []


class FitLinearResult(Struct, frozen=True, kw_only=True):
    """The record of ``fit-linear``. ``result`` is the point after the last update."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["fit-linear"] = "fit-linear"
    settings: FitLinearSettings
    status: DescentStatus
    message: str
    iterations: list[Step]
    result: Step
    best: Best
    tensors: dict[str, TensorState]
    warnings: list[Notice] = []


class FunctionEntry(Struct, frozen=True, kw_only=True):
    """A function of the language.

    ``arity`` is the least and the greatest number of arguments (null: no limit); ``gradient`` is empty for a
    differentiable function, and else says why there is no gradient, or a zero one.
    """

    name: str
    category: str
    usage: str
    arity: tuple[int, int | None]
    help: str
    example: str
    path: str
    method: bool
    gradient: str


class FunctionsResult(Struct, frozen=True, kw_only=True):
    """The record of ``functions``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["functions"] = "functions"
    functions: list[FunctionEntry]


class ErrorResult(Struct, frozen=True, kw_only=True):
    """What any command prints with ``--json`` when it fails; ``span`` counts characters of ``source``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: str
    status: Literal["error"] = "error"
    code: str
    message: str
    hint: str
    source: str | None = None
    span: tuple[int, int] | None = None


class SettingsLine(Struct, frozen=True, kw_only=True, tag_field="record", tag="settings"):
    """The first line of ``--jsonl``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: str
    settings: MinimizeSettings | FitLinearSettings


class StepLine(Struct, frozen=True, tag_field="record", tag="step"):
    """A line of ``--jsonl`` for an iteration."""

    iteration: int
    loss: float | None
    values: dict[str, Nested]
    grads: dict[str, Nested]


class ResultLine(Struct, frozen=True, kw_only=True, tag_field="record", tag="result"):
    """The last line of ``--jsonl``."""

    status: DescentStatus
    message: str
    result: Step
    best: Best
    tensors: dict[str, TensorState]
    warnings: list[Notice] = []


DescentRecord = MinimizeResult | FitLinearResult
Result = OpsResult | GradResult | MinimizeResult | FitLinearResult

RECORDS: dict[str, Any] = {
    "ops": OpsResult,
    "grad": GradResult,
    "minimize": MinimizeResult,
    "fit-linear": FitLinearResult,
    "functions": FunctionsResult,
}
