"""The coefficients of a regression, and how good they are, beside the exact answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult

from gdcli.contract.regression import Coefficient, RegressionResult
from gdcli.render.columns import Columns, Fitted, Form, Layout, fitted
from gdcli.render.numbers import USUAL, number, wrapped
from gdcli.render.text import Text

Make: TypeAlias = Callable[[int], Columns]
_NAME = 12  # cells that a long name has, at least
_NOTHING = "-"
_MOST = 40  # coefficients that are shown
_EDGE = 15  # of more of them, at each end


def coefficient_table(outcome: RegressionResult, digits: int, width: int) -> RenderableType:
    """The name of each coefficient, its value by gradient descent, the exact one, and in how many digits they agree.

    Those of standardized features stand beside them, or below where they do not fit with as many digits.
    """
    every = outcome.coefficients
    shown = every if len(every) <= _MOST else [*every[:_EDGE], *every[-_EDGE:]]
    names = [wrapped(each.name, max(_NAME, width // 3), "  ") for each in shown]
    gap = _EDGE if len(every) > _MOST else None

    def table(name: str, *forms: Form) -> tuple[bool, list[RenderableType]]:
        """Whether it has all that the best form has, and its lines."""
        longest = max([cell_len(name), *(cell_len(line) for lines in names for line in lines)])
        fit = fitted(forms, _layouts(longest, name), digits, width, shows="--json")
        lines = list(_lines(fit, names, longest, gap))
        return not fit.note, lines + [Text(fit.note, "dim")] * bool(fit.note)

    usual, with_errors, standardized = _columns(shown)
    left_out = "standard errors are left out"
    forms = [Form(with_errors, exact=True), Form(usual, left_out if _has_errors(shown) else "", exact=True)]
    lines: list[RenderableType] = []
    if outcome.settings.standardize:
        has_all, lines = table(
            "coefficient", Form(lambda digits: with_errors(digits) | standardized(digits), exact=True)
        )
        if not has_all:
            below = Form(lambda digits: dict(zip(("by descent", "exact"), standardized(digits).values(), strict=False)),
                         exact=True)  # fmt: skip
            lines = [*table("coefficient", *forms)[1], Text(""), *table("standardized", below)[1]]
    else:
        _, lines = table("coefficient", *forms)
    if gap is not None:
        lines.append(Text(f"{len(every) - 2 * _EDGE:,} coefficients left out; --json has them all", "dim"))
    return Group(*lines)


def quality_table(outcome: RegressionResult, digits: int, width: int) -> RenderableType:
    """The loss, R2 and the size of the residuals, by descent and of the exact answer."""
    known = qualities_of(outcome)

    def columns(digits: int) -> Columns:
        made = {"by descent": [_cell(number, digits) for _, number, _ in known]}
        if outcome.exact_quality is not None:
            made["exact"] = [_cell(number, digits) for _, _, number in known]
        return made

    longest = max(map(cell_len, [_QUALITY, *(label for label, _, _ in known)]))
    fit = fitted([Form(columns, exact=True)], _layouts(longest, _QUALITY), digits, width, shows="--json")
    lines = _lines(fit, [[label] for label, _, _ in known], longest, None)
    return Group(*lines, *[Text(fit.note, "dim")] * bool(fit.note))


def qualities_of(outcome: RegressionResult) -> list[tuple[str, float | None, float | None]]:
    """What is known of the quality: its name, by descent and of the exact answer; then of the rows kept apart."""
    both = [
        ("{}", outcome.quality, outcome.exact_quality),
        ("{} kept apart", outcome.validation_quality, outcome.exact_validation_quality),
    ]
    return [
        (label.format(name), getattr(by_descent, field), None if exact is None else getattr(exact, field))
        for label, by_descent, exact in both
        if by_descent is not None
        for name, field in QUALITIES.items()
        if getattr(by_descent, field) is not None
    ]


QUALITIES = {
    "loss": "loss",
    "R2": "r2",
    "adjusted R2": "adjusted_r2",
    "RMSE": "rmse",
    "residual SD": "residual_sd",
    "accuracy": "accuracy",
    "deviance": "deviance",
}
"""The names of what says how good coefficients are, each with its field of ``Quality``."""
_QUALITY = "quality"


def _layouts(longest: int, name: str) -> list[Layout]:
    return [Layout(longest + gap, gap, name) for gap in (3, 2)]


def _columns(shown: Sequence[Coefficient]) -> tuple[Make, Make, Make]:
    """The columns of coefficients in the units of the data, these with standard errors, and the standardized ones."""
    has_exact = any(each.exact is not None for each in shown)

    def usual(digits: int) -> Columns:
        columns = {"by descent": [_cell(each.value, digits) for each in shown]}
        if has_exact:
            columns["exact"] = [_cell(each.exact, digits) for each in shown]
            columns["digits"] = [_NOTHING if each.digits is None else f"{each.digits:.1f}" for each in shown]
        return columns

    def with_errors(digits: int) -> Columns:
        errors = [_cell(each.standard_error, min(digits, USUAL)) for each in shown]
        return usual(digits) | ({"std error": errors} if _has_errors(shown) else {})

    def standardized(digits: int) -> Columns:
        columns = {"standardized": [_cell(each.standardized, digits) for each in shown]}
        if has_exact:
            columns["exact "] = [_cell(each.exact_standardized, digits) for each in shown]
        return columns

    return usual, with_errors, standardized


def _has_errors(shown: Sequence[Coefficient]) -> bool:
    return any(each.standard_error is not None for each in shown)


class Drawn:
    """A line, and what takes its place where the console has no more signs than those of ASCII."""

    def __init__(self, line: Text, plain: Text) -> None:
        self.line = line
        self.plain = plain

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it with the characters of the console."""
        yield self.plain if options.ascii_only else self.line


def _cell(value: float | None, digits: int) -> str:
    return _NOTHING if value is None else number(value, digits)


def _lines(fit: Fitted, names: Sequence[Sequence[str]], longest: int, gap: int | None) -> list[RenderableType]:
    """The lines of the table: a name that is long has several, and the numbers stand in its first."""
    between = " " * fit.layout.gap
    widths = [max(map(cell_len, (header, cells[0]))) for header, cells in fit.columns.items()]

    def line(label: str, cells: Sequence[str], style: str = "") -> Text:
        padded = [" " * (width - cell_len(cell)) + cell for cell, width in zip(cells, widths, strict=True)]
        label += " " * (longest - cell_len(label))
        return Text(between.join([label, *padded]).rstrip(), style, no_wrap=True, overflow="ignore")

    rule = longest + sum(widths) + fit.layout.gap * len(widths)
    found: list[RenderableType] = [
        line(fit.layout.name, list(fit.columns), "bold"),
        Drawn(Text("─" * rule, no_wrap=True, overflow="ignore"), Text("-" * rule, no_wrap=True, overflow="ignore")),
    ]
    for i, (label, *more) in enumerate(names):
        if i == gap:
            found.append(Drawn(line("…", ["…"] * len(widths), "dim"), line("...", ["..."] * len(widths), "dim")))
        found.append(line(label, [cells[i] for cells in fit.columns.values()]))
        found += [Text(rest, no_wrap=True, overflow="ignore") for rest in more]
    return found
