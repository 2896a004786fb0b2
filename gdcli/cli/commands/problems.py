"""``gdcli problems``: the catalogue of test problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gdcli.cli.listing import WORD, Json, has_word, print_definition, print_record, print_tables

if TYPE_CHECKING:
    from gdcli.contract.listings import ProblemEntry, ProblemMinimum
    from gdcli.lang.problems.problem import CatalogueProblem, Minimum

EXAMPLES = ("gdcli problems", "gdcli problems rosenbrock", "gdcli problems valley", "gdcli problems himmelblau --json")


def problems(
    name: Annotated[str | None, typer.Argument(metavar="WORD", help=WORD.format("problem"))] = None,
    json: Json = False,
) -> None:
    """List the published test problems that minimize takes by name, show one of them, or search them."""
    from gdcli.contract.listings import ProblemsResult
    from gdcli.lang.problems import PROBLEMS, find

    found = list(PROBLEMS.values()) if name is None else _searched(name)
    if name is not None and not found:
        found = [find(name)]
    if json:
        print_record(ProblemsResult(problems=[_entry(problem) for problem in found]))
    elif name is not None and len(found) == 1:
        print_definition(found[0].title, _facts(found[0]))
    else:
        categories = dict.fromkeys(problem.category for problem in found)
        print_tables({c: [(p.name, f"{p.title}: {p.hard}") for p in found if p.category == c] for c in categories})


def _searched(word: str) -> list[CatalogueProblem]:
    """The problem of this name, or those whose names or texts have the word."""
    from gdcli.lang.problems import PROBLEMS, name_of

    if name_of(word) in PROBLEMS:
        return [PROBLEMS[name_of(word)]]
    texts = ((each, each.name, each.title, each.category, each.hard, each.note) for each in PROBLEMS.values())
    return [problem for problem, *rest in texts if has_word(word, *rest)]


def _facts(problem: CatalogueProblem) -> dict[str, str]:
    """The facts about a problem, as text."""
    facts = {
        "expression": problem.expression,
        "dimension": f"{problem.dimension} ({_dimensions(problem)})" if problem.family else str(problem.dimension),
        "start": ", ".join(f"{variable} = {value}" for variable, value in problem.start.items()),
        "domain": ", ".join(f"{variable} in [{low:g}, {high:g}]" for variable, (low, high) in problem.domain.items()),
        "minima": "\n".join(_minimum(minimum) for minimum in problem.minima),
        "local minima": "\n".join(_minimum(minimum) for minimum in problem.local),
        "hard for": problem.hard,
        "note": problem.note,
        "source": problem.source,
        "example": f"gdcli minimize {problem.name} --optimizer adam",
    }
    return {label: text for label, text in facts.items() if text}


def _minimum(minimum: Minimum) -> str:
    point = ", ".join(f"{variable} = {_short(value)}" for variable, value in minimum.values.items())
    return f"{minimum.loss:.8g} at {point}"


def _short(value: float | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        shown = [f"{number:.8g}" for number in value[:6]]
        return f"[{', '.join(shown)}{', ...' if len(value) > len(shown) else ''}]"
    return f"{value:.8g}"


def _dimensions(problem: CatalogueProblem) -> str:
    """Which dimensions a problem has."""
    family = problem.family
    if family is None:
        return str(problem.dimension)
    most = f" to {family.most}" if family.most else " or more"
    multiple = f", a multiple of {family.multiple}" if family.multiple > 1 else ""
    return f"--dim {family.least}{most}{multiple}"


def _entry(problem: CatalogueProblem) -> ProblemEntry:
    from gdcli.contract.listings import ProblemEntry

    return ProblemEntry(
        name=problem.name,
        title=problem.title,
        category=problem.category,
        expression=problem.expression,
        dimension=problem.dimension,
        dimensions=_dimensions(problem),
        start=dict(problem.start),
        domain=dict(problem.domain),
        minima=_minima(problem.minima),
        local=_minima(problem.local),
        hard=problem.hard,
        note=problem.note,
        source=problem.source,
    )


def _minima(minima: tuple[Minimum, ...]) -> list[ProblemMinimum]:
    from gdcli.contract.listings import ProblemMinimum

    return [
        ProblemMinimum(
            values={name: list(v) if isinstance(v, tuple) else v for name, v in minimum.values.items()},
            loss=minimum.loss,
        )
        for minimum in minima
    ]
