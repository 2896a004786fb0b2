"""The updates of a descent as a table of equations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from gdcli.contract.descent import DescentRecord, Step, Update
from gdcli.memory import Shown
from gdcli.render.descent_table import ending
from gdcli.render.equations import TIED, Writer
from gdcli.render.numbers import aligned, number, wrapped
from gdcli.render.table import empty_table
from gdcli.render.terminal.signs import has_few_signs

_NARROWEST = 24  # cells that the equations take at least
_WIDE = 60  # cells of a console from which on there is room for long headers
_BETWEEN = 3  # cells between two columns


class WalkedStep(NamedTuple):
    """A state, and the updates that were made from it."""

    step: Step
    updates: Sequence[Update]


class WalkTable:
    """The iterations of a descent with the equations of their updates, and how it ended."""

    def __init__(self, title: str, rows: Shown[WalkedStep], outcome: DescentRecord, digits: int) -> None:
        self.title = title
        self.rows = rows
        self.outcome = outcome
        self.digits = digits

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for the width and the characters of the console."""
        head, left_out, tail = self.rows
        final = WalkedStep(self.outcome.result, ())
        shown = [row for row in [*head, *tail] if row.step.iteration != final.step.iteration] + [final]
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
        cells = ["\n".join(_fitted(sides, room if with_loss else narrow) for sides in row) for row in lines]
        table = empty_table(counter, *(["loss"] if with_loss else []), "update")
        table.columns[0].justify = "right"
        for i, (row, loss, cell) in enumerate(zip(shown, losses, cells, strict=True)):
            if left_out and i == len(head):
                table.add_row(*["…"] * len(table.columns), style="dim")
            if row is final and len(shown) > 1:
                table.add_section()
            columns: list[str | Text] = [
                str(row.step.iteration),
                *([loss] if with_loss else []),
                Text(cell.replace(TIED, " ")),
            ]
            table.add_row(*columns, style="bold" if row is final else "")
        yield Text(self.title, "bold")
        yield table
        if not with_loss:
            yield Text("the losses do not fit: use fewer --digits or a wider terminal", "dim")
        if left_out:
            yield Text(f"{left_out:,} rows left out (--all shows them, --every N every Nth)", "dim")
        yield ending(self.outcome, self.digits, options.max_width)


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
