"""Rows of a table for people: those that repeat are folded, and as many are left out as a height asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

from gdcli.render.columns import Fitted
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

    def in_words(self) -> str:
        """What stands in place of the rows."""
        above = "above" if self.period == 1 else f"the {self.period} above, in turn"
        return f"{self.count:,} rows as {above}{'' if self.exactly else ', in these digits'}"


class Gap(Struct, frozen=True):
    """So many rows that are left out."""

    count: int


Entry: TypeAlias = Row | Same | Gap


class FoldedTable:
    """A table of iterations or epochs, the last state below them.

    Rows that repeat are folded, unless it is ``whole``. Where the console gives a height, as a terminal does, the table
    is not higher if it ``shortens``; its width is that of the console.
    """

    def __init__(self, title: str, *, whole: bool, shortens: bool) -> None:
        self.title = title
        self.whole = whole
        self.shortens = shortens

    def drawn(  # noqa: PLR0913, PLR0917 -- what stands in a table, and how
        self,
        console: Console,
        options: ConsoleOptions,
        fit: Fitted,
        labels: Sequence[str],
        ends: tuple[int, int],
        alike: Callable[[int, int], bool],
        below: list[RenderableType],
    ) -> RenderResult:
        """Draw its title, its rows with their ``labels``, the last of which is the last state, and what is below.

        ``ends`` are the number of rows before those that were left out, and the number of the latter.
        """
        head, left_out = ends
        last = len(labels) - 1
        parts = range(min(head, last)), range(head, last)
        before, after = (list(map(Row, rows) if self.whole else folded(rows, fit, alike)) for rows in parts)
        entries = [*before, *[Gap(left_out)] * bool(left_out), *after]
        title = Text(self.title, "bold")
        if options.height is not None and self.shortens:
            taken = sum(len(console.render_lines(each, options.reset_height())) for each in (title, *below))
            entries = shortened(entries, options.height - taken - around(fit), height_of(fit))
        if missing := sum(entry.count for entry in entries if isinstance(entry, Gap)):
            below = [Text(f"{missing:,} rows left out (--all shows them, --every N every Nth)", "dim"), *below]
        yield title
        yield RowLines(entries, labels, fit)
        yield from below


def around(fit: Fitted) -> int:
    """The lines that are always there: the headers with their line, the last state, and how many rows are left out."""
    return 2 + 1 + height_of(fit) + 1


def height_of(fit: Fitted) -> int:
    """The number of lines of a row."""
    return max((cells[0].count("\n") + 1 for cells in fit.columns.values()), default=1)


def folded(rows: range, fit: Fitted, alike: Callable[[int, int], bool]) -> Iterator[Entry]:
    """The rows, with those that repeat the rows above them counted instead.

    ``alike`` says of two rows whether all their digits are the same, shown or not.
    """
    i = rows.start
    while i < rows.stop:
        for period in range(1, min(_LONGEST_PERIOD, i - rows.start) + 1):
            same = 0
            while i + same < rows.stop and _looks_like(i + same, i + same - period, fit):
                same += 1
            if same >= _REPEATED * period:
                exactly = all(alike(i + k, i + k - period) for k in range(same))
                yield Same(same, period, exactly)
                i += same
                break
        else:
            yield Row(i)
            i += 1


def _looks_like(one: int, other: int, fit: Fitted) -> bool:
    return all(cells[one] == cells[other] for cells in fit.columns.values())


def shortened(entries: list[Entry], lines: int, height: int) -> list[Entry]:
    """The first and the last entries, where all of them, as rows of a height, take more lines than there are."""
    room = max(3, max(lines, FEWEST_LINES) // height)
    if len(entries) <= room:
        return entries
    head, tail = room // 2, (room - 1) // 2
    if isinstance(entries[-tail], Same):  # it needs the row above it
        head, tail = head - 1, tail + 1
    left_out = sum(1 if isinstance(entry, Row) else entry.count for entry in entries[head:-tail])
    return [*entries[:head], Gap(left_out), *entries[-tail:]]


class RowLines:
    """The lines of the table, each row after its label; the last row stands below the entries."""

    def __init__(self, entries: Sequence[Entry], labels: Sequence[str], fit: Fitted) -> None:
        self.entries = entries
        self.labels = labels
        self.fit = fit

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw them with the characters of the console."""
        yield from _drawn(self.entries, self.labels, self.fit, ascii_only=options.ascii_only)


def _drawn(entries: Iterable[Entry], labels: Sequence[str], fit: Fitted, *, ascii_only: bool) -> Iterator[Text]:
    widths = [max(map(len, [fit.layout.name, *labels]))]
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
        for cells in zip([labels[index], *[""] * (height - 1)], *columns, strict=True):
            yield line(cells, style)

    yield line([fit.layout.name, *fit.columns], "bold")
    yield Text(rule, no_wrap=True, overflow="ignore")
    for entry in entries:
        if isinstance(entry, Row):
            yield from row(entry.index)
        elif isinstance(entry, Same):
            words = f"{'…':>{widths[0]}}{' ' * fit.layout.gap}{entry.in_words()}"
            yield Text(words, "dim", no_wrap=True, overflow="ignore")
        else:
            yield line(["…", *("…".center(width) for width in widths[1:])], "dim")
    if len(labels) > 1:
        yield Text(rule if ascii_only else "", no_wrap=True, overflow="ignore")
    yield from row(len(labels) - 1, "bold")
