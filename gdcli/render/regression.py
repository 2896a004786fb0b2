"""A regression as tables: its epochs or steps, its coefficients beside the exact ones, and sentences about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import UNSET
from msgspec.structs import replace
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table

from gdcli.contract.regression import HUBER_DELTA, QUADRATIC, RegressionResult, Row, coefficients_of
from gdcli.memory import Shown
from gdcli.render.coefficients import coefficient_table, quality_table
from gdcli.render.columns import NARROWEST, Columns, Fitted, Form, Layout, fitted
from gdcli.render.numbers import differ, number
from gdcli.render.row_table import FoldedTable
from gdcli.render.text import Text

BATCHES = (
    "of an epoch of batches, {before} those before it, loss is the mean during it, and |grad| that of its last batch; "
    "the row at the end is of all rows"
)
"""What belongs together in the row of an epoch of batches."""
MOST_NAMED = 6
"""Coefficients that the rows of a table show at most."""


class RegressionTable(FoldedTable):
    """The epochs of a regression, or its steps; the state after the last update below them; and what was found."""

    def __init__(
        self,
        title: str,
        rows: Shown[Row],
        outcome: RegressionResult,
        digits: int,
        *,
        whole: bool = False,
        shortens: bool = True,
    ) -> None:
        super().__init__(title, whole=whole, shortens=shortens)
        self.rows = rows
        self.outcome = outcome
        self.digits = digits

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for the width, the height and the characters of the console."""
        head, left_out, tail = self.rows
        final = self.outcome.result
        rows = [*head, *tail]
        if rows and rows[-1].iteration == final.iteration:
            rows.pop()
        rows.append(final)
        fit = _fitted_rows(rows, self.outcome, self.digits, options.max_width)

        def alike(one: int, other: int) -> bool:
            return (rows[one].loss, rows[one].values) == (rows[other].loss, rows[other].values)

        below: list[RenderableType] = [Text(""), regression_ending(self.outcome, self.digits, options.max_width)]
        if about := _about_rows(fit, self.outcome):
            below.insert(0, Text(about, "dim"))
        yield from self.drawn(console, options, fit, _labels(rows, self.outcome), (len(head), left_out), alike, below)


def _labels(rows: Sequence[Row], outcome: RegressionResult) -> list[str]:
    return [str(row.iteration if outcome.settings.per == "step" else row.epoch) for row in rows]


def _fitted_rows(rows: Sequence[Row], outcome: RegressionResult, digits: int, width: int) -> Fitted:
    """The rows as columns: the loss, the norm of the gradient, and as far as they fit a few coefficients."""
    per_step = outcome.settings.per == "step"
    names = ("iteration", "iter") if per_step else ("epoch", "epoch")
    counted = max(map(len, _labels(rows, outcome)))
    layouts = [Layout(max(len(name), counted) + gap, gap, name) for name, gap in zip(names, (3, 2), strict=True)]
    coefficients = [each.name for each in outcome.coefficients]

    def usual(digits: int) -> Columns:
        return row_columns(rows, (), digits, per_step=per_step)

    def with_coefficients(digits: int) -> Columns:
        return row_columns(rows, coefficients, digits, per_step=per_step)

    forms = []
    count = len(outcome.coefficients)
    if 0 < count <= MOST_NAMED and (count + 2) * NARROWEST <= width:
        forms.append(Form(with_coefficients, exact=True))
    forms.append(Form(usual, "the coefficients are not shown" if forms else "", exact=True))
    return fitted(forms, layouts, digits, width)


def row_columns(rows: Sequence[Row], names: Sequence[str], digits: int, *, per_step: bool = False) -> Columns:
    """The columns of rows: the loss, the norm of the gradient, and the coefficients of these names.

    With batches, the number of updates before an epoch too; the learning rate where it changes.
    """
    has_updates = not per_step and any(row.iteration != row.epoch for row in rows)
    columns = {"updates": [str(row.iteration) for row in rows]} if has_updates else {}
    columns["loss"] = [number(row.loss, digits) for row in rows]
    if any(isinstance(row.validation, float) for row in rows):
        columns["validation"] = [_validation(row, digits) for row in rows]
    if len({row.lr for row in rows}) > 1:
        columns["lr"] = [number(row.lr, digits) for row in rows]
    columns["|grad|"] = [number(row.gradient, digits) for row in rows]
    if not names:
        return columns
    cells = zip(*([number(each, digits) for each in coefficients_of(row)] for row in rows), strict=True)
    named = zip(names, cells, strict=True)
    return columns | {_apart(name, columns): list(column) for name, column in named}


def _apart(name: str, others: Columns) -> str:
    """The header of a coefficient, which is not that of another column."""
    return f"coefficient {name}" if name in others else name


def _validation(row: Row, digits: int) -> str:
    return number(row.validation, digits) if isinstance(row.validation, float) else "-"


def _about_rows(fit: Fitted, outcome: RegressionResult) -> str:
    """What was done to fit the rows into the width, and what their coefficients are coefficients of."""
    shown = any(each.name in fit.columns for each in outcome.coefficients)
    what = "in these rows, the coefficients are those of standardized features"
    parts = [fit.note, what if shown and outcome.settings.standardize else ""]
    if outcome.settings.batch_size is not None and outcome.settings.per == "epoch":
        parts.append(BATCHES.format(before="coefficients and validation are" if outcome.settings.validate else
                                    "coefficients are"))  # fmt: skip
    if outcome.settings.l1:
        parts.append("|grad| is that of the loss without the penalty of --l1, and not 0 at the minimum")
    return "; ".join(part for part in parts if part)


def regression_ending(outcome: RegressionResult, digits: int, width: int) -> RenderableType:
    """How the descent ended, the coefficients, and how good they are."""
    parts: list[RenderableType] = [Text(_message(outcome, digits)), Text("")]
    parts += [coefficient_table(outcome, digits, width), Text("")]
    parts += [quality_table(outcome, digits, width), Text(""), _facts(outcome)]
    return Group(*parts)


def _message(outcome: RegressionResult, digits: int) -> str:
    """The message, and the smallest loss if it was not the last one."""
    best = outcome.best
    loss: float | None = outcome.result.loss
    if outcome.status == "early_stopped":
        return outcome.message
    what, last = "loss", outcome.result.validation
    if isinstance(best.validation, float):
        what, loss = "validation loss", last if isinstance(last, float) else None
        best = replace(best, loss=best.validation)
    if best.loss is None or not differ(loss, best.loss, digits) or (loss is not None and loss < best.loss):
        return outcome.message
    where = f"iteration {best.iteration:,}" if outcome.settings.per == "step" else f"epoch {best.epoch:,}"
    return f"{outcome.message}; the smallest {what} was {number(best.loss, digits)} at {where}"


def _facts(outcome: RegressionResult) -> RenderableType:
    """What is known beside the numbers of the tables, each fact after its label."""
    grid = Table.grid(padding=(0, 2))
    for label, text in facts_of(outcome):
        grid.add_row(Text(label, "dim"), Text(text))
    return grid


def facts_of(outcome: RegressionResult) -> Iterator[tuple[str, str]]:
    """The condition numbers, the steps that descent needs, and where the exact answer comes from, with labels."""
    yield from _about_model(outcome)
    found = outcome.conditioning
    if found is not None:
        named = [("raw", found.raw), ("standardized", found.standardized)]
        parts = [f"{number(size, 4)} with {name} features" for name, size in named if size is not None]
        if parts:
            of = "" if outcome.settings.loss in QUADRATIC else "of X'X, "
            yield "condition number", of + ", ".join(parts)
        needs = []
        if found.steps_by_theory is not None:
            needs.append(f"{_steps(found.steps_by_theory)} by theory")
        if found.steps_by_simulation is not None:
            needs.append(f"{found.steps_by_simulation:,} by simulation")
        elif outcome.settings.lr == "auto":
            what = "the Hessian" if outcome.settings.loss in QUADRATIC else "a bound of the Hessian"
            largest = f"1 / {number(found.largest, 4)}, the largest eigenvalue of {what}"
            yield "learning rate", f"{number(found.lr, 4)} = {largest}"
        if needs:
            accuracy = f"for coefficients within {found.accuracy:g} of the exact ones, by plain descent on all rows "
            accuracy += f"with lr {number(found.lr, 4)}"
            yield "steps needed", f"{' and '.join(needs)} ({accuracy}); {_made(outcome)}"
    if outcome.exact_quality is not None:
        yield "exact answer", outcome.exact
    else:
        more = "; with --l2 there is one" if outcome.exact.endswith("equally good") else ""
        yield "no exact answer", outcome.exact + more


def _about_model(outcome: RegressionResult) -> Iterator[tuple[str, str]]:
    """What the coefficients and the quality are about, where that has to be known to read them."""
    settings, target = outcome.settings, outcome.columns[-1]
    if settings.loss == "logistic":
        one, zero = (target.levels[1], target.levels[0]) if target.levels else ("1", "0")
        yield "class 1", f"{target.name} is {one}; {zero} is class 0"
    dropped = [f"{column.dropped} of {column.name}" for column in outcome.columns if column.dropped is not None]
    if dropped:
        yield "reference level", ", ".join(dropped)
    if settings.loss == "huber":
        yield "Huber's loss", f"delta is {HUBER_DELTA:g}, in the unit of {target.name}"
    if not settings.intercept and outcome.quality.r2 is not None:
        yield "R2", "without an intercept, against predictions of 0 and not of the mean"


def rows_of(outcome: RegressionResult) -> str:
    """The number of rows that are fitted, and of those kept apart: ``160 rows, 40 more kept apart``."""
    settings, text = outcome.settings, f"{outcome.rows:,} rows"
    if settings.validate is None or settings.source is UNSET or settings.source.rows is None:
        return text
    return f"{text}, {settings.source.rows - outcome.rows - outcome.dropped:,} more kept apart"


def _made(outcome: RegressionResult) -> str:
    """How many steps led to the coefficients."""
    made = f"{outcome.result.iteration:,}"
    return f"the coefficients are those after {made}" if outcome.status == "early_stopped" else f"this run made {made}"


def _steps(count: float) -> str:
    return f"{count:,.0f}" if count < 1e9 else f"{count:.3g}"
