"""The iterations of a descent as a table, and how it ended."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct, UnsetType
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult

from gdcli.contract.descent import DescentRecord, Step
from gdcli.memory import Shown
from gdcli.render.columns import Fitted
from gdcli.render.numbers import differ, number
from gdcli.render.steps import fitted_steps
from gdcli.render.table import labelled
from gdcli.render.text import Text

FEWEST_LINES = 6  # lines between the headers and the last state, however low the screen is
_REPEATED = 2  # repetitions from which on they are folded
_LONGEST_PERIOD = 4  # rows that are repeated in turn


class Row(Struct, frozen=True):
    """A row of the table, by its index."""

    index: int


class Same(Struct, frozen=True):
    """So many rows that look like the row above them, or in turn like the ``period`` rows above them.

    ``exactly`` says that all their digits are the same, shown or not.
    """

    count: int
    period: int
    exactly: bool


class Gap(Struct, frozen=True):
    """So many rows that are left out."""

    count: int


Entry: TypeAlias = Row | Same | Gap


class StepTable:
    """Iterations, the last state below them, and ``below`` that, what is made for a width.

    Rows that repeat are folded, unless it is ``whole``. Where the console gives a height, as a terminal does, the table
    is not higher if it ``shortens``; its width is that of the console.
    """

    def __init__(  # noqa: PLR0913 -- what stands in a table, and how
        self,
        title: str,
        rows: Shown[Step],
        final: Step,
        below: Callable[[int], RenderableType],
        digits: int,
        *,
        whole: bool = False,
        shortens: bool = True,
    ) -> None:
        self.title = title
        self.rows = rows
        self.final = final
        self.below = below
        self.digits = digits
        self.whole = whole
        self.shortens = shortens

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for the width, the height and the characters of the console."""
        head, left_out, tail = self.rows
        final = self.final
        steps = [step for step in (*head, *tail) if step.iteration != final.iteration] + [final]
        fit = fitted_steps(steps, self.digits, options.max_width)
        ends = range(min(len(head), len(steps) - 1)), range(len(head), len(steps) - 1)
        first, last = (list(map(Row, rows) if self.whole else _folded(rows, steps, fit)) for rows in ends)
        entries = [*first, *[Gap(left_out)] * bool(left_out), *last]
        title, below = Text(self.title, "bold"), [self.below(options.max_width)]
        if fit.note:
            below.insert(0, Text(fit.note, "dim"))
        if options.height is not None and self.shortens:
            taken = sum(len(console.render_lines(each, options.reset_height())) for each in (title, *below))
            entries = _shortened(entries, options.height - taken - _around(fit), _height(fit))
        if missing := sum(entry.count for entry in entries if isinstance(entry, Gap)):
            below.insert(0, Text(f"{missing:,} rows left out (--all shows them, --every N every Nth)", "dim"))
        yield title
        yield from _drawn(entries, steps, fit, ascii_only=options.ascii_only)
        yield from below


class DescentTable(StepTable):
    """The iterations of a descent, the state after the last update below them, and how it ended."""

    def __init__(
        self,
        title: str,
        rows: Shown[Step],
        outcome: DescentRecord,
        digits: int,
        *,
        whole: bool = False,
        shortens: bool = True,
    ) -> None:
        below = functools.partial(ending, outcome, digits)
        super().__init__(title, rows, outcome.result, below, digits, whole=whole, shortens=shortens)


def _around(fit: Fitted) -> int:
    """The lines that are always there: the headers with their line, the last state, and how many rows are left out."""
    return 2 + 1 + _height(fit) + 1


def _height(fit: Fitted) -> int:
    """The number of lines of a row."""
    return max((cells[0].count("\n") + 1 for cells in fit.columns.values()), default=1)


def _folded(rows: range, steps: Sequence[Step], fit: Fitted) -> Iterator[Entry]:
    """The rows, with those that repeat the rows above them counted instead."""
    i = rows.start
    while i < rows.stop:
        for period in range(1, min(_LONGEST_PERIOD, i - rows.start) + 1):
            same = 0
            while i + same < rows.stop and _looks_like(i + same, i + same - period, fit):
                same += 1
            if same >= _REPEATED * period:
                exactly = all(_is_like(steps[i + k], steps[i + k - period]) for k in range(same))
                yield Same(same, period, exactly)
                i += same
                break
        else:
            yield Row(i)
            i += 1


def _looks_like(one: int, other: int, fit: Fitted) -> bool:
    return all(cells[one] == cells[other] for cells in fit.columns.values())


def _is_like(one: Step, other: Step) -> bool:
    return (one.loss, one.values, one.grads) == (other.loss, other.values, other.grads)


def _shortened(entries: list[Entry], lines: int, height: int) -> list[Entry]:
    """The first and the last entries, where all of them, as rows of a height, take more lines than there are."""
    room = max(3, max(lines, FEWEST_LINES) // height)
    if len(entries) <= room:
        return entries
    head, tail = room // 2, (room - 1) // 2
    if isinstance(entries[-tail], Same):  # it needs the row above it
        head, tail = head - 1, tail + 1
    left_out = sum(1 if isinstance(entry, Row) else entry.count for entry in entries[head:-tail])
    return [*entries[:head], Gap(left_out), *entries[-tail:]]


def _drawn(entries: Iterable[Entry], steps: Sequence[Step], fit: Fitted, *, ascii_only: bool) -> Iterator[Text]:
    """The lines of the table."""
    iterations = [str(step.iteration) for step in steps]
    widths = [max(map(len, [fit.layout.name, *iterations]))]
    widths += [max(map(cell_len, [header, *cells[0].split("\n")])) for header, cells in fit.columns.items()]
    between = " " * fit.layout.gap if not ascii_only else "|".center(fit.layout.gap)
    dash, cross = ("-", "+".center(fit.layout.gap, "-")) if ascii_only else ("─", "─" * fit.layout.gap)
    rule = cross.join(dash * width for width in widths)

    def line(cells: Iterable[str], style: str = "") -> Text:
        padded = (" " * (width - cell_len(cell)) + cell for cell, width in zip(cells, widths, strict=True))
        return Text(between.join(padded), style, no_wrap=True, overflow="ignore")

    def row(index: int, style: str = "") -> Iterator[Text]:
        columns = [cells[index].split("\n") for cells in fit.columns.values()]
        height = max(map(len, columns), default=1)
        for cells in zip([iterations[index], *[""] * (height - 1)], *columns, strict=True):
            yield line(cells, style)

    yield line([fit.layout.name, *fit.columns], "bold")
    yield Text(rule, no_wrap=True, overflow="ignore")
    for entry in entries:
        if isinstance(entry, Row):
            yield from row(entry.index)
        elif isinstance(entry, Same):
            words = f"{'…':>{widths[0]}}{' ' * fit.layout.gap}{_in_words(entry)}"
            yield Text(words, "dim", no_wrap=True, overflow="ignore")
        else:
            yield line(["…", *("…".center(width) for width in widths[1:])], "dim")
    if len(steps) > 1:
        yield Text(rule if ascii_only else "", no_wrap=True, overflow="ignore")
    yield from row(len(steps) - 1, "bold")


def _in_words(same: Same) -> str:
    above = "above" if same.period == 1 else f"the {same.period} above, in turn"
    return f"{same.count:,} rows as {above}{'' if same.exactly else ', in these digits'}"


def ending(outcome: DescentRecord, digits: int, width: int) -> RenderableType:
    """How the descent ended, with the values that it found."""
    lines: list[RenderableType] = [Text(outcome.message)]
    lines += [labelled(name, value, digits, width) for name, value in outcome.result.values.items()]
    loss, best = outcome.result.loss, outcome.best.loss
    extreme = "largest" if outcome.settings.maximize else "smallest"
    text = f"loss {number(loss, digits)}"
    if differ(loss, best, digits):
        text += f"; the {extreme} was {number(best, digits)} at iteration {outcome.best.iteration}"
    lines.append(Text(text))
    if not isinstance(outcome.minimum, UnsetType) and not outcome.settings.maximize:
        far = number(outcome.minimum.distance, digits)
        lines.append(Text(f"known minimum: {number(outcome.minimum.loss, digits)}, at distance {far}"))
    return Group(*lines)
