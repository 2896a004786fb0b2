"""The record of ``watch``: a table for each loop, and the findings below them; and as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace
from rich.console import Group, RenderableType

from gdcli.contract.descent import Step
from gdcli.contract.fields import Nested
from gdcli.contract.figure import Figure
from gdcli.contract.watch import Size, WatchedLoop, WatchedStep, WatchFinding, WatchResult
from gdcli.memory import Ends
from gdcli.render.descent_table import StepTable
from gdcli.render.documents import csv_row, step_cells, step_header
from gdcli.render.numbers import number
from gdcli.render.table import beside, labelled
from gdcli.render.text import Text

MOST_LOOPS = 8
"""The number of loops that have a table, unless all are wanted."""


def watch_report(
    record: WatchResult, digits: int, width: int, *, every: int = 1, whole: bool = False, figure: Figure | None = None
) -> RenderableType:
    """The tables of the loops, the losses where there is a figure, how the script ended, and what was found."""
    parts: list[RenderableType] = []
    shown = record.descents if whole else record.descents[:MOST_LOOPS]
    for loop in shown:
        parts += [loop_table(loop, record, digits, every=every, whole=whole), Text("")]
    if left := len(record.descents) + record.descents_left_out - len(shown):
        parts += [Text(f"{left:,} more loops or single calls are not shown (--all shows those that were kept)", "dim")]
    if figure is not None and figure.panels:
        from gdcli.render.terminal.picture import Picture

        parts += [Picture(replace(figure, subtitle=""), titled=False), Text("")]  # which is said below
    parts.append(Text(record.message))
    for line in record.skipped:
        parts.append(beside("left out:", Text(line), width))
    parts += findings(record, width)
    return Group(*parts)


def findings(record: WatchResult, width: int) -> Iterator[RenderableType]:
    """What was found, each with what to change; or that nothing was, and what was looked at."""
    for finding in record.findings:
        text = Text.assemble((f"{place(finding)}: ", "bold"), finding.message)
        if finding.guess:
            text.append(" (a guess)", "dim")
        yield beside(f"{finding.code}:", text, width)
        yield beside("  change:", _change(finding), width)
    if record.findings or not record.descents:
        return
    if record.looked_at:
        yield beside("nothing was found;", Text(f"looked at: {'; '.join(record.looked_at)}"), width)


def with_findings(figure: Figure, record: WatchResult) -> Figure:
    """The figure of a page, with what was found in a few words."""
    found = ", ".join(f"{each.code} at {place(each)}" for each in record.findings)
    return replace(figure, subtitle=f"found: {found}" if found else "nothing was found" if record.descents else "")


def place(finding: WatchFinding) -> str:
    """The file and the line of a finding."""
    return f"{finding.file}:{finding.line}"


def _change(finding: WatchFinding) -> Text:
    text = Text(finding.change)
    remedy = finding.remedy
    if remedy is None:
        return text
    if remedy.tried:
        return text.append(f"; tried: {remedy.effect}")
    return text.append(f" (not tried: {remedy.effect})" if remedy.effect else " (not tried)", "dim")


def loop_table(loop: WatchedLoop, record: WatchResult, digits: int, *, every: int, whole: bool) -> RenderableType:
    """The iterations of a loop below its title."""
    names = _names(loop)
    rows: Ends[Step] = Ends(every=every, keep_all=whole)
    for step in loop.iterations:
        rows.add(step.iteration, plain_step(step, names))
    title = title_of(loop, record)
    if not loop.iterations:
        return Text(title, "bold")
    shown = rows.shown()
    missing = loop.count - len(loop.iterations)
    if missing and not shown.left_out:  # the record has the first and the last ones
        half = next((i for i, (one, two) in enumerate(zip(shown.head, shown.head[1:], strict=False))
                     if two.iteration > one.iteration + every), len(shown.head) - 1) + 1  # fmt: skip
        shown = shown._replace(head=shown.head[:half], tail=shown.head[half:])
    final = plain_step(loop.iterations[-1], names)
    shown = shown._replace(left_out=shown.left_out + (missing // every if missing else 0))

    def below(width: int) -> RenderableType:
        return Group(*_ending(loop, digits, width))

    chosen = whole or every > 1
    return StepTable(title, shown, final, below, digits, whole=whole, shortens=not chosen)


def title_of(loop: WatchedLoop, record: WatchResult) -> str:
    """Where a loop is, and what makes its steps: ``train.py:12 in fit: 100 backwards, SGD lr 0.1``."""
    where = f"{loop.file}:{loop.line}" + (f" in {loop.function}" if loop.function != "<module>" else "")
    what = "torch.autograd.grad" if loop.kind == "grad" else "backward"
    times = f"{what} once" if loop.count == 1 else f"{what} {loop.count:,} times"
    again = f", run {loop.run + 1}" if loop.run else ""
    steps = []
    for index in loop.optimizers:
        optimizer = record.optimizers[index]
        rates = [group["lr"] for group in optimizer.groups if isinstance(group.get("lr"), (int, float))]
        first = f"{optimizer.name} lr {', '.join(f'{rate:.6g}' for rate in dict.fromkeys(rates))}"
        steps.append(f"{first}{_last_rate(loop)}" if rates else optimizer.name)
    return f"{where}{again}: {', '.join([times, *steps])}"


def _last_rate(loop: WatchedLoop) -> str:
    """The rate of the last step, where it is another one than that of the first, of one optimizer with one rate."""
    rates = [step.lr for step in loop.iterations if step.lr is not None]
    if len(loop.optimizers) != 1 or not rates or rates[0] == rates[-1] or not isinstance(rates[-1], int | float):
        return ""
    return f" to {rates[-1]:.6g}"


def _ending(loop: WatchedLoop, digits: int, width: int) -> Iterator[RenderableType]:
    last = loop.iterations[-1]
    moved = {name: value for name, value in loop.result.items() if value != last.values.get(name)}
    for name, value in moved.items():
        if isinstance(value, Size):
            yield Text(f"after the last update |{name}| = {number(value.norm, digits)}")
        else:
            yield labelled(f"after the last update {name}", value, digits, width)


def _names(loop: WatchedLoop) -> list[str]:
    """The leaves that the first iteration has."""
    return list(loop.iterations[0].values) if loop.iterations else []


def plain_step(step: WatchedStep, names: Iterable[str]) -> Step:
    """A step as tables and CSV have it: a tensor of many elements is its norm, under the name ``|W|``."""
    values: dict[str, Nested] = {}
    grads: dict[str, Nested] = {}
    for name in names:
        value, grad = step.values.get(name), step.grads.get(name)
        key = f"|{name}|" if isinstance(value, Size) else name
        values[key] = value.norm if isinstance(value, Size) else value
        grads[key] = grad.norm if isinstance(grad, Size) else grad
    return Step(step.iteration, step.loss, values, grads, step.lr)  # type: ignore[arg-type]


def watch_csv(record: WatchResult) -> bytes:
    """The iterations of all loops; with several, the first column is the index of the loop, and the header is repeated.

    A loop's columns are those of ``minimize``.
    """
    several = len(record.descents) > 1
    lines = []
    for index, loop in enumerate(record.descents):
        names = _names(loop)
        steps: Sequence[Step] = [plain_step(step, names) for step in loop.iterations]
        if steps:
            own: list[Any] = [index] if several else []
            lines.append(csv_row([*(["descent"] if several else []), *step_header(steps[0])]))
            lines += [csv_row([*own, *step_cells(step)]) for step in steps]
    return b"".join(lines)
