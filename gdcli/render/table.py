"""Records as Rich tables for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import IO

from msgspec import UnsetType
from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gdcli.contract.descent import DescentRecord, Step
from gdcli.contract.envelope import ErrorDetail, Notice
from gdcli.contract.fields import Nested
from gdcli.contract.grad import GradResult
from gdcli.contract.ops import OpsResult
from gdcli.memory import Shown
from gdcli.render.numbers import aligned, elements, norm, number, tensor


def ops_table(record: OpsResult, digits: int, _width: int) -> RenderableType:
    """The rows of ``ops``."""
    table = empty_table("expression", "result", "dtype", "shape")
    for row in record.rows:
        if isinstance(row.error, ErrorDetail):
            table.add_row(Text(row.expression), Text(f"error: {_problem(row.error)}", "red"), "", "")
        else:
            value = None if isinstance(row.value, UnsetType) else row.value
            shape = str(tuple(row.shape)) if isinstance(row.shape, list) else ""
            table.add_row(Text(row.expression), Text(tensor(value, digits)), Text(str(row.dtype)), Text(shape))
    return table


def _problem(problem: ErrorDetail) -> str:
    return f"{problem.message} ({problem.hint})" if problem.hint else problem.message


def grad_table(record: GradResult, digits: int, width: int) -> RenderableType:
    """The value, and the gradient of each variable: as a table, or below each other if they are wide."""
    made_by = f"   grad_fn={record.grad_fn}" if record.grad_fn else ""
    title = Text.assemble(record.settings.expression, " = ", (tensor(record.value, digits), "bold"), (made_by, "dim"))
    texts = {name: (tensor(value, digits), tensor(record.grads[name], digits)) for name, value in record.values.items()}
    widest = [max(_cells(pair[i]) for pair in texts.values()) for i in (0, 1)]
    if sum(widest) + max(map(len, texts)) + 10 > width:
        return Group(title, *(_labelled(label, text) for name, pair in texts.items()
                              for label, text in zip((name, f"{name}.grad"), pair, strict=True)))  # fmt: skip
    table = empty_table("variable", "value", "gradient")
    for name, (value, gradient) in texts.items():
        table.add_row(Text(name, "bold"), Text(value), Text(gradient))
    return Group(title, table)


def _labelled(label: str, text: str) -> Text:
    """``W = [[1, 2],`` with the other lines aligned below the first bracket."""
    return Text(f"{label} = " + text.replace("\n", "\n" + " " * (len(label) + 3)))


def _cells(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


def descent_table(title: str, rows: Shown[Step], outcome: DescentRecord, digits: int, width: int) -> RenderableType:
    """The iterations of a descent, the state after the last update below a rule, and how it ended."""
    head, left_out, tail = rows
    final = outcome.result
    shown = [*head, *tail]
    if not shown or shown[-1].iteration != final.iteration:
        shown.append(final)
    columns = step_columns(shown, digits, width)
    table = empty_table("iteration", *columns)
    for column in table.columns:
        column.justify = "right"
    cells = list(zip(*(aligned(column) for column in columns.values()), strict=True))
    for i, (step, line) in enumerate(zip(shown, cells, strict=True)):
        if left_out and i == len(head):
            table.add_row(Text("…"), *[Text("…", justify="center") for _ in columns], style="dim")
        last = step.iteration == final.iteration
        if last and len(shown) > 1:
            table.add_section()
        table.add_row(str(step.iteration), *map(Text, line), style="bold" if last else "")
    parts: list[RenderableType] = [Text(title, "bold"), table]
    if left_out:
        parts.append(Text(f"{left_out:,} rows left out (--all shows them, --every N every Nth)", "dim"))
    parts.append(ending(outcome, digits))
    return Group(*parts)


def ending(outcome: DescentRecord, digits: int) -> RenderableType:
    """How the descent ended, with the values that it found."""
    lines: list[RenderableType] = [Text(outcome.message)]
    best = outcome.best
    for name, value in outcome.result.values.items():
        lines.append(_labelled(name, tensor(value, digits)))
    loss = f"loss {number(outcome.result.loss, digits)}"
    smallest = number(best.loss, digits)
    if smallest != number(outcome.result.loss, digits):
        loss += f"; the smallest was {smallest} at iteration {best.iteration}"
    lines.append(Text(loss))
    if not isinstance(outcome.minimum, UnsetType):
        far = number(outcome.minimum.distance, digits)
        known = f"known minimum: {number(outcome.minimum.loss, digits)}, at distance {far}"
        lines.append(Text(known))
    return Group(*lines)


def step_columns(steps: Sequence[Step], digits: int, width: int) -> dict[str, list[str]]:
    """The columns of a descent by their headers: each element if they fit, otherwise the norm of each tensor."""
    columns = {"loss": [number(step.loss, digits) for step in steps]}
    first = steps[0].values
    count = sum(1 for name in first for _ in elements(name, first[name]))
    whole = dict(columns)
    if count * 2 * (min(digits, 17) + 3) <= width:
        for name, value in first.items():
            labels = [label for label, _ in elements(name, value)]
            for i, label in enumerate(labels):
                whole[label] = [_element(step.values[name], i, digits) for step in steps]
            for i, label in enumerate(labels):
                whole[f"grad {label}"] = [_element(step.grads[name], i, digits) for step in steps]
        # iteration, and three cells between columns
        if 12 + sum(max(len(header), *map(len, aligned(cells))) + 3 for header, cells in whole.items()) <= width:
            return whole
    for name in first:
        scalar = not isinstance(first[name], list)
        label, grad_label = (name, f"grad {name}") if scalar else (f"|{name}|", f"|grad {name}|")
        columns[label] = [_size(step.values[name], digits) for step in steps]
        columns[grad_label] = [_size(step.grads[name], digits) for step in steps]
    return columns


def _element(value: Nested, i: int, digits: int) -> str:
    flat = [item for _, item in elements("", value)]
    return "None" if value is None else number(flat[i], digits)


def _size(value: Nested, digits: int) -> str:
    """A number itself, or the norm of a tensor."""
    return number(norm(value), digits) if isinstance(value, list) else number(value, digits)


def notes(found: Sequence[Notice]) -> RenderableType:
    """Notes, each wrapped next to its label."""
    grid = Table.grid(padding=(0, 1))
    for notice in found:
        grid.add_row(Text("note:", "cyan"), Text(notice.message))
    return grid


def listing(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    """A plain table of texts."""
    table = empty_table(*headers)
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


def print_to(file: IO[str], make: Callable[[int], RenderableType]) -> None:
    """Print what ``make`` returns for a width.

    User text is never markup; without a terminal, there is no colour and no space at the end of a line.
    """
    screen = Console(file=file, highlight=False, markup=False, emoji=False)
    made = make(screen.width)
    if screen.is_terminal:
        screen.print(made)
        return
    with screen.capture() as captured:
        screen.print(made)
    file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
