"""The record of ``sweep`` as its picture with a summary, and its cells as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import UNSET
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table

from gdcli.contract.envelope import listed
from gdcli.contract.figure import Figure
from gdcli.contract.nested import items
from gdcli.contract.sweep import (
    EngineUsed,
    SweepCell,
    SweepCells,
    SweepMinimum,
    SweepResult,
    Working,
    measure_in_words,
    status_in_words,
)
from gdcli.render.documents import csv_row, csv_rows
from gdcli.render.numbers import aligned, elements, number, percent, tensor
from gdcli.render.shell_lines import parts_of, shell_lines
from gdcli.render.table import empty_table
from gdcli.render.terminal.picture import Picture
from gdcli.render.text import Text

_MOST_MINIMA = 12
_MOST_RANGES = 4
_ANY_WIDTH = 100_000  # in which a table has its natural width


def sweep_report(record: SweepResult, figure: Figure, digits: int, width: int) -> RenderableType:
    """The picture, and below it what the cells have in common, the best cell, and how exact the steps are."""
    parts: list[RenderableType] = [Picture(figure), Text(""), Text(record.message), Text(_shares(record))]
    if record.minima:
        parts += [Text(""), _Minima(record, digits)]
    if record.best is not None:
        parts += [Text(""), Text(_best(record.best, digits))]
        parts += [Text(text) for text in _measured(record, digits)]
        if record.best.command:
            lines = shell_lines(parts_of(record.best.command), width)
            parts += [Text("the same run alone:", "dim"), *map(Text, lines)]
    for working in record.working:
        parts += [Text(""), *map(Text, _working(working, digits, several=len(record.axes) > 1))]
    return Group(*parts, Text(""), Text(_engine(record.engine, record.run_steps), "dim"))


def summary(record: SweepResult, digits: int) -> list[str]:
    """The same in sentences, without the picture, the minima and the command."""
    best = [] if record.best is None else [_best(record.best, digits)]
    working = [text for each in record.working for text in _working(each, digits, several=len(record.axes) > 1)]
    return [_shares(record), *best, *_measured(record, digits), *working, _engine(record.engine, record.run_steps)]


def _shares(record: SweepResult) -> str:
    """How many cells have each status."""
    total = sum(record.statuses.values())
    counts = [
        f"{status_in_words(status)} {percent(count / total)} ({count:,} of {total:,})"
        for status, count in record.statuses.items()
    ]
    return ", ".join(counts)


class _Minima:
    """The points where cells ended, with their losses and shares: as a table if it fits, else in words."""

    def __init__(self, record: SweepResult, digits: int) -> None:
        self.shown = record.minima[:_MOST_MINIMA]
        self.points = [
            [f"{name} = {tensor(value, digits)}" for name, value in each.values.items()] for each in self.shown
        ]
        self.losses = aligned([number(each.loss, digits) for each in self.shown])
        self.shares = [percent(each.cells / record.cells) for each in self.shown]
        others = record.minima[_MOST_MINIMA:]
        share = percent(sum(each.cells for each in others) / record.cells)
        ends = "maxima" if record.settings.maximize else "minima"
        self.rest = f"and {len(others):,} more {ends}, with {share} of the cells" if others else ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The coordinates of a point beside each other, or else below each other."""
        for between in (", ", ",\n"):
            table = self._table(between)
            if Measurement.get(console, options.update_width(_ANY_WIDTH), table).maximum <= options.max_width:
                yield table
                break
        else:
            yield from self._words()
        if self.rest:
            yield Text(self.rest, "dim")

    def _table(self, between: str) -> Table:
        table = empty_table("end", "point", "loss", "cells", "")
        for column in table.columns:
            column.no_wrap = True
        wide = max(map(len, self.shares))
        for i, each in enumerate(self.shown):
            end = f"{each.kind} {i + 1}"
            point = between.join(self.points[i])
            table.add_row(*map(Text, (end, point, self.losses[i], self.shares[i].rjust(wide), _source(each))))
        return table

    def _words(self) -> Iterator[Text]:
        for i, each in enumerate(self.shown):
            yield Text(f"{each.kind} {i + 1} ({_source(each)}), {self.shares[i]} of the cells:")
            yield from (Text(f"  {part}") for part in self.points[i])
            yield Text(f"  loss {self.losses[i].strip()}")


def _source(minimum: SweepMinimum) -> str:
    return "known" if minimum.known else "found"


def _best(best: SweepCell, digits: int) -> str:
    """The best cell: its place on the axes, and how its run ended."""
    at = ", ".join(f"{name} = {number(value, digits)}" for name, value in best.at.items())
    steps = f"{best.steps:,} step{'s' * (best.steps != 1)}"
    return f"best cell: {at}: {status_in_words(best.status)} after {steps}, loss {number(best.loss, digits)}"


def _measured(record: SweepResult, digits: int) -> list[str]:
    """The range of the distances or the rates, and that of the best cell."""
    if record.measured is UNSET:
        return []
    low, high = (number(end, digits) for end in record.measured)
    text = f"{measure_in_words(record.settings)}: {low} to {high} in cells that did not diverge"
    if record.best is not None and record.best.measured is not UNSET:
        text += f", {number(record.best.measured, digits)} in the best cell"
    return [text]


def _working(working: Working, digits: int, *, several: bool) -> Iterator[str]:
    """The rates that work, and the bound that theory gives; ``several`` cells have the same rate."""
    if working.ranges:
        ends = [[number(end, digits) for end in ends] for ends in working.ranges[:_MOST_RANGES]]
        ranges = [low if low == high else f"{low} to {high}" for low, high in ends]
        if len(working.ranges) > _MOST_RANGES:
            ranges.append(f"{len(working.ranges) - _MOST_RANGES:,} more ranges")
        half = " (at least half of the cells converge)" if several else ""
        yield f"rates that work: {working.axis} = {listed(ranges)}{half}"
    elif several:
        yield f"no rate works: at no {working.axis} do at least half of the cells converge"
    else:
        yield f"no rate works: at no {working.axis} does the run converge"
    if working.bound is not None or working.curvature is not None:
        bound = [working.formula] * bool(working.formula)
        if working.bound is not None:
            bound.append(number(working.bound, digits))
        curvature = ""
        if working.curvature is not None:
            curvature = f", with L = {number(working.curvature, digits)}"
        yield f"theory: {working.axis} below {' = '.join(bound)}{curvature} where most cells end"


def _engine(engine: EngineUsed, run_steps: int) -> str:
    """What made the steps, how many, and how they compare with those of single runs."""
    made = f"{run_steps:,} steps by {engine.name}"
    why = f" ({engine.why})" if engine.why else ""
    if not engine.compared:
        return f"{made}{why}; no cell was compared with a single run"
    same = f"{engine.compared - engine.differing:,} of {engine.compared:,} cells compared with single runs"
    text = f"{made}{why}: {same} have the same bits"
    if engine.differing:
        text += f", the others differ by up to {engine.ulp:.3g} units in the last place"
    if engine.functions:
        text += f"; rounded otherwise: {listed(engine.functions)}"
    return text


def sweep_csv(record: SweepResult) -> bytes:
    """A row for each cell, the first axis fastest: its numbers on the axes, and how its run ended.

    The elements of the end point are ``end.x``, ``end.W[0,1]``; ``minimum`` is the number of the minimum in the record,
    counted from 0, and empty where none was reached. ``distance`` or ``rate`` is there where it is measured.

    Raises:
        ValueError: for a record without its cells.
    """
    grid = record.grid
    if grid is UNSET:
        raise ValueError("the record has no cells")
    measured = [] if grid.measured is UNSET else [record.settings.measure]
    columns = ["status", "steps", "loss", "minimum", *measured, *_end_labels(grid)]
    header = [axis.name for axis in record.axes] + columns
    return csv_row(header) + csv_rows(_cells(record, grid))


def _end_labels(grid: SweepCells) -> list[str]:
    return [f"end.{label}" for name, values in grid.values.items() for label, _ in elements(name, values[0])]


def _cells(record: SweepResult, grid: SweepCells) -> Iterator[Sequence[Any]]:
    columns = [axis.numbers() for axis in record.axes]
    for i, status in enumerate(grid.status):
        at, rest = [], i
        for numbers in columns:
            at.append(numbers[rest % len(numbers)])
            rest //= len(numbers)
        minimum = grid.minimum[i] if grid.minimum[i] >= 0 else None
        end = [item for values in grid.values.values() for item in items(values[i])]
        measured = [] if grid.measured is UNSET else [grid.measured[i]]
        yield [*at, status, grid.steps[i], grid.loss[i], minimum, *measured, *end]
