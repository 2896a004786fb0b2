"""The table of a page: the states of a run, or the standings of a comparison, column by column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from gdcli.contract.compare import CompareResult, Standing
from gdcli.contract.descent import DescentRecord, Step
from gdcli.contract.fields import Nested
from gdcli.contract.nested import flat
from gdcli.contract.sweep import SweepResult
from gdcli.render.numbers import elements

MOST_NUMBERS = 100_000  # in the states of a page
MOST_UNKNOWNS = 12  # in the table
_FEWEST_STATES = 8

Column: TypeAlias = tuple[str, list[Any]]
"""A column: its label, and its cells from the first row to the last."""


def states_of(record: DescentRecord, on_paths: Sequence[int]) -> list[Step]:
    """The states of a record whose iterations are on the paths of its picture."""
    wanted = set(on_paths)
    steps = [*record.iterations]
    if not steps or steps[-1].iteration != record.result.iteration:
        steps.append(record.result)
    return [step for step in steps if step.iteration in wanted]


def most_states(numbers_of_a_state: int) -> int:
    """The number of states that a page can hold, given the numbers in each."""
    return max(_FEWEST_STATES, MOST_NUMBERS // max(1, numbers_of_a_state))


def state_columns(steps: Sequence[Step], norms: Mapping[int, float]) -> list[Column]:
    """The columns of the states: iteration, loss, values, gradients, gradient norm, and lr if it changes.

    ``norms`` are the gradient norms by iteration. If there are many unknowns, only the first ones have columns.
    """
    columns: list[Column] = [("iteration", [step.iteration for step in steps]), ("loss", [step.loss for step in steps])]
    labels = labels_of(steps[0])
    columns += zip(labels, _across([step.values for step in steps], len(labels), steps[0]), strict=True)
    gradients = _across([step.grads for step in steps], len(labels), steps[0])
    columns += zip([f"grad {label}" for label in labels], gradients, strict=True)
    if norms:
        columns.append(("gradient norm", [norms.get(step.iteration) for step in steps]))
    rates = [step.lr for step in steps]
    if all(isinstance(rate, float) for rate in rates) and len(set(rates)) > 1:
        columns.append(("lr", rates))
    return columns


def labels_of(step: Step) -> list[str]:
    """The names of the first unknowns."""
    return [label for label, _ in islice(_labelled(step), MOST_UNKNOWNS)]


def _labelled(step: Step) -> Iterator[tuple[str, Any]]:
    for name, value in step.values.items():
        yield from elements(name, value)


def _across(states: Sequence[Mapping[str, Nested]], count: int, like: Step) -> list[list[Any]]:
    """The first numbers of each state as columns; a missing gradient is as many gaps as its variable has."""
    rows = []
    for state in states:
        row: list[Any] = []
        for name, value in like.values.items():
            there = state[name]
            numbers = (None for _ in flat(value)) if there is None else flat(there)
            row += islice(numbers, count - len(row))
        rows.append(row)
    return [list(column) for column in zip(*rows, strict=True)]


def standing_columns(record: CompareResult) -> list[Column]:
    """The columns of a comparison: medians if there are several starts."""
    standings = record.standings
    several = len(record.starts) > 1

    def column(label: str, of: Callable[[Standing], Any]) -> Column:
        return label, [of(each) for each in standings]

    columns = [
        column("rank", lambda each: each.rank),
        column("optimizer", lambda each: each.optimizer),
        column("lr", lambda each: "by start" if each.lr is None else each.lr),
    ]
    if several:
        columns.append(column("reached", _share))
    columns += [
        column("evaluations", lambda each: each.evaluations.median),
        column("steps", lambda each: each.steps.median),
        column("loss", lambda each: each.loss.median),
        column("best loss", lambda each: each.best_loss.median),
    ]
    if record.rules.minimum is not None:
        columns.append(column("distance", lambda each: each.distance.median))
    if not several:
        columns.append(column("status", lambda each: each.runs[0].status.replace("_", " ")))
    return columns


def minima_columns(record: SweepResult) -> list[Column]:
    """The columns of the minima of a sweep: where they are, and how many cells reach them."""
    points = [[(label, item) for name, value in each.values.items() for label, item in elements(name, value)]
              for each in record.minima]  # fmt: skip
    coordinates = zip(*(point[:MOST_UNKNOWNS] for point in points), strict=True)
    return [
        ("minimum", list(range(1, len(points) + 1))),
        *((column[0][0], [item for _, item in column]) for column in coordinates),
        ("loss", [each.loss for each in record.minima]),
        ("cells", [each.cells for each in record.minima]),
        ("source", ["known" if each.known else "found" for each in record.minima]),
    ]


def _share(standing: Standing) -> str:
    return f"{standing.reached} of {len(standing.runs)}"
