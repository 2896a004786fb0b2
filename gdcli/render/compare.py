"""The record of ``compare`` as a table of standings with curves and the rules, and as CSV."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.table import Table

from gdcli.contract.compare import CompareResult, LossCurve, RunStatus, Spread, Standing, Tuning, Winner
from gdcli.contract.plot import spelled_out
from gdcli.render.bars import Bars, LogScale
from gdcli.render.documents import csv_row
from gdcli.render.numbers import aligned, number, tensor
from gdcli.render.shell_lines import shell_lines
from gdcli.render.table import empty_table
from gdcli.render.text import Text

_LEAST_DIGITS = 3
_GAP = 3  # cells between two columns
_LEAST_NEEDED = ("rank", "optimizer", "status", "loss", "lr", "tuned lr")  # what a narrow table leaves out or folds
_SAME_DIGITS = 6  # of two losses that are shown as the same
_WIDEST_CURVE = 60
_BROADEST = 4  # cells of a learning rate
_LEAST_BARS = 12  # cells of all of them
_BY_RATE = "loss by rate"
_WORDS: dict[RunStatus, str] = {
    "reached": "reached",
    "max_steps": "out of budget",
    "diverged": "diverged",
    "stalled": "stalled",
    "stationary": "stationary",
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
    if any(each.tuning for each in record.standings):
        parts += [Text(""), _tuning_table(record, gaps, width)]
    parts += [Text(""), Text(record.message)]
    if record.winner is not None:
        parts.append(_command(record, record.winner, width))
    parts += [Text(""), _rules(record)]
    return Group(*parts)


def _command(record: CompareResult, winner: Winner, width: int) -> RenderableType:
    """The command that makes the best run again, in lines that a shell reads as one."""
    start = " from the first start" if len(record.starts) > 1 else ""
    run = next(run for run in record.standings[0].runs if run.start == 0)
    differs = number(winner.loss, _SAME_DIGITS) != number(run.loss, _SAME_DIGITS)
    end = f"; alone it ends at loss {number(winner.loss, 6)}" if differs else ""
    lines = shell_lines(winner.words, width)
    return Group(Text(f"the run of {winner.label}{start} as a command{end}:", "dim"), *map(Text, lines))


def _standings_table(record: CompareResult, digits: int, width: int) -> RenderableType:
    """The table, with fewer digits and then fewer columns if it is too wide."""
    optional = ["best loss", "steps", "distance", "quartiles"]
    gap = _GAP
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
    if _width(columns) > width:
        gap = 1
    for header in _LEAST_NEEDED:
        missing = _width(columns, gap) - width
        if missing > 0 and header == "optimizer":
            columns[header] = _folded(columns[header], missing)
        elif missing > 0:
            columns.pop(header, None)
    table = empty_table(*columns)
    table.padding = (0, (gap - 1) // 2)
    for header, column in zip(columns, table.columns, strict=True):
        column.justify = "left" if header in ("optimizer", "status") else "right"
        column.no_wrap = header != "optimizer"  # a number is never broken
    for i, row in enumerate(zip(*columns.values(), strict=True)):
        table.add_row(*map(Text, row), style="bold" if record.standings[i].rank == 1 else "")
    return table


def _columns(record: CompareResult, digits: int) -> Columns:
    standings = record.standings
    several = len(record.starts) > 1

    def medians(of: Callable[[Standing], Spread], least: int = 0) -> list[str]:
        return aligned([_median(of(each), max(digits, least)) for each in standings])

    columns = {"rank": [str(each.rank) for each in standings], "optimizer": [_name(each) for each in standings]}
    rate = "tuned lr" if all(each.tuning for each in standings) else "lr"
    columns[rate] = aligned(["by start" if each.lr is None else number(each.lr, digits) for each in standings])
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


def _lines(cells: Sequence[str]) -> list[str]:
    """The lines of some cells."""
    return [line for cell in cells for line in cell.split("\n")]


def _width(columns: Columns, gap: int = _GAP) -> int:
    """The cells that a table of these columns takes."""
    return sum(max(map(len, [header, *_lines(cells)])) for header, cells in columns.items()) + gap * (len(columns) - 1)


def _name(standing: Standing) -> str:
    """The label of an optimizer, without the rate that stands in a column of its own."""
    return standing.label if standing.lr is None else standing.label.partition(" lr=")[0]


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
        if self.low == self.high:  # the best runs end at 0: the scale is that of the other rates
            trials = _finite([trial.loss for each in record.standings if each.tuning for trial in each.tuning.trials])
            self.low = min([*(loss - self.zero for loss in trials if loss > self.zero), self.high])
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
    names = max(len(each.label) for each in record.standings)
    cells = min(_WIDEST_CURVE, max(8, width - names - 3))
    lines = {each.label: Bars(_resampled(each.curve, gaps, last, cells), "cyan") for each in record.standings}
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


def _tuning_table(record: CompareResult, gaps: _Gaps, width: int) -> RenderableType:
    """The search for learning rates: the loss by rate, from the lowest to the highest, and those that work."""
    tunings = [(each, each.tuning) for each in record.standings if each.tuning is not None]
    columns = {
        "optimizer": [each.label for each, _ in tunings],
        "works at": [_working(tuning) for _, tuning in tunings],
        "evaluations": [f"{each.cost:,}" for each, _ in tunings],
    }
    rates = record.rules.rates
    least = min(len(rates), _LEAST_BARS)
    gap = _GAP
    if _width(columns) + gap + least > width:
        columns.pop("evaluations")
    if _width(columns) + gap + least > width:
        gap = 1
    missing = _width(columns, gap) + gap + least - width
    if missing > 0:
        columns["works at"] = _folded(columns["works at"], missing)
    headers = ["optimizer", _BY_RATE, *list(columns)[1:]]
    table = empty_table(*headers)
    table.padding = (0, (gap - 1) // 2)
    for header, column in zip(headers, table.columns, strict=True):
        column.justify = "right" if header == "evaluations" else "left"
        column.no_wrap = header != "optimizer"
    cells = max(least, width - _width(columns, gap) - gap)
    lines = [_by_rate(tuning, gaps, cells) for _, tuning in tunings]
    table.columns[1].width = max(len(_BY_RATE), *map(len, lines))
    for i, line in enumerate(lines):
        name, *others = (Text(column[i]) for column in columns.values())
        table.add_row(name, Bars(line, "green"), *others)
    title = f"{gaps.described()}, by learning rate, {number(rates[0], 3)} to {number(rates[-1], 3)}"
    return Group(Text(title, "dim"), table)


def _working(tuning: Tuning) -> str:
    """The rates that work, as ranges."""
    ends = [(number(low, _LEAST_DIGITS), number(high, _LEAST_DIGITS)) for low, high in tuning.working]
    return ", ".join(low if low == high else f"{low}..{high}" for low, high in ends) or "none"


def _folded(cells: Sequence[str], missing: int) -> list[str]:
    """Cells in lines that are shorter by so many characters, as far as no word is broken."""
    widest = max(map(len, cells))
    limit = max([widest - missing, *(len(part) for cell in cells for part in cell.split(" "))])
    folded = []
    for cell in cells:
        lines = [""]
        for part in cell.split(" "):
            if lines[-1] and len(lines[-1]) + 1 + len(part) > limit:
                lines.append(part)
            else:
                lines[-1] += f" {part}" if lines[-1] else part
        folded.append("\n".join(lines))
    return folded


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
    facts = {
        "goal": _goal(record),
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


def _goal(record: CompareResult) -> str:
    """When a run has reached the goal."""
    rules = record.rules
    if rules.goal == "loss" and rules.minimum is None:
        return f"a loss of at most {number(rules.limit, 9)}, as asked for"
    if rules.goal == "loss":
        least = number(rules.minimum, 9)
        inside = f" with {_intervals(rules.domain)}" if rules.domain else ""
        return f"a loss of at most {number(rules.limit, 9)}{inside}; the known minimum there is {least}"
    goal = f"a gradient norm of at most {number(rules.limit, 6)}, since no minimum is known"
    return f"{goal}; the loss must not fall beside the point, nor be larger than at the start" if rules.judged else goal


def _intervals(domain: Mapping[str, tuple[float | None, float | None]]) -> str:
    """A box in words; variables that have the same interval are together: x, y in [-5, 5]."""
    names: dict[str, list[str]] = {}
    for name, (low, high) in domain.items():
        names.setdefault(f"[{number(low, 6)}, {number(high, 6)}]", []).append(name)
    return " and ".join(f"{', '.join(each)} in {interval}" for interval, each in names.items())


def _drawn(record: CompareResult) -> str:
    domain = _intervals(record.settings.domain)
    return f"{record.settings.starts} drawn from {domain} (seed {record.settings.seed})"


def _given(record: CompareResult) -> str:
    """The only start, if it is short."""
    (start,) = record.starts
    shown = ", ".join(f"{name} = {tensor(value, 6)}" for name, value in start.items())
    return shown if len(shown) <= 60 and "\n" not in shown else "the standard one"


def _tried(record: CompareResult) -> str:
    """Where the learning rates come from."""
    settings, rates = record.settings, record.rules.rates
    if rates:
        series = "1, 2, 3 and 5 times powers of 10" if settings.rates is None else "evenly spaced on a log scale"
        half = "at least half of its runs reach" if len(record.starts) > 1 else "its run reaches"
        tuned = f"tuned: the best of {len(rates)}, {number(rates[0], 3)} to {number(rates[-1], 3)}, {series}"
        fixed = ", ".join(each.label for each in record.standings if each.tuning is None)
        return f"{tuned}{f' (given for {fixed})' if fixed else ''}; a rate works if {half} the goal"
    if settings.lr == "auto":
        return "1 / the largest curvature at the start"
    return "as given" if settings.lr is not None else "as given, or the default of each rule; not tuned"


def _computed(record: CompareResult) -> str:
    """The number of runs, their dtype, and which of them were computed as one batch."""
    batched = [each.label for each in record.standings if each.batched]
    single = [each.label for each in record.standings if not each.batched]
    tuned = {each.tuning is not None for each in record.standings}
    count = record.rules.runs if True in tuned else len(record.starts)
    given = f" ({len(record.starts):,} where the rate is given)" if len(tuned) == 2 else ""
    parts = [f"{count:,} per optimizer{given}, in {record.settings.dtype}"]
    if batched:
        parts.append(f"as one batch: {', '.join(batched)}")
        if single:
            parts.append(f"one by one: {', '.join(single)}")
    return "; ".join(parts)


def compare_csv(record: CompareResult) -> bytes:
    """One row per optimizer: rank, rates, medians and quartiles; a number that is not finite is an empty cell."""
    spreads = ("steps", "evaluations", "loss", "best_loss", "distance")
    quartiles = [f"{name}{part}" for name in spreads for part in ("", "_q1", "_q3")]
    tuning = ["working_lrs", "width"]
    others = [status for status in _WORDS if status != "reached"]
    header = ["rank", "label", "optimizer", "lr", "runs", "reached", "share", *others, *quartiles, "cost", *tuning]
    rows = [csv_row(header)]
    for each in record.standings:
        cells: list[float | int | str | None] = [
            each.rank,
            each.label,
            each.optimizer,
            each.lr,
            len(each.runs),
            each.reached,
        ]
        cells += [each.share, *(each.statuses.get(status, 0) for status in others)]
        for name in spreads:
            spread: Spread = getattr(each, name)
            cells += [spread.median, spread.q1, spread.q3]
        cells.append(each.cost)
        found = each.tuning
        cells += [None] * 2 if found is None else [" ".join(f"{a}:{b}" for a, b in found.working), found.width]
        rows.append(csv_row([None if isinstance(c, float) and not math.isfinite(c) else c for c in cells]))
    return b"".join(rows)
