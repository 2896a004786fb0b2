"""The records of the commands that list something: functions, optimizers, problems."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from gdcli.contract.envelope import Record
from gdcli.contract.fields import Nested


class FunctionEntry(Struct, frozen=True, kw_only=True):
    """A function of the expression language.

    ``arity`` is the minimum and the maximum number of arguments (null: no limit); ``gradient`` is empty for a
    differentiable function, and otherwise says why there is no gradient, or a zero one.
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


class FunctionsResult(Record, frozen=True, kw_only=True):
    """The record of ``functions``."""

    command: Literal["functions"] = "functions"
    functions: list[FunctionEntry]


class OptimizerEntry(Struct, frozen=True, kw_only=True):
    """An update rule: its formula, its learning rate and parameters with their defaults, and who published it.

    ``path`` is its class in PyTorch, and empty for a rule that gdcli writes by hand.
    """

    name: str
    path: str
    formula: str
    lr: float
    parameters: dict[str, Any]
    source: str


class OptimizersResult(Record, frozen=True, kw_only=True):
    """The record of ``optimizers``; ``notation`` says what the names in a formula mean."""

    command: Literal["optimizers"] = "optimizers"
    notation: dict[str, str]
    optimizers: list[OptimizerEntry]
    schedules: dict[str, dict[str, Any]]


class ProblemMinimum(Struct, frozen=True, kw_only=True):
    """A known minimum: the point and the loss there."""

    values: dict[str, Nested]
    loss: float


class ProblemEntry(Struct, frozen=True, kw_only=True):
    """A test problem in its standard form; ``dimensions`` says which other dimensions it has."""

    name: str
    title: str
    category: str
    expression: str
    dimension: int
    dimensions: str
    start: dict[str, str]
    domain: dict[str, tuple[float, float]]
    minima: list[ProblemMinimum]
    local: list[ProblemMinimum]
    hard: str
    note: str
    source: str


class ProblemsResult(Record, frozen=True, kw_only=True):
    """The record of ``problems``."""

    command: Literal["problems"] = "problems"
    problems: list[ProblemEntry]
