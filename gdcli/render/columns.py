"""Columns of numbers that fit into a width: with fewer digits, or in another form, if need be."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from rich.cells import cell_len

from gdcli.render.numbers import FEWEST, USUAL, aligned, fewer

Columns: TypeAlias = dict[str, list[str]]
"""The cells of each column by its header; those of a form in which a row takes several lines have line ends."""

NARROWEST = 3
"""Cells that a column and its distance from the next take at least."""


class Form(NamedTuple):
    """A way to show a table: its columns with a number of digits, and what it leaves out, in words.

    One that is not ``exact`` is of no use to somebody who wants to see many digits; one that is ``preferred`` is better
    with the fewest digits than the next with more.
    """

    columns: Callable[[int], Columns]
    leaves_out: str = ""
    exact: bool = False
    preferred: bool = False


class Layout(NamedTuple):
    """Where columns may stand: after so many cells, at a distance from each other, below a name of what is before."""

    before: int
    gap: int
    name: str = ""


class Fitted(NamedTuple):
    """Columns that fit, with all cells of a column padded to one width. ``note`` says what was done; empty: nothing."""

    layout: Layout
    columns: Columns
    note: str


def fitted(
    forms: Sequence[Form], layouts: Sequence[Layout], digits: int, width: int, *, shows: str = "--csv"
) -> Fitted:
    """The best of the forms, in the best of the layouts, that fits into ``width`` cells.

    Digits go first, but not those beyond the usual number, which somebody wanted; then the next form is tried. Where
    none fits, the columns of the last one are shown as far as there is room. ``shows`` is the option for every number.
    """
    for tried in fewer(digits):
        for form in forms:
            if tried[0] > USUAL and not form.exact:
                continue
            last = [FEWEST] if form.preferred and FEWEST < tried[-1] <= USUAL else []
            for align, fit in [
                *itertools.product((aligned, _right), tried),
                *itertools.product((aligned, _right), last),
            ]:
                columns = {header: _arranged(cells, align) for header, cells in form.columns(fit).items()}
                for layout in layouts:
                    if _width(columns, layout) <= width:
                        return Fitted(layout, columns, fit_note(form.leaves_out, fit, digits, width, shows))
    columns = {header: _arranged(cells, _right) for header, cells in forms[-1].columns(fit).items()}
    while columns and _width(columns, layouts[-1]) > width:
        columns.popitem()
    return Fitted(layouts[-1], columns, fit_note("the last columns are left out", fit, digits, width, shows))


def _width(columns: Columns, layout: Layout) -> int:
    """The cells that a table takes."""
    widths = (max(cell_len(header), _cells(cells)) for header, cells in columns.items())
    return layout.before + sum(widths) + layout.gap * (len(columns) - 1)


def _cells(cells: Sequence[str]) -> int:
    """The width of a column of cells that are all as wide."""
    return cell_len(cells[0].partition("\n")[0])


def fit_note(left_out: str, fit: int, digits: int, width: int, shows: str = "--csv") -> str:
    """What was done to fit into a width, and how to see what is missing; empty if nothing was."""
    parts = [left_out] * bool(left_out)
    parts += [f"numbers have {fit} digit{'s' * (fit != 1)}"] * (fit < digits)
    return f"to fit into {width} columns, {' and '.join(parts)}; {shows} shows every number" if parts else ""


def _arranged(cells: Sequence[str], align: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """The cells of a column with all their lines padded to the same width."""
    height = cells[0].count("\n") + 1
    lines = align([line for cell in cells for line in cell.split("\n")])
    return ["\n".join(lines[i : i + height]) for i in range(0, len(lines), height)]


def _right(cells: Sequence[str]) -> list[str]:
    """The cells of a column, padded to the same width at the left."""
    width = max(map(cell_len, cells))
    return [" " * (width - cell_len(cell)) + cell for cell in cells]
