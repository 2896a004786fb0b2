"""The catalogue problem that an expression may name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from msgspec.structs import replace

from gdcli.contract.compare import CompareSettings
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.sweep import SweepSettings
from gdcli.errors import GdcliError
from gdcli.lang.suggest import closest

if TYPE_CHECKING:
    from gdcli.contract.plot import PlotSettings
    from gdcli.lang.problems.problem import CatalogueProblem, Instance

    NamesAProblem: TypeAlias = MinimizeSettings | CompareSettings | SweepSettings | PlotSettings

# A possible name in the catalogue; for any other expression the catalogue is not loaded.
_NAME = re.compile(r"[^\W\d][\w-]+")

P = TypeVar("P", MinimizeSettings, CompareSettings, SweepSettings)


def with_start(settings: P, command: str) -> P:
    """With the start of the problem of the catalogue, when the settings name one.

    Raises:
        GdcliError: for a dimension without a problem or not allowed by it, or a misspelled name.
    """
    problem = named_problem(settings, example=f"gdcli {command} rosenbrock")
    if problem is None:
        return settings
    return replace(settings, values={**problem.instantiate(settings.dim).start, **settings.values})


def named_problem(settings: NamesAProblem, *, example: str) -> CatalogueProblem | None:
    """The problem of the catalogue that the settings name, of any dimension, or None when they have an expression.

    Raises:
        GdcliError: for a dimension without a problem, with ``example`` in its hint, or for a misspelled name.
    """
    problem = _find(settings.expression)
    if problem is not None:
        return problem
    if settings.dim is not None:
        hint = f"name one, for example: {example} --dim {settings.dim}"
        raise GdcliError("usage", "dim sets the dimension of a catalogue problem, but no problem is named", hint)
    word = settings.expression
    if _NAME.fullmatch(word) and not any(part in settings.values for part in word.split("-")):
        from gdcli.lang.problems import PROBLEMS, find

        if closest(word, PROBLEMS) is not None:
            find(word)  # raises the error, with the nearest name as a hint
    return None


def hint_at_problems(word: str, command: str) -> str:
    """The hint for an expression that is one name without a value, where that may be meant as a problem."""
    if not _NAME.fullmatch(word):
        return ""
    if _find(word) is not None:
        return f"{command} takes an expression; gdcli problems {word} shows that of the problem"
    listed = command in ("minimize", "compare", "sweep")
    return (
        f"gdcli problems lists the problems; if '{word}' is a variable, give it a value: --{word} 1" if listed else ""
    )


def problem_of(settings: NamesAProblem) -> Instance | None:
    """The problem of the catalogue that the settings name, in their dimension, or None when they have an expression.

    Raises:
        GdcliError: for a dimension that the problem does not have.
    """
    problem = _find(settings.expression)
    return None if problem is None else problem.instantiate(settings.dim)


def known_minima(settings: MinimizeSettings | CompareSettings | SweepSettings) -> list[Mapping[str, object]]:
    """The value of each variable at the minima that are known of the problem; none for an expression."""
    instance = problem_of(settings)
    return [] if instance is None else [minimum.values for minimum in instance.minima]


def expression_of(settings: NamesAProblem) -> str:
    """The text of the expression: the one given, or that of the problem that is named."""
    problem = problem_of(settings)
    return settings.expression if problem is None else problem.expression


def _find(word: str) -> CatalogueProblem | None:
    if not _NAME.fullmatch(word):
        return None
    from gdcli.lang.problems import PROBLEMS

    return PROBLEMS.get(word.lower().replace("_", "-"))
