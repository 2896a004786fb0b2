"""Formulas, Hessians, Jacobians and checks for people: matrices with labelled rows and columns, and their meaning."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UnsetType
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table

from gdcli.contract.descent import DescentRecord
from gdcli.contract.grad import CheckRow, Curvature, Derivative, GradientCheck, GradResult, JacobianMatrix
from gdcli.memory import EDGE, WHOLE
from gdcli.render.columns import fit_note
from gdcli.render.numbers import aligned, fewer, number
from gdcli.render.table import empty_table
from gdcli.render.text import Text

_EIGENVALUES = 8  # shown at each end of many
_SEPARATOR = 3  # cells between two columns of a matrix
_ROWS = 20  # of a matrix that is too wide
_COLORS = {"agree": "green", "kink": "yellow", "disagree": "red", "undefined": "yellow", "unconfirmed": "yellow"}


def explanations(record: GradResult, digits: int, width: int) -> list[RenderableType]:
    """The requested explanations of the gradient, in reading order."""
    parts: list[RenderableType] = []
    if not isinstance(record.derivatives, UnsetType):
        parts.append(formulas(record.derivatives, digits, width, latex=record.settings.latex))
    if not isinstance(record.jacobian, UnsetType):
        parts.append(jacobian(record.jacobian, digits, width))
    if not isinstance(record.hessian, UnsetType):
        parts.append(hessian(record.hessian, digits, width))
    if not isinstance(record.check, UnsetType):
        parts.append(check("check", record.check, digits, width))
    return [part for made in parts for part in (Text(""), made)]


def with_checks(descent: RenderableType, outcome: DescentRecord, digits: int, width: int) -> RenderableType:
    """A descent and, below it, the checks of its gradient at the start and at the end."""
    if isinstance(outcome.checks, UnsetType):
        return descent
    parts = [check(f"check at the {where}", found, digits, width) for where, found in outcome.checks.items()]
    return Group(descent, *(part for made in parts for part in (Text(""), made)))


def formulas(derivatives: Sequence[Derivative], digits: int, width: int, *, latex: bool) -> RenderableType:
    """One line per variable: the formula of its derivative and the value, or why there is none.

    A formula is never wrapped, so that it can be copied; in LaTeX it is shown without its value.
    """
    lines: list[RenderableType] = []
    for derivative in derivatives:
        result = derivative.result or "f"  # UNSET is false
        left = f"∂{result}/∂{derivative.variable}"
        if derivative.formula is None:
            lines.append(_labelled(left, "no formula: ", derivative.obstacle))
        elif latex:
            name = rf"\frac{{\partial {result}}}{{\partial {derivative.variable}}}"
            lines.append(_unwrapped(Text(f"{name} = {derivative.latex}")))
        else:
            line = Text.assemble(left, " = ", (derivative.formula, "bold"))
            value = f" = {number(derivative.value, digits)}"
            if value != f" = {derivative.formula}":
                line.append(value if line.cell_len + len(value) <= width else f"\n{' ' * cell_len(left)}{value}")
            lines.append(_unwrapped(line))
    numbered = next((d for d in derivatives if d.name and d.name != d.variable), None)
    if numbered is not None and not latex:
        told = f"{numbered.variable} is the {numbered.name} that line {numbered.line} gives, and so on"
        lines.append(Text(told, "dim"))
    return Group(*lines)


def _labelled(label: str, lead: str, text: str) -> Table:
    """A label, and next to it a sentence that wraps with a hanging indent."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_row(Text(label), Text.assemble((lead, "yellow"), text))
    return grid


def _unwrapped(text: Text) -> Text:
    text.no_wrap = True
    text.overflow = "ignore"
    return text


def hessian(curvature: Curvature, digits: int, width: int) -> RenderableType:
    """The matrix, its eigenvalues and condition number, and the kind of the point."""
    grid = Table.grid(padding=(0, 2))
    if curvature.eigenvalues:
        grid.add_row("eigenvalues", Text(_ends(curvature.eigenvalues, digits)))
        condition = curvature.condition_number
        shown = "infinite (an eigenvalue is 0 within rounding)" if condition is None else number(condition, digits)
        grid.add_row("condition number", Text(shown))
    grid.add_row("gradient norm", Text(number(curvature.gradient_norm, digits)))
    return Group(
        _matrix("Hessian", curvature.labels, curvature.labels, curvature.matrix, digits, width),
        grid,
        Text(curvature.message, "bold"),
    )


def _ends(values: Sequence[float | None], digits: int) -> str:
    texts = [number(value, digits) for value in values]
    if len(texts) > 2 * _EIGENVALUES:
        texts = [*texts[:_EIGENVALUES], "…", *texts[-_EIGENVALUES:]]
    return ", ".join(texts)


def jacobian(found: JacobianMatrix, digits: int, width: int) -> RenderableType:
    """The matrix, with f for a result without a name."""
    return _matrix("Jacobian", found.rows, found.columns, found.matrix, digits, width)


def _matrix(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    matrix: Sequence[Sequence[float | None]],
    digits: int,
    width: int,
) -> RenderableType:
    """A matrix with labelled rows and columns; the middle is left out if it does not fit."""
    shown_rows = _shown(len(rows), WHOLE)
    room = width - max(cell_len(rows[i]) for i in shown_rows)
    for fit in (each for group in fewer(digits) for each in group):
        first, last = _fitting(columns, _cells(matrix, shown_rows, _candidates(len(columns), room), fit), room)
        if first:
            break
    if last:
        shown_rows = _shown(len(rows), _ROWS)
    cells = _cells(matrix, shown_rows, [*first, *last], fit)
    table = empty_table()
    table.add_column("", no_wrap=True)
    for j in first:
        table.add_column(Text(columns[j]), justify="right", no_wrap=True)
    for header in ("…", *(columns[j] for j in last)) if last else ():
        table.add_column(Text(header), justify="right", no_wrap=True)
    for k, i in enumerate(shown_rows):
        if k and i != shown_rows[k - 1] + 1:
            table.add_row(Text("…"))
        texts = [cells[j][k] for j in first] + (["…", *(cells[j][k] for j in last)] if last else [])
        table.add_row(Text(rows[i], "bold"), *map(Text, texts))
    note = [Text(fit_note("", fit, digits, width), "dim")] if fit < digits else []
    return Group(Text(title, "bold"), table, *note)


def _cells(
    matrix: Sequence[Sequence[float | None]], rows: Sequence[int], columns: Sequence[int], digits: int
) -> dict[int, list[str]]:
    """The columns as texts with aligned decimal points."""
    return {j: aligned([number(matrix[i][j], digits) for i in rows]) for j in columns}


def _shown(count: int, most: int) -> Sequence[int]:
    """All rows, or the first and the last ones."""
    edge = min(EDGE, most // 2)
    return range(count) if count <= most else [*range(edge), *range(count - edge, count)]


def _candidates(count: int, room: int) -> list[int]:
    """The columns that may fit: the first ones and the last one."""
    return sorted({*range(min(count, room // (1 + _SEPARATOR) + 1)), count - 1})


def _fitting(columns: Sequence[str], cells: dict[int, list[str]], room: int) -> tuple[list[int], list[int]]:
    """All columns, or the first ones that fit, if any, and the last one, for a matrix that is too wide."""
    widths = {j: max(cell_len(columns[j]), cell_len(column[0])) + _SEPARATOR for j, column in cells.items()}
    last = len(columns) - 1
    if len(widths) == len(columns) and sum(widths.values()) <= room:
        return list(widths), []
    room -= widths[last] + (1 + _SEPARATOR) * (last > 1)
    first: list[int] = []
    while len(first) < last and sum(widths[j] for j in [*first, len(first)]) <= room:
        first.append(len(first))
    return first, [last]


def check(title: str, found: GradientCheck, digits: int, width: int) -> RenderableType:
    """The three methods with their agreement, the reasons of single rows, and the verdict.

    If there are many rows, those that agree are left out.
    """
    rows = found.rows
    if len(rows) > WHOLE:
        rows = [row for row in rows if row.verdict != "agree" or row.doubt][:WHOLE] or rows[:EDGE]
    parts: list[RenderableType] = [Text(title, "bold"), _check_table(rows, digits, width)]
    if len(rows) < len(found.rows):
        parts.append(Text(f"{len(found.rows) - len(rows):,} rows left out (--json has them)", "dim"))
    if not isinstance(found.lost, UnsetType):
        parts.append(Text(found.lost.message, "red"))
    reasons = [(row, row.reason) for row in rows if row.reason]
    if reasons:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        for row, reason in reasons:
            doubted = f"do not trust {_NAMES[row.doubt]}: " if row.doubt else ""
            grid.add_row(Text(f"{row.label}:", "bold"), Text.assemble((doubted, "red"), reason))
        parts.append(grid)
    color = {"agree": "green", "disagree": "red", "unclear": "yellow"}[found.verdict]
    return Group(*parts, Text(found.message, color))


_NAMES = {"autograd": "autograd", "differences": "the differences", "symbolic": "the formula"}


def _check_table(rows: Sequence[CheckRow], digits: int, width: int) -> RenderableType:
    columns = {
        "autograd": aligned([number(row.autograd, digits) for row in rows]),
        "differences": aligned([_or_blank(row.differences, digits) for row in rows]),
        "formula": aligned([_or_blank(row.symbolic, digits) for row in rows]),
        "rel. error": [_or_blank(row.relative_error, 2) for row in rows],
        "digits": ["" if row.agreeing_digits is None else str(row.agreeing_digits) for row in rows],
    }
    columns = {name: cells for name, cells in columns.items() if any(cell.strip() for cell in cells)}
    names = ["", *columns, "verdict"]
    contents: list[list[str]] = [[row.label for row in rows], *columns.values(), [row.verdict for row in rows]]
    widths = [max(map(cell_len, [name, *cells])) for name, cells in zip(names, contents, strict=True)]
    if sum(widths) + 3 * len(columns) + 3 > width:
        return _stacked(rows, columns)
    table = empty_table(*names)
    for column in table.columns[1:-1]:
        column.justify = "right"
    for i, row in enumerate(rows):
        line = [Text(column[i]) for column in columns.values()]
        table.add_row(Text(row.label, "bold"), *line, Text(row.verdict, _COLORS[row.verdict]))
    return table


def _stacked(rows: Sequence[CheckRow], columns: dict[str, list[str]]) -> RenderableType:
    """The cells of each row below each other, for numbers that are too long for columns."""
    grid = Table.grid(padding=(0, 2))
    for i, row in enumerate(rows):
        grid.add_row(Text(row.label, "bold"), "verdict", Text(row.verdict, _COLORS[row.verdict]))
        for name, cells in columns.items():
            grid.add_row("", name, Text(cells[i].strip()))
    return grid


def _or_blank(value: float | None, digits: int) -> str:
    return "" if value is None else number(value, digits)
