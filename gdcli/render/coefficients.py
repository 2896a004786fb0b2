"""The coefficients of a regression, and how good they are, beside the exact answer."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType

from gdcli.contract.regression import Coefficient, RegressionResult
from gdcli.render.columns import Columns, Fitted, Form, Layout, fitted
from gdcli.render.numbers import USUAL, number, wrapped
from gdcli.render.text import Text

_NAME = 12  # cells that a long name has, at least
_NOTHING = "-"
_MOST = 40  # coefficients that are shown
_EDGE = 15  # of more of them, at each end


def coefficient_table(outcome: RegressionResult, digits: int, width: int) -> RenderableType:
    """The name of each coefficient, its value by gradient descent, the exact one, and in how many digits they agree."""
    every = outcome.coefficients
    shown = every if len(every) <= _MOST else [*every[:_EDGE], *every[-_EDGE:]]
    names = [wrapped(each.name, max(_NAME, width // 3), "  ") for each in shown]
    longest = max([len("coefficient"), *(cell_len(line) for lines in names for line in lines)])
    fit = fitted(_forms(outcome, shown), _layouts(longest, "coefficient"), digits, width, shows="--json")
    gap = _EDGE if len(every) > _MOST else None
    lines = list(_lines(fit, names, longest, gap))
    if gap is not None:
        lines.append(Text(f"{len(every) - 2 * _EDGE:,} coefficients left out; --json has them all", "dim"))
    return Group(*lines, *[Text(fit.note, "dim")] * bool(fit.note))


def quality_table(outcome: RegressionResult, digits: int, width: int) -> RenderableType:
    """The loss, R2 and the size of the residuals, by descent and of the exact answer."""
    by_descent, exact = outcome.quality, outcome.exact_quality
    known = {label: name for label, name in QUALITIES.items() if getattr(by_descent, name) is not None}

    def columns(digits: int) -> Columns:
        made = {"by descent": [_cell(getattr(by_descent, name), digits) for name in known.values()]}
        if exact is not None:
            made["exact"] = [_cell(getattr(exact, name), digits) for name in known.values()]
        return made

    longest = max(map(cell_len, [_QUALITY, *known]))
    fit = fitted([Form(columns, exact=True)], _layouts(longest, _QUALITY), digits, width, shows="--json")
    lines = _lines(fit, [[label] for label in known], longest, None)
    return Group(*lines, *[Text(fit.note, "dim")] * bool(fit.note))


QUALITIES = {"loss": "loss", "R2": "r2", "adjusted R2": "adjusted_r2", "RMSE": "rmse", "residual SD": "residual_sd"}
"""The names of what says how good coefficients are, each with its field of ``Quality``."""
_QUALITY = "quality"


def _layouts(longest: int, name: str) -> list[Layout]:
    return [Layout(longest + gap, gap, name) for gap in (3, 2)]


def _forms(outcome: RegressionResult, shown: Sequence[Coefficient]) -> list[Form]:
    """The ways to show the coefficients, the best first."""
    has_exact = any(each.exact is not None for each in shown)
    has_errors = any(each.standard_error is not None for each in shown)

    def usual(digits: int) -> Columns:
        columns = {"by descent": [_cell(each.value, digits) for each in shown]}
        if has_exact:
            columns["exact"] = [_cell(each.exact, digits) for each in shown]
            columns["digits"] = [_NOTHING if each.digits is None else f"{each.digits:.1f}" for each in shown]
        return columns

    def with_errors(digits: int) -> Columns:
        return usual(digits) | {"std error": [_cell(each.standard_error, min(digits, USUAL)) for each in shown]}

    def with_standardized(digits: int) -> Columns:
        columns = with_errors(digits) if has_errors else usual(digits)
        columns["standardized"] = [_cell(each.standardized, digits) for each in shown]
        if has_exact:
            columns["exact "] = [_cell(each.exact_standardized, digits) for each in shown]
        return columns

    forms = []
    without = "the standardized coefficients are left out" if outcome.settings.standardize else ""
    if outcome.settings.standardize:
        forms.append(Form(with_standardized, exact=True))
    if has_errors:
        forms.append(Form(with_errors, without, exact=True))
        without = " and ".join(part for part in (without, "standard errors are left out") if part)
    forms.append(Form(usual, without, exact=True))
    return forms


def _cell(value: float | None, digits: int) -> str:
    return _NOTHING if value is None else number(value, digits)


def _lines(fit: Fitted, names: Sequence[Sequence[str]], longest: int, gap: int | None) -> list[Text]:
    """The lines of the table: a name that is long has several, and the numbers stand in its first."""
    between = " " * fit.layout.gap
    widths = [max(map(cell_len, (header, cells[0]))) for header, cells in fit.columns.items()]

    def line(label: str, cells: Sequence[str], style: str = "") -> Text:
        padded = [" " * (width - cell_len(cell)) + cell for cell, width in zip(cells, widths, strict=True)]
        label += " " * (longest - cell_len(label))
        return Text(between.join([label, *padded]).rstrip(), style, no_wrap=True, overflow="ignore")

    rule = "─" * (longest + sum(widths) + fit.layout.gap * len(widths))
    found = [line(fit.layout.name, list(fit.columns), "bold"), Text(rule, no_wrap=True, overflow="ignore")]
    for i, (label, *more) in enumerate(names):
        if i == gap:
            found.append(line("…", ["…"] * len(widths), "dim"))
        found.append(line(label, [cells[i] for cells in fit.columns.values()]))
        found += [Text(rest, no_wrap=True, overflow="ignore") for rest in more]
    return found
