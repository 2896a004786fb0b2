"""Who looks at the steps of a descent while they are printed: the table, the pictures and the page."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from gdcli.cli.output import Output
from gdcli.cli.progress import with_progress
from gdcli.cli.save import save, targets
from gdcli.cli.show import Report, report_for_people
from gdcli.contract.descent import MinimizeSettings, Step, Update
from gdcli.contract.envelope import Notice
from gdcli.contract.plot import notices_about, spelled_out
from gdcli.thinned import Steps

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gdcli.contract.figure import Figure
    from gdcli.descent.loop import Descent
    from gdcli.landscape.trail import Trail

Item: TypeAlias = tuple[Step, Sequence[Update]]
"""A state, and with ``--walk`` the updates that were made from it."""


class Audience:
    """Looks at the steps of a descent, and keeps as much of them as the table, the pictures and the page need."""

    def __init__(self, descent: Descent[Any], output: Output, title: str, steps: Iterable[Step] | None = None) -> None:
        """``steps`` are those of the descent, when somebody else looks at them before."""
        from gdcli.landscape.trail import Trail
        from gdcli.render.table import StepRows

        self.descent = descent
        self.output = output
        self.title = title
        self.steps = with_progress(descent, quiet=output.quiet) if steps is None else steps
        self.walks = descent.settings.walk
        kinds = {target.kind for target in targets(output.save)}
        has_table = output.format == "table" or "table" in kinds
        self.rows: StepRows[Any] | None = StepRows(every=output.every, show_all=output.all) if has_table else None
        self.trail = Trail(descent.settings.optimizer) if output.plot or kinds - {"table"} else None
        self.kept = Steps() if "page" in kinds else None

    def walked(self) -> Iterator[Item]:
        """The steps of the descent as they come, to be printed; everybody has seen them then."""
        if self.kept is None:
            yield from self._seen()
            return
        for item in self._seen():
            self.kept.add(*item)
            yield item

    def _seen(self) -> Iterator[Item]:
        watched = self.steps if self.trail is None else self._on_the_trail(self.steps, self.trail)
        if self.walks:
            yield from self._in_rows(self.descent.walk(watched))
        elif self.rows is None:
            yield from ((step, ()) for step in watched)
        else:
            yield from self._in_rows((step, ()) for step in watched)
        _, final = self.descent.ending
        if self.trail is not None:
            self.trail.end(final)

    def _on_the_trail(self, steps: Iterable[Step], trail: Trail) -> Iterator[Step]:
        for step in steps:
            trail.add(step)
            yield step

    def _in_rows(self, items: Iterable[Item]) -> Iterator[Item]:
        from gdcli.render.walk import WalkedStep

        for item in items:
            if self.rows is not None:
                self.rows.add(WalkedStep(*item) if self.walks else item[0])
            yield item

    def record(self, walked: Iterable[Item]) -> Any:
        """The whole record, of all that was walked."""
        steps: list[Step] = []
        updates: list[Update] = []
        for step, made in walked:
            steps.append(step)
            updates += made
        return self.descent.record(steps, updates)

    @functools.cached_property
    def figure(self) -> Figure:
        """The picture, once the descent has ended."""
        from gdcli.landscape.descent import figure_of

        if self.trail is None:
            raise RuntimeError("nobody has asked for a picture")
        return figure_of(self.descent, self._spelled_title(), self.trail)

    def _spelled_title(self) -> str:
        """The title, with the expression of a problem that was given by its name."""
        from gdcli.defaults import objective_of

        settings = self.descent.settings
        if not isinstance(settings, MinimizeSettings):
            return self.title
        return f"{self.descent.command} {spelled_out(settings.expression, objective_of(settings))}"

    def report(self) -> Report:
        """What is printed for people: with ``--plot`` the picture, in place of the table or below it."""
        outcome = self.descent.outcome
        if not self.output.plot:
            return self._report(self._table, outcome.warnings)
        notices = [*outcome.warnings, *notices_about(self.figure)]
        if self.output.all or self.output.every > 1 or self.walks:
            return self._report(lambda width: self._above_picture(self._table(width)), notices)
        return self._report(lambda width: self._above_picture(self._ending(width)), notices)

    def _report(self, make: Callable[[int], RenderableType], notices: Sequence[Notice]) -> Report:
        return report_for_people(make, notices, self.output, self.descent.outcome.diagnosis)

    def _table(self, width: int) -> RenderableType:
        from gdcli.render.explanations import with_checks
        from gdcli.render.table import descent_table
        from gdcli.render.walk import WalkTable

        outcome, digits = self.descent.outcome, self.output.digits
        if self.rows is None:
            raise RuntimeError("nobody has asked for the table")
        if self.walks:
            return with_checks(WalkTable(self.title, self.rows, outcome, digits), outcome, digits, width)
        return with_checks(descent_table(self.title, self.rows, outcome, digits, width), outcome, digits, width)

    def _ending(self, width: int) -> RenderableType:
        """How the descent ended."""
        from rich.console import Group
        from rich.text import Text

        from gdcli.render.explanations import with_checks
        from gdcli.render.table import ending

        outcome, digits = self.descent.outcome, self.output.digits
        return with_checks(Group(Text(self.title, "bold"), ending(outcome, digits)), outcome, digits, width)

    def _above_picture(self, above: RenderableType) -> RenderableType:
        from gdcli.cli.picture import above_picture

        return above_picture(above, self.figure)

    def save(self) -> None:
        """Write the files of ``--save``.

        Raises:
            OutsideError: when one cannot be written.
        """
        if self.output.save:
            table = functools.partial(self._report, self._table, self.descent.outcome.warnings)
            save(self.output, report=table, figure=lambda: self.figure, page=self._page)

    def _page(self) -> tuple[Figure, Any]:
        """What the page shows: the picture with the norm of the gradient, and a record of the steps that were kept."""
        from gdcli.landscape.descent import with_gradient_norm

        if self.trail is None or self.kept is None:
            raise RuntimeError("nobody has asked for a page")
        record = self.descent.record(self.kept.kept, self.kept.updates)
        return with_gradient_norm(self.figure, [self.trail]), record
