"""Records as Rich tables for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO

from msgspec import UnsetType
from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table

from gdcli.contract.envelope import ErrorDetail, Notice
from gdcli.contract.fields import Nested
from gdcli.contract.grad import GradResult
from gdcli.contract.ops import OpsResult, OpsRow
from gdcli.contract.short import in_a_title
from gdcli.printable import one_line, shortened
from gdcli.render.numbers import tensor, tensor_within
from gdcli.render.text import PlainConsole, Text

_ERROR = 24  # cells of a line of an error in a table, at least
_PROMPTS = 2  # lines of a screen that are not for the output: the command above it, and the prompt below it
_USUAL_WIDTH = 80


def ops_table(record: OpsResult, digits: int, width: int) -> RenderableType:
    """The rows of ``ops``; the cells of each below its expression if they are wide."""
    rows = [_ops_row(row, digits) for row in record.rows]
    headers = ("expression", "result", "dtype", "shape")
    failed = [isinstance(row.error, ErrorDetail) for row in record.rows]
    widths = [max(map(_cells, column)) for column in zip(headers, *rows, strict=True)]
    whole = [len("result"), *(_cells(row[1]) for row, is_error in zip(rows, failed, strict=True) if not is_error)]
    widths[1] = max(*whole, min(widths[1], _ERROR))  # an error may be wrapped
    if sum(widths) + 3 * (len(widths) - 1) > width:
        return Group(*(part for row in record.rows for part in _ops_below(row, digits, width)))
    table = empty_table(*headers)
    for column in (0, 2, 3):
        table.columns[column].no_wrap = True
    for is_error, (expression, result, *others) in zip(failed, rows, strict=True):
        table.add_row(Text(expression), Text(result, "red" if is_error else ""), *map(Text, others))
    return table


def _ops_row(row: OpsRow, digits: int) -> tuple[str, str, str, str]:
    """The cells of a row of ``ops``."""
    if isinstance(row.error, ErrorDetail):
        return one_line(row.expression), f"error: {problem(row.error)}", "", ""
    value = None if isinstance(row.value, UnsetType) else row.value
    shape = str(tuple(row.shape)) if isinstance(row.shape, list) else ""
    return row.expression, tensor(value, digits), str(row.dtype), shape


def _ops_below(row: OpsRow, digits: int, width: int) -> Iterator[RenderableType]:
    """An expression, and its result, dtype and shape below it."""
    yield Text(one_line(row.expression), "bold")
    if isinstance(row.error, ErrorDetail):
        yield Text(f"error: {problem(row.error)}", "red")
        return
    value = None if isinstance(row.value, UnsetType) else row.value
    yield Text("  = " + tensor_within(width - 4, value, digits).replace("\n", "\n    "))
    yield Text(f"    {row.dtype}{f', shape {tuple(row.shape)}' if isinstance(row.shape, list) else ''}", "dim")


def problem(error: ErrorDetail) -> str:
    """An error in one line, with its hint."""
    return one_line(f"{error.message} ({error.hint})" if error.hint else error.message)


def grad_table(record: GradResult, digits: int, width: int) -> RenderableType:
    """The value, and the gradient of each variable: as a table, or below each other if they are wide."""
    made_by = f"   grad_fn={record.grad_fn}" if record.grad_fn else ""
    title = Text.assemble(
        in_a_title(record.settings.expression), " = ", (tensor(record.value, digits), "bold"), (made_by, "dim")
    )
    texts = {name: (tensor(value, digits), tensor(record.grads[name], digits)) for name, value in record.values.items()}
    widest = [max(_cells(pair[i]) for pair in texts.values()) for i in (0, 1)]
    if max(widest[0], len("value")) + max(widest[1], len("gradient")) + max(map(len, [*texts, "variable"])) + 6 > width:
        below = ((name, value, record.grads[name]) for name, value in record.values.items())
        return Group(title, *(labelled(label, number, digits, width) for name, value, grad in below
                              for label, number in ((name, value), (f"{name}.grad", grad))))  # fmt: skip
    table = empty_table("variable", "value", "gradient")
    for name, (value, gradient) in texts.items():
        table.add_row(Text(name, "bold"), Text(value), Text(gradient))
    return Group(title, table)


def labelled(label: str, value: Nested, digits: int, width: int) -> Text:
    """``W = [[1, 2],`` with the other lines aligned below the first bracket, in at most ``width`` cells."""
    indent = cell_len(label) + 3
    return Text(f"{label} = " + tensor_within(width - indent, value, digits).replace("\n", "\n" + " " * indent))


def _cells(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


def notes(found: Sequence[Notice], width: int) -> RenderableType:
    """Notes, each wrapped next to its label."""
    return Group(*(beside("note:", Text(one_line(shortened(notice.message))), width) for notice in found))


def beside(label: str, text: Text, width: int) -> RenderableType:
    """A label, and a text that is wrapped next to it; or below it, where a word is too long to stay whole otherwise."""
    if max(map(cell_len, text.plain.split()), default=0) > width - cell_len(label) - 1:
        return Text.assemble((label, "cyan"), " ", text, overflow="ignore")
    grid = Table.grid(padding=(0, 1))
    grid.add_row(Text(label, "cyan"), text)
    return grid


def listing(headers: Sequence[str], rows: Sequence[Sequence[str]], *, gap: int = 3) -> RenderableType:
    """A plain table of texts, with 2 or 3 cells between columns."""
    table = empty_table(*headers)
    table.collapse_padding = gap < 3
    table.columns[0].no_wrap = not any(" " in row[0] for row in rows)  # a name is never broken
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def definition(title: str, facts: Mapping[str, str]) -> RenderableType:
    """All facts about one entry: one line per fact, after its label."""
    grid = Table.grid(padding=(0, 2))
    for label, text in facts.items():
        grid.add_row(Text(label, "dim"), Text(text))
    return Group(Text(title, "bold"), grid)


def empty_table(*headers: str) -> Table:
    """A table with a line below its headers, and no rows yet."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for header in headers:
        table.add_column(Text(header), overflow="fold")
    return table


def print_to(file: IO[str], makes: Sequence[Callable[[int], RenderableType]], *, plain: bool = False) -> None:
    """Print what each of ``makes`` returns for a width, below each other.

    The first is told how high it may be on a terminal, so that all of them and the command are on the screen.
    User text is never markup; without a terminal, there is no colour and no space at the end of a line. What is not to
    be wrapped may be longer than a line. ``plain`` is text without a terminal, whatever the environment says.
    """
    screen = PlainConsole(file=file, force_terminal=False if plain else None)
    if screen.width < 1:  # COLUMNS=0
        screen.width = _USUAL_WIDTH
    first, *others = [make(screen.width) for make in makes]
    if screen.is_terminal:
        below = sum(len(screen.render_lines(each)) for each in others)
        screen.print(first, height=max(screen.height - below - _PROMPTS, 1), crop=False)
        for each in others:
            screen.print(each, crop=False)
        return
    with screen.capture() as captured:
        for each in (first, *others):
            screen.print(each, crop=False)
    file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
