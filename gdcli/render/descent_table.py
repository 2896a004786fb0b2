"""The iterations of a descent as a table, and how it ended."""

from __future__ import annotations

import functools
from collections.abc import Callable

from msgspec import UNSET, UnsetType
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult

from gdcli.contract.descent import DescentRecord, Step
from gdcli.memory import Shown
from gdcli.render.numbers import differ, number
from gdcli.render.row_table import FoldedTable
from gdcli.render.steps import fitted_steps
from gdcli.render.table import labelled
from gdcli.render.text import Text


class StepTable(FoldedTable):
    """Iterations, the last state below them, and ``below`` that, what is made for a width."""

    def __init__(  # noqa: PLR0913 -- what stands in a table, and how
        self,
        title: str,
        rows: Shown[Step],
        final: Step,
        below: Callable[[int], RenderableType],
        digits: int,
        *,
        whole: bool = False,
        shortens: bool = True,
    ) -> None:
        super().__init__(title, whole=whole, shortens=shortens)
        self.rows = rows
        self.final = final
        self.below = below
        self.digits = digits

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for the width, the height and the characters of the console."""
        head, left_out, tail = self.rows
        final = self.final
        steps = [step for step in (*head, *tail) if step.iteration != final.iteration] + [final]
        fit = fitted_steps(steps, self.digits, options.max_width)

        def alike(one: int, other: int) -> bool:
            return _is_like(steps[one], steps[other])

        below = [self.below(options.max_width)]
        if fit.note:
            below.insert(0, Text(fit.note, "dim"))
        labels = [str(step.iteration) for step in steps]
        yield from self.drawn(console, options, fit, labels, (len(head), left_out), alike, below)


class DescentTable(StepTable):
    """The iterations of a descent, the state after the last update below them, and how it ended."""

    def __init__(
        self,
        title: str,
        rows: Shown[Step],
        outcome: DescentRecord,
        digits: int,
        *,
        whole: bool = False,
        shortens: bool = True,
    ) -> None:
        below = functools.partial(ending, outcome, digits)
        super().__init__(title, rows, outcome.result, below, digits, whole=whole, shortens=shortens)


def _is_like(one: Step, other: Step) -> bool:
    return (one.loss, one.values, one.grads) == (other.loss, other.values, other.grads)


def _of_rows(outcome: DescentRecord) -> str:
    """Of which rows the loss at the end is, where each step took a batch of them."""
    if isinstance(getattr(outcome.settings, "batch", UNSET), UnsetType):
        return ""
    return " over all rows" if outcome.status == "max_steps" else " over its batch"


def ending(outcome: DescentRecord, digits: int, width: int) -> RenderableType:
    """How the descent ended, with the values that it found."""
    lines: list[RenderableType] = [Text(outcome.message)]
    lines += [labelled(name, value, digits, width) for name, value in outcome.result.values.items()]
    loss, best = outcome.result.loss, outcome.best.loss
    extreme = "largest" if outcome.settings.maximize else "smallest"
    text = f"loss {number(loss, digits)}{_of_rows(outcome)}"
    if differ(loss, best, digits):
        text += f"; the {extreme} was {number(best, digits)} at iteration {outcome.best.iteration}"
    lines.append(Text(text))
    if not isinstance(outcome.minimum, UnsetType) and not outcome.settings.maximize:
        far = number(outcome.minimum.distance, digits)
        lines.append(Text(f"known minimum: {number(outcome.minimum.loss, digits)}, at distance {far}"))
    return Group(*lines)
