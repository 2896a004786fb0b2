"""The updates of a descent as a table of equations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult

from gdcli.contract.descent import DescentRecord, Step, Update
from gdcli.memory import Shown
from gdcli.render.descent_table import ending
from gdcli.render.equations import TIED, Writer
from gdcli.render.numbers import aligned, number, wrapped
from gdcli.render.row_table import FEWEST_LINES
from gdcli.render.table import empty_table
from gdcli.render.terminal.signs import has_few_signs
from gdcli.render.text import Text

_NARROWEST = 24  # cells that the equations take at least
_WIDE = 60  # cells of a console from which on there is room for long headers
_BETWEEN = 3  # cells between two columns
_AROUND = 3  # lines of the headers with the line below them, and before the final state


class WalkedStep(NamedTuple):
    """A state, and the updates that were made from it."""

    step: Step
    updates: Sequence[Update]


class WalkTable:
    """The iterations of a descent with the equations of their updates, and how it ended.

    Where the console gives a height, as a terminal does, the table is not higher if it ``shortens``.
    """

    def __init__(
        self, title: str, rows: Shown[WalkedStep], outcome: DescentRecord, digits: int, *, shortens: bool = True
    ) -> None:
        self.title = title
        self.rows = rows
        self.outcome = outcome
        self.digits = digits
        self.shortens = shortens

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for the width, the height and the characters of the console."""
        final = WalkedStep(self.outcome.result, ())
        head, tail = ([row for row in rows if row.step.iteration != final.step.iteration]
                      for rows in (self.rows.head, self.rows.tail))  # fmt: skip
        rows = Shown(head, self.rows.left_out, tail)
        title, below = Text(self.title, "bold"), ending(self.outcome, self.digits, options.max_width)
        if options.height is not None and self.shortens:
            taken = sum(len(console.render_lines(each, options.reset_height())) for each in (title, below))
            rows = _shortened(rows, self._cells(rows, final, options), options.height - taken - _AROUND)
        shown = [*rows.head, *rows.tail, final]
        cells = self._cells(rows, final, options)
        table = empty_table(cells.counter, *(["loss"] if cells.losses else []), "update")
        table.columns[0].justify = "right"
        for i, (row, update) in enumerate(zip(shown, cells.updates, strict=True)):
            if rows.left_out and i == len(rows.head):
                table.add_row(*["…"] * len(table.columns), style="dim")
            if row is final and len(shown) > 1:
                table.add_section()
            loss = [cells.losses[i]] if cells.losses else []
            table.add_row(str(row.step.iteration), *loss, Text(update), style="bold" if row is final else "")
        yield title
        yield table
        if not cells.losses:
            yield Text("the losses do not fit: use fewer --digits or a wider terminal", "dim")
        if rows.left_out:
            yield Text(f"{rows.left_out:,} rows left out (--all shows them, --every N every Nth)", "dim")
        yield below

    def _cells(self, rows: Shown[WalkedStep], final: WalkedStep, options: ConsoleOptions) -> _Cells:
        """The cells of these rows and of the final one, for the width and the characters of a console."""
        shown = [*rows.head, *rows.tail, final]
        writer = Writer(self.digits, ascii_only=has_few_signs(options), several=len(final.step.values) > 1)
        lines = list(_lines(shown, writer))
        losses = aligned([number(row.step.loss, self.digits) for row in shown])
        longest = max((cell_len(" = ".join(sides)) for row in lines for sides in row if len(sides) > 1), default=0)
        counter = "iteration" if options.max_width >= _WIDE else "iter"
        counted = max(len(counter), len(str(final.step.iteration)))
        narrow = max(options.max_width - counted - _BETWEEN, _NARROWEST)
        room = narrow - max(len("loss"), len(losses[0])) - _BETWEEN
        # Lines that must be wrapped anyway leave room for the loss.
        with_loss = room >= _NARROWEST and (longest <= room or longest > narrow)
        updates = ["\n".join(_fitted(sides, room if with_loss else narrow) for sides in row) for row in lines]
        return _Cells(counter, losses if with_loss else [], [update.replace(TIED, " ") for update in updates])


class _Cells(NamedTuple):
    """The header of the iterations, and the cells of each row; no losses where they do not fit."""

    counter: str
    losses: Sequence[str]
    updates: Sequence[str]


def _shortened(rows: Shown[WalkedStep], cells: _Cells, lines: int) -> Shown[WalkedStep]:
    """The first and the last rows, where all of them and the final one take more lines than there are."""
    *heights, last = (update.count("\n") + 1 for update in cells.updates)
    lines -= last + (not cells.losses)
    if sum(heights) + 2 * bool(rows.left_out) <= lines or len(heights) < 2:
        return rows
    most = (len(rows.head), len(rows.tail)) if rows.left_out else (len(heights) - 1, len(heights) - 1)
    head, tail = 1, 0
    room = max(lines - 2, FEWEST_LINES - 1) - heights[0]  # without the row of dots, and how many are left out
    while head + tail < len(heights) - 1:
        at_end = tail < head and tail < most[1]
        if not at_end and head >= most[0]:
            break
        room -= heights[-1 - tail] if at_end else heights[head]
        if room < 0:
            break
        head, tail = (head, tail + 1) if at_end else (head + 1, tail)
    every = [*rows.head, *rows.tail]
    return Shown(every[:head], rows.left_out + len(every) - head - tail, every[len(every) - tail :])


def _lines(shown: Sequence[WalkedStep], writer: Writer) -> Iterator[list[tuple[str, ...]]]:
    """The lines of each row, each as the sides of its equation.

    What holds for all variables, such as the step of a line search, is shown once a row, and a note, of one side, when
    it changes.
    """
    noted = ""
    for row in shown:
        lines: list[tuple[str, ...]] = []
        for update in row.updates:
            lines += (line for line in dict.fromkeys(map(tuple, writer.lines(update))) if line not in lines)
            if update.note and update.note != noted:
                lines.append((f"({update.note})",))
                noted = update.note
        if not row.updates:
            for name, value in row.step.values.items():
                lines += map(tuple, writer.point(name, row.step.iteration, value))
        yield lines


def _fitted(sides: Sequence[str], width: int) -> str:
    """The sides in one line, or in several lines that begin with the equals sign."""
    whole = " = ".join(sides)
    if cell_len(whole) <= width:
        return whole
    if len(sides) < 3:
        indent = "   " if len(sides) == 2 else " " * (len(whole) - len(whole.lstrip()))
        return "\n".join(wrapped(whole, width, indent))
    indent = " " * cell_len(sides[0])
    lines = [f"{sides[0]} = {sides[1]}"]
    for side in sides[2:]:
        joined = f"{lines[-1]} = {side}"
        if len(lines) > 1 and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(f"{indent} = {side}")
    return "\n".join(part for line in lines for part in wrapped(line, width, f"{indent}     "))
