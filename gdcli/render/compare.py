"""The record of ``compare`` as a table of standings with curves and the rules, and as CSV."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gdcli.contract.compare import CompareResult, LossCurve, RunStatus, Spread, Standing, Tuning
from gdcli.contract.plot import spelled_out
from gdcli.render.bars import Bars, LogScale
from gdcli.render.documents import csv_row
from gdcli.render.numbers import aligned, number, tensor
from gdcli.render.table import empty_table

_LEAST_DIGITS = 3
_GAP = 3  # cells between two columns
_WIDEST_CURVE = 60
_BROADEST = 4  # cells of a learning rate
_WORDS: dict[RunStatus, str] = {
    "reached": "reached",
    "max_steps": "out of budget",
    "diverged": "diverged",
    "stalled": "stalled",
    "interrupted": "interrupted",
}

Columns: TypeAlias = dict[str, list[str]]


def compare_report(record: CompareResult, digits: int, width: int) -> RenderableType:
    """The standings, the curves, the tuning, and the rules."""
    several = len(record.starts) > 1
    gaps = _Gaps(record)
    title = spelled_out(record.settings.expression, record.rules.expression)
    parts: list[RenderableType] = [Text(f"compare {title}", "bold"), _standings_table(record, digits, width)]
    if several:
        parts.append(Text(f"medians over {len(record.starts)} starts, with the quartiles of the loss", "dim"))
    parts += [Text(""), _curves(record, gaps, width)]
    if record.settings.tune:
        parts += [Text(""), _tuning_table(record, digits), Text(""), _rates(record, gaps, width)]
    parts += [Text(""), Text(record.message), _rules(record)]
    return Group(*parts)


def _standings_table(record: CompareResult, digits: int, width: int) -> RenderableType:
    """The table, with fewer digits and then fewer columns if it is too wide."""
    optional = ["best loss", "steps", "distance", "quartiles"]
    says_the_same = all(each.best_loss == each.loss for each in record.standings)
    columns = _columns(record, digits)
    for fewer in range(digits - 1, _LEAST_DIGITS - 1, -1):
        if _width(columns) > width and says_the_same:
            columns.pop("best loss", None)
        if _width(columns) <= width:
            break
        columns = _columns(record, fewer)
    for header in optional:
        if _width(columns) > width:
            columns.pop(header, None)
    table = empty_table(*columns)
    for header, column in zip(columns, table.columns, strict=True):
        column.justify = "left" if header in ("optimizer", "status") else "right"
    for i, row in enumerate(zip(*columns.values(), strict=True)):
        table.add_row(*map(Text, row), style="bold" if record.standings[i].rank == 1 else "")
    return table


def _columns(record: CompareResult, digits: int) -> Columns:
    standings = record.standings
    several = len(record.starts) > 1

    def medians(of: Callable[[Standing], Spread], least: int = 0) -> list[str]:
        return aligned([_median(of(each), max(digits, least)) for each in standings])

    columns = {"rank": [str(each.rank) for each in standings], "optimizer": [each.optimizer for each in standings]}
    columns["lr"] = aligned(["by start" if each.lr is None else number(each.lr, digits) for each in standings])
    if several:
        columns["reached"] = [_share(each) for each in standings]
    columns["evals"] = medians(lambda each: each.evaluations, 9)
    columns["steps"] = medians(lambda each: each.steps, 9)
    columns["loss"] = medians(lambda each: each.loss)
    if several:
        columns["quartiles"] = [_quartiles(each.loss, 2) for each in standings]
    columns["best loss"] = medians(lambda each: each.best_loss)
    if record.rules.minimum is not None:
        columns["distance"] = medians(lambda each: each.distance)
    if not several:
        columns["status"] = [_WORDS[each.runs[0].status] for each in standings]
    return columns


def _width(columns: Columns) -> int:
    """The cells that a table of these columns takes."""
    return sum(max(map(len, [header, *cells])) for header, cells in columns.items()) + _GAP * (len(columns) - 1)


def _median(spread: Spread, digits: int) -> str:
    return _number_or_dash(spread.median, digits)


def _quartiles(spread: Spread, digits: int) -> str:
    return f"{_number_or_dash(spread.q1, digits)}..{_number_or_dash(spread.q3, digits)}"


def _number_or_dash(value: float | None, digits: int) -> str:
    """A number; "-" if it is missing or not finite."""
    return "-" if value is None or not math.isfinite(value) else number(value, digits)


def _share(standing: Standing) -> str:
    return f"{standing.reached}/{len(standing.runs)}"


class _Gaps:
    """The difference of losses from the best possible loss, on one logarithmic scale for all optimizers.

    The best possible loss is the known minimum, and the scale goes down to the goal. If no minimum is known, it is 0
    if no loss is negative, and otherwise the smallest loss.
    """

    def __init__(self, record: CompareResult) -> None:
        curves = [_finite(each.curve.loss) for each in record.standings]
        losses = [loss for curve in curves for loss in curve]
        least = min(losses, default=0.0)
        self.zero = min(0.0, least) if record.rules.minimum is None else record.rules.minimum
        gaps = [loss - self.zero for loss in losses if loss > self.zero]
        if record.rules.goal == "loss" and record.rules.limit > self.zero:
            gaps = [record.rules.limit - self.zero]
        firsts = [curve[0] - self.zero for curve in curves if curve and curve[0] > self.zero]
        self.high = max(firsts, default=max(gaps, default=1.0))  # larger losses are clamped to the top
        self.low = min([*gaps, self.high])
        self.scale = LogScale(self.low, self.high)

    def level(self, loss: float | None) -> float:
        """The position of a loss on the scale."""
        return self.scale.level(None if loss is None else loss - self.zero)

    def described(self) -> str:
        """The ends of the scale, in words."""
        zero = number(self.zero, 6)
        what = "loss" if self.zero == 0 else f"loss - {zero}" if self.zero > 0 else f"loss + {zero[1:]}"
        return f"log of {what}, from {number(self.high, 2)} down to {number(self.low, 2)}"


def _finite(numbers: Sequence[float | None]) -> list[float]:
    return [value for value in numbers if value is not None and math.isfinite(value)]


def _curves(record: CompareResult, gaps: _Gaps, width: int) -> RenderableType:
    """The loss of each optimizer over the evaluations, all on one scale."""
    last = max(each.curve.evaluations[-1] for each in record.standings)
    median = "median " if len(record.starts) > 1 else ""
    names = max(len(each.optimizer) for each in record.standings)
    cells = min(_WIDEST_CURVE, max(8, width - names - 3))
    lines = {each.optimizer: Bars(_resampled(each.curve, gaps, last, cells), "cyan") for each in record.standings}
    return Group(Text(f"{median}{gaps.described()}, over evaluations 1 to {last:,}", "dim"), _strips(lines))


def _resampled(curve: LossCurve, gaps: _Gaps, last: int, cells: int) -> list[float | None]:
    """The last level in each cell of the axis of evaluations; None after the end of the curve."""
    levels: list[float | None] = []
    i = 0
    for cell in range(cells):
        until = 1 + (last - 1) * (cell + 1) / cells
        if cell and curve.evaluations[-1] <= 1 + (last - 1) * cell / cells:
            levels.append(None)
            continue
        while i + 1 < len(curve.evaluations) and curve.evaluations[i + 1] <= until:
            i += 1
        levels.append(gaps.level(curve.loss[i]))
    return levels


def _strips(lines: dict[str, Bars]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for name, bars in lines.items():
        grid.add_row(Text(name), bars)
    return grid


def _tuning_table(record: CompareResult, digits: int) -> RenderableType:
    """The results of the search for learning rates."""
    digits = min(digits, _LEAST_DIGITS)
    table = empty_table("optimizer", "best lr", "working rates", "decades", "tuning cost")
    for column in table.columns[1:]:
        column.justify = "right"
    rows = [(each, each.tuning) for each in record.standings if each.tuning is not None]
    for each, tuning in rows:
        widths = (
            "none" if tuning.width is None else f"{number(tuning.lowest, digits)} to {number(tuning.highest, digits)}"
        )
        decades = "-" if tuning.width is None else f"{tuning.width:.1f}"
        table.add_row(Text(each.optimizer), number(tuning.best, digits), widths, decades, f"{each.cost:,} evaluations")
    return table


def _rates(record: CompareResult, gaps: _Gaps, width: int) -> RenderableType:
    """The loss by learning rate, from the smallest to the largest."""
    tunings = {each.optimizer: each.tuning for each in record.standings if each.tuning is not None}
    low, high = record.settings.rate_range or (0.0, 0.0)
    cells = max(8, width - max(map(len, tunings)) - 3)
    lines = {name: Bars(_by_rate(tuning, gaps, cells), "green") for name, tuning in tunings.items()}
    title = f"{gaps.described()}, by learning rate, {number(low, 3)} to {number(high, 3)}"
    return Group(Text(title, "dim"), _strips(lines))


def _by_rate(tuning: Tuning, gaps: _Gaps, cells: int) -> list[float | None]:
    """A level for each rate, wider if there are few rates; rates that share a cell show the best one."""
    count = len(tuning.trials)
    share = -(-count // cells)
    broad = max(1, min(_BROADEST, min(cells, _WIDEST_CURVE) // count))
    levels = [gaps.level(trial.loss) for trial in tuning.trials]
    return [min(levels[i : i + share]) for i in range(0, count, share) for _ in range(broad)]


def _rules(record: CompareResult) -> RenderableType:
    """The rules of the comparison, one per line."""
    settings, rules = record.settings, record.rules
    if rules.goal == "loss":
        goal = f"a loss of at most {number(rules.limit, 9)}; the known minimum is {number(rules.minimum, 9)}"
    else:
        goal = f"a gradient norm of at most {number(rules.limit, 6)}, since no minimum is known"
    facts = {
        "goal": goal,
        "budget": f"at most {settings.steps:,} steps and {rules.evaluations:,} evaluations in a run",
        "start": _drawn(record) if settings.starts else _given(record),
        "rates": _tried(record),
        "rank": "by runs that reach the goal, then by evaluations needed, then by loss",
        "runs": _computed(record),
    }
    grid = Table.grid(padding=(0, 2))
    for label, text in facts.items():
        grid.add_row(Text(label, "dim"), Text(text))
    return grid


def _drawn(record: CompareResult) -> str:
    domain = ", ".join(f"{name} in [{low:g}, {high:g}]" for name, (low, high) in record.settings.domain.items())
    return f"{record.settings.starts} drawn from {domain} (seed {record.settings.seed})"


def _given(record: CompareResult) -> str:
    """The only start, if it is short."""
    (start,) = record.starts
    shown = ", ".join(f"{name} = {tensor(value, 6)}" for name, value in start.items())
    return shown if len(shown) <= 60 and "\n" not in shown else "the standard one"


def _tried(record: CompareResult) -> str:
    settings = record.settings
    if settings.tune and settings.rate_range is not None:
        low, high = settings.rate_range
        each = f"the same {settings.rates} for each rule, from {low:g} to {high:g}, evenly spaced on a log scale"
        return f"{each}; a rate works if at least half of its runs reach the goal"
    if settings.lr == "auto":
        return "1 / the largest curvature at the start"
    return "as given" if settings.lr is not None else "as given, or the default of each rule"


def _computed(record: CompareResult) -> str:
    """The number of runs, their dtype, and which of them were computed as one batch."""
    batched = [each.optimizer for each in record.standings if each.batched]
    single = [each.optimizer for each in record.standings if not each.batched]
    parts = [f"{record.rules.runs:,} per optimizer, in {record.settings.dtype}"]
    if batched and record.rules.runs > 1:
        parts.append(f"as one batch: {', '.join(batched)}")
        if single:
            parts.append(f"one by one: {', '.join(single)}")
    return "; ".join(parts)


def compare_csv(record: CompareResult) -> bytes:
    """One row per optimizer: rank, rates, medians and quartiles; a number that is not finite is an empty cell."""
    spreads = ("steps", "evaluations", "loss", "best_loss", "distance")
    quartiles = [f"{name}{part}" for name in spreads for part in ("", "_q1", "_q3")]
    tuning = ["lowest_lr", "highest_lr", "width"]
    others = [status for status in _WORDS if status != "reached"]
    header = ["rank", "optimizer", "lr", "runs", "reached", "share", *others, *quartiles, "cost", *tuning]
    rows = [csv_row(header)]
    for each in record.standings:
        cells: list[float | int | str | None] = [each.rank, each.optimizer, each.lr, len(each.runs), each.reached]
        cells += [each.share, *(each.statuses.get(status, 0) for status in others)]
        for name in spreads:
            spread: Spread = getattr(each, name)
            cells += [spread.median, spread.q1, spread.q3]
        cells.append(each.cost)
        found = each.tuning
        cells += [None] * 3 if found is None else [found.lowest, found.highest, found.width]
        rows.append(csv_row([None if isinstance(c, float) and not math.isfinite(c) else c for c in cells]))
    return b"".join(rows)
