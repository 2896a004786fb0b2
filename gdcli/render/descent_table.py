"""The iterations of a descent as a table, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct, UnsetType
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from gdcli.contract.descent import DescentRecord, Step
from gdcli.memory import Shown
from gdcli.render.numbers import number
from gdcli.render.steps import Fitted, fitted
from gdcli.render.table import labelled

_FEWEST = 6  # lines between the headers and the last state, however low the screen is
_REPEATED = 2  # rows like the one above them from which on they are folded


class Row(Struct, frozen=True):
    """A row of the table, by its index."""

    index: int


class Same(Struct, frozen=True):
    """So many rows that look like the row above them; ``exactly`` if all their digits are the same, shown or not."""

    count: int
    exactly: bool


class Gap(Struct, frozen=True):
    """So many rows that are left out."""

    count: int


Entry: TypeAlias = Row | Same | Gap


class DescentTable:
    """The iterations of a descent, the state after the last update below them, and how it ended.

    Rows that repeat are folded. Where the height is given, as it is on a terminal, the table is not higher. ``whole``
    shows every row. The width is that of the console.
    """

    def __init__(self, title: str, rows: Shown[Step], outcome: DescentRecord, digits: int, *, whole: bool) -> None:
        self.title = title
        self.rows = rows
        self.outcome = outcome
        self.digits = digits
        self.whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for the width, the height and the characters of the console."""
        head, left_out, tail = self.rows
        final = self.outcome.result
        steps = [step for step in (*head, *tail) if step.iteration != final.iteration] + [final]
        fit = fitted(steps, self.digits, options.max_width)
        entries: list[Entry] = [*map(Row, range(min(len(head), len(steps) - 1)))]
        entries += [Gap(left_out)] * bool(left_out) + [*map(Row, range(len(head), len(steps) - 1))]
        title, below = Text(self.title, "bold"), [ending(self.outcome, self.digits, options.max_width)]
        if fit.note:
            below.insert(0, Text(fit.note, "dim"))
        if not self.whole:
            entries = list(_folded(entries, steps, fit))
        if options.height is not None:
            taken = sum(len(console.render_lines(each, options.reset_height())) for each in (title, *below))
            entries = _shortened(entries, options.height - taken - _around(fit), _height(fit))
        if missing := sum(entry.count for entry in entries if isinstance(entry, Gap)):
            below.insert(0, Text(f"{missing:,} rows left out (--all shows them, --every N every Nth)", "dim"))
        yield title
        yield from _drawn(entries, steps, fit, ascii_only=options.ascii_only)
        yield from below


def _around(fit: Fitted) -> int:
    """The lines that are always there: the headers with their line, the last state, and how many rows are left out."""
    return 2 + 1 + _height(fit) + 1


def _height(fit: Fitted) -> int:
    """The number of lines of a row."""
    return max((cells[0].count("\n") + 1 for cells in fit.columns.values()), default=1)


def _folded(entries: Sequence[Entry], steps: Sequence[Step], fit: Fitted) -> Iterator[Entry]:
    """The entries, with rows that are like the one above them counted instead."""
    above: int | None = None
    same: list[int] = []
    for entry in (*entries, None):
        if isinstance(entry, Row) and above is not None and _looks_like(entry.index, above, fit):
            same.append(entry.index)
            continue
        if above is not None and len(same) >= _REPEATED:
            yield Same(len(same), all(_is_like(steps[index], steps[above]) for index in same))
        else:
            yield from map(Row, same)
        same = []
        above = entry.index if isinstance(entry, Row) else None
        if entry is not None:
            yield entry


def _looks_like(one: int, other: int, fit: Fitted) -> bool:
    return all(cells[one] == cells[other] for cells in fit.columns.values())


def _is_like(one: Step, other: Step) -> bool:
    return (one.loss, one.values, one.grads) == (other.loss, other.values, other.grads)


def _shortened(entries: list[Entry], lines: int, height: int) -> list[Entry]:
    """The first and the last entries, where all of them, as rows of a height, take more lines than there are."""
    room = max(3, max(lines, _FEWEST) // height)
    if len(entries) <= room:
        return entries
    head, tail = (room + 1) // 2, (room - 1) // 2
    if isinstance(entries[-tail], Same):  # it needs the row above it
        head, tail = head - 1, tail + 1
    left_out = sum(1 if isinstance(entry, Row) else entry.count for entry in entries[head:-tail])
    return [*entries[:head], Gap(left_out), *entries[-tail:]]


def _drawn(entries: Iterable[Entry], steps: Sequence[Step], fit: Fitted, *, ascii_only: bool) -> Iterator[Text]:
    """The lines of the table."""
    iterations = [str(step.iteration) for step in steps]
    widths = [max(map(len, [fit.counter, *iterations]))]
    widths += [max(map(cell_len, [header, *cells[0].split("\n")])) for header, cells in fit.columns.items()]
    between = " " * fit.gap if not ascii_only else "|".center(fit.gap)
    dash, cross = ("-", "+".center(fit.gap, "-")) if ascii_only else ("─", "─" * fit.gap)
    rule = cross.join(dash * width for width in widths)

    def line(cells: Iterable[str], style: str = "") -> Text:
        padded = (" " * (width - cell_len(cell)) + cell for cell, width in zip(cells, widths, strict=True))
        return Text(between.join(padded), style, no_wrap=True, overflow="ignore")

    def row(index: int, style: str = "") -> Iterator[Text]:
        columns = [cells[index].split("\n") for cells in fit.columns.values()]
        height = max(map(len, columns), default=1)
        for cells in zip([iterations[index], *[""] * (height - 1)], *columns, strict=True):
            yield line(cells, style)

    yield line([fit.counter, *fit.columns], "bold")
    yield Text(rule, no_wrap=True, overflow="ignore")
    for entry in entries:
        if isinstance(entry, Row):
            yield from row(entry.index)
        elif isinstance(entry, Same):
            words = f"{entry.count:,} rows as above" + ("" if entry.exactly else ", in these digits")
            yield Text(f"{'…':>{widths[0]}}{' ' * fit.gap}{words}", "dim", no_wrap=True, overflow="ignore")
        else:
            yield line(["…", *("…".center(width) for width in widths[1:])], "dim")
    if len(steps) > 1:
        yield Text(rule if ascii_only else "", no_wrap=True, overflow="ignore")
    yield from row(len(steps) - 1, "bold")


def ending(outcome: DescentRecord, digits: int, width: int) -> RenderableType:
    """How the descent ended, with the values that it found."""
    lines: list[RenderableType] = [Text(outcome.message)]
    lines += [labelled(name, value, digits, width) for name, value in outcome.result.values.items()]
    loss, best = number(outcome.result.loss, digits), number(outcome.best.loss, digits)
    extreme = "largest" if outcome.settings.maximize else "smallest"
    text = f"loss {loss}"
    if best != loss:
        text += f"; the {extreme} was {best} at iteration {outcome.best.iteration}"
    lines.append(Text(text))
    if not isinstance(outcome.minimum, UnsetType) and not outcome.settings.maximize:
        far = number(outcome.minimum.distance, digits)
        lines.append(Text(f"known minimum: {number(outcome.minimum.loss, digits)}, at distance {far}"))
    return Group(*lines)
